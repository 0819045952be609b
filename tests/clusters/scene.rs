//! A world whose one application goes to a cluster, and what tests do with the three of them.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tidegate_tests::cluster::Cluster;
use tidegate_tests::controllers::Controller;
use tidegate_tests::daemon::Daemon;
use tidegate_tests::faults::Faults;
use tidegate_tests::{Ran, World};

/// How long anything may take that must happen, as `--timeout` takes it.
const LONG: &str = "240";

/// As people write it for Argo CD.
pub const AUTOMATED: &str = "{ automated: { prune: true, selfHeal: true }, syncOptions: [CreateNamespace=true], retry: { limit: 3, backoff: { duration: 1s, factor: 2 } } }";

/// The cluster of all tests that do not stop it.
pub fn shared() -> Arc<Cluster> {
    static SHARED: OnceLock<(Arc<Cluster>, Vec<Controller>)> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            let cluster = Arc::new(Cluster::start());
            let controllers = controllers(&cluster);
            (cluster, controllers)
        })
        .0
        .clone()
}

/// Those that a cluster has of itself.
pub fn controllers(cluster: &Cluster) -> Vec<Controller> {
    let kinds = ["configmap", "deployment", "service", "serviceaccount"];
    let collectors = kinds.iter().map(|kind| Controller::collector(cluster, kind));
    collectors.chain([Controller::rollouts(cluster)]).collect()
}

/// An application's file.
pub fn application(name: &str, policy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}, namespace: argocd }}
spec:
  project: default
  destination: {{ server: \"https://kubernetes.default.svc\", namespace: {name} }}
  source: {{ repoURL: ./config.git, path: apps/{name}, targetRevision: main }}
  syncPolicy: {policy}
"
    )
}

