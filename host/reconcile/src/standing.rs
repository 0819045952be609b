//! How an application stood when it was last looked at, as it is stored and shown.

use model::{Digest, Timestamp};
use planner::Plan;
use planner::decide::Last;
use planner::health::{Health, Status};
use planner::reason::{Reason, count};
use planner::survey::SyncStatus;
use planner::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// How an application stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Whether it was as it should be.
    pub sync: SyncStatus,
    /// How it was doing.
    pub health: Health,
    /// The revision that it was held against.
    pub revision: String,
    /// The line that matters most, for people.
    pub message: String,
    /// Why nothing was done, where nothing was, most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The digest of what it should be: content and policy. It is what people agree to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// What its containers should run, sorted, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The environments that it is of, among those whose health another one requires.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// How its last sync ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
    /// When.
    pub at: Timestamp,
}

impl Standing {
    /// One of which nothing is known, and why.
    pub fn unknown(message: String, last: Option<Last>, at: Timestamp) -> Self {
        let health = Health::new(Status::Unknown, "");
        Self {
            sync: SyncStatus::Unknown,
            health,
            revision: String::new(),
            message,
            reasons: Vec::new(),
            subject: None,
            images: Vec::new(),
            environments: Vec::new(),
            last,
            at,
        }
    }

    /// Whether it says the same, whenever that was seen.
    pub fn is_same(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }

    /// What a look came to.
    pub fn of(plan: &Plan, revision: &str, last: Option<Last>, at: Timestamp) -> Self {
        let reasons = match &plan.verdict {
            Verdict::Sync(_) => Vec::new(),
            Verdict::Supersede(reason) => vec![reason.clone()],
            Verdict::Hold(reasons) => reasons.clone(),
        };
        let message = match (&plan.verdict, plan.survey.problems.first()) {
            (_, Some(problem)) => problem.to_string(),
            (Verdict::Sync(sync), None) => format!("{} to do", count(sync.steps().count(), "thing")),
            (_, None) => reasons.first().map(ToString::to_string).unwrap_or_default(),
        };
        Self {
            sync: plan.survey.sync,
            health: plan.survey.health.clone(),
            revision: revision.to_owned(),
            message,
            reasons,
            subject: None,
            images: Vec::new(),
            environments: Vec::new(),
            last,
            at,
        }
    }
}
