//! A host whose every service works, and writes down what reached it.

use async_trait::async_trait;
use model::{CommitId, Failure, Timestamp};
use plugin::wit::log::Level;
use plugin::wit::{
    application, approval, archive, artifact_read, artifact_write, cache, http, process, repository_write,
    workspace_read,
};
use plugin::{Child, Entry, Services, Transaction};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// What reached the services. The path `hang` is never answered, `broken` fails; the program `stubborn` never ends.
/// The clock goes back whenever it is read.
#[derive(Default)]
pub(crate) struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    log: Mutex<Vec<Entry>>,
    clock: AtomicI64,
    stopped_at: OnceLock<&'static str>,
    transactions: Arc<AtomicUsize>,
    children: Arc<AtomicUsize>,
}

impl Recorder {
    fn note(&self, call: String) {
        self.calls.lock().expect("no panic").push(call);
    }

    /// The calls, each as the function with its first argument.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("no panic").clone()
    }

    pub(crate) fn log(&self) -> Vec<Entry> {
        self.log.lock().expect("no panic").clone()
    }

    /// The lines of the log, without groups and progress.
    pub(crate) fn lines(&self) -> Vec<(Level, String)> {
        let line = |entry| match entry {
            Entry::Line(level, text) => Some((level, text)),
            _ => None,
        };
        self.log().into_iter().filter_map(line).collect()
    }

    /// The step is being stopped from this call on; from its beginning where it is empty.
    pub(crate) fn stop_at(&self, call: &'static str) {
        self.stopped_at.set(call).expect("it is stopped once");
    }

    /// Transactions that are not dropped.
    pub(crate) fn transactions(&self) -> usize {
        self.transactions.load(Ordering::SeqCst)
    }

    /// Children that are not abandoned.
    pub(crate) fn children(&self) -> usize {
        self.children.load(Ordering::SeqCst)
    }
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

async fn file(path: &str) -> Result<(), Failure> {
    match path {
        "hang" => std::future::pending().await,
        "broken" => Err(Failure::unavailable("the disk is gone")),
        _ => Ok(()),
    }
}

