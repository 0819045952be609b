//! A state folder with the component locked in it, and runs of one step.

use crate::keeper::Keeper;
use engine::{Builtin, Control, Engine, NewRun, Notice, Options, Settings, Source, StepReport};
use jail::Shim;
use model::{CommitId, Digest, Event, Failure, Grant, Pipeline, RunId, RunStatus, Step};
use plugin::{Lock, Locked, PluginHost, Silent};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The first-party component, and the one that waits for what it was not asked to.
const APPLICATION: &str = "application.wasm";
const HOSTILE: &str = "test/hostile.wasm";

fn component(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests").join(name);
    assert!(path.is_file(), "run `cargo xtask guests` first: there is no {}", path.display());
    path
}

/// A lock of both, made once: it compiles them.
async fn lock() -> String {
    static LOCK: OnceLock<String> = OnceLock::new();
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    if let Some(known) = LOCK.get() {
        return known.clone();
    }
    let (host, _) = PluginHost::once(None).expect("an engine");
    let load = |name| host.load(&std::fs::read(component(name)).expect("a component")).expect("a plugin");
    let plugin = load(APPLICATION);
    let description = plugin.describe(Arc::new(Silent)).await.expect("it describes itself");
    let (name, locked) = Locked::new("./application.wasm", &plugin, description).expect("it is sound");
    assert!(locked.offers[0].idempotent);
    assert_eq!(serde_json::to_value(locked.wants()).expect("JSON"), json!({"application": {"names": ["*"]}}));
    let plugin = load(HOSTILE);
    // It offers nothing when it is asked, so that nobody locks it by mistake.
    let hostile = json!({"source": "./hostile.wasm", "version": "0", "digest": plugin.digest(), "imports": plugin.imports(),
        "interface": "tidegate:plugin@0.1.0", "summary": "", "offers": [{"role": "step", "name": "wait", "summary": "",
        "inputs": {}, "outputs": null, "idempotent": true, "capabilities": []}]});
    let mut lock = Lock::default();
    lock.plugins.insert(name, locked);
    lock.plugins.insert("hostile".to_owned(), serde_json::from_value(hostile).expect("a locked plugin"));
    LOCK.get_or_init(|| lock.to_text()).clone()
}

pub(crate) struct World {
    folder: TempDir,
    grant: Grant,
    pub(crate) keeper: Arc<Keeper>,
}

/// What became of a run.
pub(crate) struct Ended {
    pub(crate) run: RunStatus,
    pub(crate) step: StepReport,
}

/// A run that somebody drives.
pub(crate) struct Driven {
    run: RunId,
    drive: JoinHandle<Result<RunStatus, Failure>>,
    notices: mpsc::UnboundedReceiver<Notice>,
}

impl World {
    /// One in which every name is granted.
    pub(crate) fn new() -> Self {
        Self::granted(json!({}))
    }

    pub(crate) fn granted(application: Value) -> Self {
        let grant = serde_json::from_value(json!({ "application": application })).expect("a grant");
        Self { folder: TempDir::new().expect("a folder"), grant, keeper: Arc::default() }
    }

    /// An engine to which nobody is attached.
    pub(crate) fn open(&self) -> Engine {
        let base = self.folder.path().to_owned();
        let both = [("application", APPLICATION), ("hostile", HOSTILE)];
        let settings = Settings {
            sources: both
                .iter()
                .map(|(name, file)| ((*name).to_owned(), component(file).display().to_string()))
                .collect(),
            grants: both.iter().map(|(name, _)| ((*name).to_owned(), self.grant.clone())).collect(),
            lock: Some(base.join("tidegate.lock")),
            base: base.clone(),
            ..Settings::default()
        };
        let shim = Shim::new("/nonexistent", vec![]);
        let builtin = Builtin { lock: r#"{"version": 1, "plugins": {}}"#, components: &[] };
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        let options = Options { state: base.join("state"), settings, builtin, shim, cache: Some(cache) };
        Engine::open(options).expect("an engine").0
    }

    /// An engine to which the keeper is attached.
    pub(crate) fn attached(&self) -> Engine {
        let engine = self.open();
        engine.attach(self.keeper.clone());
        engine
    }

    pub(crate) async fn begin(&self, with: Value, timeout: Option<u64>) -> Driven {
        self.begin_of("application/wait", with, timeout).await
    }

    pub(crate) async fn begin_of(&self, uses: &str, with: Value, timeout: Option<u64>) -> Driven {
        self.lock().await;
        self.begin_on(&self.attached(), uses, with, timeout).await
    }

    /// The same on a host to which nobody is attached.
    pub(crate) async fn begin_alone(&self, with: Value) -> Driven {
        self.lock().await;
        self.begin_on(&self.open(), "application/wait", with, None).await
    }

    async fn lock(&self) {
        std::fs::write(self.folder.path().join("tidegate.lock"), lock().await).expect("a lock");
    }

    async fn begin_on(&self, engine: &Engine, uses: &str, with: Value, timeout: Option<u64>) -> Driven {
        let step =
            Step { name: "it".to_owned(), uses: uses.to_owned(), with, timeout_millis: timeout, ..Step::default() };
        let pipeline =
            Pipeline { name: "p".to_owned(), triggers: Default::default(), concurrency: None, steps: vec![step] };
        let none = || String::new();
        let id = CommitId("0".repeat(40));
        let commit = model::event::Commit { id, short: none(), subject: none(), author: none(), committer: none() };
        let event = Event {
            kind: "manual".to_owned(),
            repository: "tree".to_owned(),
            branch: None,
            change_request: None,
            commit,
            actor: "dana".to_owned(),
            changed_paths: None,
        };
        let tree = self.folder.path().join("tree");
        std::fs::create_dir_all(&tree).expect("a folder");
        let new = NewRun {
            pipeline,
            text: Digest::of(b""),
            event,
            source: Source::WorkTree(tree),
            files: vec![],
            begun: None,
        };
        let run = engine.create(new).await.expect("a run");
        self.go_on(engine, run.run).await
    }

    pub(crate) async fn go_on(&self, engine: &Engine, run: RunId) -> Driven {
        let (watcher, notices) = mpsc::unbounded_channel();
        let (engine, id) = (engine.clone(), run.clone());
        let control = Control { watcher: Some(watcher), ..Control::default() };
        let drive = tokio::spawn(async move { engine.drive(&id, control).await });
        Driven { run, drive, notices }
    }
}

impl Driven {
    /// Until the step waits for something that is said with these words in it.
    pub(crate) async fn waits_for(&mut self, words: &str) {
        let mut said = Vec::new();
        while let Some(notice) = self.notices.recv().await {
            if let Notice::Step(step) = notice {
                let message = step.wait().map(|wait| wait.message.clone());
                if message.as_ref().is_some_and(|message| message.contains(words)) {
                    return;
                }
                said.push(format!("{}: {message:?} {:?}", step.status(), step.error));
            }
        }
        panic!("it never waited for {words:?}\n{}", said.join("\n"));
    }

    /// Its host goes away in whatever it is at.
    pub(crate) async fn crash(self) -> RunId {
        self.drive.abort();
        assert!(self.drive.await.is_err_and(|e| e.is_cancelled()), "it had come to an end");
        self.run
    }

    pub(crate) async fn ended(self, world: &World) -> Ended {
        let run = self.drive.await.expect("no panic").expect("it was driven");
        let engine = world.open();
        let row = engine.find(self.run.as_str()).await.expect("the run");
        let mut report = engine.report(&row).await.expect("a report");
        Ended { run, step: report.list.remove(0) }
    }
}
