//! The engine: one state folder, one configuration, and the runs in it.

use crate::core::{Core, aside};
use crate::drive::{Drive, Rest};
use crate::log::{Logger, Notice};
use crate::settings::Settings;
use crate::shelf::{Builtin, Shelf};
use crate::state::{StateFolder, StateLock};
use artifact::{Blobs, Keyring};
use jail::Shim;
use model::{Failure, RunId, RunStatus, StepKey};
use plugin::{Library, PluginHost};
use scheduler::{Outcome, Stop};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{Journal, Reader};
use tokio::sync::{mpsc, watch};

/// What an engine is opened with.
pub struct Options {
    /// The state folder.
    pub state: PathBuf,
    /// The configuration.
    pub settings: Settings,
    /// The plugins of the binary.
    pub builtin: Builtin,
    /// How a child's shim is begun.
    pub shim: Shim,
    /// The folder for compiled plugins; absent for `cache` in the state folder.
    pub cache: Option<PathBuf>,
}

/// How long the last lines of a log may take.
const FLUSH: Duration = Duration::from_secs(5);

/// An engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

/// How a process takes part in driving a run.
#[derive(Default)]
pub struct Control {
    /// Hears of every change.
    pub watcher: Option<mpsc::UnboundedSender<Notice>>,
    /// Stops from this process, such as Ctrl-C.
    pub stops: Option<mpsc::Receiver<Stop>>,
    /// What a person found of steps whose effect is unknown; `None` to run one again.
    pub settled: Vec<(StepKey, Option<Outcome>)>,
    /// Whether this process leaves: the run then rests as soon as nothing of it is at work, though what it waits for would come
    /// by itself.
    pub rest: Option<watch::Receiver<bool>>,
}

impl Engine {
    /// Opens a state folder. Blocking. The second value is what a person should know, such as a cache that cannot be
    /// used.
    pub fn open(options: Options) -> Result<(Self, Vec<String>), Failure> {
        let state = StateFolder::open(&options.state)?;
        let journal = Journal::open(state.root())?;
        let cache = options.cache.unwrap_or_else(|| state.folder("cache"));
        let (host, warning) = PluginHost::new(Some(&cache))?;
        let library = Library::new(&state.folder("plugins"));
        let shelf = Shelf::new(host, library, options.builtin, &options.settings)?;
        let blobs = Blobs::open(&state.folder("artifacts"))?;
        let core = Core::new(state, Arc::new(journal), options.settings, shelf, blobs, options.shim);
        Ok((Self { core: Arc::new(core) }, warning.into_iter().collect()))
    }

    /// Takes the right to execute runs; needed around [`Engine::create`] and [`Engine::drive`].
    pub fn lock(&self) -> Result<StateLock, Failure> {
        self.core.state.lock()
    }

    /// The plugins.
    pub fn shelf(&self) -> &Shelf {
        &self.core.shelf
    }

    /// The configuration.
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }

    /// The state folder.
    pub fn state(&self) -> &StateFolder {
        &self.core.state
    }

    /// The keys of what is kept encrypted. Blocking at the first use.
    pub fn keyring(&self) -> Result<Arc<Keyring>, Failure> {
        self.core.keyring().map(|(keys, _)| keys)
    }

    /// Reads the journal.
    pub fn reader(&self) -> Result<Reader, Failure> {
        Ok(self.core.journal.reader()?)
    }

    /// The journal, for what has rows of its own in it.
    pub fn journal(&self) -> Arc<Journal> {
        self.core.journal.clone()
    }

    /// The mirror of a configured repository. Blocking; contacts nobody.
    pub fn mirror(&self, repository: &str) -> Result<git::Mirror, Failure> {
        self.core.mirror(repository)
    }

    /// Drives a run until it ends or waits for somebody, and answers how it stands.
    pub async fn drive(&self, run: &RunId, control: Control) -> Result<RunStatus, Failure> {
        self.drive_to_rest(run, control).await.map(|rest| rest.status)
    }

    /// The same; answers as well when time alone may change something.
    pub(crate) async fn drive_to_rest(&self, run: &RunId, control: Control) -> Result<Rest, Failure> {
        let (logger, flushed) =
            Logger::start(self.core.journal.clone(), self.core.vault.clone(), run.clone(), control.watcher);
        // A sender that is kept here: a closed channel would end the wait for stops.
        let (_keep, silent) = mpsc::channel(1);
        let stops = control.stops.unwrap_or(silent);
        let drive = Drive::claim(self.core.clone(), run, logger).await?;
        let status = drive.go(stops, control.settled, control.rest).await;
        // All senders are gone with the drive, unless a thread still waits for a child: then its lines come without us.
        let _ = tokio::time::timeout(FLUSH, flushed).await;
        status
    }

    /// Asks a run to stop, whoever drives it.
    pub async fn stop(&self, run: &RunId, actor: &str) -> Result<(), Failure> {
        let command = store::Command::Stop {
            run: run.clone(),
            stop: "cancelled".to_owned(),
            actor: actor.to_owned(),
            at: crate::now(),
        };
        self.core.journal.apply(command).await?;
        Ok(())
    }

    /// The run whose id begins with this text. Errors: `not-found`.
    pub async fn find(&self, prefix: &str) -> Result<store::RunRow, Failure> {
        let (core, prefix) = (self.core.clone(), prefix.to_owned());
        aside(move || Ok(core.journal.reader()?.run(&prefix)?)).await
    }
}
