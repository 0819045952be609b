//! Signals of the kind `application`: the subject is an application's name, the condition says how it shall stand.

use crate::applications::{ApplicationStatus, Applications};
use model::{CommitId, Failure};
use scheduler::Signal;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a keeper may take for an answer: whoever drives a run hears of its stops only in between.
const PATIENCE: Duration = Duration::from_secs(5);

/// How an application shall stand. What is left out may be as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Condition {
    /// A commit that shall be what was synced, or an ancestor of that.
    revision: Option<CommitId>,
    /// `Synced`, `OutOfSync` or `Unknown`.
    sync: Option<String>,
    /// `Healthy`, `Progressing` and so on.
    health: Option<String>,
    /// An image that a container shall run.
    image: Option<String>,
}

impl Condition {
    /// Reads a signal's condition. The error says what is wrong with it.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let read: Self = serde_json::from_value(value.clone())
            .map_err(|e| format!("a condition on an application that cannot be read: {e}"))?;
        match &read.revision {
            Some(commit) if !commit.is_valid() => {
                Err("a condition on an application whose `revision` is no commit id".to_owned())
            }
            _ => Ok(read),
        }
    }

    async fn is_met(&self, keeper: &dyn Applications, name: &str, status: &ApplicationStatus) -> Result<bool, Failure> {
        let as_wanted = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        let stands = as_wanted(&self.sync, &status.sync) && as_wanted(&self.health, &status.health);
        let runs = self.image.as_ref().is_none_or(|wanted| status.images.iter().any(|has| same_image(wanted, has)));
        if !stands || !runs {
            return Ok(false);
        }
        match &self.revision {
            None => Ok(true),
            Some(commit) if status.synced.as_ref() == Some(commit) => Ok(true),
            Some(commit) => keeper.contains(name, commit).await,
        }
    }
}

/// Whether a container that names the image `has` runs the image `wanted`: of one repository, as both write it, and by the
/// digest where one is wanted, else by the tag, which is `latest` where none is written. The step `application/wait` judges
/// in the same way (`plugins/application/src/image.rs`).
fn same_image(wanted: &str, has: &str) -> bool {
    let (wanted, has) = (parts(wanted), parts(has));
    let same = match wanted.digest {
        Some(digest) => has.digest == Some(digest),
        // What has a digest alone runs that, whatever its tag would be.
        None => wanted.tag.or(Some("latest")) == has.tag.or(has.digest.is_none().then_some("latest")),
    };
    wanted.repository == has.repository && same
}

struct Parts<'a> {
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

/// `HOST:PORT/NAME:TAG@DIGEST` in its parts: the colon of a tag comes after the last slash.
fn parts(image: &str) -> Parts<'_> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].find(':') {
        Some(colon) => Parts { repository: &name[..start + colon], tag: Some(&name[start + colon + 1..]), digest },
        None => Parts { repository: name, tag: None, digest },
    }
}

/// What was read of applications for the signals of one wait, each once.
#[derive(Default)]
pub(super) struct Looks(HashMap<String, Result<Option<ApplicationStatus>, Failure>>);

impl Looks {
    /// What the plugin is told where the signal fires. Never an error: an application that cannot be read now may be read
    /// later, and is no reason to let go of a run.
    pub(super) async fn fired(
        &mut self,
        keeper: Result<Arc<dyn Applications>, Failure>,
        signal: &Signal,
    ) -> Option<Value> {
        // Whoever began to wait had somebody to ask: the plugin hears from the call itself that there is nobody now.
        let keeper = match keeper {
            Ok(keeper) => keeper,
            Err(failure) => return Some(json!({"error": failure.message})),
        };
        let condition = Condition::read(&signal.condition).ok()?;
        let name = &signal.subject;
        if !self.0.contains_key(name) {
            let read = tokio::time::timeout(PATIENCE, keeper.read(name)).await;
            self.0.insert(name.clone(), read.unwrap_or_else(|_| Err(Failure::unavailable("it takes too long"))));
        }
        match self.0.get(name)? {
            Ok(None) => Some(json!({"exists": false})),
            Ok(Some(status)) => {
                // A commit that is not known, by now or for now, is not in what was synced.
                let met = tokio::time::timeout(PATIENCE, condition.is_met(keeper.as_ref(), name, status)).await;
                let met = met.is_ok_and(|met| met.unwrap_or(false));
                met.then(|| {
                    json!({"exists": true, "synced": status.synced, "sync": status.sync, "health": status.health,
                    "message": status.message, "images": status.images, "observed": status.observed})
                })
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "application/tests.rs"]
mod tests;
