//! Objects are written as they should be, and nothing else is.

use crate::world::{World, by_address, key, seen, shared};
use cluster::destination::FailureKind;
use cluster::kubernetes::{Access, Connection, Kubernetes, Timeouts};
use cluster::{Deletion, Destination as _, Write};
use planner::option::Propagation;
use planner::plan::Validation;
use serde_json::{Value, json};
use tidegate_tests::cluster::NOBODY;

#[tokio::test]
async fn an_object_is_made_changed_and_seen_by_another_client() {
    let world = World::new("made").await;
    let key = world.key("ConfigMap", "a");
    let first = world.config_map("a", json!({"one": "1", "two": "2"}));
    let predicted = world.predict(&first, Write::Apply).await.unwrap();
    assert_eq!(predicted["data"], json!({"one": "1", "two": "2"}));
    assert_eq!(world.cluster.get("made", "configmap", "a"), None, "a prediction makes nothing");

    let made = world.write(&first, Write::Apply).await;
    assert_eq!(made.owner(), Some(&world.application));
    let second = world.config_map("a", json!({"one": "1", "three": "3"}));
    let changed = world.write(&second, Write::Apply).await;
    assert_ne!(made.fingerprint, changed.fingerprint);
    assert_eq!(made.uid(), changed.uid());
    let other = world.cluster.get("made", "configmap", "a").unwrap();
    assert_eq!(other["data"], json!({"one": "1", "three": "3"}), "what is said no more is gone");
    let read = world.destination.read(&key, "v1").await.unwrap().unwrap();
    assert_eq!((&read.manifest["data"], &read.fingerprint), (&other["data"], &changed.fingerprint));
    let live = world.live(&[&key]).await;
    assert_eq!(seen(&live, &key).fingerprint, changed.fingerprint, "however it is looked at");
    assert_eq!(world.destination.read(&world.key("ConfigMap", "b"), "v1").await.unwrap().map(|o| o.key), None);
}

#[tokio::test]
async fn fields_of_another_manager_stay_unless_they_are_said() {
    let world = World::new("managers").await;
    let manifest = world.config_map("a", json!({"ours": "1", "both": "1"}));
    world.write(&manifest, Write::Apply).await;
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "managers"},
        "data": {"theirs": "2", "both": "2"}});
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-"];
    world.cluster.kubectl_with(&other.to_string(), &apply).expect(0);
    let predicted = world.predict(&manifest, Write::Apply).await.unwrap();
    assert_eq!(predicted["data"], json!({"ours": "1", "both": "1", "theirs": "2"}));
    let taken = world.write(&manifest, Write::Apply).await;
    assert_eq!(taken.manifest["data"], json!({"ours": "1", "both": "1", "theirs": "2"}));
    let again = world.write(&manifest, Write::Apply).await;
    assert_eq!(again.fingerprint, taken.fingerprint, "the same once more is nothing");
}

#[tokio::test]
async fn an_object_is_created_once() {
    let world = World::new("created").await;
    let manifest = world.config_map("a", json!({"a": "1"}));
    assert_eq!(world.predict(&manifest, Write::Create).await.unwrap()["data"]["a"], "1");
    world.write(&manifest, Write::Create).await;
    let failure = world.try_write(&manifest, Write::Create).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Conflict, "{failure}");
    assert!(failure.message.contains("already exists"), "{failure}");
}

#[tokio::test]
async fn replacing_leaves_nothing_that_is_not_said() {
    let world = World::new("replaced").await;
    let manifest = |port: u16| {
        world.object(
            "v1",
            "Service",
            "web",
            json!({"spec": {"ports": [{"port": port, "targetPort": port, "protocol": "TCP"}]}}),
        )
    };
    world.write(&manifest(80), Write::Replace).await;
    world.cluster.kubectl(&["-n", "replaced", "annotate", "service", "web", "mine=1"]).expect(0);
    let mut second = manifest(81);
    let address = world.cluster.get("replaced", "service", "web").unwrap()["spec"]["clusterIP"].clone();
    // Servers before 1.21 do not fill in what may not change.
    second["spec"]["clusterIP"] = address.clone();
    let predicted = world.predict(&second, Write::Replace).await.unwrap();
    assert_eq!((&predicted["spec"]["ports"][0]["port"], &predicted["spec"]["clusterIP"]), (&json!(81), &address));
    let replaced = world.write(&second, Write::Replace).await;
    assert_eq!(replaced.manifest["spec"]["ports"][0]["port"], 81);
    assert_eq!(replaced.manifest["metadata"]["annotations"]["mine"], Value::Null);
}

fn job(world: &World, image: &str) -> Value {
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]});
    world.object("batch/v1", "Job", "once", json!({"spec": {"template": {"spec": pod}}}))
}

#[tokio::test]
async fn what_cannot_be_changed_is_made_anew_only_where_that_was_asked() {
    let world = World::new("anew").await;
    let first = world.write(&job(&world, "a:1"), Write::Apply).await;
    let refused = world.try_write(&job(&world, "a:2"), Write::Apply).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Invalid, "{refused}");
    assert!(refused.message.contains("immutable"), "{refused}");

    let image = |value: &Value| value["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let predicted = world.predict(&job(&world, "a:2"), Write::ApplyOrRecreate).await.unwrap();
    assert_eq!((image(&predicted), &predicted["metadata"]["name"]), (json!("a:2"), &json!("once")));
    let second = world.write(&job(&world, "a:2"), Write::ApplyOrRecreate).await;
    assert_eq!(image(&second.manifest), "a:2");
    assert_ne!(first.uid(), second.uid());
    let third = world.write(&job(&world, "a:2"), Write::ApplyOrRecreate).await;
    assert_eq!(second.uid(), third.uid(), "what can be changed is left in its place");
    let fourth = world.write(&job(&world, "a:2"), Write::Recreate).await;
    assert_ne!(third.uid(), fourth.uid());
}

