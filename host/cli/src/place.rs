//! Where a command is carried out, and for whom: in this process, or in the daemon for somebody who asked it.

use crate::args::Host;
use crate::exit::Exit;
use crate::open;
use crate::screen::Screen;
use crate::serve::Daemon;
use engine::{Engine, StateLock};
use model::Failure;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// Where a command is carried out.
pub enum Place<'a> {
    /// In this process, which opens what it needs.
    Here(&'a Host),
    /// In the daemon.
    There(Asked),
}

/// Somebody who asked the daemon.
#[derive(Clone)]
pub struct Asked {
    pub daemon: Arc<Daemon>,
    /// The user of their process, as the kernel told.
    pub user: String,
    /// The folder in which they are.
    pub folder: PathBuf,
    /// Counts how often they pressed Ctrl-C.
    pub interrupts: watch::Receiver<u32>,
}

impl Place<'_> {
    pub fn engine(&self, screen: &Screen) -> Result<Engine, Exit> {
        match self {
            Self::Here(host) => open::engine(open::configuration(host, screen)?, screen),
            Self::There(asked) => Ok(asked.daemon.engine.clone()),
        }
    }

    /// The right to execute; the daemon has it.
    pub fn lock(&self, engine: &Engine) -> Result<Option<StateLock>, Failure> {
        match self {
            Self::Here(_) => engine.lock().map(Some),
            Self::There(_) => Ok(None),
        }
    }

    pub fn user(&self) -> String {
        match self {
            Self::Here(_) => open::system_user(),
            Self::There(asked) => asked.user.clone(),
        }
    }

    /// The folder from which paths are meant.
    pub fn folder(&self) -> Result<PathBuf, Exit> {
        match self {
            Self::Here(_) => {
                std::env::current_dir().map_err(|e| Exit::usage(format!("there is no folder to work in: {e}")))
            }
            Self::There(asked) => Ok(asked.folder.clone()),
        }
    }
}

/// Runs blocking work aside.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let answer = tokio::task::spawn_blocking(work).await;
    answer.unwrap_or_else(|e| Err(Failure::internal(format!("a worker panicked: {e}"))))
}
