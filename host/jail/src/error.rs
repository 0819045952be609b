//! Why a child could not be started, found or read. A child's own bad ending is no error: see [`Ending`](crate::Ending).

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong between the host and a shim.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder already belongs to another command.
    #[error("a different command was already started in {}", .0.display())]
    Conflict(PathBuf),
    /// The command breaks a rule of the jail, whatever machine it runs on.
    #[error("{0}")]
    Invalid(String),
    /// The jail would not begin the child: a path of it leads out of the workspace through a link.
    #[error("the jail refused to start the child: {0}")]
    Refused(String),
    /// What the command names is not there or cannot be used: an input file, a working directory, an interpreter.
    #[error("the child could not be started: {0}")]
    NotStarted(String),
    /// This machine cannot begin the child: a guard that is required is missing, or the system gave out.
    #[error("this machine cannot start the child: {0}")]
    Unable(String),
    /// The shim was killed while its child ran: whether the child did its work is unknown.
    #[error("the shim of {} was killed; what its child did is unknown", .0.display())]
    Lost(PathBuf),
    /// The shim could not do its work.
    #[error("the shim failed: {0}")]
    Shim(String),
    /// A file of the folder could not be used.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The verb: `read`, `lock`…
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Wraps the system's answer, to be used with `map_err`.
    pub(crate) fn io<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source: source.into() }
    }
}
