//! Each project's applications are deployed as its own account, on a real API server with RBAC.

use serde_json::Value;
use tidegate_tests::World;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::daemon::Daemon;

const OBJECTS: &str = "apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: blue }
";
const SECRET: &str = "---
apiVersion: v1
kind: Secret
metadata: { name: login }
stringData: { password: pl4nted-password }
";

fn application(name: &str, project: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  project: {project}
  source: {{ repoURL: ./config.git, path: {name} }}
  destination: {{ name: prod, namespace: {name} }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"
    )
}

fn project(name: &str) -> String {
    format!(
        "---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{ name: {name} }}
spec: {{ sourceRepos: [\"*\"], destinations: [{{ server: \"*\", namespace: \"*\" }}] }}
"
    )
}

struct Scene {
    cluster: Cluster,
    world: World,
}

impl Scene {
    /// `shop` may write config maps; `blog` may write secrets as well; `other` has no account.
    fn new() -> Self {
        let cluster = Cluster::start();
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        let both = format!("{OBJECTS}{SECRET}");
        let projects = ["shop", "blog", "other"].map(project).concat();
        let files = [
            ("argocd/shop.yaml", application("shop", "shop")),
            ("argocd/blog.yaml", application("blog", "blog")),
            ("argocd/other.yaml", application("other", "other")),
            ("argocd/projects.yaml", projects),
            ("shop/objects.yaml", both.clone()),
            ("blog/objects.yaml", both.clone()),
            ("other/objects.yaml", both),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        world.repository("config", &files);
        let scene = Self { cluster, world };
        scene.configure("{ projects: { shop: \"system:serviceaccount:shop:deployer\", blog: \"system:serviceaccount:blog:deployer\" } }");
        for (name, kinds) in [("shop", "configmaps"), ("blog", "configmaps,secrets"), ("other", "configmaps")] {
            let kubectl = |arguments: &[&str]| scene.cluster.kubectl(arguments).expect(0);
            kubectl(&["create", "namespace", name]);
            kubectl(&["-n", name, "create", "role", "deployer", "--verb=*", &format!("--resource={kinds}")]);
            let account = format!("--serviceaccount={name}:deployer");
            kubectl(&["-n", name, "create", "rolebinding", "deployer", "--role=deployer", &account]);
        }
        scene
    }

    fn configure(&self, impersonate: &str) {
        let kubeconfig = self.cluster.kubeconfig();
        let text = format!(
            "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [prod], namespaces: [\"*\"] }}
  clusters:
    prod: {{ kubeconfig: \"{}\", server: \"https://kubernetes.default.svc\", impersonate: {impersonate} }}
",
            kubeconfig.display()
        );
        self.world.write("tidegate.yaml", text);
    }

    fn has(&self, namespace: &str, kind: &str, name: &str) -> bool {
        self.cluster.get(namespace, kind, name).is_some()
    }

    fn sync(&self, code: i32) -> Value {
        self.world.tidegate(&["apps", "sync", "--output", "json"]).expect(code).json()
    }
}

fn of<'a>(rows: &'a Value, name: &str) -> &'a Value {
    rows.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == name)).unwrap_or_else(|| panic!("{rows:#}"))
}

#[test]
fn an_account_does_what_it_may_and_the_others_go_on() {
    let scene = Scene::new();
    // What an account may not read cannot be read.
    let rows = scene.sync(5);
    assert_eq!(of(&rows, "blog")["status"], "synced", "{rows:#}");
    assert!(scene.has("blog", "secret", "login") && scene.has("blog", "configmap", "settings"));
    let shop = of(&rows, "shop")["message"].as_str().expect("a message");
    assert!(shop.contains("Secret shop/login") && shop.contains("system:serviceaccount:shop:deployer"), "{shop}");
    assert!(!shop.contains("pl4nted"), "{shop}");
    assert!(!scene.has("shop", "configmap", "settings"), "nothing of it is applied");
    // Nothing fails open: the host itself could.
    let other = of(&rows, "other");
    assert_eq!(other["status"], "held", "{rows:#}");
    assert!(other["message"].as_str().is_some_and(|why| why.contains("no account")), "{other:#}");
    assert!(!scene.has("other", "configmap", "settings"));
    // Without what its account may not, it goes.
    scene.world.write("config/shop/objects.yaml", OBJECTS);
    scene.world.push("config", "no secret");
    // The one without an account is not permitted.
    scene.sync(4);
    assert!(scene.has("shop", "configmap", "settings"));
    assert!(scene.has("shop", "configmap", "tidegate-shop"), "its ApplySet is written by the same account");
    // A default is for all others.
    scene.configure("{ default: \"system:serviceaccount:other:deployer\", projects: { shop: \"system:serviceaccount:shop:deployer\", blog: \"system:serviceaccount:blog:deployer\" } }");
    scene.world.write("config/other/objects.yaml", OBJECTS);
    scene.world.push("config", "no secret there either");
    let rows = scene.sync(0);
    assert_eq!(of(&rows, "other")["status"], "synced", "{rows:#}");
    // Adopting sees what the account may see.
    let adopt = ["apps", "adopt", "shop", "--from", "argocd", "--dry-run", "--output", "json"];
    let seen = scene.world.tidegate(&adopt).expect(5).json();
    let secrets = seen["unlisted"].as_array().into_iter().flatten().find(|one| one["kind"] == "Secret");
    let why = secrets.and_then(|one| one["reason"].as_str()).expect("it is told");
    assert!(why.contains("system:serviceaccount:shop:deployer"), "{why}");
}

#[test]
fn what_is_written_and_says_nothing_is_not_the_hosts_own_account() {
    let scene = Scene::new();
    scene.configure("{}");
    let rows = scene.sync(4);
    for name in ["shop", "blog", "other"] {
        assert_eq!(of(&rows, name)["status"], "held", "{rows:#}");
    }
    scene.configure("null");
    scene.world.tidegate(&["apps", "sync"]).expect(2);
    // The daemon holds them as well, and says so.
    scene.configure("{ projects: { blog: \"system:serviceaccount:blog:deployer\" } }");
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("blog at");
    let why = scene.world.tidegate(&["apps", "show", "other"]).expect(0).out;
    assert!(why.contains("no account"), "{why}");
    assert!(!scene.has("other", "configmap", "settings"));
    assert_eq!(daemon.leave(), Some(0));
}
