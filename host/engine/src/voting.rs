//! What approvals stand for a step: subjects are computed here, never taken from a guest, and tallied as of now.

use crate::attempt::{Attempt, Entry};
use crate::core::{Core, aside};
use crate::hold::{self, Hold};
use crate::pinned::Pinned;
use access::{Environment, Requirement, Rule, Standing, Subject, Tally, Vote};
use model::{Blame, Digest, Failure, RunId, StepKey};
use plugin::wit::approval;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How the votes stand under several rules, all of which must be met.
pub(crate) struct Judgement {
    pub(crate) standing: Standing,
    pub(crate) tallies: Vec<(Rule, Tally)>,
    /// How many votes the run had.
    pub(crate) seen: i64,
}

impl Judgement {
    /// Who said no and counts, each once.
    pub(crate) fn rejected_by(&self) -> Vec<String> {
        let votes = self.tallies.iter().flat_map(|(_, tally)| &tally.votes);
        let counting = votes.filter(|(vote, why)| why.is_none() && vote.verdict == "reject");
        let by: BTreeSet<String> = counting.map(|(vote, _)| vote.voter.clone()).collect();
        by.into_iter().collect()
    }
}

/// What a write is allowed by.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) environments: Vec<String>,
    pub(crate) subject: Option<Digest>,
    pub(crate) votes_seen: Option<i64>,
}

/// The digest of what this attempt would do: pipeline, plugin, inputs, forecast, commit and the rules that apply.
pub(crate) fn subject(attempt: &Attempt, forecast: &Value, environments: &[&Environment]) -> Digest {
    let rules = serde_json::to_value(environments).unwrap_or_default();
    let (plugin, commit) = (attempt.plugin.digest.to_string(), attempt.pinned.event.commit.id.to_string());
    let subject = Subject {
        pipeline: attempt.pinned.text.as_str(),
        step: attempt.key.as_str(),
        plugin: &plugin,
        inputs: &attempt.inputs,
        forecast,
        commit: &commit,
        environments: &rules,
    };
    subject.digest()
}

/// The approvals that an environment asks for. Errors: `denied` where this pipeline may not write there, or where a
/// requirement is of a kind that this build cannot check.
pub(crate) fn rules(environment: &Environment, origin: Option<&str>) -> Result<Vec<Rule>, Failure> {
    let name = &environment.name;
    match origin {
        Some(repository) if !environment.admits(repository) => {
            let message = format!("the environment `{name}` takes no pipelines from the repository `{repository}`");
            let hint = format!("an operator can add it to `environments.{name}.pipelinesFrom`");
            return Err(Failure::denied(message).hint(hint));
        }
        None if !environment.pipelines_from.is_empty() => {
            let message = format!(
                "the environment `{name}` takes pipelines of certain repositories only, and this run is of a work tree"
            );
            return Err(Failure::denied(message).hint("push the commit, then `tidegate run --repository NAME`"));
        }
        _ => {}
    }
    let mut rules = Vec::new();
    for requirement in &environment.requires {
        match requirement {
            Requirement::Approval { group, count, expires_millis, verified } => rules.push(Rule {
                group: group.clone(),
                count: *count,
                expires_millis: *expires_millis,
                verified: *verified,
            }),
            // Judged by `hold`: nobody votes on them.
            Requirement::Window(_) | Requirement::Healthy { .. } => {}
            Requirement::Other { kind, .. } => {
                let message = format!(
                    "the environment `{name}` requires `{kind}`, which this version of Tidegate cannot check, so it denies"
                );
                return Err(Failure::denied(message));
            }
        }
    }
    Ok(rules)
}

/// Who may not vote on a change: whoever wrote or committed a part of it, and whoever started the run.
fn excluded(core: &Core, pinned: &Pinned) -> BTreeSet<String> {
    let event = &pinned.event;
    let own = [&event.commit.author, &event.commit.committer, &event.actor];
    own.into_iter().chain(&pinned.authors).flat_map(|name| core.settings.people.names(name)).collect()
}

