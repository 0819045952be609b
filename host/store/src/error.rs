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
    /// The disk or its file system failed.
    #[error("the state folder cannot be read or written: {0}")]
    Io(String),
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
            Some(ErrorCode::SystemIoFailure) => Self::Io(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

/// What [`Error::Database`] says of a journal that a later version wrote; only the text tells it from others.
const NEWER: &str = "a newer Tidegate wrote it";

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let upstream = |hint: &str| Self::new(Blame::Upstream, "unavailable", error.to_string()).hint(hint);
        match &error {
            Error::NotFound(_) => Self::new(Blame::User, "not-found", error.to_string())
                .hint("`tidegate runs list` shows the runs of this state folder"),
            Error::Fenced { .. } => upstream("`tidegate runs show` tells how the run stands there"),
            Error::VotesMoved => Self::new(Blame::Upstream, "conflict", error.to_string())
                .hint("look again at what was voted, with `tidegate why`, and repeat this"),
            Error::Exists(_) => Self::new(Blame::Upstream, "conflict", error.to_string()),
            Error::Full => {
                upstream("free some space, then go on with `tidegate runs resume`; nothing that was recorded is lost")
            }
            Error::ReadOnly(_) => upstream("check the owner and mode of the folder that `spec.state` names"),
            Error::Busy => {
                upstream("another `tidegate` works in this state folder: wait for it, or use another folder")
            }
            Error::Io(_) => upstream("check the disk that holds the state folder, then `tidegate runs resume`"),
            Error::Database(why) if why.contains(NEWER) => Self::new(Blame::User, "invalid", error.to_string())
                .hint("use that Tidegate again, or give this one a state folder of its own with `--state`"),
            Error::Database(_) => Self::new(Blame::Host, "journal", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, NEWER};
    use model::{Blame, Failure};
    use rusqlite::ffi;

    fn sqlite(code: i32) -> Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    /// Only what nobody but a developer can act on may look like a bug.
    #[test]
    fn blame_and_code() {
        let fenced = Error::Fenced { run: "r".into(), have: 1, newest: 2 };
        let newer = Error::Database(format!("{NEWER} (format 9, this one knows 1)"));
        for (error, blame, code) in [
            (Error::NotFound("run `x`".into()), Blame::User, "not-found"),
            (fenced, Blame::Upstream, "unavailable"),
            (Error::VotesMoved, Blame::Upstream, "conflict"),
            (Error::Exists("run r".into()), Blame::Upstream, "conflict"),
            (newer, Blame::User, "invalid"),
            (sqlite(ffi::SQLITE_FULL), Blame::Upstream, "unavailable"),
            (sqlite(ffi::SQLITE_READONLY), Blame::Upstream, "unavailable"),
            (sqlite(ffi::SQLITE_CANTOPEN), Blame::Upstream, "unavailable"),
            (sqlite(ffi::SQLITE_BUSY), Blame::Upstream, "unavailable"),
            (sqlite(ffi::SQLITE_IOERR), Blame::Upstream, "unavailable"),
            (sqlite(ffi::SQLITE_CORRUPT), Blame::Host, "journal"),
        ] {
            let shown = error.to_string();
            let failure = Failure::from(error);
            assert_eq!((failure.blame, failure.code.as_str()), (blame, code), "{shown}");
            assert!(failure.blame != Blame::Upstream || code == "conflict" || failure.hint.is_some(), "{shown}");
        }
    }
}