/// A configuration whose cluster is behind this kubeconfig.
fn host(kubeconfig: &str) -> String {
    format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      aliases: [\"https://gitlab.example.com/company/k8s-config.git\"]
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [dev], namespaces: [\"*\"], kinds: [\"*\"] }}
  clusters:
    dev: {{ kubeconfig: \"{kubeconfig}\", server: \"https://kubernetes.default.svc\" }}
"
    )
}

/// A config map of one value.
pub fn config_map(name: &str, value: &str) -> String {
    annotated(name, value, "{}")
}

/// One with annotations.
pub fn annotated(name: &str, value: &str, annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, annotations: {annotations} }}\ndata: {{ value: \"{value}\" }}\n"
    )
}

/// A deployment, of whose pods nobody asks anything.
pub fn deployment(name: &str, replicas: u32, labels: &str, annotations: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name}, labels: {labels}, annotations: {annotations} }}
spec:
  replicas: {replicas}
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec: {{ containers: [{{ name: {name}, image: \"example.com/{name}:1\" }}] }}
"
    )
}

/// A job with annotations.
pub fn job(name: &str, labels: &str, annotations: &str) -> String {
    format!(
        "apiVersion: batch/v1
kind: Job
metadata: {{ name: {name}, labels: {labels}, annotations: {annotations} }}
spec:
  template:
    spec: {{ restartPolicy: Never, containers: [{{ name: {name}, image: \"example.com/{name}:1\" }}] }}
"
    )
}

/// A world with one application, `name`, that goes into the namespace of that name.
pub struct Scene {
    pub name: &'static str,
    pub cluster: Arc<Cluster>,
    pub world: World,
}

impl Scene {
    /// On the cluster of all tests. The files are those of its folder.
    pub fn new(name: &'static str, policy: &str, files: &[(&str, &str)]) -> Self {
        let cluster = shared();
        let kubeconfig = cluster.kubeconfig().display().to_string();
        Self::on(cluster, &kubeconfig, name, &application(name, policy), files)
    }

    /// The same through a proxy that answers as it is told.
    pub fn faulty(name: &'static str, policy: &str, files: &[(&str, &str)]) -> (Self, Faults) {
        Self::faulty_on(shared(), name, policy, files)
    }

    /// The same on another cluster.
    pub fn faulty_on(
        cluster: Arc<Cluster>,
        name: &'static str,
        policy: &str,
        files: &[(&str, &str)],
    ) -> (Self, Faults) {
        let faults = Faults::start(&cluster);
        let scene = Self::on(cluster, "faults.json", name, &application(name, policy), files);
        scene.world.write("faults.json", faults.kubeconfig());
        (scene, faults)
    }

    /// With this file of the application.
    pub fn on(
        cluster: Arc<Cluster>,
        kubeconfig: &str,
        name: &'static str,
        application: &str,
        files: &[(&str, &str)],
    ) -> Self {
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        let files: Vec<(String, &str)> =
            files.iter().map(|(path, text)| (format!("apps/{name}/{path}"), *text)).collect();
        let place = format!("argocd/{name}.yaml");
        let all: Vec<(&str, &str)> = std::iter::once((place.as_str(), application))
            .chain(files.iter().map(|(path, text)| (path.as_str(), *text)))
            .collect();
        world.repository("config", &all);
        world.write("tidegate.yaml", host(kubeconfig));
        Self { name, cluster, world }
    }

    pub fn daemon(&self) -> Daemon {
        Daemon::start(&self.world)
    }

    /// Writes a file of the application's folder; it is not committed.
    pub fn write(&self, path: &str, text: &str) {
        self.world.write(&format!("config/apps/{}/{path}", self.name), text);
    }

    /// Takes one away.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.world.path().join(format!("config/apps/{}/{path}", self.name))).expect("a file");
    }

    /// Commits and pushes what was written, and answers the commit.
    pub fn push(&self, message: &str) -> String {
        self.world.push("config", message);
        self.head()
    }

    pub fn head(&self) -> String {
        self.world.git("config", &["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Waits until the application is synced and healthy with the newest commit.
    #[track_caller]
    pub fn wait(&self) {
        self.wait_for(self.name);
    }

    /// The same for another application.
    #[track_caller]
    pub fn wait_for(&self, name: &str) {
        self.world.tidegate(&["apps", "wait", name, "--commit", &self.head(), "--timeout", LONG]).expect(0);
    }

    /// How the application stands by `apps list`.
    pub fn row(&self) -> Value {
        self.row_of(self.name)
    }

    /// What `apps show` says of the application, by a look of its own.
    pub fn show(&self) -> Value {
        self.world.tidegate(&["apps", "show", self.name, "--output", "json"]).expect(0).json()
    }

    /// How another one stands.
    #[track_caller]
    pub fn row_of(&self, name: &str) -> Value {
        let rows = self.world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
        // One that was committed a moment ago is not there yet.
        rows.as_array().expect("a list").iter().find(|row| row["name"] == name).cloned().unwrap_or_default()
    }

    /// Looks again and again until the application stands with the newest commit, and its message holds this.
    #[track_caller]
    pub fn until_told(&self, text: &str) -> Value {
        self.until_told_of(self.name, text)
    }

    /// The same of another application.
    #[track_caller]
    pub fn until_told_of(&self, name: &str, text: &str) -> Value {
        let head = self.head();
        let mut last = Value::Null;
        until(|| {
            last = self.row_of(name);
            let is_told = last["message"].as_str().is_some_and(|message| message.contains(text));
            if is_told && last["revision"] == head.as_str() { Ok(()) } else { Err(format!("never `{text}`: {last:#}")) }
        });
        last
    }

    /// Runs kubectl in the application's namespace; it must go well.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> Ran {
        self.cluster.kubectl(&[&["-n", self.name], arguments].concat()).expect(0)
    }

    /// The same with a standard input.
    #[track_caller]
    pub fn kubectl_with(&self, input: &str, arguments: &[&str]) -> Ran {
        self.cluster.kubectl_with(input, &[&["-n", self.name], arguments].concat()).expect(0)
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.cluster.get(self.name, kind, name)
    }

    /// The id of an object that must be there: another one means that it was deleted and made anew.
    #[track_caller]
    pub fn uid(&self, kind: &str, name: &str) -> String {
        let object = self.get(kind, name).unwrap_or_else(|| panic!("{kind} {name} is not there"));
        object["metadata"]["uid"].as_str().expect("an id").to_owned()
    }

    /// A value in a config map that must be there.
    #[track_caller]
    pub fn value(&self, name: &str) -> String {
        let object = self.get("configmap", name).unwrap_or_else(|| panic!("{name} is not there"));
        object["data"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// The names of the application's objects of a kind.
    pub fn names(&self, kind: &str) -> BTreeSet<String> {
        let listed = self.kubectl(&[
            "get",
            kind,
            "-l",
            &format!("tidegate.dev/application={},!applyset.kubernetes.io/id", self.name),
            "-o",
            "json",
        ]);
        let items = listed.json()["items"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|item| item["metadata"]["name"].as_str()).map(str::to_owned).collect()
    }

    /// Waits until an object is there.
    #[track_caller]
    pub fn until_there(&self, kind: &str, name: &str) -> Value {
        let mut found = Value::Null;
        until(|| {
            found = self.get(kind, name).ok_or_else(|| format!("{kind} {name} never comes"))?;
            Ok(())
        });
        found
    }

    /// Writes an object's status.
    #[track_caller]
    pub fn status(&self, kind: &str, name: &str, status: &Value) {
        let patch = json!({"status": status}).to_string();
        self.kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch]);
    }

    /// All syncs so far, the newest first.
    pub fn history(&self) -> Vec<Value> {
        let ran = self.world.tidegate(&["apps", "history", self.name, "--output", "json"]).expect(0);
        ran.json().as_array().cloned().unwrap_or_default()
    }
}

/// Tries until it is so; each try must cost something, such as a process.
#[track_caller]
pub fn until(mut is_so: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + Duration::from_secs(240);
    loop {
        match is_so() {
            Ok(()) => return,
            Err(why) => assert!(Instant::now() < end, "{why}"),
        }
    }
}