#[async_trait]
impl Services for Recorder {
    async fn log(&self, entry: Entry) {
        self.log.lock().expect("no panic").push(entry);
    }
    fn now(&self) -> Timestamp {
        Timestamp(self.clock.fetch_sub(1_000, Ordering::SeqCst))
    }
    fn cancelled(&self) -> bool {
        let met = |call: &str| call.is_empty() || self.calls().iter().any(|made| made.starts_with(call));
        self.stopped_at.get().is_some_and(|call| met(call))
    }
    async fn workspace_read(&self, path: String) -> Result<Option<Vec<u8>>, Failure> {
        self.note(format!("workspace-read.read {path}"));
        file(&path).await.map(|()| Some(b"content".to_vec()))
    }
    async fn workspace_entries(&self, path: String) -> Result<Option<Vec<workspace_read::Entry>>, Failure> {
        self.note(format!("workspace-read.entries {path}"));
        Ok(Some(Vec::new()))
    }
    async fn workspace_write(&self, path: String, content: Vec<u8>) -> Result<(), Failure> {
        self.note(format!("workspace-write.write {path} of {}", content.len()));
        file(&path).await
    }
    async fn workspace_remove(&self, path: String) -> Result<(), Failure> {
        self.note(format!("workspace-write.remove {path}"));
        Ok(())
    }
    async fn artifact_find(&self, digest: String) -> Result<Option<artifact_read::Artifact>, Failure> {
        self.note(format!("artifact-read.find {digest}"));
        Ok(None)
    }
    async fn artifact_read(&self, digest: String, _: u64, length: u32) -> Result<Vec<u8>, Failure> {
        self.note(format!("artifact-read.read {digest} of {length}"));
        Ok(Vec::new())
    }
    async fn artifact_extract(&self, _: String, path: String) -> Result<(), Failure> {
        self.note(format!("artifact-read.extract {path}"));
        Ok(())
    }
    async fn artifact_store(&self, label: artifact_write::Label, _: Vec<u8>) -> Result<String, Failure> {
        self.note(format!("artifact-write.store {}", label.name));
        Ok(String::new())
    }
    async fn artifact_store_file(&self, _: artifact_write::Label, path: String) -> Result<String, Failure> {
        self.note(format!("artifact-write.store-file {path}"));
        Ok(String::new())
    }
    async fn resolve(&self, repository: String, _: String) -> Result<Option<String>, Failure> {
        self.note(format!("repository-read.resolve {repository}"));
        Ok(None)
    }
    async fn repository_read(&self, _: String, _: String, path: String) -> Result<Option<Vec<u8>>, Failure> {
        self.note(format!("repository-read.read {path}"));
        Ok(None)
    }
    async fn changed_paths(&self, repository: String, _: String, _: String) -> Result<Vec<String>, Failure> {
        self.note(format!("repository-read.changed-paths {repository}"));
        Ok(Vec::new())
    }
    async fn branch(&self, repository: &str, _: &str) -> Result<String, Failure> {
        self.note(format!("repository-write.default-branch {repository}"));
        file(repository).await.map(|()| "main".to_owned())
    }
    async fn begin(&self, repository: String, branch: String) -> Result<Arc<dyn Transaction>, Failure> {
        self.note(format!("repository-write.begin {repository} {branch}"));
        self.transactions.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Edits { open: self.transactions.clone(), calls: Mutex::default() }))
    }
    async fn votes(&self, _: approval::Requirement) -> Result<approval::Tally, Failure> {
        self.note("approval.read".to_owned());
        Ok(approval::Tally { state: "open".to_owned(), missing: 1, votes: Vec::new() })
    }
    async fn workspace_summarise(&self, path: String) -> Result<Option<workspace_read::Summary>, Failure> {
        self.note(format!("workspace-read.summarise {path}"));
        Ok(None)
    }

    async fn pack(&self, packing: archive::Packing, to: String) -> Result<archive::Packed, Failure> {
        self.note(format!("archive.pack {} {to}", packing.items.len()));
        Ok(archive::Packed { digest: String::new(), size: 0, content_digest: String::new(), entries: 0 })
    }

    async fn unpack(&self, source: String, to: String) -> Result<u32, Failure> {
        self.note(format!("archive.unpack {source} {to}"));
        Ok(0)
    }

    async fn cache_restore(&self, key: String, _: Vec<String>, _: Vec<String>) -> Result<Option<cache::Hit>, Failure> {
        self.note(format!("cache.restore {key}"));
        Ok(None)
    }

    async fn cache_save(&self, key: String, _: Vec<String>) -> Result<cache::Saved, Failure> {
        self.note(format!("cache.save {key}"));
        Ok(cache::Saved { stored: true, size: 0 })
    }

    async fn placeholder(&self, name: String, _: String) -> Result<String, Failure> {
        self.note(format!("secret.placeholder {name}"));
        Ok(String::new())
    }

    async fn reveal(&self, name: String, _: String) -> Result<Vec<u8>, Failure> {
        self.note(format!("secret.reveal {name}"));
        Ok(Vec::new())
    }

    async fn application(&self, name: String) -> Result<Option<application::Status>, Failure> {
        self.note(format!("application.read {name}"));
        Ok(None)
    }

    async fn application_contains(&self, name: String, commit: CommitId) -> Result<bool, Failure> {
        self.note(format!("application.contains {name} {commit}"));
        Ok(false)
    }

    async fn send(&self, request: http::Request) -> Result<http::Response, Failure> {
        self.note(format!("http.send {} within {} s", request.url, request.timeout_seconds));
        Ok(http::Response { status: 200, headers: Vec::new(), body: Vec::new() })
    }

    async fn start(&self, key: String, command: process::Command) -> Result<Arc<dyn Child>, Failure> {
        self.note(format!("process.start {key} {}", command.program));
        self.children.fetch_add(1, Ordering::SeqCst);
        let (calls, alive) = (self.calls.clone(), self.children.clone());
        Ok(Arc::new(Running { calls, alive, stubborn: command.program == "stubborn" }))
    }
}

struct Edits {
    open: Arc<AtomicUsize>,
    calls: Mutex<Vec<String>>,
}

impl Drop for Edits {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Edits {
    /// What a path may not be never gets here.
    fn note(&self, path: &str) {
        assert!(plugin::check_path(path).is_ok(), "the path {path:?} reached a transaction");
        self.calls.lock().expect("no panic").push(path.to_owned());
    }
}

#[async_trait]
impl Transaction for Edits {
    async fn head(&self) -> Result<String, Failure> {
        Ok(COMMIT.to_owned())
    }
    async fn read(&self, path: String) -> Result<Option<Vec<u8>>, Failure> {
        self.note(&path);
        Ok(None)
    }
    async fn put(&self, path: String, _: Vec<u8>) -> Result<(), Failure> {
        self.note(&path);
        Ok(())
    }
    async fn remove(&self, path: String) -> Result<(), Failure> {
        self.note(&path);
        Ok(())
    }
    async fn push(&self, _: repository_write::Message) -> Result<String, Failure> {
        Ok(COMMIT.to_owned())
    }
    async fn propose(
        &self,
        _: repository_write::Message,
        _: repository_write::Proposal,
    ) -> Result<repository_write::Proposed, Failure> {
        Err(Failure::unavailable("there is no forge"))
    }
}

struct Running {
    calls: Arc<Mutex<Vec<String>>>,
    alive: Arc<AtomicUsize>,
    stubborn: bool,
}

#[async_trait]
impl Child for Running {
    async fn next(&self, milliseconds: u32) -> Result<Option<process::Event>, Failure> {
        self.calls.lock().expect("no panic").push(format!("process.next {milliseconds}"));
        Ok(None)
    }
    async fn interrupt(&self) -> Result<(), Failure> {
        Ok(())
    }
    async fn kill(&self) -> Result<(), Failure> {
        Ok(())
    }
    async fn abandon(&self) {
        if self.stubborn {
            std::future::pending::<()>().await;
        }
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}
