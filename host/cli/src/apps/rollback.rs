//! `tidegate apps rollback`: a commit that brings an application's files back to what they were when it was healthy. Git stays
//! the truth, syncing by itself stays on, and the bad commit stays in the history. What was gone back from is not gone back to.

mod choice;
mod commit;
mod plan;

use super::Desk;
use crate::args::Rollback;
use crate::exit::Exit;
use crate::place::aside;
use crate::screen::{Colour, Screen};
use access::{Environment, Requirement, Rule};
use commit::push;
use model::{Blame, CommitId, Failure};
use plan::{Past, Plan, listed};
use planner::operation::Outcome;
use serde_json::json;
use std::collections::BTreeSet;
use store::Command;

/// How often the branch may move under it.
const RACES: u32 = 5;

impl Desk {
    /// 0 where it is committed, or there is nothing to bring back.
    pub(super) async fn rollback(&self, wanted: &Rollback, screen: &Screen) -> Result<u8, Exit> {
        let entry = self.find(&wanted.name)?;
        let application = entry.application.as_ref().map_err(Clone::clone)?.clone();
        let user = wanted.actor.clone().unwrap_or_else(|| self.user.clone());
        let healthy = Outcome::Healthy.to_string();
        let keeper = self.keeper(entry).await?;
        let (look, _) = keeper.look().await?;
        let (requirements, origins) = (keeper.requirements().clone(), look.wish.origins.clone());
        let owning = aside(move || requirements.owning(&origins)).await?;
        let owning: Vec<Environment> = owning.into_iter().map(|owning| owning.environment).collect();
        let history = self.floor.books.history(&wanted.name)?;
        let healthy: Vec<String> = history
            .into_iter()
            .filter(|(_, _, past)| past.outcome == healthy)
            .map(|(_, _, past)| past.revision)
            .collect();
        let past = Past { healthy, rollbacks: self.floor.books.rollbacks(&wanted.name)? };
        for _ in 0..RACES {
            let (mirror, plan) = self.plan(&application, wanted.to.as_deref(), &past, &look.wish.origins).await?;
            let (engine, owning, by) = (self.engine.clone(), owning.clone(), user.clone());
            let healthy = past.healthy.clone();
            let plan = aside(move || permitted(&engine, owning, &plan, &by, &healthy).map(|()| plan)).await?;
            if plan.files.is_empty() || wanted.dry_run {
                return Ok(tell(&wanted.name, &plan, None, screen));
            }
            let (reason, name, by) = (wanted.reason.clone(), wanted.name.clone(), user.clone());
            let pushed = aside(move || {
                let commit = push(&mirror, &plan, &name, &by, reason.as_deref());
                Ok((commit, plan))
            });
            match pushed.await? {
                (Ok(commit), plan) => {
                    let rollback = store::Rollback {
                        repository: plan.repository.clone(),
                        commit: commit.to_string(),
                        target: plan.target.to_string(),
                        application: wanted.name.clone(),
                        actor: user,
                        at: reconcile::now(),
                    };
                    self.engine.journal().apply(Command::Rollback(rollback)).await.map_err(Failure::from)?;
                    if let Some(asked) = &self.asked {
                        asked.daemon.bell.send_modify(|count| *count += 1);
                        // It may have been fetched before it was written down whose doing it was.
                        asked.daemon.fleet.ring(Some(&wanted.name));
                    }
                    return Ok(tell(&wanted.name, &plan, Some(&commit), screen));
                }
                // Somebody was faster: the same again, on what is there now.
                (Err(git::Error::Moved { .. }), _) => {}
                (Err(error), _) => return Err(error.failure().into()),
            }
        }
        let message = format!("the branch moved {RACES} times while the rollback was made");
        Err(Failure::new(Blame::Upstream, "conflict", message).hint("try again").into())
    }
}

