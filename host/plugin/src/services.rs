//! What carries calls out. The engine implements it; this crate calls it only for calls that were authorised.

use crate::bindings::tidegate::plugin::{
    application, approval, archive, artifact_read, artifact_write, cache, http, process, repository_write,
    workspace_read,
};
use async_trait::async_trait;
use model::{CommitId, Failure, Timestamp};
use std::sync::Arc;

/// How important a line is.
pub use crate::bindings::tidegate::plugin::log::Level;

/// Something for the step's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// One line without its end, at most 16 KiB.
    Line(Level, String),
    /// A group begins.
    Group(String),
    /// The innermost group ends.
    EndGroup,
    /// How far a task is; `total` 0 means unknown.
    Progress {
        /// Which task.
        task: String,
        /// How much is done.
        done: u32,
        /// Of how much.
        total: u32,
        /// What is counted.
        unit: String,
    },
}

/// The host's side of one attempt. Every method may be called from several tasks; failures reach the guest as they are.
#[async_trait]
#[allow(missing_docs, reason = "each method is the WIT function of its name, and wit/ documents it")]
pub trait Services: Send + Sync {
    async fn log(&self, entry: Entry);
    fn now(&self) -> Timestamp;
    fn cancelled(&self) -> bool;

    async fn workspace_read(&self, path: String) -> Result<Option<Vec<u8>>, Failure>;
    async fn workspace_entries(&self, path: String) -> Result<Option<Vec<workspace_read::Entry>>, Failure>;
    async fn workspace_write(&self, path: String, content: Vec<u8>) -> Result<(), Failure>;
    async fn workspace_remove(&self, path: String) -> Result<(), Failure>;

    async fn artifact_find(&self, digest: String) -> Result<Option<artifact_read::Artifact>, Failure>;
    async fn artifact_read(&self, digest: String, offset: u64, length: u32) -> Result<Vec<u8>, Failure>;
    async fn artifact_extract(&self, digest: String, path: String) -> Result<(), Failure>;
    async fn artifact_store(&self, label: artifact_write::Label, content: Vec<u8>) -> Result<String, Failure>;
    async fn artifact_store_file(&self, label: artifact_write::Label, path: String) -> Result<String, Failure>;

    async fn resolve(&self, repository: String, reference: String) -> Result<Option<String>, Failure>;
    async fn repository_read(
        &self,
        repository: String,
        commit: String,
        path: String,
    ) -> Result<Option<Vec<u8>>, Failure>;
    async fn changed_paths(&self, repository: String, base: String, head: String) -> Result<Vec<String>, Failure>;
    /// The branch that `begin` with an empty name means: the default branch.
    async fn branch(&self, repository: &str, branch: &str) -> Result<String, Failure>;
    async fn begin(&self, repository: String, branch: String) -> Result<Arc<dyn Transaction>, Failure>;

    async fn votes(&self, requirement: approval::Requirement) -> Result<approval::Tally, Failure>;

    async fn start(&self, key: String, command: process::Command) -> Result<Arc<dyn Child>, Failure>;

    async fn workspace_summarise(&self, _path: String) -> Result<Option<workspace_read::Summary>, Failure> {
        uncarried()
    }
    async fn pack(&self, _packing: archive::Packing, _to: String) -> Result<archive::Packed, Failure> {
        uncarried()
    }
    async fn unpack(&self, _source: String, _to: String) -> Result<u32, Failure> {
        uncarried()
    }
    async fn cache_restore(
        &self,
        _key: String,
        _prefixes: Vec<String>,
        _paths: Vec<String>,
    ) -> Result<Option<cache::Hit>, Failure> {
        uncarried()
    }
    async fn cache_save(&self, _key: String, _paths: Vec<String>) -> Result<cache::Saved, Failure> {
        uncarried()
    }
    async fn placeholder(&self, _name: String, _part: String) -> Result<String, Failure> {
        uncarried()
    }
    async fn reveal(&self, _name: String, _part: String) -> Result<Vec<u8>, Failure> {
        uncarried()
    }
    async fn application(&self, _name: String) -> Result<Option<application::Status>, Failure> {
        uncarried()
    }
    async fn application_contains(&self, _name: String, _commit: CommitId) -> Result<bool, Failure> {
        uncarried()
    }
    async fn send(&self, _request: http::Request) -> Result<http::Response, Failure> {
        uncarried()
    }
}

/// What a host without these services answers.
fn uncarried<T>() -> Result<T, Failure> {
    let message = "this host does not carry this call out";
    Err(Failure::new(model::Blame::Host, "unsupported", message))
}

/// Edits of one repository; dropping it forgets them.
#[async_trait]
#[allow(missing_docs, reason = "each method is the WIT function of its name, and wit/ documents it")]
pub trait Transaction: Send + Sync {
    async fn head(&self) -> Result<String, Failure>;
    async fn read(&self, path: String) -> Result<Option<Vec<u8>>, Failure>;
    async fn put(&self, path: String, content: Vec<u8>) -> Result<(), Failure>;
    async fn remove(&self, path: String) -> Result<(), Failure>;
    async fn push(&self, message: repository_write::Message) -> Result<String, Failure>;
    async fn propose(
        &self,
        message: repository_write::Message,
        proposal: repository_write::Proposal,
    ) -> Result<repository_write::Proposed, Failure>;
}

/// A running child; `abandon` is its drop, which ends the whole group.
#[async_trait]
#[allow(missing_docs, reason = "each method is the WIT function of its name, and wit/ documents it")]
pub trait Child: Send + Sync {
    async fn next(&self, milliseconds: u32) -> Result<Option<process::Event>, Failure>;
    async fn interrupt(&self) -> Result<(), Failure>;
    async fn kill(&self) -> Result<(), Failure>;
    async fn abandon(&self);
}
