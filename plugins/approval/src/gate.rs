//! Asks, waits, and says how it ended.

use crate::duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate::wait::{self, Deadline};
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step, approval};

/// The step.
#[derive(Debug)]
pub struct Approval;

/// The step's `with`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Of which group of the host's configuration the approvers must be. Left out: anybody who may approve here.
    #[serde(default)]
    group: Option<String>,
    /// How many different people must approve.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    count: u32,
    /// What the approvers are asked, in Markdown.
    #[serde(default)]
    message: Option<String>,
    /// How long to wait, like `24h`; then the step fails.
    #[serde(default = "a_week")]
    deadline: String,
}

fn one() -> u32 {
    1
}

fn a_week() -> String {
    "7d".to_owned()
}

/// Who approved.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The login names of those whose approval counts, the first voter first.
    approvers: Vec<String>,
}

/// What a wait remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    deadline: Deadline,
}

impl Step for Approval {
    const NAME: &'static str = "approval";
    const SUMMARY: &'static str = "Waits until people have approved";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![Capability::new("approval", "Reads how people voted on what it presents.")]
    }

    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        inputs.check()?;
        // No effect of its own: what is approved is what the run does next.
        let message = inputs.message.clone().unwrap_or_else(|| format!("Waits for {}.", inputs.wanted(inputs.count)));
        Ok(Forecast::nothing().with_body(message))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        let seconds = inputs.check()?;
        let remembered = context.remembered::<Memory>()?.map(|memory| memory.deadline);
        let deadline = remembered.map_or_else(|| Deadline::within(seconds), Ok)?;
        let group = inputs.group.as_deref().unwrap_or_default();
        let tally = approval::of_this_step(inputs.count, group)?;
        match tally.state.as_str() {
            "approved" => Ok(Outcome::Succeeded(Outputs { approvers: approvers(&tally.votes) })),
            "rejected" => Err(rejected(&tally.votes)),
            // The votes are looked at before the clock, and a void tally counts as none: votes on what is now the
            // subject may still come.
            _ => {
                let left = left(remembered, seconds, Deadline::left)?;
                let Some(left) = left else {
                    return Err(Error::new(
                        "timed-out",
                        format!("nobody gave {} within {}", inputs.wanted(tally.missing), inputs.deadline),
                    ));
                };
                let condition = json!({ "count": inputs.count, "group": group });
                let signal = wait::signal("approval", "", &condition);
                let message = inputs.wanted(inputs.count);
                Ok(Outcome::Waiting(wait::until(signal, left, &Memory { deadline }, message)?))
            }
        }
    }
}

/// How long to wait now. The first call has all of its time, however long it took to count the votes: nobody could vote
/// before, and a deadline of a second must not end in the call that sets it.
fn left(
    remembered: Option<Deadline>,
    seconds: u32,
    ask: impl FnOnce(Deadline) -> Result<Option<u32>, Error>,
) -> Result<Option<u32>, Error> {
    remembered.map_or(Ok(Some(seconds)), ask)
}

impl Inputs {
    /// The seconds until the deadline.
    fn check(&self) -> Result<u32, Error> {
        if self.count == 0 {
            return Err(Error::invalid("`count` must be at least 1").with_field("/count"));
        }
        if self.group.as_deref() == Some("") {
            return Err(Error::invalid("`group` is empty")
                .with_field("/group")
                .with_hint("leave it out where anybody who may approve here will do"));
        }
        duration::seconds(&self.deadline).map_err(|message| Error::invalid(message).with_field("/deadline"))
    }

    fn wanted(&self, count: u32) -> String {
        let noun = if count == 1 { "approval" } else { "approvals" };
        match &self.group {
            Some(group) => format!("{count} {noun} of group {group}"),
            None => format!("{count} {noun}"),
        }
    }
}

fn approvers(votes: &[approval::Vote]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for vote in votes.iter().filter(|vote| vote.counts && vote.verdict == "approve") {
        if !names.contains(&vote.voter) {
            names.push(vote.voter.clone());
        }
    }
    names
}

fn rejected(votes: &[approval::Vote]) -> Error {
    let Some(vote) = votes.iter().rev().find(|vote| vote.counts && vote.verdict == "reject") else {
        return Error::new("rejected", "it was rejected");
    };
    let reason = if vote.comment.is_empty() { String::new() } else { format!(": {}", vote.comment) };
    Error::new("rejected", format!("{} rejected it{reason}", vote.voter)).with_detail("voter", vote.voter.as_str())
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Inputs, approvers, left, rejected};
    use tidegate::approval::Vote;

    fn vote(voter: &str, verdict: &str, counts: bool) -> Vote {
        Vote { voter: voter.into(), verdict: verdict.into(), at: String::new(), counts, comment: "no tests".into() }
    }

    #[test]
    fn only_counting_votes_are_named_and_each_voter_once() {
        let votes = [vote("author", "approve", false), vote("alice", "approve", true), vote("alice", "approve", true)];
        assert_eq!(approvers(&votes), ["alice"]);
        assert_eq!(rejected(&[vote("bob", "reject", true)]).message, "bob rejected it: no tests");
    }

    #[test]
    fn the_first_call_waits_whatever_the_deadline() {
        let set = Some(Deadline { at: 1_000 });
        assert_eq!(left(None, 1, |_| Ok(None)).expect("no clock is asked"), Some(1));
        assert_eq!(left(set, 1, |_| Ok(None)).expect("it is reached"), None);
        assert_eq!(left(set, 9, |_| Ok(Some(1))).expect("it is not"), Some(1));
    }

    #[test]
    fn the_wait_says_what_it_is_for() {
        let inputs: Inputs = serde_json::from_str(r#"{"group":"platform"}"#).expect("valid inputs");
        assert_eq!(inputs.wanted(1), "1 approval of group platform");
        assert_eq!(inputs.check().expect("a week"), 604_800);
        let none: Inputs = serde_json::from_str(r#"{"count":0}"#).expect("valid JSON");
        assert_eq!(none.check().expect_err("0 people").code, "invalid");
    }
}
