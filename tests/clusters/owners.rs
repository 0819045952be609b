//! Whose an object is: another application's, kubectl's, Argo CD's.

use crate::scene::{AUTOMATED, Scene, application, config_map, until};
use serde_json::Value;

const INSTANCE: &str = "app.kubernetes.io/instance";
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[test]
fn two_applications_that_claim_one_object() {
    let scene = Scene::new("first", AUTOMATED, &[("a.yaml", &config_map("claimed", "of the first"))]);
    let mut daemon = scene.daemon();
    scene.wait();
    let first = scene.uid("configmap", "claimed");
    let second = application("second", AUTOMATED).replace("namespace: second", "namespace: first");
    scene.world.write("config/argocd/second.yaml", second);
    scene.world.write("config/apps/second/a.yaml", config_map("claimed", "of the second"));
    scene.world.write("config/apps/second/b.yaml", config_map("own", "1"));
    scene.push("a second one");
    let row = scene.until_told_of("second", "shared-object");
    assert!(
        row["message"]
            .as_str()
            .is_some_and(|text| text.contains("ConfigMap first/claimed: it belongs to the application `first`")),
        "{row:#}"
    );
    assert!(scene.get("configmap", "own").is_none(), "nothing of it is applied");
    assert_eq!((scene.value("claimed").as_str(), scene.uid("configmap", "claimed")), ("of the first", first.clone()));
    scene.wait();
    // By hand neither.
    scene.world.tidegate(&["apps", "sync", "second"]).expect(1);
    assert_eq!(scene.value("claimed"), "of the first");
    // The first lets go of it, which rings for the second.
    scene.remove("a.yaml");
    scene.write("c.yaml", &config_map("another", "1"));
    scene.world.write(
        "config/argocd/first.yaml",
        application("first", &AUTOMATED.replace("selfHeal: true", "selfHeal: true, allowEmpty: true")),
    );
    scene.push("the first has another");
    daemon.until("second at ");
    scene.wait_for("second");
    assert_eq!(scene.value("claimed"), "of the second");
    assert_eq!(daemon.leave(), Some(0));
}

/// What was there before the first sync, by one who applied it, and what that one wrote beside.
fn adopts(name: &'static str, arguments: &[&str], metadata: &str) {
    let scene = Scene::new(name, AUTOMATED, &[("a.yaml", &config_map("a", "1"))]);
    scene.cluster.kubectl(&["create", "namespace", name]).expect(0);
    let before = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a, {metadata} }}\ndata: {{ value: \"1\", left: \"Git long ago\" }}\n"
    );
    scene.kubectl_with(&before, &[&["apply", "-f", "-"], arguments].concat());
    let uid = scene.uid("configmap", "a");
    // Nobody says of it what it is; it is there and like in Git, but for what has left.
    let daemon = scene.daemon();
    scene.wait();
    let there = scene.get("configmap", "a").expect("it is there");
    assert_eq!(there["metadata"]["uid"], uid.as_str(), "it was not made anew");
    assert_eq!(there["data"], serde_json::json!({"value": "1"}), "{there:#}");
    for (field, name) in [("annotations", LAST_APPLIED), ("annotations", TRACKING), ("labels", INSTANCE)] {
        assert_eq!(there["metadata"][field][name], Value::Null, "{there:#}");
    }
    assert_eq!(there["metadata"]["labels"]["tidegate.dev/application"], name);
    let managers = there["metadata"]["managedFields"].as_array().expect("managers");
    assert!(managers.iter().all(|entry| entry["manager"] == "tidegate"), "{there:#}");
    // From now on as any other.
    scene.write("a.yaml", &config_map("a", "1").replace("value:", "other:"));
    scene.push("another field");
    scene.wait();
    assert_eq!(scene.get("configmap", "a").expect("it is there")["data"], serde_json::json!({"other": "1"}));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn what_kubectl_applied_is_taken_over() {
    adopts("of-kubectl", &[], "labels: {}");
}

#[test]
fn what_argo_cd_applied_is_taken_over() {
    let notes =
        format!("labels: {{ {INSTANCE}: of-argo }}, annotations: {{ {TRACKING}: \"of-argo:/ConfigMap:of-argo/a\" }}");
    adopts("of-argo", &["--field-manager=argocd-controller"], &notes);
    let notes = notes.replace("of-argo", "of-argo-ssa");
    adopts("of-argo-ssa", &["--server-side", "--field-manager=argocd-controller"], &notes);
}

#[test]
fn what_carries_another_ones_mark_by_hand_is_left() {
    let scene =
        Scene::new("marked", AUTOMATED, &[("a.yaml", &config_map("a", "1")), ("b.yaml", &config_map("b", "1"))]);
    let daemon = scene.daemon();
    scene.wait();
    // A copy with our mark, as a backup tool makes it, was never ours.
    let copy = config_map("copy", "1").replace(
        "annotations: {}",
        "labels: { tidegate.dev/application: marked }, annotations: { tidegate.dev/application: marked }",
    );
    scene.kubectl_with(&copy, &["apply", "-f", "-"]);
    scene.remove("b.yaml");
    scene.push("less");
    scene.wait();
    assert!(scene.get("configmap", "b").is_none() && scene.get("configmap", "copy").is_some());
    // Who takes our mark away takes nothing away from us.
    scene.kubectl(&["label", "configmap", "a", "tidegate.dev/application-"]);
    until(
        || match &scene.get("configmap", "a").expect("it is there")["metadata"]["labels"]["tidegate.dev/application"] {
            Value::String(mark) if mark == "marked" => Ok(()),
            other => Err(format!("the mark never comes back: {other}")),
        },
    );
    assert_eq!(daemon.leave(), Some(0));
}
