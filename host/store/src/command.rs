//! The commands, each one transaction, and the rows that they carry.

use crate::accept::{Accepted, Consent, Rollback};
use crate::application::{ApplicationChange, Braked};
use crate::child::ChildRow;
use crate::push::{Heads, Start};
use model::{Digest, RunId, RunStatus, StepKey, StepStatus, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// A run as it begins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The repository's name.
    pub repository: String,
    /// The branch, where there is one.
    pub branch: Option<String>,
    /// What it is for.
    pub commit: String,
    /// Who started it.
    pub actor: String,
    /// Pipeline, plugins, grants, environments: everything that the run is pinned to, as JSON.
    pub pinned: Value,
    /// When.
    pub created: Timestamp,
}

/// A run as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRow {
    /// As it began.
    #[serde(flatten)]
    pub run: NewRun,
    /// Its status.
    pub status: RunStatus,
    /// `cancelled` or `superseded`, where somebody stopped it.
    pub stop: Option<String>,
    /// When it came to its end.
    pub ended: Option<Timestamp>,
    /// The newest fence given out.
    pub fence: i64,
    /// Counts the votes of the run, for the check in `Command::Begin`.
    pub votes: i64,
}

/// A step's state, opaque to the journal but for its status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRow {
    /// Its key.
    pub key: StepKey,
    /// Its status.
    pub status: StepStatus,
    /// Its state, as the scheduler serialises it.
    pub state: Value,
}

/// An effect on the outside, with its outcome where it is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EffectRow {
    /// The step.
    pub step: StepKey,
    /// The attempt.
    pub attempt: u32,
    /// The effect's key within the attempt: `start main`, `push config:main`.
    pub effect: String,
    /// What was about to be done.
    pub intent: Value,
    /// What came of it.
    pub outcome: Option<Value>,
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VoteRow {
    /// The step that asked.
    pub step: StepKey,
    /// For exactly what.
    pub subject: Digest,
    /// The person.
    pub voter: String,
    /// `approve` or `reject`.
    pub verdict: String,
    /// What the person wrote.
    pub comment: String,
    /// Whether the identity was proven.
    pub verified: bool,
    /// The user of the operating system.
    pub system_user: String,
    /// When.
    pub at: Timestamp,
}

/// A stored artifact's label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Artifact {
    /// The step that stored it.
    pub step: StepKey,
    /// Its name within the run.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Whether nobody can download it.
    pub confidential: bool,
}

/// Something that was decided, also where nothing was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// The step, or empty for the run.
    pub step: StepKey,
    /// What: `skipped`, `waiting`, `denied`…
    pub what: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// A line of a step's log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogLine {
    /// The step.
    pub step: StepKey,
    /// The attempt.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// One line.
    pub line: String,
}

/// One transaction.
#[derive(Clone, Debug)]
pub enum Command {
    /// Writes a run down; `Exists` where its event has begun one already.
    Create {
        /// The run.
        run: NewRun,
        /// Its steps.
        steps: Vec<StepRow>,
        /// The decision that began it, where it was begun by an event.
        begun: Option<Start>,
        /// Runs that are asked to stop because of it, as superseded.
        supersedes: Vec<RunId>,
    },
    /// Stores how the branches of a repository stand, and what is to be looked at because of it.
    Heads(Heads),
    /// Stores what was decided about a commit and a pipeline.
    Start(Start),
    /// A push was looked at, by its number.
    Pushed(i64),
    /// What an environment has accepted of an application, in the place of what it had before.
    Accept(Accepted),
    /// Adds a person's word on what an application would be, with its entry in the audit chain.
    Consent(Consent),
    /// A commit that brought an application's files back, with its entry in the audit chain.
    Rollback(Rollback),
    /// Forgets an application: how it stands, what it owns, its history. Children that it still had are let go.
    Forget(String),
    /// Stores a child of an application as that has it now.
    Child(Box<ChildRow>, Timestamp),
    /// An application has a child no more; the child is to end.
    ChildLeaves {
        /// The application.
        parent: String,
        /// The child.
        name: String,
        /// When.
        at: Timestamp,
    },
    /// A child that its parent (the first name) has no more is declared by somebody else: it has not to end.
    ChildSettles(String, String),
    /// Takes a run's lease; answers the new fence. Whoever held it before can write no more.
    Claim {
        /// The run.
        run: RunId,
        /// Who.
        owner: String,
        /// Until when, for stores that several machines share.
        until: Timestamp,
    },
    /// Records states, and with them everything that belongs to the same moment.
    Record {
        /// The run.
        run: RunId,
        /// The fence of the lease.
        fence: i64,
        /// Changed steps.
        steps: Vec<StepRow>,
        /// Effects that are about to be begun: the rows without an outcome.
        intents: Vec<EffectRow>,
        /// Effects whose outcome is known now.
        outcomes: Vec<EffectRow>,
        /// Labels of artifacts that the attempt stored.
        artifacts: Vec<Artifact>,
        /// What was decided.
        decisions: Vec<Decision>,
        /// (step, attempt, receipt) of attempts that ended.
        receipts: Vec<(StepKey, u32, Value)>,
        /// (step, digest, content) that people are asked to approve.
        subjects: Vec<(StepKey, Digest, Value)>,
        /// The run's status and the time, where it changed.
        status: Option<(RunStatus, Timestamp)>,
        /// The number of votes that were counted before this; the command fails where one was added since.
        votes_seen: Option<i64>,
        /// When.
        at: Timestamp,
    },
    /// Adds a vote, with its entry in the audit chain.
    Vote(RunId, VoteRow),
    /// Asks for a run to be stopped; whoever works on it sees it.
    Stop {
        /// The run.
        run: RunId,
        /// `cancelled` or `superseded`.
        stop: String,
        /// Who.
        actor: String,
        /// When.
        at: Timestamp,
    },
    /// Adds lines to logs.
    Log(RunId, Vec<LogLine>),
    /// Adds an entry to the audit chain.
    Audit(Value),
    /// Changes what is stored of an application.
    Application(Box<ApplicationChange>, Timestamp),
    /// Puts a brake on, with the reason, or takes it off.
    Brake {
        /// On what.
        on: Braked,
        /// Its name.
        name: String,
        /// Why; absent takes it off.
        why: Option<String>,
        /// When.
        at: Timestamp,
    },
}

/// What a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done, and durable.
    Done,
    /// The fence of a claim.
    Fence(i64),
}
