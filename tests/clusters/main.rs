//! Applications brought to a real Kubernetes API server, through the whole binary; kubectl looks at what is there.

mod bad;
mod daemon;
mod definitions;
mod killed;
mod many;
mod owners;
mod renewed;
mod scene;
mod unwell;
mod waves;

use serde_json::Value;
use std::fs;
use tidegate_tests::World;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::controllers::Controller;

/// As people write it for Argo CD.
const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: my-app
  namespace: argocd
spec:
  project: default
  source:
    repoURL: https://gitlab.example.com/company/k8s-config.git
    targetRevision: main
    path: apps/my-app
  destination:
    server: https://kubernetes.default.svc
    namespace: my-app
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
    syncOptions:
      - CreateNamespace=true
    retry:
      limit: 3
      backoff:
        duration: 5s
        factor: 2
";

const KUSTOMIZATION: &str = "resources: [objects.yaml]
configMapGenerator: [{ name: settings, literals: [colour=blue] }]
";

const OBJECTS: &str = "apiVersion: v1
kind: Service
metadata: { name: my-app }
spec: { selector: { app: my-app }, ports: [{ port: 80, protocol: TCP }] }
---
apiVersion: v1
kind: Secret
metadata: { name: login }
stringData: { password: pl4nted-password }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: robot }
";

struct Scene {
    controllers: [Controller; 2],
    cluster: Cluster,
    world: World,
}

impl Scene {
    fn new() -> Self {
        let cluster = Cluster::start();
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        world.repository(
            "config",
            &[
                ("argocd/my-app.yaml", APPLICATION),
                ("apps/my-app/kustomization.yaml", KUSTOMIZATION),
                ("apps/my-app/objects.yaml", OBJECTS),
            ],
        );
        world.write(
            "tidegate.yaml",
            format!(
                "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      aliases: [\"https://gitlab.example.com/company/k8s-config.git\"]
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [dev], namespaces: [my-app] }}
  clusters:
    dev: {{ kubeconfig: \"{}\", server: \"https://kubernetes.default.svc\" }}
",
                cluster.kubeconfig().display()
            ),
        );
        Self { controllers: collectors(&cluster), cluster, world }
    }

    fn row(&self) -> Value {
        self.world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json()[0].clone()
    }

    fn stands(&self) -> String {
        let row = self.row();
        format!("{} {}", row["sync"].as_str().unwrap_or_default(), row["health"].as_str().unwrap_or_default())
    }

    fn sync(&self, code: i32) -> String {
        let ran = self.world.tidegate(&["apps", "sync"]).expect(code);
        format!("{}{}", ran.out, ran.err)
    }

    fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.cluster.get("my-app", kind, name)
    }
}

fn collectors(cluster: &Cluster) -> [Controller; 2] {
    ["configmap", "serviceaccount"].map(|kind| Controller::collector(cluster, kind))
}

