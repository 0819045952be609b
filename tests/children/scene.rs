//! A repository with a parent, and what its children are written as.

use serde_json::Value;
use tidegate_tests::{Ran, World};

pub const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config: { url: ./config.git, applications: [\"argocd/*.yaml\"], deploys: { clusters: [dev, held], namespaces: [\"*\", \"!secret\"] } }
    other: { url: ./other.git }
  clusters:
    dev: { directory: ./clusters/dev }
    held: { directory: ./clusters/held }
";

/// A folder of files, as most parents are.
pub fn folder(name: &str, path: &str, policy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ name: dev, namespace: argocd }}
  source: {{ repoURL: ./config.git, path: {path}, directory: {{ recurse: true }}, targetRevision: HEAD }}
  syncPolicy: {policy}
"
    )
}

/// The parent of these scenes.
pub fn root(policy: &str) -> String {
    folder("root", "children", policy)
}

/// That its children, or objects, go with it.
pub fn finalized(application: &str) -> String {
    application.replace("metadata: { ", "metadata: { finalizers: [resources-finalizer.argocd.argoproj.io], ")
}

pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ value: \"{value}\" }}\n")
}

/// A child's document.
#[derive(Clone)]
pub struct Child {
    name: String,
    project: String,
    cluster: String,
    namespace: String,
    repository: String,
    path: String,
    source: String,
    policy: String,
    metadata: String,
    annotations: Vec<String>,
}

impl Child {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            project: "default".into(),
            cluster: "dev".into(),
            namespace: name.into(),
            repository: "./config.git".into(),
            path: "apps/one".into(),
            source: String::new(),
            policy: "{}".into(),
            metadata: String::new(),
            annotations: Vec::new(),
        }
    }

    pub fn automated(self) -> Self {
        Self { policy: "{ automated: { prune: true, selfHeal: true } }".into(), ..self }
    }

    pub fn finalizer(self) -> Self {
        Self { metadata: ", finalizers: [resources-finalizer.argocd.argoproj.io]".into(), ..self }
    }

    pub fn path(self, path: &str) -> Self {
        Self { path: path.into(), ..self }
    }

    pub fn directory(self) -> Self {
        Self { source: ", directory: { recurse: true }".into(), ..self }
    }

    pub fn project(self, project: &str) -> Self {
        Self { project: project.into(), ..self }
    }

    pub fn cluster(self, cluster: &str) -> Self {
        Self { cluster: cluster.into(), ..self }
    }

    pub fn namespace(self, namespace: &str) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    pub fn repository(self, repository: &str) -> Self {
        Self { repository: repository.into(), ..self }
    }

    /// An option of its parent's sync.
    pub fn option(mut self, option: &str) -> Self {
        self.annotations.push(format!("argocd.argoproj.io/sync-options: \"{option}\""));
        self
    }

    /// Something that makes it another document and nothing else.
    pub fn note(mut self, note: &str) -> Self {
        self.annotations.push(format!("example.com/note: \"{note}\""));
        self
    }

    pub fn text(&self) -> String {
        let Self { name, project, cluster, namespace, repository, path, source, policy, metadata, annotations } = self;
        let annotations = annotations.join(", ");
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}, namespace: argocd, annotations: {{ {annotations} }}{metadata} }}
spec:
  project: {project}
  destination: {{ name: {cluster}, namespace: {namespace} }}
  source: {{ repoURL: {repository}, path: {path}, targetRevision: HEAD{source} }}
  syncPolicy: {policy}
"
        )
    }
}

pub struct Scene {
    pub world: World,
}

impl Scene {
    /// With this file as `argocd/root.yaml`.
    pub fn new(root: &str) -> Self {
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        let (one, other) = (config_map("settings", "1"), config_map("others", "1"));
        world.repository(
            "config",
            &[("argocd/root.yaml", root), ("apps/one/all.yaml", &one), ("apps/other/all.yaml", &other)],
        );
        world.repository("other", &[("apps/one/all.yaml", &one)]);
        world.write("tidegate.yaml", HOST);
        Self { world }
    }

    /// Writes a child's document to a file of the parent's folder.
    pub fn child(&self, file: &str, child: &Child) {
        self.world.write(&format!("config/children/{file}.yaml"), child.text());
    }

    /// Takes a file away.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.world.path().join("config").join(path)).expect("removed");
    }

    pub fn push(&self, message: &str) {
        self.world.push("config", message);
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.world.tidegate(arguments)
    }

    pub fn rows(&self) -> Vec<Value> {
        let rows = self.run(&["apps", "list", "--output", "json"]).expect(0).json();
        // What is being deleted is declared no more.
        rows.as_array().expect("a list").iter().filter(|row| row["deleting"] == false).cloned().collect()
    }

    /// All that are listed, in their order.
    pub fn names(&self) -> Vec<String> {
        self.rows().iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[track_caller]
    pub fn listed(&self, name: &str) -> Value {
        let rows = self.rows();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {rows:#?}")).clone()
    }

    #[track_caller]
    pub fn stands(&self, name: &str) -> String {
        let row = self.listed(name);
        format!("{} {}", row["sync"].as_str().unwrap_or_default(), row["health"].as_str().unwrap_or_default())
    }

    /// Whether a ConfigMap is in a namespace of the cluster `dev`.
    pub fn exists(&self, namespace: &str, name: &str) -> bool {
        self.world.path().join(format!("clusters/dev/_core/ConfigMap/{namespace}/{name}.yaml")).exists()
    }

    /// Waits until it is synced and healthy.
    #[track_caller]
    pub fn wait(&self, name: &str) {
        self.run(&["apps", "wait", name, "--timeout", "60"]).expect(0);
    }
}
