//! An application's ApplySet on a real API server: what kubectl, which knows nothing of Tidegate, makes of it.

use serde_json::{Value, json};
use tidegate_tests::World;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::daemon::Daemon;

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: shop, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io/background] }
spec:
  source: { repoURL: ./config.git, path: shop }
  destination: { name: prod, namespace: shop }
  syncPolicy:
    automated: { prune: true, selfHeal: true }
    syncOptions: [CreateNamespace=true, PrunePropagationPolicy=background]
";

const MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: blue }
---
";
const ACCOUNT: &str = "apiVersion: v1
kind: ServiceAccount
metadata: { name: robot, namespace: robots }
---
";
const HOOK: &str = "apiVersion: v1
kind: ConfigMap
metadata: { name: hook, annotations: { argocd.argoproj.io/hook: PreSync } }
---
";

struct Scene {
    cluster: Cluster,
    world: World,
}

impl Scene {
    fn new() -> Self {
        let cluster = Cluster::start();
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        let objects = format!("{MAP}{ACCOUNT}{HOOK}");
        world.repository("config", &[("argocd/shop.yaml", APPLICATION), ("shop/objects.yaml", &objects)]);
        let kubeconfig = cluster.kubeconfig();
        let text = format!(
            "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [prod], namespaces: [\"*\"], kinds: [\"*\"] }}
  clusters:
    prod: {{ kubeconfig: \"{}\" }}
",
            kubeconfig.display()
        );
        world.write("tidegate.yaml", text);
        cluster.kubectl(&["create", "namespace", "robots"]).expect(0);
        Self { cluster, world }
    }

    fn sync(&self) {
        self.world.tidegate(&["apps", "sync"]).expect(0);
    }

    fn commit(&self, objects: &str) {
        self.world.write("config/shop/objects.yaml", objects);
        self.world.push("config", "a change");
        self.sync();
    }

    fn parent(&self) -> Option<Value> {
        self.cluster.get("shop", "configmap", "tidegate-shop")
    }

    fn annotation(&self, name: &str) -> Value {
        self.parent().expect("a parent")["metadata"]["annotations"][format!("applyset.kubernetes.io/{name}")].clone()
    }

    fn part_of(&self, namespace: &str, kind: &str, name: &str) -> Value {
        let object = self.cluster.get(namespace, kind, name).expect("it is there");
        object["metadata"]["labels"]["applyset.kubernetes.io/part-of"].clone()
    }

    /// What kubectl says to the same set, in a dry run.
    fn kubectl(&self, objects: &str) -> tidegate_tests::Ran {
        let arguments = "apply -n shop --prune --applyset=configmaps/tidegate-shop --dry-run=client -f -";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut child = self.cluster.kubectl_command(&arguments);
        child.env("KUBECTL_APPLYSET", "true");
        self.world.write("objects.yaml", objects);
        child.stdin(std::fs::File::open(self.world.path().join("objects.yaml")).expect("a file"));
        tidegate_tests::Ran::of(&mut child)
    }
}

#[test]
fn kubectl_understands_what_belongs_together() {
    let scene = Scene::new();
    scene.sync();
    let parent = scene.parent().expect("the namespace is made, and then the parent");
    let id = parent["metadata"]["labels"]["applyset.kubernetes.io/id"].clone();
    assert_eq!(scene.part_of("shop", "configmap", "settings"), id);
    assert_eq!(scene.part_of("robots", "serviceaccount", "robot"), id);
    assert_eq!(scene.part_of("shop", "configmap", "hook"), Value::Null, "a hook is no member");
    assert_eq!(scene.annotation("contains-group-kinds"), "ConfigMap,ServiceAccount");
    assert_eq!(scene.annotation("additional-namespaces"), "robots");
    let tooling = scene.annotation("tooling");
    assert!(tooling.as_str().is_some_and(|tooling| tooling.starts_with("tidegate/")), "{tooling}");
    // It is not kubectl's, and kubectl says so.
    let refused = scene.kubectl(MAP);
    assert!(refused.code != 0 && refused.err.contains("tidegate"), "{refused:?}");
    // All else it takes as its own: the id, the kinds and the namespaces; and what it would prune is what is left out.
    let to_kubectl = r#"{"metadata":{"annotations":{"applyset.kubernetes.io/tooling":"kubectl/v1.32.0"}}}"#;
    scene.cluster.kubectl(&["-n", "shop", "patch", "configmap", "tidegate-shop", "-p", to_kubectl]).expect(0);
    let taken = scene.kubectl(MAP).expect(0);
    assert!(taken.out.contains("configmap/settings") && taken.out.contains("serviceaccount/robot pruned"), "{taken:?}");
}

#[test]
fn the_parent_follows_the_members_and_goes_with_them() {
    let scene = Scene::new();
    scene.sync();
    let before = scene.parent().expect("a parent")["metadata"]["resourceVersion"].clone();
    // A change of content changes nothing about the set, and writes nothing.
    scene.commit(&format!("{}{ACCOUNT}", MAP.replace("blue", "red")));
    assert_eq!(scene.parent().expect("a parent")["metadata"]["resourceVersion"], before);
    // What is gone is out of it.
    scene.commit(MAP);
    assert_eq!(scene.annotation("contains-group-kinds"), "ConfigMap");
    assert_eq!(scene.annotation("additional-namespaces"), Value::Null);
    // The label is no drift: neither in the list nor in the diff.
    let away = ["-n", "shop", "label", "configmap", "settings", "applyset.kubernetes.io/part-of-"];
    scene.cluster.kubectl(&away).expect(0);
    let row = scene.world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json()[0].clone();
    assert_eq!(row["sync"], "Synced", "{row:#}");
    assert_eq!(scene.world.tidegate(&["apps", "diff", "shop"]).expect(0).out, "");
    // Other drift brings it back, and so it costs no request of its own.
    let drift = json!({"data": {"colour": "green"}}).to_string();
    scene.cluster.kubectl(&["-n", "shop", "patch", "configmap", "settings", "-p", &drift]).expect(0);
    let diff = scene.world.tidegate(&["apps", "diff", "shop"]).expect(1).out;
    assert!(diff.contains("colour") && !diff.contains("applyset"), "{diff}");
    scene.sync();
    assert!(scene.part_of("shop", "configmap", "settings").is_string());
    // Objects that go to another namespace have another parent, and no more the old one.
    scene.cluster.kubectl(&["create", "namespace", "store"]).expect(0);
    scene.world.write("config/argocd/shop.yaml", APPLICATION.replace("namespace: shop", "namespace: store"));
    scene.commit(&format!("{MAP}{}", MAP.replace("settings", "more")));
    assert!(scene.parent().is_none(), "the old one");
    assert!(scene.cluster.get("store", "configmap", "tidegate-shop").is_some());
    // With the application's file all of it goes.
    std::fs::remove_file(scene.world.path().join("config/argocd/shop.yaml")).expect("it was there");
    scene.world.push("config", "no shop any more");
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("shop is gone");
    for name in ["settings", "more", "tidegate-shop"] {
        assert!(scene.cluster.get("store", "configmap", name).is_none(), "{name}");
    }
    assert_eq!(daemon.leave(), Some(0));
}
