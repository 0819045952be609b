//! What is there is known, without asking again and again, and never guessed.

use crate::world::{World, by_address, by_plain, key, seen, shared};
use cluster::clock::SystemClock;
use cluster::kubernetes::Kubernetes;
use cluster::{Destination as _, Wanted, Write};
use planner::health::Status;
use planner::live::{Live, Seen};
use planner::object::ObjectKey;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use tidegate_tests::cluster::{ADMIN, Cluster};
use tidegate_tests::faults::Faults;

fn shown(live: &Live, key: &ObjectKey) -> String {
    match live.see(key) {
        Seen::There(object) => format!("there, {:?}", object.owner().map(ToString::to_string)),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn drift_rings_and_moves_the_fingerprint() {
    let world = World::new("drift").await;
    let key = world.key("ConfigMap", "a");
    let made = world.write(&world.config_map("a", json!({"a": "1"})), Write::Apply).await;
    let mut changes = world.changes();
    world.until(&mut changes, &[&key], |live| live.see(&key).object().is_some()).await;
    changes.mark_unchanged();
    world.cluster.kubectl(&["-n", "drift", "patch", "configmap", "a", "-p", "{\"data\":{\"a\":\"2\"}}"]).expect(0);
    let live = world.until(&mut changes, &[&key], |live| seen(live, &key).fingerprint != made.fingerprint).await;
    assert_eq!(seen(&live, &key).manifest["data"], Value::Null, "of a config map no content is kept");
    world.write(&world.config_map("a", json!({"a": "1"})), Write::Apply).await;
    assert_eq!(world.cluster.get("drift", "configmap", "a").unwrap()["data"]["a"], "1");
    world.cluster.kubectl(&["-n", "drift", "delete", "configmap", "a"]).expect(0);
    world.until(&mut changes, &[&key], |live| matches!(live.see(&key), Seen::Missing)).await;
}

#[tokio::test]
async fn what_lost_its_mark_and_what_never_had_one() {
    let world = World::new("marks").await;
    let (ours, other, theirs) =
        (world.key("ConfigMap", "ours"), world.key("ConfigMap", "other"), world.key("ConfigMap", "theirs"));
    world.write(&world.config_map("ours", json!({})), Write::Apply).await;
    world.write(&world.config_map("extra", json!({})), Write::Apply).await;
    world.cluster.kubectl(&["-n", "marks", "create", "configmap", "other"]).expect(0);
    let mut marked = world.config_map("theirs", json!({}));
    for field in ["labels", "annotations"] {
        marked["metadata"][field][planner::owner::MARK] = json!("somebody");
    }
    world.write(&marked, Write::Apply).await;
    let mut changes = world.changes();
    let keys = [&ours, &other, &theirs];
    let live = world.live(&keys).await;
    assert_eq!(shown(&live, &ours), "there, Some(\"marks\")");
    assert_eq!(shown(&live, &other), "there, None");
    assert_eq!(shown(&live, &theirs), "there, Some(\"somebody\")");
    assert_eq!(
        shown(&live, &world.key("ConfigMap", "extra")),
        "there, Some(\"marks\")",
        "nobody wants it, and it is told"
    );
    world.cluster.kubectl(&["-n", "marks", "label", "configmap", "ours", "tidegate.dev/application-"]).expect(0);
    world.cluster.kubectl(&["-n", "marks", "annotate", "configmap", "ours", "tidegate.dev/application-"]).expect(0);
    world.until(&mut changes, &keys, |live| shown(live, &ours) == "there, None").await;
}

#[tokio::test]
async fn many_objects_without_a_mark_are_found_by_one_list() {
    let faults = Faults::start(shared());
    let world = World::by("many", &by_plain(&faults.url), Arc::new(SystemClock::default())).await;
    let names: Vec<String> = (0..100).map(|n| format!("map-{n}")).collect();
    let items: Vec<Value> = names
        .iter()
        .step_by(2)
        .map(|name| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    world.cluster.kubectl_with(&list.to_string(), &["-n", "many", "create", "-f", "-"]).expect(0);
    let keys: Vec<ObjectKey> = names.iter().map(|name| world.key("ConfigMap", name)).collect();
    let live = world.live(&keys.iter().collect::<Vec<_>>()).await;
    assert_eq!(keys.iter().filter(|key| shown(&live, key) == "there, None").count(), 50);
    assert_eq!(keys.iter().filter(|key| shown(&live, key) == "Missing").count(), 50);
    let asked = faults.take_log().into_iter().filter(|line| line.contains("/namespaces/many/configmaps")).count();
    assert_eq!(asked, 1);
}

/// Writes the status of a deployment, on one connection a write.
fn write_status(url: &str, replicas: u32) {
    let address = url.trim_start_matches("http://");
    let status = json!({"observedGeneration": 1, "replicas": 1000, "updatedReplicas": replicas, "readyReplicas": replicas,
        "availableReplicas": replicas});
    let body = json!({"status": status}).to_string();
    let mut stream = TcpStream::connect(address).expect("the way");
    let path = "/apis/apps/v1/namespaces/statuses/deployments/web/status?fieldManager=controller";
    write!(
        stream,
        "PATCH {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/merge-patch+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("an answer");
    assert!(line.contains(" 200 "), "{line}");
    reader.read_to_end(&mut Vec::new()).expect("its rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_status_writes_move_no_fingerprint_and_cost_no_request() {
    let faults = Faults::start(shared());
    let others = Faults::start(shared());
    let world = World::by("statuses", &by_plain(&faults.url), Arc::new(SystemClock::default())).await;
    let key = world.key("apps/Deployment", "web");
    let template =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}});
    let content = json!({"spec": {"replicas": 1000, "selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let made = world.write(&world.object("apps/v1", "Deployment", "web", content), Write::Apply).await;
    let mut changes = world.changes();
    let first = world.live(&[&key]).await;
    assert_eq!(seen(&first, &key).fingerprint, made.fingerprint);
    assert_eq!(seen(&first, &key).health().status, Status::Progressing);
    faults.take_log();
    let url = others.url.clone();
    let writes = tokio::task::spawn_blocking(move || (1..=1000).for_each(|n| write_status(&url, n)));
    let last = world
        .until(&mut changes, &[&key], |live| {
            assert_eq!(seen(live, &key).fingerprint, made.fingerprint);
            seen(live, &key).health().status == Status::Healthy
        })
        .await;
    writes.await.expect("all are written");
    assert_eq!(seen(&last, &key).manifest["spec"]["template"], Value::Null, "what health does not need is not kept");
    let asked: Vec<String> = faults.take_log().into_iter().filter(|line| !line.contains("watch=true")).collect();
    assert_eq!(asked, [""; 0], "but for the watch nothing is asked");
    let whole = world.destination.read(&key, "apps/v1").await.unwrap().unwrap();
    assert_eq!(whole.fingerprint, made.fingerprint);
}

#[tokio::test]
async fn nothing_of_a_secret_is_kept() {
    let world = World::new("secrets").await;
    let key = world.key("Secret", "a");
    let manifest = world.object("v1", "Secret", "a", json!({"stringData": {"password": "hunter2"}}));
    // As kubectl leaves it, all of it is in an annotation as well.
    world.cluster.kubectl_with(&manifest.to_string(), &["apply", "-f", "-"]).expect(0);
    let live = world.live(&[&key]).await;
    let kept = seen(&live, &key).manifest.to_string();
    assert!(!kept.contains("hunter2") && !kept.contains("aHVudGVyMg"), "{kept}");
    let whole = world.destination.read(&key, "v1").await.unwrap().unwrap();
    assert_eq!(whole.manifest["data"]["password"], "aHVudGVyMg==");
    assert_eq!(whole.fingerprint, seen(&live, &key).fingerprint);
}

#[tokio::test]
async fn a_server_that_stopped_is_not_empty_and_one_that_came_back_is_followed_again() {
    let cluster = tokio::task::spawn_blocking(Cluster::start).await.expect("a cluster");
    let connection = by_address(&cluster, ADMIN);
    let destination = Kubernetes::new(&connection, Arc::new(SystemClock::default())).await.unwrap();
    let application = planner::owner::ApplicationName::from("shop");
    let key = key("ConfigMap", "default", "a");
    let keys = std::iter::once(key.clone()).collect();
    let wanted = Wanted { application: &application, keys: &keys };
    let mut changes = destination.changes(&application);
    let until = async |changes: &mut tokio::sync::watch::Receiver<u64>, start: &str| {
        let found = async {
            loop {
                let told = shown(&destination.live(&wanted).await, &key);
                if told.starts_with(start) {
                    return;
                }
                changes.changed().await.expect("the destination is there");
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(120), found)
            .await
            .expect("it is never so, or no bell rings");
    };
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default",
        "labels": {"tidegate.dev/application": "shop"}}});
    cluster.kubectl_with(&map.to_string(), &["create", "-f", "-"]).expect(0);
    until(&mut changes, "there").await;
    cluster.stop_server();
    until(&mut changes, "Unreadable").await;
    cluster.start_server();
    until(&mut changes, "there").await;
    cluster.kubectl(&["delete", "configmap", "a"]).expect(0);
    until(&mut changes, "Missing").await;
}
