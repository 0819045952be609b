//! The order of a sync: phases, waves, kinds, names, and what goes before what needs it.

use crate::world::{World, config, definition, hook, object, wave};
use serde_json::{Value, json};

fn check(manifests: Vec<Value>, expected: &str) {
    let text = World::new(manifests).text();
    let steps: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("sync ")).skip(1).collect();
    let shown: String = steps.iter().map(|line| format!("\n{line}")).collect();
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn kinds_in_their_order_then_names() {
    let plain = |kind: &str, name: &str| object(kind, name, Value::Null, json!({}));
    let manifests = vec![
        plain("networking.k8s.io/Ingress", "web"),
        plain("apps/Deployment", "web"),
        plain("apps/Deployment", "api"),
        plain("Service", "web"),
        config("b", "1"),
        config("a", "1"),
        plain("Namespace", "shop"),
        plain("rbac.authorization.k8s.io/ClusterRole", "reader"),
    ];
    check(
        manifests,
        "
Sync wave 0
  apply Namespace shop (missing)
  apply ConfigMap shop/a (missing)
  apply ConfigMap shop/b (missing)
  apply rbac.authorization.k8s.io/ClusterRole reader (missing)
  apply Service shop/web (missing)
  apply apps/Deployment shop/api (missing)
  apply apps/Deployment shop/web (missing)
  apply networking.k8s.io/Ingress shop/web (missing)",
    );
}

#[test]
fn phases_and_waves_come_before_kinds() {
    let mut late = hook("PostSync");
    late["argocd.argoproj.io/sync-wave"] = json!("-9");
    let manifests = vec![
        object("batch/Job", "report", late, json!({})),
        object("batch/Job", "notify", hook("SyncFail"), json!({})),
        object("batch/Job", "migrate", hook("PreSync"), json!({})),
        object("batch/Job", "seed", hook("Sync"), json!({})),
        object("ConfigMap", "late", wave(5), json!({})),
        object("apps/Deployment", "early", wave(-1), json!({})),
        config("a", "1"),
    ];
    check(
        manifests,
        "
PreSync wave 0
  run batch/Job shop/migrate
Sync wave -1
  apply apps/Deployment shop/early (missing)
Sync wave 0
  apply ConfigMap shop/a (missing)
  run batch/Job shop/seed
Sync wave 5
  apply ConfigMap shop/late (missing)
PostSync wave -9
  run batch/Job shop/report
SyncFail wave 0
  run batch/Job shop/notify",
    );
}

#[test]
fn namespaces_and_definitions_go_before_what_needs_them() {
    let mut inside = object("batch/Job", "migrate", hook("PreSync"), json!({}));
    inside["metadata"]["namespace"] = json!("other");
    let mut crd = definition();
    crd["metadata"]["annotations"] = wave(7);
    let manifests = vec![
        object("Namespace", "other", wave(3), Value::Null),
        crd,
        object("example.com/Widget", "w", wave(2), json!({})),
        // Of a custom kind that has the name of one that goes early.
        inside,
        config("a", "1"),
    ];
    check(
        manifests,
        "
PreSync wave 0
  apply Namespace other (missing)
  run batch/Job other/migrate
Sync wave 0
  apply ConfigMap shop/a (missing)
Sync wave 2
  apply apiextensions.k8s.io/CustomResourceDefinition widgets.example.com (missing)
  apply example.com/Widget shop/w (missing)",
    );
}

#[test]
fn a_custom_kind_comes_after_its_definition_whatever_its_name() {
    let spec = json!({"group": "example.com", "names": {"kind": "Secret"}, "scope": "Namespaced"});
    let manifests = vec![
        object("example.com/Secret", "s", Value::Null, json!({})),
        object("apiextensions.k8s.io/CustomResourceDefinition", "secrets.example.com", Value::Null, spec),
    ];
    check(
        manifests,
        "
Sync wave 0
  apply apiextensions.k8s.io/CustomResourceDefinition secrets.example.com (missing)
  apply example.com/Secret shop/s (missing)",
    );
}

#[test]
fn hooks_with_a_prefix_get_their_names_of_the_run() {
    let mut job = object("batch/Job", "x", hook("PreSync,PostSync"), json!({}));
    job["metadata"] = json!({"generateName": "migrate-", "annotations": hook("PreSync,PostSync")});
    let mut other = job.clone();
    other["spec"] = json!({"other": true});
    check(
        vec![job, other, config("a", "1")],
        "
PreSync wave 0
  run batch/Job shop/migrate-r1-presync-1800000000
  run batch/Job shop/migrate-r1-presync-1800000000-2
Sync wave 0
  apply ConfigMap shop/a (missing)
PostSync wave 0
  run batch/Job shop/migrate-r1-postsync-1800000000
  run batch/Job shop/migrate-r1-postsync-1800000000-2",
    );
}

#[test]
fn a_hook_takes_nobodys_name_and_no_earlier_run_for_its_own() {
    let job = |policy: &str| {
        let mut annotations = hook("PreSync");
        annotations["argocd.argoproj.io/hook-delete-policy"] = json!(policy);
        object("batch/Job", "migrate", annotations, json!({}))
    };
    let mut world = World::new(vec![job("BeforeHookCreation"), config("a", "1")]);
    world.put("batch/Job/shop/migrate", object("batch/Job", "migrate", Value::Null, json!({"theirs": true})));
    assert_eq!(world.codes(), ["hook-not-owned"]);
    // What the application itself left is deleted first, if it may be.
    world.put(
        "batch/Job/shop/migrate",
        object("batch/Job", "migrate", json!({"tidegate.dev/application": "shop"}), json!({})),
    );
    assert_eq!(world.codes(), [""; 0]);
    world.manifests[0] = job("HookSucceeded");
    assert_eq!(world.codes(), ["hook-left-over"]);
    // What does not run to an end is just applied again.
    world.manifests[0]["kind"] = json!("ServiceAccount");
    world.manifests[0]["apiVersion"] = json!("v1");
    world.put(
        "/ServiceAccount/shop/migrate",
        object("ServiceAccount", "migrate", json!({"tidegate.dev/application": "shop"}), json!({})),
    );
    assert_eq!(world.codes(), [""; 0]);
}

#[test]
fn prunes_go_in_mirrored_waves_after_what_is_applied() {
    let at = |name: &str, n: i64| object("ConfigMap", name, wave(n), json!({}));
    let mut last = at("last", 0);
    last["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] = json!("PruneLast=true");
    let mut world = World::new(vec![at("stays", 0), at("one", 1), at("two", 2), at("three", 3), last]);
    world.sync();
    world.manifests.truncate(1);
    world.manifests.push(at("new", 2));
    let text = world.text();
    let expected = "OutOfSync, Missing: ConfigMap shop/new
sync shop to r1, asked for by a change: 1 to apply, 4 to prune, 0 to run
Sync wave 0
  prune ConfigMap shop/three
Sync wave 1
  prune ConfigMap shop/two
Sync wave 2
  apply ConfigMap shop/new (missing)
  prune ConfigMap shop/one
Sync wave 4
  prune ConfigMap shop/last
";
    assert_eq!(text, expected);
}

#[test]
fn a_plan_is_stored_and_read_again() {
    let manifests = vec![config("a", "1"), object("batch/Job", "j", hook("PreSync,SyncFail"), json!({}))];
    let operation = World::new(manifests).operation();
    let text = serde_json::to_string(&operation).unwrap();
    assert_eq!(serde_json::from_str::<planner::Operation>(&text).unwrap(), operation);
}