/// Back to what was healthy there takes one person of those who may approve, of each environment that owns the application or a path
/// that is written, and its windows to be open. Which other environment is healthy does not matter: this one was, with just that.
/// Whatever else it requires, and this build cannot check before a rollback, denies it.
fn permitted(
    engine: &engine::Engine,
    owning: Vec<Environment>,
    plan: &Plan,
    user: &str,
    healthy: &[String],
) -> Result<(), Failure> {
    let paths: Vec<String> = plan.files.iter().map(|(path, _)| path.clone()).collect();
    let settings = engine.settings();
    let mut asked = owning;
    for environment in settings.owners(&plan.repository, &paths) {
        if asked.iter().all(|known| known.name != environment.name) {
            asked.push(environment.clone());
        }
    }
    for environment in &asked {
        let name = &environment.name;
        if !environment.requires.is_empty() && !healthy.contains(&plan.target.to_string()) {
            let message = format!(
                "the environment `{name}` goes back to what was healthy there alone, and {} was not",
                plan.target.short()
            );
            return Err(Failure::denied(message).hint("promote it instead, with the approvals that takes"));
        }
        if let Some(closed) = access::window::closed(&environment.windows(), reconcile::now()) {
            let failure = Failure::denied(closed.sentence(name));
            return Err(failure.hint("an operator can change the environment's `requires` in tidegate.yaml"));
        }
        for requirement in &environment.requires {
            match requirement {
                // One was asked above; what was healthy here needs no other environment's word.
                Requirement::Window(_) | Requirement::Healthy { .. } => {}
                Requirement::Approval { verified: true, .. } => {
                    let message = format!(
                        "the environment `{name}` counts proven identities alone, and `{user}` is only asserted"
                    );
                    return Err(Failure::denied(message));
                }
                Requirement::Approval { group, expires_millis, .. } => {
                    let rule =
                        Rule { group: group.clone(), count: 1, expires_millis: *expires_millis, verified: false };
                    if let Some(why) = settings.people.objection(user, &rule, &BTreeSet::new()) {
                        let message =
                            format!("a rollback of the environment `{name}` takes one of those who may approve: {why}");
                        return Err(Failure::denied(message));
                    }
                }
                Requirement::Other { kind, .. } => {
                    let message = format!(
                        "the environment `{name}` requires `{kind}`, which this version cannot check before a rollback"
                    );
                    return Err(Failure::denied(message));
                }
            }
        }
    }
    Ok(())
}

fn tell(name: &str, plan: &Plan, commit: Option<&CommitId>, screen: &Screen) -> u8 {
    let paths: Vec<&String> = plan.files.iter().map(|(path, _)| path).collect();
    if screen.json {
        screen.document(&json!({"name": name, "repository": plan.repository, "branch": plan.branch,
            "to": plan.target, "commit": commit, "already": plan.already, "paths": paths,
            "outside": plan.outside}));
        return 0;
    }
    let to = plan.target.short();
    match (commit, &plan.already) {
        (_, Some(already)) => screen.out(&format!(
            "{name}: {} of `{}` has rolled it back to {to} already; `--to` names another revision",
            already.short(),
            plan.branch
        )),
        _ if paths.is_empty() => screen.out(&format!("{name}: its files are as they were at {to} already")),
        (Some(commit), None) => screen.out(&format!(
            "{name}: {} of `{}` has its files as they were at {}",
            screen.paint(Colour::Bold, commit.short()),
            plan.branch,
            screen.paint(Colour::Bold, to)
        )),
        (None, None) => {
            screen.out(&format!("{name}: a commit to `{}` would bring its files back to {to}", plan.branch))
        }
    }
    for path in paths {
        screen.out(&format!("  {path}"));
    }
    if !plan.outside.is_empty() {
        screen.note(&format!(
            "warning: only its folder is brought back. What it read outside of it at {to} is another by now, and stays so, since others may \
             rest on it: {}; `git revert` undoes the commit that changed it",
            listed(&plan.outside)
        ));
    }
    0
}
