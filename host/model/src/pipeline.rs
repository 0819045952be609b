//! A pipeline in its locked form: validated, durations in milliseconds, dependencies found, nothing left to look up.
//! It is stored with each run, so a run never depends on a file that changed since.

use crate::grant::Grant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A validated pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// `metadata.name`.
    pub name: String,
    /// What starts it.
    #[serde(default)]
    pub triggers: Triggers,
    /// Which runs exclude each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// In the order of the file.
    pub steps: Vec<Step>,
}

/// What starts a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Triggers {
    /// A push to a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Filter>,
    /// An opened or updated change request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_request: Option<Filter>,
    /// A new tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Filter>,
    /// Points in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<String>,
    /// The end of another pipeline's run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// Deliveries to a named hook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhook: Vec<String>,
}

/// Which refs and which paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Globs of branch or tag names; empty means every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Globs of changed paths, of which one must match; empty means no condition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// Which runs or steps exclude each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Concurrency {
    /// Those of an equal key exclude each other.
    pub key: String,
    /// What happens to the others.
    pub policy: ConcurrencyPolicy,
}

/// What happens where two runs or steps have the same concurrency key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConcurrencyPolicy {
    /// The newer supersedes the older, unless that has begun an effect.
    #[default]
    Latest,
    /// One after the other.
    Queue,
    /// They do not exclude each other.
    Parallel,
}

/// One step, or a group of steps under `forEach`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name in the pipeline.
    pub name: String,
    /// The plugin's step: `exec`, `kustomize/set-image`. Empty for a group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uses: String,
    /// Its inputs, expressions not yet evaluated.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub with: Value,
    /// Steps that must end first: those written down and those that an expression mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// A boolean expression; absent means `success()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether `when` asks how the needed steps ended, so that a failed one does not settle the matter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub when_asks_status: bool,
    /// Outputs of other steps that `with` or `env` mention: (step, output).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<(String, String)>,
    /// Credentials of the host's configuration that `with` or `env` mention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// The longest that one attempt may take, in milliseconds; a wait for people does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_millis: Option<u64>,
    /// Further attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Whether its failure lets the run go on as if it had succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_on_error: bool,
    /// Environment variables for its programs, expressions not yet evaluated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files that it leaves or takes.
    #[serde(default, skip_serializing_if = "Artifacts::is_empty")]
    pub artifacts: Artifacts,
    /// What it may do at most; narrows the plugin's grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grant>,
    /// An expression whose list gives the items of a group or of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<String>,
    /// The steps of a group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Which steps exclude each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// The step in whose work tree it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_from: Option<String>,
}

/// Files that a step leaves for others, or takes from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifacts {
    /// Name of the artifact → path in the workspace to store when the step succeeded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub store: BTreeMap<String, String>,
    /// Path in the workspace → the artifact's digest (usually an expression) to put there first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extract: BTreeMap<String, String>,
}

impl Artifacts {
    /// Whether nothing is stored or taken.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty() && self.extract.is_empty()
    }
}

/// Further attempts of a step that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How many attempts after the first.
    pub limit: u32,
    /// The pause before the second attempt, in milliseconds.
    pub duration_millis: u64,
    /// Each further pause is this many times the one before.
    pub factor: f64,
    /// The longest pause, in milliseconds.
    pub max_millis: u64,
    /// Error codes that are retried; empty means every error that is marked retryable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
}

impl Retry {
    /// The pause after an attempt (1 is the first), in milliseconds: min(max, duration · factor^(attempt − 1)).
    pub fn pause_millis(&self, attempt: u32) -> u64 {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let pause = self.duration_millis as f64 * self.factor.powi(exponent);
        // `as` saturates, and NaN (0 · ∞) becomes 0.
        (pause as u64).min(self.max_millis)
    }
}

impl Pipeline {
    /// The step or group of that name, also within groups.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find_map(|s| if s.name == name { Some(s) } else { s.steps.iter().find(|s| s.name == name) })
    }

    /// The name of the group that a step is part of.
    pub fn group_of(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|g| g.steps.iter().any(|s| s.name == name))
    }
}

#[cfg(test)]
mod tests {
    use super::Retry;

    #[test]
    fn pauses_grow_to_their_limit() {
        let retry = Retry { limit: 9, duration_millis: 5000, factor: 2.0, max_millis: 180_000, on: vec![] };
        let pauses: Vec<u64> = (1..=7).map(|a| retry.pause_millis(a)).collect();
        assert_eq!(pauses, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 180_000]);
        assert_eq!(retry.pause_millis(u32::MAX), 180_000);
    }
}
