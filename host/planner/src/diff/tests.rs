//! Two objects in, lines out.

use super::*;
use crate::ignore::RuleText;
use crate::object::GroupKind;
use serde_json::json;

fn compare(kind: &str, rules: &[RuleText], extent: Extent, desired: &Value, live: &Value) -> Vec<String> {
    let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
    let key = ObjectKey::new(GroupKind::new(group, kind), "shop", "web");
    let (rules, problems) = Rules::parse(rules);
    assert_eq!(problems, []);
    let comparison = Comparison { key: &key, rules: &rules, extent };
    let diff = comparison.diff(desired, live);
    assert_eq!(comparison.differs(desired, live), !diff.is_empty(), "both ways tell the same");
    diff.to_string().lines().map(str::to_owned).collect()
}

fn check(kind: &str, desired: Value, live: Value, expected: &[&str]) {
    assert_eq!(compare(kind, &[], Extent::Said, &desired, &live), expected);
}

#[test]
fn what_is_not_said_is_not_compared() {
    let desired = json!({"spec": {"replicas": 2, "paused": null, "selector": {}}, "status": {"replicas": 9}});
    let live = json!({"metadata": {"uid": "1", "generation": 4}, "spec": {"replicas": 2, "paused": true, "strategy": {"type": "Recreate"}},
        "status": {"replicas": 2}});
    check("apps/Deployment", desired, live, &[]);
}

#[test]
fn what_is_said_is() {
    let desired =
        json!({"metadata": {"labels": {"app.io/x": "new", "tier": "web"}}, "spec": {"replicas": 3, "mode": {"a": 1}}});
    let live = json!({"metadata": {"labels": {"app.io/x": "old"}}, "spec": {"replicas": 2, "mode": "plain"}});
    let expected = [
        "~ metadata.labels[\"app.io/x\"]: \"old\" -> \"new\"",
        "+ metadata.labels.tier: \"web\"",
        "~ spec.replicas: 2 -> 3",
        "~ spec.mode: \"plain\" -> {\"a\":1}",
    ];
    check("apps/Deployment", desired, live, &expected);
}

#[test]
fn lists_are_compared_by_their_keys() {
    let container = |name: &str, image: &str| json!({"name": name, "image": image});
    let spec = |containers: Value| json!({"spec": {"containers": containers}});
    let desired = spec(json!([container("web", "w:2"), container("log", "l:1")]));
    let mut injected = container("proxy", "p:1");
    injected["imagePullPolicy"] = json!("Always");
    let live = spec(json!([injected, container("web", "w:1")]));
    let expected = [
        "~ spec.containers[name=web].image: \"w:1\" -> \"w:2\"",
        "+ spec.containers[name=log]: {\"name\":\"log\",\"image\":\"l:1\"}",
    ];
    check("Pod", desired, live, &expected);
    let ports = |port: Value| json!({"spec": {"ports": [port]}});
    check("Service", ports(json!({"port": 80})), ports(json!({"port": 80, "protocol": "TCP", "nodePort": 3})), &[]);
    // A list without keys is one value, but for what the server fills in.
    let rules = |rules: Value| json!({"rules": rules});
    check("Role", rules(json!([{"verbs": ["get"]}])), rules(json!([{"verbs": ["get"], "apiGroups": [""]}])), &[]);
    let (one, two) = (rules(json!(["a"])), rules(json!(["a", "b"])));
    check("Role", one, two, &["~ rules: [\"a\",\"b\"] -> [\"a\"]"]);
    let order = |names: [&str; 2]| json!({"spec": {"initContainers": names.map(|name| json!({"name": name}))}});
    check(
        "Pod",
        order(["a", "b"]),
        order(["b", "a"]),
        &["~ spec.initContainers: [\"name=b\",\"name=a\"] -> [\"name=a\",\"name=b\"]"],
    );
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    check("Pod", finalizers(json!(["a"])), finalizers(json!(["b", "a"])), &[]);
}

