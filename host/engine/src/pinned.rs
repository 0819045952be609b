//! What is stored with a run when it is created, and never read from outside again.

use crate::shelf::PinnedStep;
use manifest::Scope;
use model::{Digest, Event, Pipeline, Step, StepKey, StepStatus};
use scheduler::{Run, StepState};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where a run's files come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A commit of a configured repository: the event's.
    Commit,
    /// A work tree as it is, committed or not; copied when the run is created.
    WorkTree(PathBuf),
}

/// The pinned part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pinned {
    /// The pipeline as it was read.
    pub pipeline: Pipeline,
    /// The digest of its text.
    pub text: Digest,
    /// Why the run started.
    pub event: Event,
    /// Where its files come from.
    pub source: Source,
    /// The steps that it uses, by the name after `uses:`.
    pub steps: BTreeMap<String, PinnedStep>,
    /// Whoever wrote or committed something that is new in this run, as `Name <mail>`: none of them may approve it.
    #[serde(default)]
    pub authors: Vec<String>,
}

impl Pinned {
    /// The configured repository that the run's files come from. A work tree is none, whatever its folder is called.
    pub fn origin(&self) -> Option<&str> {
        match &self.source {
            Source::Commit => Some(&self.event.repository),
            Source::WorkTree(_) => None,
        }
    }

    /// What an expression of this step sees.
    pub fn scope(&self, run_id: &str, run: &Run, key: &StepKey) -> Scope {
        let own = run.step(key);
        let item = own.and_then(|step| step.item.clone());
        let mut steps = Map::new();
        // Within one element of a `forEach` group, a name means the step of the same element; from elsewhere
        // `steps.NAME["ITEM"]` does.
        let same_group = |step: &StepState| {
            own.is_some_and(|own| run.group(&own.name).is_some() && run.group(&own.name) == run.group(&step.name))
        };
        for step in run.steps() {
            let sibling = step.item.is_some() && step.item == item && same_group(step);
            if step.item.is_none() || sibling {
                let Value::Object(view) = view(step) else { continue };
                let known = steps.entry(step.name.clone()).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    known.extend(view);
                }
            }
            if let Some(item) = &step.item {
                let known = steps.entry(step.name.clone()).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    known.entry(item.clone()).or_insert_with(|| view(step));
                }
            }
        }
        // A commit's subject, an output or an item is anybody's: what looks like a handle in it is a text.
        let foreign = |value: Value| access::handle::defused(value);
        Scope {
            event: foreign(event(&self.event)),
            inputs: json!({}),
            steps: foreign(Value::Object(steps)),
            run: json!({"id": run_id, "pipeline": self.pipeline.name, "attempt": run.step(key).map_or(1, |s| s.attempt.max(1))}),
            environment: Value::Null,
            secrets: run.definition(key).map(handles).unwrap_or_default(),
            item: item.map(|item| foreign(Value::String(item))),
            changed_paths: self.event.changed_paths.clone(),
            needs: run.needs(key).into_iter().map(|(_, status)| status).collect(),
        }
    }
}

/// What stands for the secrets that a step's inputs name.
fn handles(step: &Step) -> Value {
    step.secrets.iter().map(|name| (name.clone(), Value::from(access::handle::handle(name, "")))).collect()
}

/// The event with every key, so that asking for a branch where there is none answers null.
pub(crate) fn event(event: &Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        for name in ["branch", "changeRequest", "changedPaths"] {
            fields.entry(name).or_insert(Value::Null);
        }
    }
    value
}

fn view(step: &StepState) -> Value {
    let status: StepStatus = step.status();
    json!({"status": status, "attempts": step.attempt, "error": step.error,
        "outputs": step.outputs.clone().unwrap_or_else(|| json!({}))})
}
