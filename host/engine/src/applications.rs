//! How applications stand, by the word of whoever keeps them. The engine asks through this port, and knows no cluster.

use crate::core::Core;
use crate::engine::Engine;
use async_trait::async_trait;
use model::{Blame, CommitId, Failure, Timestamp};
use plugin::wit::application as wire;
use std::sync::Arc;

/// How applications stand, as whoever keeps them tells it. Asked several times a second while a run waits, so an answer
/// should be what is known and not a look at a cluster; one that takes more than five seconds counts as none.
#[async_trait]
pub trait Applications: Send + Sync {
    /// How it stands, all of it at one moment: a health that is older than `synced` would pass for what the new commit came
    /// to. Absent where no application is called so. Errors: `unavailable`.
    async fn read(&self, name: &str) -> Result<Option<ApplicationStatus>, Failure>;
    /// Whether a commit is what was synced, or an ancestor of that; false before the first sync. Errors: `not-found` (no
    /// such application, best with a hint at the nearest name; or a commit that its repository does not have),
    /// `unavailable`.
    async fn contains(&self, name: &str, commit: &CommitId) -> Result<bool, Failure>;
    /// Why these images may not come into the environment `asking`, which takes those alone with which `proving` is healthy: what
    /// is missing, in words. Absent where they may. Errors: `unavailable`.
    async fn unproven(&self, asking: &str, proving: &str, images: &[String]) -> Result<Option<String>, Failure>;
}

/// How one application stands, in Argo CD's words; the record `application.status` of the WIT package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationStatus {
    /// The commit that it should be at, by Git.
    pub target: CommitId,
    /// The commit of the newest sync that ended well; absent before the first.
    pub synced: Option<CommitId>,
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub sync: String,
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`.
    pub health: String,
    /// Why, in one sentence; may be empty.
    pub message: String,
    /// When the cluster was last looked at.
    pub observed: Timestamp,
    /// The images that the synced objects' containers name, in any order.
    pub images: Vec<String>,
}

impl ApplicationStatus {
    pub(crate) fn into_wire(self) -> wire::Status {
        let Self { target, synced, sync, health, message, observed, mut images } = self;
        images.sort();
        images.dedup();
        let (target, synced, observed) = (target.0, synced.map(|id| id.0), observed.to_string());
        wire::Status { target, synced, sync, health, message, observed, images }
    }
}

impl Engine {
    /// Says who keeps applications, for all runs of this engine. Whoever came first stays.
    pub fn attach(&self, applications: Arc<dyn Applications>) {
        // One more than the first would be a second truth about the same names.
        let _ = self.core.applications.set(applications);
    }
}

impl Core {
    /// Who keeps applications. Errors: `unavailable` where nobody does.
    pub(crate) fn applications(&self) -> Result<Arc<dyn Applications>, Failure> {
        self.applications.get().cloned().ok_or_else(|| {
            // Not worth a retry: nobody will come while this host runs.
            Failure::new(Blame::User, "unavailable", "this host looks after no applications").hint(
                "name clusters and applications in tidegate.yaml: `spec.clusters`, and `applications` of a repository",
            )
        })
    }
}
