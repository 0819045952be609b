//! A repository, and the guest of `tests/guests/hostile` as a renderer of one path.

use git::{Folders, Snapshot};
use model::{CommitId, Digest, Failure, Grant};
use plugin::{Plugin, PluginHost};
use reconcile::{Files, Job, Kept, Offered, Renderers, Renders, Source};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

static GUEST: LazyLock<Arc<Plugin>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/test/hostile.wasm");
    let wasm =
        std::fs::read(&path).unwrap_or_else(|e| panic!("run `cargo xtask guests` first ({}: {e})", path.display()));
    Arc::new(PluginHost::new(None).unwrap().0.load(&wasm).unwrap())
});

/// The guest under the names of its renderers, and what it may.
pub struct Guest(Arc<Mutex<Value>>);

impl Renderers for Guest {
    fn find(&self, name: &str) -> Result<Offered, Failure> {
        let grant: Grant = serde_json::from_value(self.0.lock().unwrap().clone()).unwrap();
        let renderer = name.to_owned();
        Ok(Offered { plugin: "hostile".to_owned(), renderer, digest: Digest::of("guest"), grant })
    }

    fn load(&self, _: &Offered) -> Result<Arc<Plugin>, Failure> {
        Ok(GUEST.clone())
    }
}

pub fn renders(kept: Kept) -> Renders {
    renders_granted(kept, Arc::new(Mutex::new(json!({"source": {}}))))
}

pub fn renders_granted(kept: Kept, grant: Arc<Mutex<Value>>) -> Renders {
    Renders::new(Arc::new(Guest(grant)), kept)
}

/// A repository in a folder of its own.
pub struct Repository {
    pub folder: tempfile::TempDir,
    inner: git2::Repository,
    folders: Folders,
}

impl Repository {
    pub fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let inner = git2::Repository::init(folder.path()).unwrap();
        Self { folder, inner, folders: Folders::default() }
    }

    /// Writes files; no content removes one.
    pub fn write(&self, files: &[(&str, Option<&str>)]) {
        for (path, content) in files {
            let place = self.folder.path().join(path);
            match content {
                Some(content) => {
                    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
                    std::fs::write(place, content).unwrap();
                }
                None => std::fs::remove_file(place).unwrap(),
            }
        }
    }

    /// Commits all that the folder holds.
    pub fn commit(&self) -> CommitId {
        let mut index = self.inner.index().unwrap();
        index.clear().unwrap();
        index.add_all(["*"], git2::IndexAddOption::FORCE, None).unwrap();
        index.write().unwrap();
        let tree = self.inner.find_tree(index.write_tree().unwrap()).unwrap();
        let who = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
        let parent = self.inner.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        CommitId(self.inner.commit(Some("HEAD"), &who, &who, "x", &tree, &parents).unwrap().to_string())
    }

    pub fn snapshot(&self, commit: &CommitId) -> Snapshot {
        Snapshot::of_repository(&self.git(), commit, &self.folders).unwrap()
    }

    pub fn git(&self) -> PathBuf {
        self.folder.path().join(".git")
    }

    /// A render of that path in a commit: what is there, its content and its entries.
    pub fn job(&self, commit: &CommitId, path: &str) -> Job {
        job(Arc::new(self.snapshot(commit)), &commit.0, "source", &format!("main:{path}"))
    }
}

pub fn job(files: Arc<dyn Files>, commit: &str, renderer: &str, parameter: &str) -> Job {
    let root = Source { name: "main".to_owned(), repository: "config".to_owned(), commit: commit.to_owned(), files };
    Job {
        application: "app".to_owned(),
        namespace: String::new(),
        path: String::new(),
        sources: vec![root],
        elsewhere: None,
        renderer: Some(renderer.to_owned()),
        parameters: json!(parameter),
        warnings: Vec::new(),
    }
}
