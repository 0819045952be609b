//! Why Git did not do it, and what that means to a step. Never holds a credential.

use crate::redact::clean;
use model::{Blame, CommitId, Failure};
use std::path::PathBuf;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A repository URL that is refused.
    #[error("the repository URL `{url}` is refused: {why}")]
    Url {
        /// The URL without user information.
        url: String,
        /// What is wrong with it.
        why: &'static str,
        /// What to write instead.
        hint: &'static str,
    },
    /// A branch, tag or reference name that cannot be one.
    #[error("`{name}` is not a usable {what}: {why}")]
    Name {
        /// `branch name`, `reference`, `commit id`.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A path that cannot be read, written or checked out as asked.
    #[error("the path `{path}`: {why}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A commit message, trailer or identity that cannot be written.
    #[error("the commit's {what} is refused: {why}")]
    Message {
        /// `subject`, `body`, `trailer`, `name`, `mail address`.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// More than the caller wants.
    #[error("{what} is larger than the limit: {size} of at most {limit} {unit}")]
    TooLarge {
        /// What was measured.
        what: String,
        /// Its size; at least this where counting stopped.
        size: u64,
        /// The limit.
        limit: u64,
        /// `bytes`, `paths` or `entries`.
        unit: &'static str,
    },
    /// There is no such branch or reference.
    #[error("{url} has no branch or reference `{name}`")]
    NoReference {
        /// The repository.
        url: String,
        /// The name.
        name: String,
    },
    /// There is no such commit in the mirror.
    #[error("the mirror of {url} has no commit {id}")]
    NoCommit {
        /// The repository.
        url: String,
        /// The commit.
        id: CommitId,
    },
    /// The branch is no longer where the transaction began.
    #[error("the branch `{branch}` has moved from {} to {}", shown(.expected), shown(.actual))]
    Moved {
        /// The branch.
        branch: String,
        /// Where it was.
        expected: Option<CommitId>,
        /// Where it is.
        actual: Option<CommitId>,
    },
    /// The edits leave every file as it was.
    #[error("the edits change nothing")]
    NothingToCommit,
    /// The transaction was pushed before.
    #[error("the transaction has already been pushed")]
    AlreadyPushed,
    /// The remote does not let this credential in.
    #[error("{url} refuses access: {why}")]
    Denied {
        /// The repository.
        url: String,
        /// What it, or libgit2, says.
        why: String,
    },
    /// The server's identity cannot be verified.
    #[error("the identity of {url} cannot be verified: {why}")]
    Untrusted {
        /// The repository.
        url: String,
        /// What libgit2 says.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The remote said no to the push, by a hook or a protection.
    #[error("rejected by the remote: {why}")]
    Rejected {
        /// What it says.
        why: String,
    },
    /// A push to the branch that a work tree has checked out.
    #[error("`{branch}` is checked out in the work tree of {url}, which a push would leave behind its branch")]
    CheckedOut {
        /// The repository.
        url: String,
        /// The branch.
        branch: String,
    },
    /// The remote cannot be reached or gives no sense now.
    #[error("{url} cannot be {doing}: {why}")]
    Unavailable {
        /// The repository.
        url: String,
        /// `reached`, `fetched`, `pushed to`.
        doing: &'static str,
        /// What happened.
        why: String,
    },
    /// The mirror's folder is gone or no mirror.
    #[error("the mirror of {url} at {} is unusable: {why}", directory.display())]
    Mirror {
        /// The repository.
        url: String,
        /// The folder.
        directory: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file system failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// libgit2 failed otherwise.
    #[error("cannot {doing} of {url}")]
    Git {
        /// What was being done.
        doing: &'static str,
        /// The repository.
        url: String,
        /// The cause.
        #[source]
        source: git2::Error,
    },
}

fn shown(id: &Option<CommitId>) -> &str {
    id.as_ref().map_or("nothing", |id| id.short())
}

impl Error {
    pub(crate) fn path(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Path { path: path.into(), why: why.into() }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { doing, path: path.into(), source }
    }

    /// Whether the disk is full. libgit2 hands on the system's words and not its number.
    fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            Self::Git { source, .. } => {
                source.class() == git2::ErrorClass::Os && source.message().contains("No space left on device")
            }
            _ => false,
        }
    }

    /// What a step or a person is told.
    pub fn failure(&self) -> Failure {
        let text = std::error::Error::source(self).map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"));
        let message = clean(&text);
        match self {
            Self::Url { hint, .. } => Failure::new(Blame::User, "invalid", message).hint(*hint),
            Self::Name { .. } | Self::Path { .. } | Self::Message { .. } => Failure::invalid(message),
            Self::TooLarge { .. } => Failure::new(Blame::User, "too-large", message),
            Self::NoReference { .. } | Self::NoCommit { .. } => Failure::new(Blame::User, "not-found", message),
            Self::Moved { .. } => {
                Failure::new(Blame::Upstream, "moved", message).hint("begin again on the new head and redo the edits")
            }
            Self::NothingToCommit | Self::AlreadyPushed => Failure::new(Blame::Plugin, "conflict", message),
            Self::Denied { .. } => {
                Failure::denied(message).hint("check the repository's credential and what it may do on the server")
            }
            Self::Untrusted { hint, .. } => Failure::denied(message).hint(*hint),
            Self::Rejected { .. } => Failure::new(Blame::Upstream, "denied", message)
                .hint("see the branch protection and hooks of the server"),
            Self::CheckedOut { .. } => Failure::denied(message)
                .hint("push to a bare repository, check out another branch there, or propose from a branch of its own"),
            Self::Unavailable { .. } => {
                Failure::unavailable(message).hint("check that the repository is there and may be read")
            }
            Self::Mirror { .. } => {
                Failure::internal(message).hint("remove the mirror's folder; it is made again from the remote")
            }
            // A disk that is full is no bug of ours, and passes.
            _ if self.is_full() => Failure::new(Blame::Upstream, "unavailable", message)
                .hint("free some space on the disk, then try again"),
            Self::Io { .. } | Self::Git { .. } => Failure::internal(message),
        }
    }
}
