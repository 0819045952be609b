//! How a run stands, in the shape that scripts rely on.

use crate::core::{Core, aside};
use crate::engine::Engine;
use crate::pinned::Pinned;
use crate::voting;
use model::{Digest, Failure, RunId, RunStatus, StepStatus, Timestamp};
use scheduler::StepState;
use serde::Serialize;
use serde_json::{Map, Value};
use store::RunRow;

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its id.
    pub run: RunId,
    /// Its pipeline.
    pub pipeline: String,
    /// How it stands.
    pub status: RunStatus,
    /// Its steps by key, in the pipeline's order.
    pub steps: Map<String, Value>,
    /// The same as values.
    #[serde(skip)]
    pub list: Vec<StepReport>,
}

/// A step of a run.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Its key.
    #[serde(skip)]
    pub key: String,
    /// How it stands.
    pub status: StepStatus,
    /// How many attempts began.
    pub attempts: u32,
    /// Its outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why it was skipped, or is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// When its first attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// What a step waits for.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// In words.
    #[serde(rename = "for")]
    pub what: String,
    /// The digest that people vote on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How many approvals, and of whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Whose approval counts by now.
    pub have: Vec<String>,
    /// Who said no.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected_by: Vec<String>,
    /// What is asked about: forecast, inputs, or what comes behind a gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<Value>,
    /// When it gives up.
    pub until: Timestamp,
}

impl Engine {
    /// How a run stands.
    pub async fn report(&self, row: &RunRow) -> Result<Report, Failure> {
        let (core, row) = (self.core.clone(), row.clone());
        aside(move || report(&core, &row)).await
    }
}

fn report(core: &Core, row: &RunRow) -> Result<Report, Failure> {
    let unreadable =
        |e: serde_json::Error| Failure::internal(format!("the journal of run {} cannot be read: {e}", row.run.id));
    let pinned: Pinned = serde_json::from_value(row.run.pinned.clone()).map_err(unreadable)?;
    let rows = core.journal.reader()?.steps(&row.run.id)?;
    let states: Result<Vec<StepState>, _> = rows.into_iter().map(|row| serde_json::from_value(row.state)).collect();
    // Restored only for the order, and for steps that the journal has not seen yet.
    let machine = scheduler::Run::restore(pinned.pipeline.clone(), states.map_err(unreadable)?, None);
    let (mut list, mut steps) = (Vec::new(), Map::new());
    for state in machine.steps() {
        let waiting = match state.wait() {
            Some(wait) => Some(waiting(core, row, &pinned, state, wait)?),
            None => None,
        };
        let step = StepReport {
            key: state.key.to_string(),
            status: state.status(),
            attempts: state.attempt,
            outputs: state.outputs.clone(),
            error: state.error.clone(),
            reason: state.reason.clone(),
            waiting,
            started: state.started,
            ended: state.ended,
        };
        steps.insert(step.key.clone(), serde_json::to_value(&step).map_err(unreadable)?);
        list.push(step);
    }
    let (run, pipeline) = (row.run.id.clone(), row.run.pipeline.clone());
    Ok(Report { run, pipeline, status: row.status, steps, list })
}

fn waiting(
    core: &Core,
    row: &RunRow,
    pinned: &Pinned,
    state: &StepState,
    wait: &scheduler::Wait,
) -> Result<Waiting, Failure> {
    let mut waiting = Waiting {
        what: wait.message.clone(),
        digest: None,
        needs: None,
        have: vec![],
        rejected_by: vec![],
        about: None,
        until: state.waits_until().unwrap_or(wait.deadline),
    };
    if !wait.signals.iter().any(|signal| signal.kind == "approval") {
        return Ok(waiting);
    }
    let Some((digest, what)) = voting::presented(core, &row.run.id, &state.key)? else { return Ok(waiting) };
    // A configuration that no longer fits is told by the step itself when the run goes on.
    if let Ok(rules) = voting::rules_of(core, &what, pinned) {
        let judgement = voting::judge(core, &row.run.id, pinned, &digest, &rules)?;
        waiting.needs = Some(voting::in_words(&rules));
        waiting.rejected_by = judgement.rejected_by();
        waiting.have = judgement.tallies.into_iter().flat_map(|(_, tally)| tally.have).collect();
        waiting.have.dedup();
    }
    waiting.digest = Some(digest);
    waiting.about = Some(what);
    Ok(waiting)
}
