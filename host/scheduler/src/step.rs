//! How one step stands, as it is stored.

use crate::input::{Interruption, Resumption, Wait};
use model::{Failure, StepKey, StepStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step, one instance of a `forEach` step, or the group that holds instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepState {
    /// Its key in the run.
    pub key: StepKey,
    /// Its name in the pipeline.
    pub name: String,
    /// Its `forEach` item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// What it is doing.
    pub phase: Phase,
    /// Attempts begun.
    pub attempt: u32,
    /// Waits of the newest attempt: one that waits again and again comes to an end too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waits: u32,
    /// When the time of the newest attempt is up. While it waits for people this is behind them: it begins anew when they
    /// have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Timestamp>,
    /// The steps of one lane exclude each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// What it answered when it last succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// Why it failed, or why its newest attempt did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why it was skipped, or what a crash left open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Skipped because something that it needs failed: its dependants are not run either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// When it first ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// What a step is doing. Finer than its status: a pause before a retry is a phase of `running`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "phase")]
pub enum Phase {
    /// Held by what it needs.
    Held,
    /// Its condition and inputs are being evaluated.
    Resolving,
    /// It would run, but its lane is taken.
    Queued,
    /// The plugin is called.
    #[serde(rename_all = "camelCase")]
    Running {
        /// When this call's time is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        /// What it was called again with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumption: Option<Resumption>,
        /// Told to stop, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interrupted: Option<Interruption>,
    },
    /// Its instances are at work.
    Expanded,
    /// Between two attempts.
    Paused {
        /// When the next begins.
        until: Timestamp,
    },
    /// It left memory.
    Waiting {
        /// Until when, for what.
        wait: Wait,
    },
    /// A person must say what it came to.
    Unknown,
    /// Nothing changes it any more.
    Ended {
        /// How.
        status: StepStatus,
    },
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl StepState {
    pub(crate) fn new(name: &str, item: Option<&str>) -> Self {
        let key = match item {
            Some(item) => StepKey(format!("{name}[{}]", Value::from(item))),
            None => StepKey::from(name),
        };
        Self {
            key,
            name: name.to_owned(),
            item: item.map(str::to_owned),
            phase: Phase::Held,
            attempt: 0,
            waits: 0,
            limit: None,
            lane: None,
            outputs: None,
            error: None,
            reason: None,
            blocked: false,
            started: None,
            ended: None,
        }
    }

    /// Its status, in the words that users see.
    pub fn status(&self) -> StepStatus {
        match &self.phase {
            Phase::Held | Phase::Resolving | Phase::Queued => StepStatus::Pending,
            Phase::Running { .. } | Phase::Expanded | Phase::Paused { .. } => StepStatus::Running,
            Phase::Waiting { .. } => StepStatus::Waiting,
            Phase::Unknown => StepStatus::Unknown,
            Phase::Ended { status } => *status,
        }
    }

    /// Whether nothing changes it any more.
    pub fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// Its wait, where it waits.
    pub fn wait(&self) -> Option<&Wait> {
        match &self.phase {
            Phase::Waiting { wait } => Some(wait),
            _ => None,
        }
    }

    /// When its wait ends by itself, where it waits: by the plugin's own deadline, or by the step's timeout.
    pub fn waits_until(&self) -> Option<Timestamp> {
        let wait = self.wait()?;
        let limit = self.limit.filter(|_| !wait.is_for_people());
        Some(limit.map_or(wait.deadline, |limit| limit.min(wait.deadline)))
    }
}
