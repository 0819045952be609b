//! Coming from Argo CD: what it tracks on a real API server becomes an application's own.

use serde_json::{Value, json};
use tidegate_tests::World;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::daemon::Daemon;

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: shop, namespace: argocd }
spec:
  source: { repoURL: ./config.git, path: shop }
  destination: { name: prod, namespace: shop }
  syncPolicy: { automated: { prune: true, selfHeal: true }, syncOptions: [PrunePropagationPolicy=background] }
";

const OBJECTS: &str = "apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: blue }
";

struct Scene {
    cluster: Cluster,
    world: World,
}

impl Scene {
    fn new() -> Self {
        let (cluster, world) =
            (Cluster::start(), World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR")));
        world.repository("config", &[("argocd/shop.yaml", APPLICATION), ("shop/objects.yaml", OBJECTS)]);
        let scene = Self { cluster, world };
        scene.configure("");
        for namespace in ["shop", "blog", "kube-public"] {
            // Of one that is there already it is said so.
            scene.cluster.kubectl(&["create", "namespace", namespace]);
        }
        scene
    }

    fn configure(&self, more: &str) {
        let kubeconfig = self.cluster.kubeconfig();
        let text = format!(
            "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [prod], namespaces: [shop, blog], kinds: [\"*\"] }}
  clusters:
    prod: {{ kubeconfig: \"{}\"{more} }}
",
            kubeconfig.display()
        );
        self.world.write("tidegate.yaml", text);
    }

    /// A config map as Argo CD applies it.
    fn argo(&self, namespace: &str, name: &str, id: &str, data: &Value) {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": name, "namespace": namespace, "annotations": {"argocd.argoproj.io/tracking-id": id}}});
        let apply = ["apply", "--server-side", "--field-manager=argocd-controller", "-f", "-"];
        self.cluster.kubectl_with(&object.to_string(), &apply).expect(0);
    }

    fn has(&self, namespace: &str, name: &str) -> bool {
        self.cluster.get(namespace, "configmap", name).is_some()
    }

    fn adopt(&self, more: &[&str], code: i32) -> Value {
        let arguments = [&["apps", "adopt", "--from", "argocd", "--output", "json"], more].concat();
        self.world.tidegate(&arguments).expect(code).json()
    }

    fn fill(&self) {
        self.argo("shop", "settings", "shop:/ConfigMap:shop/settings", &json!({"colour": "blue", "size": "1"}));
        self.argo("shop", "left", "argocd_shop:/ConfigMap:shop/left", &json!({}));
        self.argo("shop", "copied", "shop:/ConfigMap:shop/settings", &json!({}));
        self.argo("shop", "others", "blog:/ConfigMap:shop/others", &json!({}));
        self.argo("kube-public", "away", "shop:/ConfigMap:kube-public/away", &json!({}));
    }
}

/// Each object of an application with its fate.
fn fates(answer: &Value) -> Vec<String> {
    let objects = answer["applications"][0]["objects"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    objects.iter().map(|one| format!("{} {} {}", text(&one["object"]), text(&one["fate"]), one["owned"])).collect()
}

#[test]
fn what_argo_cd_tracks_is_owned_and_what_has_left_git_is_pruned() {
    let scene = Scene::new();
    scene.fill();
    let trial = scene.adopt(&["shop", "--dry-run"], 0);
    let expected = [
        "/ConfigMap/kube-public/away not-permitted false",
        "/ConfigMap/shop/copied copied false",
        "/ConfigMap/shop/left pruned false",
        "/ConfigMap/shop/settings in-git false",
    ];
    assert_eq!(fates(&trial), expected, "{trial:#}");
    assert_eq!(trial["applications"][0]["status"], "would-adopt");
    assert_eq!(trial["unlisted"], json!([]));
    // Nothing was stored, so nothing is pruned.
    let table = scene.world.tidegate(&["apps", "adopt", "shop", "--from", "argocd", "--dry-run"]).expect(0).out;
    assert!(table.contains("to be pruned") && table.contains("a copied id"), "{table}");
    scene.world.tidegate(&["apps", "sync"]).expect(0);
    assert!(scene.has("shop", "left"));

    let adopted = scene.adopt(&["--all"], 0);
    assert_eq!(adopted["applications"][0]["status"], "adopted", "{adopted:#}");
    assert!(scene.has("shop", "left"), "adopting writes nothing to the cluster");
    let again = scene.adopt(&["shop"], 0);
    assert_eq!(again["applications"][0]["status"], "unchanged", "{again:#}");
    scene.world.tidegate(&["apps", "sync"]).expect(0);
    assert!(!scene.has("shop", "left"), "it has left Git");
    for (namespace, name) in [("shop", "copied"), ("shop", "others"), ("kube-public", "away")] {
        assert!(scene.has(namespace, name), "{namespace}/{name}");
    }
    let settings = scene.cluster.get("shop", "configmap", "settings").expect("it is in Git");
    assert_eq!(
        settings["data"],
        json!({"colour": "blue"}),
        "Argo CD's fields became ours, and what Git does not say went"
    );
    assert_eq!(settings["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"], Value::Null);
}

#[test]
fn a_cluster_that_is_only_observed_adopts_nothing() {
    let scene = Scene::new();
    scene.fill();
    scene.configure(", mode: observe");
    let held = scene.adopt(&["shop"], 1);
    assert_eq!(held["applications"][0]["status"], "held");
    assert_eq!(held["applications"][0]["reasons"][0]["code"], "observe-only", "{held:#}");
    assert_eq!(fates(&held).len(), 4, "what there is, is told all the same");
    scene.adopt(&["--all"], 0);
    scene.configure("");
    assert!(fates(&scene.adopt(&["shop", "--dry-run"], 0)).iter().all(|row| row.ends_with("false")));
    // A render that fails says nothing about what is in Git.
    scene.world.write("config/shop/kustomization.yaml", "resources: [missing.yaml]\n");
    scene.world.push("config", "broken");
    let held = scene.adopt(&["shop"], 1);
    assert_eq!(held["applications"][0]["reasons"][0]["code"], "render-failed", "{held:#}");
}

#[test]
fn the_daemon_adopts_between_its_syncs() {
    let scene = Scene::new();
    scene.fill();
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("healthy");
    assert!(scene.has("shop", "left"));
    scene.adopt(&["shop", "--dry-run"], 0);
    let adopted = scene.adopt(&["shop"], 0);
    assert_eq!(adopted["applications"][0]["status"], "adopted", "{adopted:#}");
    // Argo CD's annotation went with the first apply, and what is in Git needs no adoption.
    assert!(fates(&adopted).iter().all(|row| !row.contains("settings")), "{adopted:#}");
    // It looks right afterwards, and prunes.
    daemon.until("shop at");
    assert!(!scene.has("shop", "left"));
    assert_eq!(daemon.leave(), Some(0));
}
