//! Why a run starts.

use crate::id::CommitId;
use serde::{Deserialize, Serialize};

/// A commit, as expressions see it in `event.commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// 40 hexadecimal digits; 40 zeros for a work tree outside Git.
    pub id: CommitId,
    /// Its first 8 digits.
    pub short: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it: `Name <mail>`.
    pub author: String,
    /// Who made it: `Name <mail>`.
    pub committer: String,
}

/// Why a run started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `manual`, `push`, `changeRequest`, `tag`, `schedule`, `webhook` or `run`.
    pub kind: String,
    /// The repository's name in the host's configuration, or the folder's name without one.
    pub repository: String,
    /// The branch, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The change request's number, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_request: Option<String>,
    /// What the run is for.
    pub commit: Commit,
    /// Who started it: `alice`, `system:trigger`.
    pub actor: String,
    /// Paths that differ from the base, in byte order; absent where there is no base to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_paths: Option<Vec<String>>,
}
