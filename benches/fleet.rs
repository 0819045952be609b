//! Many applications of one repository after a commit: which of them are rendered, and what finding that out costs. Everything
//! on one thread, so wall time is CPU time as far as the disk does not wait.

use criterion::{BatchSize, Criterion};
use git::{Folders, Snapshot};
use model::{CommitId, Digest, Failure, Grant};
use planner::inventory::Owned;
use planner::live::{LiveObject, Reading};
use planner::object::{GroupKind, ObjectKey};
use planner::{Application, Inventory, Live};
use plugin::{Plugin, PluginHost};
use reconcile::{Job, Kept, Offered, Renderers, Renders, Source};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidegate_benches::{figure, main as run, overlay, ratio};
use tokio::runtime::Runtime;

struct Kustomize(Arc<Plugin>);

impl Renderers for Kustomize {
    fn find(&self, name: &str) -> Result<Offered, Failure> {
        let grant: Grant = serde_json::from_value(json!({"source": {}})).expect("a grant");
        Ok(Offered { plugin: name.to_owned(), renderer: name.to_owned(), digest: Digest::of(name), grant })
    }

    fn load(&self, _: &Offered) -> Result<Arc<Plugin>, Failure> {
        Ok(self.0.clone())
    }
}

/// A repository of applications, each with a base and an overlay of its own, and a folder that all share.
struct World {
    folder: tempfile::TempDir,
    repository: git2::Repository,
    folders: Folders,
    runtime: Runtime,
    renders: Renders,
    applications: usize,
}

