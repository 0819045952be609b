//! What can happen to a run, and what it asks for in return.

use model::{Failure, RunStatus, StepKey, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened. The caller says when.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The run begins, or is looked at again after a restart; steps that were running are interrupted.
    Start,
    /// The answer to `Effect::Resolve`.
    Resolved {
        /// Which step.
        key: StepKey,
        /// Whether it runs.
        verdict: Verdict,
    },
    /// The answer to `Effect::Expand`.
    Expanded {
        /// The step or group that has `forEach`.
        key: StepKey,
        /// Its items; equal ones count once.
        items: Vec<String>,
    },
    /// A call of the step's plugin came to an end.
    Ended {
        /// Which step.
        key: StepKey,
        /// How.
        outcome: Outcome,
    },
    /// Signals of a wait fired.
    Fired {
        /// The step that waits.
        key: StepKey,
        /// What fired, oldest first: `{signal, at, payload}` each.
        occurrences: Vec<Value>,
    },
    /// Time passed.
    Tick,
    /// Somebody stops the run.
    Stop(Stop),
    /// A person says what an `unknown` step came to; `None` lets it run again.
    Settled {
        /// Which step.
        key: StepKey,
        /// How it ended.
        outcome: Option<Outcome>,
    },
}

/// Whether a step that is ready runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It runs; steps of one lane exclude each other.
    Go {
        /// The step's concurrency key, evaluated.
        lane: Option<String>,
    },
    /// Its condition is false; why.
    Skip(String),
    /// Its condition or inputs cannot be evaluated.
    Fail(Failure),
}

/// How a call of a plugin ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Done, with outputs (a JSON object).
    Succeeded(Value),
    /// All was already so, with the same outputs.
    Unchanged(Value),
    /// Rightly nothing to do, and why.
    Skipped(String),
    /// Not yet.
    Waiting(Wait),
    /// It failed.
    Failed(Failure),
    /// A crash left open whether it happened, and why it cannot be told.
    Unknown(String),
}

/// One thing that ends a wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// `approval`, `timer`, `run`…
    pub kind: String,
    /// What it is about, by kind.
    pub subject: String,
    /// When it fires, by kind.
    pub condition: Value,
}

/// Why a step left memory, and when it comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// Any one of them ends the wait.
    pub signals: Vec<Signal>,
    /// Reaching it ends the wait with nothing fired.
    pub deadline: Timestamp,
    /// What the plugin gets back.
    pub memory: String,
    /// One line for people.
    pub message: String,
}

impl Wait {
    /// Whether somebody's decision may end it, or an environment's hours: that takes as long as it takes, so such a wait is no part
    /// of what a step's timeout limits.
    pub fn is_for_people(&self) -> bool {
        !self.signals.iter().all(|signal| matches!(signal.kind.as_str(), "timer" | "application"))
    }
}

/// What a plugin is called again with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resumption {
    /// `Wait::memory`.
    pub memory: String,
    /// What fired; empty where the deadline was reached.
    pub occurrences: Vec<Value>,
}

/// Why a running step is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interruption {
    /// Its time is up.
    TimedOut,
    /// Its run is stopped.
    Stopped,
}

/// How a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    /// Somebody cancelled it.
    Cancelled,
    /// A newer run took its place.
    Superseded,
}

/// What a run asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Evaluate the step's condition, inputs and lane; answer with `Resolved`.
    Resolve(StepKey),
    /// Evaluate `forEach` (and the condition); answer with `Expanded`, or with `Resolved` where it does not run.
    Expand(StepKey),
    /// Call the plugin; answer with `Ended`.
    Execute {
        /// Which step.
        key: StepKey,
        /// 1 for the first.
        attempt: u32,
        /// Present where a wait ended.
        resumption: Option<Resumption>,
    },
    /// Find out what an interrupted call came to (reattach, else probe, else `Unknown`); answer with `Ended`.
    Recover {
        /// Which step.
        key: StepKey,
        /// The attempt that was interrupted.
        attempt: u32,
    },
    /// Tell a running call to stop; `Ended` follows.
    Interrupt {
        /// Which step.
        key: StepKey,
        /// Why.
        cause: Interruption,
    },
    /// Nothing is left to do.
    Finished(RunStatus),
}
