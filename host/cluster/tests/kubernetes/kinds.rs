//! What is known of kinds: those that come, those that are not there, and those that nobody can tell of.

use crate::world::{World, by_plain, key, seen, shared};
use cluster::clock::SystemClock;
use cluster::destination::FailureKind;
use cluster::{Destination as _, Write};
use planner::health::Status;
use planner::object::GroupKind;
use planner::scope::Scope;
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate_tests::faults::{Fault, Faults};

fn definition(group: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}

#[tokio::test]
async fn a_definition_and_then_its_object() {
    let world = World::new("defined").await;
    let (widget, defined) = (
        world.key("defined.io/Widget", "a"),
        key("apiextensions.k8s.io/CustomResourceDefinition", "", "widgets.defined.io"),
    );
    let keys = [&widget, &defined];
    let mut changes = world.changes();
    let live = world.live(&keys).await;
    assert_eq!(format!("{:?}", live.see(&widget)), "Unserved");
    assert_eq!(format!("{:?}", live.see(&defined)), "Missing");
    let object = world.object("defined.io/v1", "Widget", "a", json!({"spec": {"size": 1}}));
    let failure = world.try_write(&object, Write::Apply).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unserved, "{failure}");

    let mut definition = definition("defined.io");
    definition["metadata"]["labels"] = json!({planner::owner::MARK: "defined"});
    world.write(&definition, Write::Apply).await;
    world
        .until(&mut changes, &keys, |live| {
            live.see(&defined).object().is_some_and(|o| o.health().status == Status::Healthy)
        })
        .await;
    world.until(&mut changes, &keys, |live| format!("{:?}", live.see(&widget)) == "Missing").await;
    let made = world.write(&object, Write::Apply).await;
    assert_eq!(made.manifest["spec"]["size"], 1);
    let scopes = world.destination.scopes().await.unwrap();
    assert_eq!(scopes.of(&GroupKind::new("defined.io", "Widget")), Some(Scope::Namespaced));
    assert_eq!(seen(&world.live(&keys).await, &widget).fingerprint, made.fingerprint);

    // Gone with its definition: the kind is not served, and that is said once discovery says it.
    world.cluster.kubectl(&["delete", "crd", "widgets.defined.io"]).expect(0);
    world.until(&mut changes, &keys, |live| format!("{:?}", live.see(&widget)) == "Unserved").await;
}

#[tokio::test]
async fn a_group_that_does_not_answer_is_unreadable_and_no_other_is() {
    let faults = Faults::start(shared());
    let world = World::by("partial", &by_plain(&faults.url), Arc::new(crate::world::Patient::default())).await;
    let silent =
        Fault { on: "GET /apis/batch/v1".to_owned(), status: "503 Service Unavailable", headers: "", body: "" };
    faults.answer(vec![silent; 10]);
    let (job, map, nothing) =
        (world.key("batch/Job", "a"), world.key("ConfigMap", "a"), world.key("example.com/Nothing", "a"));
    let live = world.live(&[&job, &map, &nothing]).await;
    assert!(
        format!("{:?}", live.see(&job)).starts_with("Unreadable(\"asking for the kinds of /apis/batch/v1"),
        "{:?}",
        live.see(&job)
    );
    assert_eq!(format!("{:?}", live.see(&map)), "Missing");
    assert_eq!(format!("{:?}", live.see(&nothing)), "Unserved");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_serves_nobody_knows_what() {
    let faults = Faults::start(shared());
    let url = faults.url.clone();
    drop(faults);
    let world = World::by("silent", &by_plain(&url), Arc::new(SystemClock::default())).await;
    let key = world.key("ConfigMap", "a");
    let live = world.live(&[&key]).await;
    assert!(format!("{:?}", live.see(&key)).starts_with("Unreadable"), "{:?}", live.see(&key));
    assert_eq!(world.destination.scopes().await.unwrap_err().kind, FailureKind::Unreachable);
    let failure = world.try_write(&world.config_map("a", json!({})), Write::Apply).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
}