/// Counts the votes of a run on a subject. Blocking.
pub(crate) fn judge(
    core: &Core,
    run: &RunId,
    pinned: &Pinned,
    subject: &Digest,
    rules: &[Rule],
) -> Result<Judgement, Failure> {
    let (seen, rows) = core.journal.reader()?.votes(run)?;
    let vote = |row: store::VoteRow| Vote {
        voter: row.voter,
        verdict: row.verdict,
        subject: row.subject,
        at: row.at,
        comment: row.comment,
        verified: row.verified,
    };
    let votes: Vec<Vote> = rows.into_iter().map(vote).collect();
    let (excluded, now) = (excluded(core, pinned), crate::now());
    let tally = |rule: &Rule| (rule.clone(), core.settings.people.tally(rule, subject, &votes, &excluded, now));
    let tallies: Vec<_> = rules.iter().map(tally).collect();
    let any = |standing: Standing| tallies.iter().any(|(_, tally)| tally.standing == standing);
    let standing = if any(Standing::Rejected) {
        Standing::Rejected
    } else if any(Standing::Pending) {
        Standing::Pending
    } else {
        Standing::Approved
    };
    Ok(Judgement { standing, tallies, seen })
}

/// Why a voter's vote under these rules would not count; `None` where it counts under at least one.
pub(crate) fn objection(core: &Core, pinned: &Pinned, voter: &str, rules: &[Rule]) -> Option<String> {
    let excluded = excluded(core, pinned);
    let mut why = None;
    for rule in rules {
        // Nobody has proven who they are to a command line.
        if rule.verified {
            why = Some(format!("the identity of `{voter}` is only asserted, and the rule says `verified: true`"));
            continue;
        }
        match core.settings.people.objection(voter, rule, &excluded) {
            None => return None,
            some => why = some,
        }
    }
    why
}

/// `2 approvals of group platform`.
pub(crate) fn in_words(rules: &[Rule]) -> String {
    let one = |rule: &Rule| {
        let plural = if rule.count == 1 { "approval" } else { "approvals" };
        let group = rule.group.as_ref().map(|group| format!(" of group {group}")).unwrap_or_default();
        format!("{} {plural}{group}", rule.count)
    };
    rules.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// What a write makes of a path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edited {
    /// Its content before, where there was one.
    pub(crate) before: Option<Digest>,
    /// Images that it names, and that no path of the write named before.
    pub(crate) images: BTreeSet<String>,
}

/// Judges a write as of now and of the newest vote. Errors: `denied`, naming the environment and what is missing; where only time
/// or another environment is, the attempt's book says what to wait for.
pub(crate) async fn judge_write(
    attempt: &Arc<Attempt>,
    (repository, branch): (&str, &str),
    edits: BTreeMap<String, Edited>,
) -> Result<Judged, Failure> {
    let judged = agreed(attempt, (repository, branch), edits.clone()).await?;
    let owners = judged
        .environments
        .iter()
        .filter_map(|name| attempt.core.settings.environments.iter().find(|environment| environment.name == *name));
    let owners: Vec<&Environment> = owners.collect();
    let mut holds = hold::closed(owners.iter().copied(), crate::now())?;
    for environment in owners {
        let own = edits.iter().filter(|(path, _)| environment.owns(repository, path));
        let images = own.flat_map(|(_, edited)| edited.images.iter().cloned()).collect();
        holds.extend(hold::unproven(&attempt.core, environment, &images).await?);
    }
    match holds.into_iter().next() {
        Some(hold) => Err(held(attempt, hold)),
        None => Ok(judged),
    }
}

/// Notes for the attempt what it is to wait for.
fn held(attempt: &Attempt, hold: Hold) -> Failure {
    let failure = hold.failure.clone();
    if let Ok(mut book) = attempt.book.lock() {
        book.held = Some(hold);
    }
    failure
}