#[test]
fn equal_values_are_written_in_many_ways() {
    let limits = |cpu: Value, memory: &str| json!({"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]}});
    check("Pod", limits(json!(0.5), "1Gi"), limits(json!("500m"), "1024Mi"), &[]);
    let other = ["~ spec.containers[name=a].resources.limits.cpu: \"500m\" -> 1"];
    check("Pod", limits(json!(1), "1Gi"), limits(json!("500m"), "1Gi"), &other);
    check("ConfigMap", json!({"data": {"a": "1000m"}}), json!({"data": {"a": "1"}}), &["~ data.a: \"1\" -> \"1000m\""]);
    check("Service", json!({"spec": {"x": 80, "e": {}}}), json!({"spec": {"x": 80.0}}), &[]);
    // `stringData` is stored as base64.
    let live = json!({"data": {"a": "aGk=", "b": "eA=="}});
    check("Secret", json!({"stringData": {"a": "hi"}, "data": {"b": "eA=="}}), live, &[]);
}

/// A live object in which managers have fields.
fn managed(spec: Value, managers: &[(&str, Value)]) -> Value {
    let entries: Vec<Value> =
        managers.iter().map(|(name, fields)| json!({"manager": name, "fieldsV1": {"f:spec": fields}})).collect();
    json!({"metadata": {"managedFields": entries}, "spec": spec})
}

#[test]
fn what_this_host_said_and_says_no_more_goes() {
    let ours =
        json!({"f:a": {}, "f:b": {}, "f:m": {"f:x": {}}, "f:volumes": {"k:{\"name\":\"v\"}": {".": {}, "f:name": {}}}});
    let live = managed(
        json!({"a": 1, "b": 2, "c": 3, "m": {"x": 1, "y": 2}, "volumes": [{"name": "v"}, {"name": "w"}]}),
        &[("tidegate", ours), ("hpa", json!({"f:b": {}, "f:c": {}}))],
    );
    let expected = ["- spec.a: 1", "- spec.m.x: 1", "- spec.volumes[0].name: \"v\""];
    check("apps/Deployment", json!({"spec": {"z": null}}), live, &expected);
}

#[test]
fn what_is_taken_from_others_is_told() {
    let live =
        managed(json!({"replicas": 5}), &[("tidegate", json!({"f:paused": {}})), ("hpa", json!({"f:replicas": {}}))]);
    check("apps/Deployment", json!({"spec": {"replicas": 2}}), live, &["~ spec.replicas: 5 -> 2 (taken from hpa)"]);
}

#[test]
fn a_folder_answers_for_the_whole_object() {
    let live = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x"}}, "data": {"a": "1", "b": "2"}, "status": {}});
    let shown = compare("ConfigMap", &[], Extent::Whole, &json!({"data": {"a": "1"}}), &live);
    assert_eq!(shown, ["- data.b: \"2\""]);
}

#[test]
fn ignored_differences_do_not_count() {
    let rule = RuleText {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        json_pointers: vec!["/spec/replicas".to_owned(), "/metadata/annotations/a.b~1c".to_owned()],
        jq_path_expressions: vec![".spec.containers[] | select(.name == \"proxy\")".to_owned()],
        managed_fields_managers: vec!["injector".to_owned()],
        ..RuleText::default()
    };
    let desired = json!({"metadata": {"annotations": {"a.b/c": "1"}}, "spec": {"replicas": 1, "note": "ours", "image": "a",
        "containers": [{"name": "proxy", "image": "1"}]}});
    let mut live = managed(
        json!({"replicas": 2, "note": "theirs", "image": "b", "containers": [{"name": "proxy", "image": "2"}]}),
        &[("injector", json!({"f:note": {}}))],
    );
    let one = std::slice::from_ref(&rule);
    let shown = |live: &Value| compare("apps/Deployment", one, Extent::Said, &desired, live);
    assert_eq!(shown(&live), ["~ spec.image: \"b\" -> \"a\""]);
    live["spec"]["image"] = json!("a");
    assert_eq!(shown(&live), [""; 0]);
    assert_eq!(compare("apps/StatefulSet", one, Extent::Said, &desired, &live).len(), 4);
}

#[test]
fn values_of_secrets_are_never_shown_only_whether_they_are_equal() {
    let desired = json!({"data": {"a": "c2VjcmV0", "b": "c2VjcmV0", "c": "bmV3"}, "type": "Opaque"});
    let live = json!({"data": {"a": "b2xk", "b": "b2xk", "d": "aGlk"}, "type": "other"});
    let shown = compare("Secret", &[], Extent::Whole, &desired, &live);
    let expected = [
        "~ data.a: \"(hidden 1)\" -> \"(hidden 2)\"",
        "~ data.b: \"(hidden 1)\" -> \"(hidden 2)\"",
        "+ data.c: \"(hidden 3)\"",
        "~ type: \"other\" -> \"Opaque\"",
        "- data.d: \"(hidden 4)\"",
    ];
    let mut sorted = shown.clone();
    sorted.sort();
    let mut wanted = expected.map(str::to_owned);
    wanted.sort();
    assert_eq!(sorted, wanted);
    assert_eq!(
        compare("Secret", &[], Extent::Said, &desired, &json!({})),
        ["+ data: {\"a\":\"(hidden 1)\",\"b\":\"(hidden 1)\",\"c\":\"(hidden 2)\"}", "+ type: \"Opaque\"",]
    );
    let key = ObjectKey::new(GroupKind::new("", "Secret"), "shop", "s");
    let text = created(
        &key,
        &json!({"kind": "Secret", "stringData": {"a": "secret"}, "data": {"b": "c2VjcmV0"},
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "secret"}}}),
    )
    .to_string();
    assert!(!text.contains("secret") && !text.contains("c2VjcmV0"), "{text}");
}

#[test]
fn a_dry_run_is_compared_whole() {
    let key = ObjectKey::new(GroupKind::new("apps", "Deployment"), "shop", "web");
    let rules = Rules::default();
    let comparison = Comparison { key: &key, rules: &rules, extent: Extent::Said };
    let object = |generation: u32, spec: Value| json!({"metadata": {"generation": generation, "managedFields": [generation]}, "spec": spec});
    let live = object(1, json!({"a": 1, "gone": true}));
    assert_eq!(comparison.diff_predicted(&object(2, json!({"a": 1})), &live).to_string(), "- spec.gone: true\n");
    assert!(!comparison.differs_from_predicted(&object(2, json!({"a": 1, "gone": true})), &live));
}

#[test]
fn long_values_are_cut() {
    let lines = compare("ConfigMap", &[], Extent::Said, &json!({"data": {"a": "é".repeat(500)}}), &json!({"data": {}}));
    assert!(lines[0].chars().count() < 140 && lines[0].ends_with('…'), "{lines:?}");
}