#[test]
fn an_application_of_argo_cd_is_synced_as_it_stands() {
    let scene = Scene::new();
    assert_eq!(scene.stands(), "OutOfSync Missing");
    scene.sync(0);
    assert_eq!(scene.stands(), "Synced Healthy", "{:#}", scene.row());
    let service = scene.get("service", "my-app").expect("it is there");
    assert_eq!(service["metadata"]["annotations"]["tidegate.dev/application"], "my-app");
    assert_eq!(service["spec"]["ports"][0]["port"], 80);
    // What the server fills in and others add is no drift.
    scene.cluster.kubectl(&["-n", "my-app", "annotate", "service", "my-app", "somebody/else=1"]);
    assert_eq!(scene.stands(), "Synced Healthy", "{:#}", scene.row());
    assert!(scene.sync(0).contains("in-sync"));
    // What somebody changes is, and is undone.
    let patch = r#"{"spec":{"selector":{"app":"another"}}}"#;
    scene.cluster.kubectl(&["-n", "my-app", "patch", "service", "my-app", "-p", patch]);
    scene.cluster.kubectl(&["-n", "my-app", "delete", "serviceaccount", "robot"]);
    assert_eq!(scene.stands().split(' ').next(), Some("OutOfSync"));
    let diff = scene.world.tidegate(&["apps", "diff", "my-app"]).expect(1).out;
    assert!(
        diff.contains("-    app: another\n") && diff.contains("+    app: my-app  # taken from kubectl-patch"),
        "{diff}"
    );
    scene.sync(0);
    assert_eq!(scene.stands(), "Synced Healthy", "{:#}", scene.row());
    assert_eq!(scene.get("service", "my-app").expect("it is there")["spec"]["selector"]["app"], "my-app");
    assert!(scene.get("serviceaccount", "robot").is_some());
    // A commit takes one away and changes the generated one, whose name changes with it.
    let before: Vec<Value> = names(&scene);
    scene.world.write("config/apps/my-app/kustomization.yaml", KUSTOMIZATION.replace("blue", "red"));
    scene
        .world
        .write("config/apps/my-app/objects.yaml", OBJECTS.split("---\n").take(2).collect::<Vec<_>>().join("---\n"));
    scene.world.push("config", "red");
    scene.sync(0);
    assert!(scene.get("serviceaccount", "robot").is_none(), "it is pruned");
    let after: Vec<Value> = names(&scene);
    assert!(before.len() == 1 && after.len() == 1 && before != after, "{before:?} {after:?}");
    assert_eq!(scene.stands(), "Synced Healthy", "{:#}", scene.row());
    // Secrets are compared, and never shown.
    let patch = r#"{"stringData":{"password":"of-hands"}}"#;
    scene.cluster.kubectl(&["-n", "my-app", "patch", "secret", "login", "-p", patch]);
    let diff = scene.world.tidegate(&["apps", "diff", "my-app"]).expect(1).out;
    assert!(diff.contains("Secret my-app/login"), "{diff}");
    for word in ["pl4nted-password", "of-hands", "b2YtaGFuZHM", "cGw0bnRlZC1wYXNzd29yZA"] {
        assert!(!diff.contains(word), "{word}: {diff}");
    }
}

fn names(scene: &Scene) -> Vec<Value> {
    let listed = scene.cluster.kubectl(&["-n", "my-app", "get", "configmap", "-o", "json"]).json();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let names = items.iter().map(|item| item["metadata"]["name"].clone());
    names.filter(|name| name.as_str().is_some_and(|name| name.starts_with("settings-"))).collect()
}

#[test]
fn a_cluster_that_cannot_be_reached_is_not_an_empty_one() {
    let mut scene = Scene::new();
    scene.sync(0);
    scene.cluster.stop_server();
    assert_eq!(scene.stands().split(' ').next(), Some("Unknown"), "{:#}", scene.row());
    // Something is to be pruned, and nothing can be told of it.
    scene
        .world
        .write("config/apps/my-app/objects.yaml", OBJECTS.split("---\n").take(2).collect::<Vec<_>>().join("---\n"));
    scene.world.push("config", "less");
    scene.sync(5);
    scene.world.tidegate(&["apps", "diff", "my-app"]).expect(5);
    scene.world.tidegate(&["apps", "wait", "my-app", "--timeout", "1"]).expect(5);
    scene.cluster.start_server();
    // They ended with the server.
    scene.controllers = collectors(&scene.cluster);
    assert!(scene.get("serviceaccount", "robot").is_some());
    scene.sync(0);
    assert!(scene.get("serviceaccount", "robot").is_none());
    assert_eq!(scene.stands(), "Synced Healthy", "{:#}", scene.row());
    let history = scene.world.tidegate(&["apps", "history", "my-app", "--output", "json"]).expect(0).json();
    assert_eq!(history.as_array().map(Vec::len), Some(2), "{history:#}");
    assert!(fs::metadata(scene.world.path().join("state")).is_ok());
}