#[tokio::test]
async fn only_the_object_that_was_judged_is_deleted() {
    let world = World::new("deleted").await;
    let manifest = world.config_map("a", json!({}));
    let key = world.key("ConfigMap", "a");
    let made = world.write(&manifest, Write::Apply).await;
    let delete = async |key, uid| {
        let deletion = Deletion { application: &world.application, key, propagation: Propagation::Background, uid };
        world.destination.delete(&deletion).await
    };
    delete(&key, Some("another")).await.unwrap();
    let is_there = || world.cluster.get("deleted", "configmap", "a").is_some();
    assert!(is_there(), "another one of its name stays");
    let mut changes = world.changes();
    world.until(&mut changes, &[&key], |live| live.see(&key).object().is_some()).await;
    delete(&key, made.uid()).await.unwrap();
    assert!(!is_there());
    world.until(&mut changes, &[&key], |live| live.see(&key).object().is_none()).await;
    delete(&key, made.uid()).await.unwrap();
    delete(&world.key("example.com/Nothing", "a"), None).await.unwrap();
}

#[tokio::test]
async fn refusals_say_what_and_why_and_nothing_of_a_secret() {
    let world = World::new("refused").await;
    let failure = async |manifest: &Value| world.try_write(manifest, Write::Apply).await.unwrap_err();
    let mut homeless = world.config_map("a", json!({}));
    homeless["metadata"]["namespace"] = json!("nowhere");
    let told = failure(&homeless).await;
    assert_eq!(told.kind, FailureKind::Missing, "{told}");
    assert!(told.message.contains("ConfigMap nowhere/a") && told.message.contains("nowhere\" not found"), "{told}");

    let told = failure(&world.object("v1", "ConfigMap", "a", json!({"dota": {}}))).await;
    assert_eq!(told.kind, FailureKind::Invalid, "{told}");
    assert!(told.message.contains("dota"), "{told}");

    let told = failure(&world.object("apps/v1beta1", "Deployment", "a", json!({}))).await;
    assert_eq!(told.kind, FailureKind::Unserved, "{told}");
    assert!(told.message.contains("apps/v1, not as apps/v1beta1"), "{told}");

    let mut nameless = world.config_map("..", json!({}));
    assert_eq!(failure(&nameless).await.kind, FailureKind::Invalid);
    nameless["metadata"]["name"] = json!("a?dryRun=All");
    assert_eq!(failure(&nameless).await.kind, FailureKind::Invalid, "a name is no query");

    // Not base64: the server quotes it.
    for content in [json!({"data": {"a": "hunter2!"}}), json!({"hunter2": "b"}), json!({"type": "hunter2!", "data": 1})]
    {
        let told = failure(&world.object("v1", "Secret", "a", content)).await;
        assert!(!told.message.contains("hunter2"), "{told}");
        assert!(told.message.contains("Secret refused/a"), "{told}");
    }
}

#[tokio::test]
async fn whoever_may_not_is_told_so() {
    let world = World::new("forbidden").await;
    let manifest = world.config_map("a", json!({}));
    let key = world.key("ConfigMap", "a");
    let mut impersonating = by_address(shared(), tidegate_tests::cluster::ADMIN);
    impersonating.impersonate = Some("system:serviceaccount:forbidden:deployer".to_owned());
    let access = Access::Kubeconfig { path: shared().kubeconfig(), context: Some("nobody".to_owned()) };
    let context = Connection { access, impersonate: None, timeouts: Timeouts::default() };
    for (connection, who) in
        [(by_address(shared(), NOBODY), "\"nobody\""), (context, "\"nobody\""), (impersonating.clone(), "deployer")]
    {
        let other =
            Kubernetes::new(&connection, std::sync::Arc::new(cluster::clock::SystemClock::default())).await.unwrap();
        let failure = other.write(&world.change(&key, &manifest, Write::Apply)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Forbidden, "{failure}");
        assert!(failure.message.contains(who), "{failure}");
        let wanted = cluster::Wanted { application: &world.application, keys: &std::iter::once(key.clone()).collect() };
        let live = other.live(&wanted).await;
        let shown = format!("{:?}", live.see(&key));
        assert!(shown.starts_with("Unreadable") && shown.contains("403"), "{shown}");
    }
    // What a service account may do, whoever acts as it may.
    let grant = [
        "-n",
        "forbidden",
        "create",
        "rolebinding",
        "deployer",
        "--clusterrole=system:aggregate-to-edit",
        "--serviceaccount=forbidden:deployer",
    ];
    shared().kubectl(&grant).expect(0);
    let access = Access::Kubeconfig { path: shared().kubeconfig(), context: None };
    let connection = Connection { access, ..impersonating };
    let other =
        Kubernetes::new(&connection, std::sync::Arc::new(cluster::clock::SystemClock::default())).await.unwrap();
    other.write(&world.change(&key, &manifest, Write::Apply)).await.unwrap();
}

#[tokio::test]
async fn objects_of_the_cluster_and_names_with_colons() {
    let world = World::new("roles").await;
    let mut role =
        world.object("rbac.authorization.k8s.io/v1", "ClusterRole", "tidegate:roles:reader", json!({"rules": []}));
    role["metadata"].as_object_mut().unwrap().remove("namespace");
    let key = key("rbac.authorization.k8s.io/ClusterRole", "", "tidegate:roles:reader");
    let change = cluster::Change { validation: Validation::Lenient, ..world.change(&key, &role, Write::Apply) };
    world.destination.write(&change).await.unwrap();
    let live = world.live(&[&key]).await;
    assert_eq!(seen(&live, &key).owner(), Some(&world.application));
}