/// Judges whether people agreed to a write.
async fn agreed(
    attempt: &Arc<Attempt>,
    (repository, branch): (&str, &str),
    edits: BTreeMap<String, Edited>,
) -> Result<Judged, Failure> {
    let (attempt, repository) = (attempt.clone(), repository.to_owned());
    let paths: Vec<String> = edits.keys().cloned().collect();
    // What was shown for one branch is not shown for another.
    let shown_as = {
        let place = format!("{repository}:{branch}:");
        move |path: &str| format!("{place}{path}")
    };
    aside(move || {
        let core = &attempt.core;
        let cleared = attempt.cleared.lock().map(|cleared| cleared.clone()).unwrap_or_default();
        let mut judged = Judged { subject: cleared.subject.clone(), ..Judged::default() };
        for environment in core.settings.owners(&repository, &paths) {
            let name = &environment.name;
            let rules = rules(environment, attempt.pinned.origin())?;
            judged.environments.push(name.clone());
            if rules.is_empty() {
                continue;
            }
            let surprise = paths.iter().find(|path| {
                environment.owns(&repository, path) && !cleared.paths.contains_key(&shown_as(path))
            });
            if let Some(path) = surprise {
                let message = format!(
                    "writing `{path}` of `{repository}` was not forecast, and the environment `{name}`, which owns it, requires {}",
                    in_words(&rules)
                );
                return Err(Failure::denied(message).hint("the plugin's `preview` must name every path that it will write"));
            }
            let moved = |path: &str, known: &Option<Digest>| edits.get(path).map(|edited| &edited.before) != Some(known);
            let changed = paths.iter().find(|path| {
                let forecast = cleared.paths.get(&shown_as(path));
                environment.owns(&repository, path) && forecast.is_some_and(|known| moved(path, known))
            });
            if let Some(path) = changed {
                let message = format!("`{path}` of `{repository}` was changed by somebody else after its change was approved");
                return Err(Failure::new(Blame::Upstream, "conflict", message)
                    .hint("run it again: people are asked about what it would change now"));
            }
            let approved = match &cleared.subject {
                Some(subject) => {
                    let judgement = judge(core, &attempt.run, &attempt.pinned, subject, &rules)?;
                    // Of the first look: a vote that came between two of them must not pass unseen.
                    judged.votes_seen.get_or_insert(judgement.seen);
                    judgement.standing == Standing::Approved
                }
                None => false,
            };
            if !approved {
                let message = format!("the environment `{name}` requires {}, which it does not have", in_words(&rules));
                return Err(Failure::denied(message));
            }
        }
        Ok(judged)
    })
    .await
}

/// Judges the start of a child of an attempt that changes environments, as of now and of the newest vote; answers how many votes
/// were seen. Errors: those of a write.
pub(crate) async fn judge_start(attempt: &Arc<Attempt>) -> Result<Option<i64>, Failure> {
    let cleared = attempt.cleared.lock().map(|cleared| cleared.clone()).unwrap_or_default();
    let Some(subject) = cleared.subject.filter(|_| !cleared.environments.is_empty()) else { return Ok(None) };
    let attempt = attempt.clone();
    aside(move || {
        // What was begun while it was time for it goes on: half of it is worse than either.
        if !hold::has_begun(&attempt) {
            let named = |environment: &&Environment| cleared.environments.contains(&environment.name);
            let environments = attempt.core.settings.environments.iter().filter(named);
            if let Some(hold) = hold::closed(environments, crate::now())?.into_iter().next() {
                return Err(held(&attempt, hold));
            }
        }
        let core = &attempt.core;
        if let Some(approved) = &cleared.tools
            && *approved != crate::execute::tools(&attempt)
        {
            let message = "a program of this step is another one than when it was approved";
            return Err(
                Failure::denied(message).hint("run the pipeline again: people are asked about what would run now")
            );
        }
        let mut seen = None;
        for name in &cleared.environments {
            let environment = core.settings.environments.iter().find(|environment| environment.name == *name);
            let environment = environment.ok_or_else(|| {
                Failure::denied(format!("the environment `{name}` is no longer in the configuration"))
            })?;
            let rules = rules(environment, attempt.pinned.origin())?;
            if rules.is_empty() {
                continue;
            }
            let judgement = judge(core, &attempt.run, &attempt.pinned, &subject, &rules)?;
            seen.get_or_insert(judgement.seen);
            if judgement.standing != Standing::Approved {
                let message = format!("the environment `{name}` requires {}, which it does not have", in_words(&rules));
                return Err(Failure::denied(message));
            }
        }
        Ok(seen)
    })
    .await
}

