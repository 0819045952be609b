//! A plan being carried out, as a state machine: `(state, input) → (state, actions)`. It is stored after every input; after
//! a crash it is read again, told [`Input::Start`], and asks anew for what it does not know to be done. Everything that it
//! asks for may therefore happen twice, and each action says how that is harmless. It never does anything itself.

mod flow;
mod stage;
mod text;

use crate::decide::End;
use crate::deletion::Ending;
use crate::health::Health;
use crate::object::ObjectKey;
use crate::plan::{StepId, SyncPlan};
use crate::reason::{Code, Reason};
use crate::retry::{Refresh, SYNC_TIMEOUT};
use crate::verdict::Verdict;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How long a degraded object is borne after its wave was applied, in milliseconds: its controllers may not have looked yet,
/// and an autoscaler is degraded until the first metrics come. What runs to an end is believed at once.
pub const GRACE: u64 = 60_000;

/// A sync at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its id, unique on the host.
    pub id: String,
    /// What is carried out; a retry may put another one in its place.
    pub plan: SyncPlan,
    /// When it began.
    pub begun: Timestamp,
    /// When this attempt is given up.
    pub deadline: Timestamp,
    /// Attempts begun.
    pub attempt: u32,
    /// Where it is.
    pub at: At,
    /// What came of each step of this attempt.
    pub results: BTreeMap<StepId, StepResult>,
    /// How the hooks of this attempt stand.
    pub hooks: BTreeMap<StepId, HookState>,
    /// How the objects that the stage waits for were last seen.
    pub sights: BTreeMap<ObjectKey, Health>,
    /// Why this attempt failed, or the last one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What the plan's last stage came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Outcome>,
    /// When a person last confirmed prunes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
}

/// Where a sync is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "at")]
pub enum At {
    /// It has not begun.
    New,
    /// Everything is tried without doing it.
    Checking,
    /// What it will own is being stored.
    Storing,
    /// It carries out a stage.
    #[serde(rename_all = "camelCase")]
    Stage {
        /// Which list of stages.
        course: Course,
        /// Which of them.
        index: usize,
        /// Which part of it.
        part: Part,
        /// Until when degraded objects are borne; absent once that is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace: Option<Timestamp>,
    },
    /// A stage of this course failed, and hooks are still running.
    Draining {
        /// Which course.
        course: Course,
    },
    /// Hooks are deleted as their policies say.
    Cleaning,
    /// It waits for its next attempt.
    Paused {
        /// Until then.
        until: Timestamp,
    },
    /// It waits for a new plan for its next attempt.
    Planning,
    /// It is being stopped: hooks that run are deleted.
    Stopping {
        /// How it will have ended.
        outcome: Outcome,
    },
    /// It ended.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// A list of stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Course {
    /// The plan's.
    Main,
    /// Those for a failure.
    Failure,
}

/// A part of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// What earlier runs of this batch's hooks left is deleted.
    Clear(usize),
    /// The batch is applied, its hooks are started.
    Apply(usize),
    /// The batch's definitions must be established before the next batch.
    Settle(usize),
    /// All must be healthy, and all hooks at their end.
    Wait,
    /// A person must confirm the prunes.
    Consent,
    /// The batch is pruned.
    Prune(usize),
    /// The batch must be gone.
    Gone(usize),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepResult {
    /// It is done.
    Done,
    /// It failed, and why.
    Failed(String),
}

/// How a hook stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookState {
    /// Its name is free.
    Cleared,
    /// It runs.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed, and why.
    Failed(String),
    /// Its object is deleted.
    Deleted,
}

/// How a sync ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// All is applied and healthy.
    Healthy,
    /// All is applied; it was not asked to wait.
    Applied,
    /// All is applied, but the last wave is not healthy, and why. Nothing is left that a retry could do.
    Unhealthy(String),
    /// Something could not be done, and why.
    Failed(String),
    /// It was stopped.
    Stopped(Stop),
}

impl Outcome {
    /// What the next decision needs to know of it.
    pub fn end(&self) -> End {
        match self {
            Self::Healthy | Self::Applied | Self::Unhealthy(_) => End::Applied,
            Self::Failed(why) => End::Failed(why.clone()),
            Self::Stopped(Stop::Cancelled) => End::Stopped,
            Self::Stopped(Stop::Superseded) => End::Superseded,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy => f.write_str("healthy"),
            Self::Applied => f.write_str("applied"),
            Self::Unhealthy(why) => write!(f, "applied, not healthy: {why}"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Stopped(Stop::Cancelled) => f.write_str("cancelled"),
            Self::Stopped(Stop::Superseded) => f.write_str("superseded"),
        }
    }
}

/// Who stops a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    /// A person.
    Cancelled,
    /// A newer desired state.
    Superseded,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// It begins, or is looked at again after a restart.
    Start,
    /// The answer to `Action::DryRun`, in one or several parts: why a step cannot be done, if so.
    Checked(Vec<(StepId, Result<(), String>)>),
    /// The answer to `Action::Own`.
    Stored,
    /// The answer to `Clear`, `Apply`, `Run`, `Prune` and `Delete`, in one or several parts.
    Done(Vec<(StepId, Result<(), String>)>),
    /// What `Action::Watch` asked for. Only what was read after the stage's steps were done: an older look would show
    /// the health of what is no longer there.
    Seen(Vec<(ObjectKey, Sight)>),
    /// A person confirmed the application's pending prunes at this moment.
    Confirmed(Timestamp),
    /// The answer to `Action::Plan` and `Action::PlanEnd`.
    Planned(Replanned),
    /// Somebody stops it.
    Stop(Stop),
    /// Time passed.
    Tick,
}

