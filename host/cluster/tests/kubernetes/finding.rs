//! What another tool has marked is found, whatever its kind; what could not be looked through is told.

use crate::world::{World, by_address, shared};
use cluster::clock::SystemClock;
use cluster::{Destination as _, Write};
use planner::adoption::{INSTANCE, TRACKING_ID, is_marked};
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate_tests::cluster::{ADMIN, NOBODY};

#[tokio::test]
async fn marks_of_argo_cd_in_every_kind() {
    let world = World::by("found", &by_address(shared(), ADMIN), Arc::new(SystemClock::default())).await;
    let map = |name: &str, metadata: Value| {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!("found");
        object
    };
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        map("by-id", json!({"annotations": {TRACKING_ID: "found:/ConfigMap:found/by-id"}})),
        map("by-label", json!({"labels": {INSTANCE: "found"}})),
        map("unmarked", json!({"labels": {"app": "found"}})),
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "found:reader", "labels": {INSTANCE: "found"}}, "rules": []}]});
    world.cluster.kubectl_with(&list.to_string(), &["create", "-f", "-"]).expect(0);
    let sought = |live: &planner::live::LiveObject| {
        let text = live.manifest["metadata"].to_string();
        is_marked(live, INSTANCE) && text.contains("found")
    };
    let found = world.destination.find(&sought).await.unwrap();
    let keys: Vec<String> = found.objects.iter().map(|live| live.key.to_string()).collect();
    let role = "rbac.authorization.k8s.io/ClusterRole found:reader";
    assert_eq!(keys, ["ConfigMap found/by-id", "ConfigMap found/by-label", role]);
    assert!(found.unlisted.is_empty(), "{:?}", found.unlisted);
    assert!(found.objects.iter().all(|live| live.uid().is_some() && live.manifest["data"].is_null()));
}

#[tokio::test]
async fn kinds_that_may_not_be_listed_are_told() {
    let nobody = World::by("unfound", &by_address(shared(), NOBODY), Arc::new(SystemClock::default())).await;
    let found = nobody.destination.find(&|_| true).await.unwrap();
    assert!(found.objects.is_empty());
    let secrets = found.unlisted.iter().find(|(kind, _)| kind == "Secret");
    assert!(secrets.is_some_and(|(_, why)| why.contains("403")), "{:?}", found.unlisted);
}

#[tokio::test]
async fn what_kubectl_applied_on_the_servers_side() {
    let world = World::new("serverside").await;
    let before = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "serverside"},
        "data": {"stays": "1", "goes": "1"}});
    world.cluster.kubectl_with(&before.to_string(), &["apply", "-f", "-"]).expect(0);
    world.cluster.kubectl_with(&before.to_string(), &["apply", "--server-side", "-f", "-"]).expect(0);
    world.write(&world.config_map("a", json!({"stays": "1"})), Write::Apply).await;
    let after = world.cluster.get("serverside", "configmap", "a").unwrap();
    assert_eq!(after["data"], json!({"stays": "1"}));
    let entries = after["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:#?}");
    // Somebody who has one field by agreement keeps it.
    let one = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "serverside"},
        "data": {"agreed": "1"}});
    world.cluster.kubectl_with(&one.to_string(), &["apply", "--server-side", "-f", "-"]).expect(0);
    world.write(&world.config_map("a", json!({"stays": "2"})), Write::Apply).await;
    let after = world.cluster.get("serverside", "configmap", "a").unwrap();
    assert_eq!(after["data"], json!({"stays": "2", "agreed": "1"}));
}
