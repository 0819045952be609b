//! What is stored with a run when it is created, and never read from outside again.

use crate::shelf::PinnedStep;
use manifest::Scope;
use model::{Digest, Event, Pipeline, StepKey, StepStatus};
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
}

impl Pinned {
    /// What an expression of this step sees.
    pub fn scope(&self, run_id: &str, run: &Run, key: &StepKey) -> Scope {
        let item = run.step(key).and_then(|step| step.item.clone());
        let mut steps = Map::new();
        for step in run.steps() {
            // Within one element of a `forEach`, a name means the step of the same element.
            let same = step.item.is_none() || step.item == item;
            if same && (step.item.is_some() || !steps.contains_key(&step.name)) {
                steps.insert(step.name.clone(), view(step));
            }
        }
        Scope {
            event: serde_json::to_value(&self.event).unwrap_or_default(),
            inputs: json!({}),
            steps: Value::Object(steps),
            run: json!({"id": run_id, "pipeline": self.pipeline.name, "attempt": run.step(key).map_or(1, |s| s.attempt.max(1))}),
            environment: Value::Null,
            item: item.map(Value::String),
            changed_paths: self.event.changed_paths.clone(),
            needs: run.needs(key).into_iter().map(|(_, status)| status).collect(),
        }
    }
}

fn view(step: &StepState) -> Value {
    let status: StepStatus = step.status();
    json!({"status": status, "outputs": step.outputs.clone().unwrap_or_else(|| json!({}))})
}
