//! What others applied before becomes ours, so that what leaves Git leaves the cluster.

use crate::world::{World, seen};
use cluster::{Destination as _, Write};
use serde_json::{Value, json};

fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().expect("the server's books");
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> =
        entries.iter().map(|e| format!("{} {}", text(e, "manager"), text(e, "operation"))).collect();
    all.sort();
    all
}

#[tokio::test]
async fn what_kubectl_applied() {
    let world = World::new("adopted").await;
    let before = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "adopted"},
        "data": {"stays": "1", "goes": "1"}});
    world.cluster.kubectl_with(&before.to_string(), &["apply", "-f", "-"]).expect(0);
    world.cluster.kubectl(&["-n", "adopted", "annotate", "configmap", "a", "mine=1"]).expect(0);
    let written = world.write(&world.config_map("a", json!({"stays": "1"})), Write::Apply).await;
    assert_eq!(written.manifest["data"], json!({"stays": "1"}));
    let after = world.cluster.get("adopted", "configmap", "a").unwrap();
    assert_eq!(after["data"], json!({"stays": "1"}));
    let annotations = &after["metadata"]["annotations"];
    assert_eq!(annotations["kubectl.kubernetes.io/last-applied-configuration"], Value::Null);
    assert_eq!(annotations["mine"], "1", "what a person added is not Git's");
    assert_eq!(managers(&after), ["kubectl-annotate Update", "tidegate Apply"]);
    // The bell and the store know what came of it, not what was between.
    let live = world.live(&[&world.key("ConfigMap", "a")]).await;
    assert_eq!(seen(&live, &world.key("ConfigMap", "a")).fingerprint, written.fingerprint);
}

#[tokio::test]
async fn what_argo_applied_on_either_side() {
    let world = World::new("argo").await;
    let before = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "argo",
        "annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:argo/web"}},
        "spec": {"replicas": 2, "paused": true, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                {"name": "web", "image": "web:1", "args": ["old"]}, {"name": "gone", "image": "gone:1"}]}}}});
    for way in [&["--server-side"][..], &[]] {
        let apply = [&["apply", "--field-manager=argocd-controller", "-f", "-"][..], way].concat();
        world.cluster.kubectl_with(&before.to_string(), &apply).expect(0);
        let mut content = json!({"spec": before["spec"]});
        content["spec"].as_object_mut().unwrap().remove("paused");
        content["spec"]["template"]["spec"]["containers"] = json!([{"name": "web", "image": "web:1"}]);
        let manifest = world.object("apps/v1", "Deployment", "web", content);
        world.write(&manifest, Write::Apply).await;
        let after = world.cluster.get("argo", "deployment", "web").unwrap();
        assert_eq!(managers(&after), ["tidegate Apply"], "{way:?}");
        let containers = after["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        assert_eq!((containers.len(), &containers[0]["args"]), (1, &Value::Null), "{way:?}");
        assert_eq!(after["spec"]["paused"], Value::Null);
        assert_eq!(after["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"], Value::Null);
        let again = world.write(&manifest, Write::Apply).await;
        let read = world.destination.read(&world.key("apps/Deployment", "web"), "apps/v1").await.unwrap().unwrap();
        assert_eq!(again.fingerprint, read.fingerprint, "{way:?}: once it is ours nothing moves");
        world.cluster.kubectl(&["-n", "argo", "delete", "deployment", "web"]).expect(0);
    }
}