impl World {
    fn new(applications: usize) -> Self {
        let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        for index in 0..applications {
            overlay::small(&folder.path().join(format!("apps/team-{}/app-{index}", index % 100)));
        }
        let repository = git2::Repository::init(folder.path()).expect("a repository");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests/kustomize.wasm");
        let wasm =
            std::fs::read(&path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({}: {e})", path.display()));
        let plugin = PluginHost::new(None).expect("an engine").0.load(&wasm).expect("a plugin");
        Self {
            folder,
            repository,
            folders: Folders::default(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            renders: Renders::new(Arc::new(Kustomize(Arc::new(plugin))), Kept::in_memory()),
            applications,
        }
    }

    /// Writes one file and commits everything.
    fn commit(&self, path: &str, text: &str) -> CommitId {
        std::fs::write(self.folder.path().join(path), text).expect("a file");
        let mut index = self.repository.index().expect("an index");
        if index.is_empty() {
            index.add_all(["*"], git2::IndexAddOption::FORCE, None).expect("added");
        } else {
            index.add_path(Path::new(path)).expect("added");
        }
        index.write().expect("written");
        let tree = self.repository.find_tree(index.write_tree().expect("a tree")).expect("a tree");
        let who = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).expect("somebody");
        let parent = self.repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        CommitId(self.repository.commit(Some("HEAD"), &who, &who, "x", &tree, &parents).expect("a commit").to_string())
    }

    fn git(&self) -> PathBuf {
        self.folder.path().join(".git")
    }

    /// All applications at a commit; answers how many were rendered.
    fn pass(&self, commit: &CommitId) -> u64 {
        self.each(commit, |_, _| {})
    }

    /// The same with each application's number, and the digest of its result where it was known.
    fn each(&self, commit: &CommitId, mut met: impl FnMut(usize, Option<Digest>)) -> u64 {
        let before = self.renders.count();
        let files = Arc::new(Snapshot::of_repository(&self.git(), commit, &self.folders).expect("a commit"));
        let source =
            Source { name: "main".to_owned(), repository: "config".to_owned(), commit: commit.0.clone(), files };
        let parameters = json!({});
        for index in 0..self.applications {
            let job = Job {
                application: format!("app-{index}"),
                namespace: "dev".to_owned(),
                path: format!("apps/team-{}/app-{index}/overlay", index % 100),
                sources: vec![source.clone()],
                elsewhere: None,
                renderer: None,
                parameters: parameters.clone(),
                warnings: Vec::new(),
            };
            let known = self.renders.known(&job).expect("it can be asked");
            if known.is_none() {
                self.runtime.block_on(self.renders.render(&job)).expect("it renders");
            }
            met(index, known);
        }
        self.renders.count() - before
    }
}

/// What an application owns in a cluster, ten objects, and those objects as they are.
fn deployed(policy: &Application, application: usize) -> (Inventory, Live) {
    let (mut inventory, mut live) = (Inventory::default(), Live::default());
    let kind = GroupKind::new("", "ConfigMap");
    live.read(kind.clone(), Reading::Known);
    for index in 0..10 {
        let key = ObjectKey::new(kind.clone(), "dev", &format!("app-{application}-{index}"));
        let object = LiveObject::new(
            key.clone(),
            Arc::new(json!({"metadata": {"uid": format!("{application}/{index}"), "generation": 1}})),
        );
        let desired = Digest::of(format!("{application}/{index}"));
        inventory.record(key.clone(), Owned::synced(&desired, &policy.comparison(&key), &object));
        live.insert(object);
    }
    (inventory, live)
}

fn fleet(criterion: &mut Criterion) {
    let world = World::new(1_000);
    let mut group = criterion.benchmark_group("fleet-1000");
    group.sample_size(10);
    let first = world.commit("README.md", "first");
    assert_eq!(world.pass(&first), 1_000, "everything is new");
    let mut round = 0_u32;
    let mut touch = |path: &str| {
        round += 1;
        world.commit(
            path,
            &format!("resources: [objects.yaml]\nconfigMapGenerator:\n- name: web\n  literals: [MODE=r{round}]\n"),
        )
    };
    group.bench_function("one", |bencher| {
        let setup = || touch("apps/team-7/app-7/base/kustomization.yaml");
        bencher.iter_batched(setup, |commit| assert_eq!(world.pass(&commit), 1), BatchSize::PerIteration);
    });
    group.bench_function("all", |bencher| {
        let setup = || World::new(1_000);
        let pass = |world: World| assert_eq!(world.pass(&world.commit("README.md", "first")), 1_000);
        bencher.iter_batched(setup, pass, BatchSize::PerIteration);
    });
    group.finish();
    drop(world);

    let world = World::new(10_000);
    let mut group = criterion.benchmark_group("fleet-10000");
    group.sample_size(10);
    let first = world.commit("README.md", "first");
    assert_eq!(world.pass(&first), 10_000);
    let mut results = Vec::new();
    world.each(&first, |_, known| results.push(known));
    let policy = Application::new("app", "dev", Digest::of("policy"));
    let deployed: Vec<_> = (0..10_000).map(|application| deployed(&policy, application)).collect();
    let mut round = 0_u32;
    group.bench_function("untouched", |bencher| {
        let setup = || {
            round += 1;
            world.commit("README.md", &round.to_string())
        };
        let pass = |commit: CommitId| {
            let mut objects = 0;
            let rendered = world.each(&commit, |index, known| {
                assert_eq!(known, results[index]);
                let (inventory, live) = &deployed[index];
                assert_eq!(inventory.moved(&policy, live).count(), 0);
                objects += inventory.len();
            });
            assert_eq!((rendered, objects), (0, 100_000));
        };
        bencher.iter_batched(setup, pass, BatchSize::PerIteration);
    });
    group.finish();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default().trim();
    println!("figure the most memory of this process, with all of it: {peak}  (goal ≤ 400 MB)");
}

fn main() {
    run(fleet, || {
        figure("a commit that touches one of 1,000 applications: one render", "fleet-1000/one", "≤ 20 ms");
        ratio("… against rendering all", "fleet-1000/one", "fleet-1000/all", "–");
        figure(
            "10,000 applications and 100,000 objects after a commit that they do not read: no render, nothing moved",
            "fleet-10000/untouched",
            "≤ 1 s",
        );
    });
}
