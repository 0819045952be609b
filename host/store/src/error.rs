//! Why the journal refused.

use model::{Blame, Failure};

/// Why a command or a query did not happen. Nothing of it was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has claimed the run since.
    #[error("run {run} is worked on by another process now (fence {have}, newest {newest})")]
    Fenced {
        /// The run.
        run: String,
        /// The fence of this write.
        have: i64,
        /// The newest one given out.
        newest: i64,
    },
    /// The votes changed between looking at them and claiming the step.
    #[error("the votes changed in the meantime")]
    VotesMoved,
    /// No such row.
    #[error("there is no {0}")]
    NotFound(String),
    /// It exists already.
    #[error("there is a {0} already")]
    Exists(String),
    /// The disk is full.
    #[error("the disk that holds the state folder is full")]
    Full,
    /// The state folder cannot be written.
    #[error("the state folder cannot be written: {0}")]
    ReadOnly(String),
    /// Another process holds the database too long.
    #[error("another process is writing to the state folder and did not finish in time")]
    Busy,
    /// Anything else that SQLite says.
    #[error("the journal failed: {0}")]
    Database(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Database(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::Full => "free some space, then go on with `tidegate runs resume`; nothing that was recorded is lost",
            Error::ReadOnly(_) => "check the owner and mode of the folder that `spec.state` names",
            Error::Busy => "another `tidegate` works in this state folder: wait for it, or use another folder",
            _ => return Self::new(Blame::Host, "journal", error.to_string()),
        };
        Self::new(Blame::Upstream, "unavailable", error.to_string()).hint(hint)
    }
}