/// Stores what people are asked to vote on, so that `tidegate approve` can show it.
pub(crate) async fn present(attempt: &Attempt, subject: &Digest, what: Value) -> Result<(), Failure> {
    let what = attempt.core.vault.masked_json(&what);
    Ok(attempt.record(Entry { subjects: vec![(subject.clone(), what)], ..Entry::default() }).await?)
}

/// The newest subject of a step, with what it is about.
pub(crate) fn presented(core: &Core, run: &RunId, step: &StepKey) -> Result<Option<(Digest, Value)>, Failure> {
    let subjects = core.journal.reader()?.subjects(run)?;
    Ok(subjects.into_iter().rev().find(|(key, ..)| key == step).map(|(_, digest, what)| (digest, what)))
}

/// Rules of a presented subject: a gate's own, or those of its environments as the configuration has them now.
pub(crate) fn rules_of(core: &Core, what: &Value, pinned: &Pinned) -> Result<Vec<Rule>, Failure> {
    if let Some(names) = what.get("environments").and_then(Value::as_array).filter(|names| !names.is_empty()) {
        let mut all = Vec::new();
        for name in names.iter().filter_map(Value::as_str) {
            let environment = core.settings.environments.iter().find(|e| e.name == name).ok_or_else(|| {
                Failure::denied(format!("the environment `{name}` is no longer in the configuration"))
            })?;
            all.extend(rules(environment, pinned.origin())?);
        }
        return Ok(all);
    }
    let rules = what.get("rules").cloned().unwrap_or_else(|| json!([]));
    serde_json::from_value(rules).map_err(|e| Failure::internal(format!("the journal's rules cannot be read: {e}")))
}

/// `approval.read`: how the votes on this step's own subject stand.
pub(crate) async fn read(attempt: &Arc<Attempt>, wanted: approval::Requirement) -> Result<approval::Tally, Failure> {
    if wanted.count == 0 {
        return Err(Failure::invalid("a count of 0 approvals asks for nothing"));
    }
    let group = Some(wanted.group.clone()).filter(|group| !group.is_empty());
    if let Some(group) = &group
        && !attempt.core.settings.people.groups.contains_key(group)
    {
        let message = format!("the configuration has no group `{group}`");
        return Err(
            Failure::new(Blame::User, "invalid", message).hint("groups are under `spec.groups` in tidegate.yaml")
        );
    }
    let own = attempt.cleared.lock().ok().and_then(|cleared| cleared.subject.clone());
    let subject = own.ok_or_else(|| Failure::internal("this step has no subject"))?;
    if !wanted.subject.is_empty() && wanted.subject != subject.to_string() {
        return Ok(approval::Tally { state: "void".into(), missing: wanted.count, votes: vec![] });
    }
    let rule = Rule { group, count: wanted.count, expires_millis: None, verified: false };
    let what = json!({"kind": "gate", "rules": [rule], "dependants": attempt.dependants, "inputs": attempt.inputs});
    present(attempt, &subject, what).await?;
    let (inner, rules) = (attempt.clone(), vec![rule]);
    let judgement = aside(move || judge(&inner.core, &inner.run, &inner.pinned, &subject, &rules)).await?;
    let (rule, tally) = judgement.tallies.into_iter().next().ok_or_else(|| Failure::internal("no tally"))?;
    Ok(approval::Tally {
        state: match tally.standing {
            Standing::Approved => "approved",
            Standing::Rejected => "rejected",
            Standing::Pending => "pending",
        }
        .to_owned(),
        missing: rule.count.saturating_sub(u32::try_from(tally.have.len()).unwrap_or(u32::MAX)),
        votes: tally
            .votes
            .into_iter()
            .map(|(vote, why)| approval::Vote {
                voter: vote.voter,
                verdict: vote.verdict,
                at: vote.at.to_string(),
                counts: why.is_none(),
                comment: why.unwrap_or(vote.comment),
            })
            .collect(),
    })
}