/// What planning again came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Replanned {
    /// A plan for the next attempt.
    Plan(Box<SyncPlan>),
    /// Nothing is left to do.
    Nothing,
    /// Something holds it for now: it is asked again at this moment.
    Later(Timestamp),
    /// It cannot go on, and why.
    Held(String),
}

/// How long a retry waits that something holds, before it is planned again, in milliseconds.
const HELD: u64 = 60_000;
/// The same where a cluster does not answer, which is over sooner than what people hold: what was begun is half done meanwhile.
const UNREAD: u64 = 10_000;

impl Replanned {
    /// What a verdict on `Request::Retry` means for the sync. Brakes, and what could not be read just now, hold it; it
    /// does not fail by them, since a failed one is not tried again by itself.
    pub fn of(verdict: Verdict, now: Timestamp) -> Self {
        let reasons = match verdict {
            Verdict::Sync(plan) => return Self::Plan(plan),
            Verdict::Hold(reasons) => reasons,
            Verdict::Supersede(reason) => vec![reason],
        };
        if reasons.iter().all(|reason| reason.code == Code::InSync) {
            return Self::Nothing;
        }
        if reasons.iter().all(|reason| reason.code.is_passing()) {
            return Self::later(&reasons, now);
        }
        Self::Held(reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; "))
    }

    /// What planning the end of an application again means for its deletion. Whatever holds it, it is asked again: half a
    /// deletion is not one. Where its objects are to stay after all, nothing is left to do.
    pub fn of_end(ending: Ending, now: Timestamp) -> Self {
        match ending {
            Ending::Delete(plan, _) => Self::Plan(plan),
            Ending::Forget(_) => Self::Nothing,
            Ending::Hold(reasons) => Self::later(&reasons, now),
        }
    }

    fn later(reasons: &[Reason], now: Timestamp) -> Self {
        let until = reasons.iter().filter_map(|reason| reason.until).max();
        let unread = reasons.iter().all(|reason| reason.code == Code::LiveUnreadable);
        Self::Later(until.unwrap_or(now).max(now.plus_millis(if unread { UNREAD } else { HELD })))
    }
}

/// How an object was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is there.
    There {
        /// How it is doing.
        health: Health,
        /// The mark [`crate::hook::RUN_OF`], by which a hook's object is known.
        run: Option<String>,
    },
    /// It is not there, or its kind is not served any more.
    Missing,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Try these steps without doing them, each as its `check` says; answer with `Checked`.
    DryRun(Vec<StepId>),
    /// Store that the application owns these objects; answer with `Stored`. Again is the same.
    Own(Vec<ObjectKey>),
    /// Delete what is there under the names of these hooks, unless it carries the mark of this run; answer with `Done` once
    /// it is gone, or is this run's.
    Clear {
        /// The hooks.
        steps: Vec<StepId>,
        /// The marks of this run, one a step.
        runs: Vec<String>,
    },
    /// Make these objects as desired, in parallel, and remember of each [`crate::inventory::Owned::synced`] with what the
    /// server answered; answer with `Done`. Again is the same.
    Apply(Vec<StepId>),
    /// Create the objects of these hooks, marked as this run's; what carries the mark is there already and is done. Answer
    /// with `Done`.
    Run {
        /// The hooks.
        steps: Vec<StepId>,
        /// The marks of this run, one a step.
        runs: Vec<String>,
    },
    /// Report these objects with `Seen`, now and whenever they change, until the next `Watch`.
    Watch(Vec<ObjectKey>),
    /// Tell a person that these prunes wait for a confirmation; answer with `Confirmed`.
    AskConsent(Vec<ObjectKey>),
    /// Delete these objects, where they are still those that were judged; answer with `Done`. What is gone is done.
    Prune(Vec<StepId>),
    /// Delete the objects of these hooks; answer with `Done`. What is gone is done.
    Delete(Vec<StepId>),
    /// Plan again for another attempt, by [`crate::verdict::plan`] and `Request::Retry` with this plan's order; answer with
    /// `Planned` and [`Replanned::of`]. Never asked for by a deletion.
    Plan(Refresh),
    /// Plan the deletion again for another attempt, by [`crate::deletion::end`]; answer with `Planned` and
    /// [`Replanned::of_end`].
    PlanEnd,
    /// It ended: store it in the history.
    Finished(Outcome),
}

impl Operation {
    /// A sync that has not begun.
    pub fn new(id: impl Into<String>, plan: SyncPlan, now: Timestamp) -> Self {
        Self {
            id: id.into(),
            plan,
            begun: now,
            deadline: now.plus_millis(SYNC_TIMEOUT),
            attempt: 1,
            at: At::New,
            results: BTreeMap::new(),
            hooks: BTreeMap::new(),
            sights: BTreeMap::new(),
            failure: None,
            reached: None,
            confirmed: None,
        }
    }

    /// How it ended, where it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.at {
            At::Ended { outcome } => Some(outcome),
            _ => None,
        }
    }

    /// The mark of a hook's object: this very run of it, by which it is known again after a crash.
    pub fn run(&self, step: &StepId) -> String {
        format!("{}.{}.{}", self.id, self.attempt, step.phase)
    }

    /// When `Tick` next has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        match &self.at {
            At::Ended { .. } | At::Planning | At::New => None,
            At::Paused { until } => Some(*until),
            // A person may take longer than any sync.
            At::Stage { part: Part::Consent, .. } => None,
            At::Stage { grace: Some(grace), .. } => Some(self.deadline.min(*grace)),
            _ => Some(self.deadline),
        }
    }
}
