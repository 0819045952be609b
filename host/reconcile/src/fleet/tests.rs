//! The loops of applications on real mirrors, with the renderer of plain folders.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod words;

use super::*;
use crate::books::Books;
use crate::floor::Rules;
use crate::kept::Kept as Renderings;
use crate::render::{Offered, Renderers, Renders};
use git::{Mirror, Remote};
use model::{Digest, Grant};
use planner::application::Permit;
use planner::decide::Manual;
use planner::health::{Health, Status};
use planner::plan::Await;
use plugin::{Plugin, PluginHost};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::Journal;

/// The carried renderer of folders.
struct Folders(Arc<Plugin>);

impl Renderers for Folders {
    fn find(&self, name: &str) -> Result<Offered, Failure> {
        let grant: Grant = serde_json::from_value(serde_json::json!({ "source": {} })).unwrap();
        let (plugin, renderer) = ("directory".to_owned(), name.to_owned());
        Ok(Offered { plugin, renderer, digest: Digest::of("directory"), grant })
    }

    fn load(&self, _: &Offered) -> Result<Arc<Plugin>, Failure> {
        Ok(self.0.clone())
    }
}

fn renders() -> Renders {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/directory.wasm");
    let wasm =
        std::fs::read(&path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({}: {e})", path.display()));
    let plugin = PluginHost::new(None).unwrap().0.load(&wasm).unwrap();
    Renders::new(Arc::new(Folders(Arc::new(plugin))), Renderings::in_memory())
}

/// A repository with these files, and no others, in one more commit.
fn repository(place: &Path, files: &[(&str, &str)]) {
    let inner = git2::Repository::open_bare(place).or_else(|_| git2::Repository::init_bare(place)).unwrap();
    inner.set_head("refs/heads/main").unwrap();
    let mut index = git2::Index::new().unwrap();
    for (path, text) in files {
        let entry = git2::IndexEntry {
            ctime: git2::IndexTime::new(0, 0),
            mtime: git2::IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: inner.blob(text.as_bytes()).unwrap(),
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
    let tree = inner.find_tree(index.write_tree_to(&inner).unwrap()).unwrap();
    let who = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
    let before = inner.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<&git2::Commit<'_>> = before.iter().collect();
    inner.commit(Some("refs/heads/main"), &who, &who, "x", &tree, &parents).unwrap();
}

const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config: { url: ./config.git, applications: [\"argocd/**\"], deploys: { clusters: [dev], namespaces: [\"*\"] } }
    other: { url: ./other.git }
  clusters:
    dev: { directory: ./dev }
";

fn application(name: &str, repository: &str, annotations: &str, policy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}, annotations: {{ {annotations} }} }}
spec:
  destination: {{ name: dev, namespace: {name} }}
  source: {{ repoURL: ./{repository}.git, path: apps/{name}, targetRevision: HEAD }}
  syncPolicy: {{ {policy} }}
"
    )
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n";

/// The applications of the repositories below a folder, and how often `config` was opened.
fn fleet(base: &Path) -> (Fleet, Arc<AtomicUsize>) {
    let parsed = manifest::host(&manifest::Source::new("tidegate.yaml", HOST));
    let config = parsed.value.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics));
    let opened = Arc::new(AtomicUsize::new(0));
    let (count, at) = (opened.clone(), base.to_owned());
    let mirrors = move |name: &str| {
        if name == "config" {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let remote = Remote::parse(&format!("./{name}.git"), &at).unwrap();
        Ok(Mirror::open(&at.join("mirrors").join(name), remote).unwrap())
    };
    for name in config.repositories.keys() {
        mirrors(name).unwrap().fetch().unwrap();
    }
    let configured = Arc::new(Configured::new(config.clone(), Box::new(mirrors)));
    let books = Books::new(Arc::new(Journal::open(&base.join("state")).unwrap()));
    let place = (base, base);
    let floor = Floor::new(config, place, Rules::default(), books, configured.clone(), Arc::new(renders()));
    (Fleet::new(Arc::new(floor), configured, |_| {}), opened)
}

/// Waits until an application stands so.
async fn until(fleet: &Fleet, name: &str, so: impl Fn(&Standing) -> bool) -> Standing {
    let mut changes = fleet.changes();
    loop {
        changes.borrow_and_update();
        if let Some(standing) = fleet.standing(name).unwrap().filter(&so) {
            return standing;
        }
        tokio::time::timeout(Duration::from_secs(60), changes.changed()).await.unwrap().unwrap();
    }
}

/// Asks for a look, and waits for what it came to.
async fn look(fleet: &Fleet, name: &str) -> Standing {
    fleet.sync(name, Request::Automatic).unwrap().answer.await.unwrap().unwrap().standing
}

#[tokio::test]
async fn one_that_waits_for_another_rests_until_that_one_changes() {
    let folder = tempfile::TempDir::new().unwrap();
    let base = folder.path().to_owned();
    let held = application("held", "config", "tidegate.dev/depends-on: needed", "automated: {}");
    // Nobody syncs it: it is not there, and never healthy.
    let needed = application("needed", "other", "", "");
    let files = [("argocd/held.yaml", &*held), ("argocd/needed.yaml", &*needed), ("apps/held/all.yaml", SETTINGS)];
    repository(&base.join("config.git"), &files);
    repository(&base.join("other.git"), &[("apps/needed/all.yaml", SETTINGS)]);
    let (fleet, opened) = fleet(&base);
    fleet.refresh().await.unwrap();
    // Each has come to what it will stay at once it says the same twice.
    look(&fleet, "needed").await;
    let standing = look(&fleet, "held").await;
    assert!(due::depends(&standing), "{standing:#?}");
    look(&fleet, "needed").await;
    // What one look of it opens.
    let before = opened.load(Ordering::Relaxed);
    look(&fleet, "held").await;
    let one = opened.load(Ordering::Relaxed) - before;
    assert!(one > 0);
    // The other one is looked at again and again, and nothing comes of it.
    let before = opened.load(Ordering::Relaxed);
    for _ in 0..50 {
        look(&fleet, "needed").await;
    }
    look(&fleet, "held").await;
    let all = opened.load(Ordering::Relaxed) - before;
    assert!(all <= 4 * one, "it was looked at {all} times, where {one} opens it once");
    fleet.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_all_applications_are_rendered_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let base = folder.path().to_owned();
    let names: Vec<String> = (0..40).map(|n| format!("a{n}")).collect();
    let file = |name: &String| application(name, "config", "", "");
    let all: String = names.iter().map(file).collect::<Vec<_>>().join("---\n");
    repository(&base.join("config.git"), &[("argocd/all.yaml", &*all)]);
    repository(&base.join("other.git"), &[("README.md", "")]);
    let config = manifest::host(&manifest::Source::new("tidegate.yaml", HOST)).value.unwrap();
    let (opening, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (at, now, high) = (base.clone(), opening.clone(), most.clone());
    let mirrors = move |name: &str| {
        let count = now.fetch_add(1, Ordering::SeqCst) + 1;
        high.fetch_max(count, Ordering::SeqCst);
        let remote = Remote::parse(&format!("./{name}.git"), &at).unwrap();
        let mirror = Mirror::open(&at.join("mirrors").join(name), remote).unwrap();
        (0..20).for_each(|_| std::thread::yield_now());
        now.fetch_sub(1, Ordering::SeqCst);
        Ok(mirror)
    };
    for name in config.repositories.keys() {
        mirrors(name).unwrap().fetch().unwrap();
    }
    let configured = Arc::new(Configured::new(config.clone(), Box::new(mirrors)));
    let books = Books::new(Arc::new(Journal::open(&base.join("state")).unwrap()));
    let place = (base.as_path(), base.as_path());
    let floor = Floor::new(config, place, Rules::default(), books, configured.clone(), Arc::new(renders()));
    let fleet = Fleet::new(Arc::new(floor), configured, |_| {});
    fleet.refresh().await.unwrap();
    for name in &names {
        look(&fleet, name).await;
    }
    let most = most.load(Ordering::SeqCst);
    let room = std::thread::available_parallelism().map_or(2, usize::from) * 4;
    assert!(most > 0 && most <= room, "{most} were opened at once");
    fleet.drain().await;
}

#[tokio::test]
async fn a_parent_is_as_well_as_its_children() {
    let folder = tempfile::TempDir::new().unwrap();
    let base = folder.path().to_owned();
    let root = application("root", "config", "", "automated: {}");
    let child = application("child", "config", "", "");
    let files = [("argocd/root.yaml", &*root), ("apps/root/child.yaml", &*child), ("apps/child/all.yaml", SETTINGS)];
    repository(&base.join("config.git"), &files);
    repository(&base.join("other.git"), &[]);
    let (fleet, _) = fleet(&base);
    fleet.refresh().await.unwrap();
    // The child begins by itself, and nobody syncs it: one that is missing does not count.
    let standing = until(&fleet, "child", |_| true).await;
    assert_eq!(standing.health.status, Status::Missing);
    assert_eq!(look(&fleet, "root").await.health.status, Status::Healthy);
    let broken = Standing { health: Health::new(Status::Degraded, "broken"), ..standing };
    fleet.floor().books.stand("child", &broken, None).await.unwrap();
    let standing = look(&fleet, "root").await;
    assert_eq!(standing.health, Health::new(Status::Degraded, "application child: broken"));
    // Its parent hears when that is over.
    let manual = Manual { who: "alice".into(), prune: Permit::Refused, only: None, awaits: Await::Health };
    fleet.sync("child", Request::Manual(manual)).unwrap().answer.await.unwrap().unwrap();
    until(&fleet, "root", |standing| standing.health.status == Status::Healthy).await;
    fleet.drain().await;
}
