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
    /// The revision that it was held against: the commit of its first source.
    pub revision: String,
    /// The commits of all its sources, in the order in which they are rendered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceAt>,
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

/// Where a source was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceAt {
    /// The repository's name.
    pub repository: String,
    /// The commit.
    pub commit: String,
}

/// Whether every source has come as far as the one in its place; `holds` says of a repository whether the first commit is the second or
/// comes after it. Errors: its own.
pub fn reached<E>(
    sources: &[SourceAt],
    wanted: &[SourceAt],
    mut holds: impl FnMut(&str, &str, &str) -> Result<bool, E>,
) -> Result<bool, E> {
    if sources.len() != wanted.len() {
        return Ok(false);
    }
    for (source, wanted) in sources.iter().zip(wanted) {
        let same = source.repository == wanted.repository;
        if !same || source != wanted && !holds(&source.repository, &source.commit, &wanted.commit)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Standing {
    /// One of which nothing is known, and why.
    pub fn unknown(message: String, last: Option<Last>, at: Timestamp) -> Self {
        let health = Health::new(Status::Unknown, "");
        Self {
            sync: SyncStatus::Unknown,
            health,
            revision: String::new(),
            sources: Vec::new(),
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
            sources: Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Sources as `REPOSITORY:NUMBER`, of which a greater number comes after a smaller one.
    fn check(sources: &str, wanted: &str) -> bool {
        let read = |text: &str| -> Vec<SourceAt> {
            let pairs = text.split_whitespace().filter_map(|source| source.split_once(':'));
            pairs.map(|(name, at)| SourceAt { repository: name.to_owned(), commit: at.to_owned() }).collect()
        };
        let Ok(reached) =
            reached(&read(sources), &read(wanted), |_, later, earlier| Ok::<_, Infallible>(later >= earlier));
        reached
    }

    #[test]
    fn every_source_must_have_come_so_far() {
        assert!(check("a:2", "a:2") && check("a:3", "a:2") && !check("a:1", "a:2"));
        // The second one is behind, whatever the first one does.
        assert!(!check("a:2 b:1", "a:2 b:2") && !check("a:3 b:1", "a:2 b:2") && check("a:2 b:2", "a:2 b:2"));
        // Two branches of one repository are two sources.
        assert!(!check("a:1 a:5", "a:2 a:5") && check("a:2 a:5", "a:2 a:5"));
        // What is not rendered, or from elsewhere, has come nowhere.
        assert!(!check("", "a:1") && !check("a:1", "a:1 b:1") && !check("b:1", "a:1"));
    }
}
