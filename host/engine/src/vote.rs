//! Votes of people, checked when they are cast: a vote that would not count is refused and told why.

use crate::core::aside;
use crate::engine::Engine;
use crate::pinned::Pinned;
use crate::voting;
use access::Standing;
use model::{Blame, Digest, Failure, StepKey};
use serde_json::{Value, json};
use store::{Command, RunRow, VoteRow};

/// The longest comment of a vote, in bytes.
const COMMENT: usize = 1024;

/// A vote to be cast.
#[derive(Clone, Debug)]
pub struct Ballot {
    /// On which step.
    pub step: StepKey,
    /// On exactly what.
    pub digest: Digest,
    /// By whom.
    pub voter: String,
    /// `approve` or `reject`.
    pub verdict: String,
    /// What the voter wrote.
    pub comment: String,
    /// The user of the machine who ran the command.
    pub system_user: String,
}

/// What came of a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// `approved`, `rejected` or `pending`.
    pub standing: &'static str,
    /// What is asked for: `2 approvals of group platform`.
    pub needs: String,
    /// Whose approval counts.
    pub have: Vec<String>,
}

impl Engine {
    /// What a step asks people to decide: the digest and what it is about. Errors: `not-found`.
    pub async fn question(&self, row: &RunRow, step: &StepKey) -> Result<(Digest, Value), Failure> {
        let (core, run, key) = (self.core.clone(), row.run.id.clone(), step.clone());
        let found = aside(move || voting::presented(&core, &run, &key)).await?;
        found.ok_or_else(|| {
            let message = format!("the step `{step}` of run {} asks nobody to decide anything", row.run.id);
            Failure::new(Blame::User, "not-found", message).hint("`tidegate runs show` says what a run waits for")
        })
    }

    /// Casts a vote. Errors: `denied` for a digest that is not the one asked about, and for a voter who may not vote;
    /// both leave a mark in the audit trail, and no vote.
    pub async fn vote(&self, row: &RunRow, ballot: Ballot) -> Result<Counted, Failure> {
        let (digest, what) = self.question(row, &ballot.step).await?;
        let pinned: Pinned = serde_json::from_value(row.run.pinned.clone())
            .map_err(|e| Failure::internal(format!("the journal of run {} cannot be read: {e}", row.run.id)))?;
        let rules = voting::rules_of(&self.core, &what, &pinned)?;
        let rejected_by = {
            let (core, run, pinned, digest, rules) =
                (self.core.clone(), row.run.id.clone(), pinned.clone(), digest.clone(), rules.clone());
            aside(move || Ok(voting::judge(&core, &run, &pinned, &digest, &rules)?.rejected_by())).await?
        };
        let refusal = if row.status.is_final() {
            Some(Failure::new(Blame::User, "conflict", format!("run {} has ended ({})", row.run.id, row.status)))
        } else if !rejected_by.is_empty() {
            let message = format!("the step `{}` was rejected by {} already", ballot.step, rejected_by.join(", "));
            Some(
                Failure::new(Blame::User, "conflict", message)
                    .hint(format!("`tidegate runs resume {}` ends it", row.run.id)),
            )
        } else if ballot.digest != digest {
            let message = format!(
                "the vote is for {}, but the step `{}` asks about {}: it would not count",
                ballot.digest, ballot.step, digest
            );
            Some(
                Failure::denied(message)
                    .hint("look at what is asked now with `tidegate runs show`, then vote on that digest"),
            )
        } else {
            let why = voting::objection(&self.core, &pinned, &ballot.voter, &rules);
            why.map(|why| Failure::denied(format!("the vote would not count: {why}")))
        };
        if let Some(failure) = refusal {
            let entry = json!({"action": "vote-refused", "run": row.run.id, "step": ballot.step, "voter": ballot.voter,
                "systemUser": ballot.system_user, "subject": ballot.digest, "why": failure.message, "at": crate::now()});
            self.core.journal.apply(Command::Audit(entry)).await?;
            return Err(failure);
        }
        let vote = VoteRow {
            step: ballot.step,
            subject: ballot.digest,
            voter: plugin::clean_line(&ballot.voter, COMMENT),
            verdict: ballot.verdict,
            comment: plugin::clean_line(&ballot.comment, COMMENT),
            // Nobody has proven who they are to a command line.
            verified: false,
            system_user: ballot.system_user,
            at: crate::now(),
        };
        self.core.journal.apply(Command::Vote(row.run.id.clone(), vote)).await?;
        let (core, run) = (self.core.clone(), row.run.id.clone());
        let needs = voting::in_words(&rules);
        let judgement = aside(move || voting::judge(&core, &run, &pinned, &digest, &rules)).await?;
        let mut have: Vec<String> = judgement.tallies.into_iter().flat_map(|(_, tally)| tally.have).collect();
        have.dedup();
        let standing = match judgement.standing {
            Standing::Approved => "approved",
            Standing::Rejected => "rejected",
            Standing::Pending => "pending",
        };
        Ok(Counted { standing, needs, have })
    }
}
