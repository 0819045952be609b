//! `tidegate apps rollback`: a commit that brings an application's files back to what they were when it was healthy. Git stays
//! the truth, syncing by itself stays on, and the bad commit stays in the history.

use super::Desk;
use crate::args::Rollback;
use crate::exit::Exit;
use crate::place::aside;
use crate::screen::{Colour, Screen};
use access::{Environment, Requirement, Rule};
use git::{Kind, Mirror, NewCommit};
use model::application::{Application, Content};
use model::{Blame, CommitId, Failure};
use planner::operation::Outcome;
use serde_json::json;
use std::collections::BTreeSet;
use store::Command;

/// Most files of one rollback.
const FILES: usize = 10_000;
/// The largest file that is brought back, in bytes.
const LARGEST: usize = 64 << 20;
/// How often the branch may move under it.
const RACES: u32 = 5;

/// What is to be brought back, and to where.
struct Plan {
    repository: String,
    branch: String,
    head: CommitId,
    target: CommitId,
    /// Each path with its content at the target, or that it was not there.
    files: Vec<(String, Option<Vec<u8>>)>,
}

impl Desk {
    /// 0 where it is committed, or there is nothing to bring back.
    pub(super) async fn rollback(&self, wanted: &Rollback, screen: &Screen) -> Result<u8, Exit> {
        let entry = self.find(&wanted.name)?;
        let application = entry.application.as_ref().map_err(Clone::clone)?.clone();
        let user = wanted.actor.clone().unwrap_or_else(|| self.user.clone());
        let healthy = Outcome::Healthy.to_string();
        let keeper = self.keeper(entry).await?;
        let (look, _) = keeper.look().await?;
        let (requirements, origins) = (keeper.requirements().clone(), look.wish.origins);
        let owning = aside(move || requirements.owning(&origins)).await?;
        let owning: Vec<Environment> = owning.into_iter().map(|owning| owning.environment).collect();
        let history = self.floor.books.history(&wanted.name)?;
        let healthy: Vec<String> = history
            .into_iter()
            .filter(|(_, _, past)| past.outcome == healthy)
            .map(|(_, _, past)| past.revision)
            .collect();
        for _ in 0..RACES {
            let (engine, config, application) = (self.engine.clone(), self.floor.config.clone(), application.clone());
            let (to, healthy, by, owning) = (wanted.to.clone(), healthy.clone(), user.clone(), owning.clone());
            let plan = aside(move || {
                let (repository, folder) = place(&application, &config)?;
                let mirror = engine.mirror(&repository)?;
                mirror.fetch().map_err(|e| e.failure())?;
                let plan = plan(&mirror, (repository, folder), &application, to.as_deref(), &healthy)?;
                permitted(&engine, owning, &plan, &by, &healthy)?;
                Ok((mirror, plan))
            });
            let (mirror, plan) = plan.await?;
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

/// The repository and the folder that an application's files are in.
fn place(application: &Application, config: &manifest::HostConfig) -> Result<(String, String), Failure> {
    let folders: Vec<_> =
        application.sources.iter().filter(|source| matches!(source.content, Content::Folder(_))).collect();
    let ([source], true) = (folders.as_slice(), application.sources.len() == 1) else {
        let message = format!(
            "`{}` has several sources, or none in Git: which of them to bring back nobody can say",
            application.name
        );
        return Err(Failure::new(Blame::User, "unsupported", message).hint("revert the commit with `git revert`"));
    };
    let Content::Folder(path) = &source.content else {
        return Err(Failure::internal("a folder that is none"));
    };
    let name = manifest::repository_of(&source.repository, config).ok_or_else(|| {
        let message = format!("its repository {} is not configured", manifest::without_secret(&source.repository));
        Failure::new(Blame::User, "not-found", message)
    })?;
    Ok((name.to_owned(), path.in_source().to_owned()))
}

fn plan(
    mirror: &Mirror,
    (repository, folder): (String, String),
    application: &Application,
    to: Option<&str>,
    healthy: &[String],
) -> Result<Plan, Failure> {
    let git = |e: git::Error| e.failure();
    let revision = application.sources.first().map(|source| source.revision.as_str()).unwrap_or("HEAD");
    let branch = match revision {
        "HEAD" => mirror.default_branch().map_err(git)?,
        name => mirror.branches().map_err(git)?.into_iter().map(|(branch, _)| branch).find(|branch| branch == name),
    };
    let branch = branch.ok_or_else(|| {
        let message = format!("`targetRevision: {revision}` is no branch, so no commit can move it");
        Failure::new(Blame::User, "unsupported", message).hint("set `targetRevision` to a healthy revision instead")
    })?;
    let missing = |what: &str| {
        Failure::new(Blame::User, "not-found", format!("the repository `{repository}` has no commit `{what}`"))
    };
    let head = mirror.resolve(&format!("refs/heads/{branch}")).map_err(git)?.ok_or_else(|| missing(&branch))?;
    let candidates: Vec<CommitId> = match to {
        Some(to) => vec![found(mirror, to, healthy)?.ok_or_else(|| missing(to))?],
        None => healthy.iter().map(|id| CommitId(id.clone())).filter(|id| mirror.commit(id).is_ok()).collect(),
    };
    if candidates.is_empty() {
        let message = format!("no sync of `{}` is known after which it was healthy", application.name);
        return Err(Failure::new(Blame::User, "not-found", message)
            .hint("name a revision with `--to`, or revert the commit with `git revert`"));
    }
    for target in &candidates {
        let paths = mirror.changed_paths(target, &head, FILES * 100).map_err(git)?;
        let inside =
            |path: &&String| folder.is_empty() || path.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'));
        let paths: Vec<&String> = paths.iter().filter(inside).collect();
        if paths.is_empty() && to.is_none() {
            continue;
        }
        if paths.len() > FILES {
            let message = format!("{} files differ; at most {FILES} are brought back by one commit", paths.len());
            return Err(Failure::new(Blame::User, "too-large", message).hint("revert the commit with `git revert`"));
        }
        let snapshot = mirror.snapshot(target, &git::Folders::default()).map_err(git)?;
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let content = match snapshot.look(path).map_err(git)? {
                None | Some((Kind::Directory, _)) => None,
                Some((Kind::File | Kind::Executable, _)) => mirror.read(target, path, LARGEST).map_err(git)?,
                Some(_) => {
                    let message = format!("`{path}` was a link or a submodule");
                    return Err(
                        Failure::new(Blame::User, "unsupported", message).hint("revert the commit with `git revert`")
                    );
                }
            };
            files.push((path.clone(), content));
        }
        let target = target.clone();
        return Ok(Plan { repository, branch, head, target, files });
    }
    let target = candidates.into_iter().next().unwrap_or_else(|| head.clone());
    Ok(Plan { repository, branch, head, target, files: Vec::new() })
}

/// A revision by its id, or by the beginning of one in the history.
fn found(mirror: &Mirror, to: &str, healthy: &[String]) -> Result<Option<CommitId>, Failure> {
    let known: BTreeSet<&String> = healthy.iter().filter(|id| to.len() >= 7 && id.starts_with(to)).collect();
    match known.first() {
        Some(id) if known.len() == 1 => Ok(Some(CommitId((*id).clone()))),
        _ => mirror.resolve(to).map_err(|e| e.failure()),
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

fn push(mirror: &Mirror, plan: &Plan, name: &str, user: &str, reason: Option<&str>) -> Result<CommitId, git::Error> {
    let mut transaction = mirror.begin(&plan.branch)?;
    if *transaction.head() != plan.head {
        let actual = Some(transaction.head().clone());
        return Err(git::Error::Moved { branch: plan.branch.clone(), expected: Some(plan.head.clone()), actual });
    }
    for (path, content) in &plan.files {
        match content {
            Some(content) => transaction.put(path, content.clone())?,
            None => transaction.remove(path)?,
        }
    }
    let body = match reason {
        Some(reason) => format!("{reason}\n\nIts files are as they were at {}, when it was healthy.", plan.target),
        None => format!("Its files are as they were at {}, when it was healthy.", plan.target),
    };
    transaction.push(NewCommit {
        subject: &format!("Roll {name} back to {}", plan.target.short()),
        body: &body,
        trailers: vec![("Tidegate-Rollback".to_owned(), name.to_owned()), ("Tidegate-By".to_owned(), user.to_owned())],
        name: "Tidegate",
        email: "tidegate@localhost",
        time: reconcile::now(),
    })
}

fn tell(name: &str, plan: &Plan, commit: Option<&CommitId>, screen: &Screen) -> u8 {
    let paths: Vec<&String> = plan.files.iter().map(|(path, _)| path).collect();
    if screen.json {
        screen.document(&json!({"name": name, "repository": plan.repository, "branch": plan.branch,
            "to": plan.target, "commit": commit, "paths": paths}));
        return 0;
    }
    let to = plan.target.short();
    match commit {
        _ if paths.is_empty() => screen.out(&format!("{name}: its files are as they were at {to} already")),
        Some(commit) => screen.out(&format!(
            "{name}: {} of `{}` has its files as they were at {}",
            screen.paint(Colour::Bold, commit.short()),
            plan.branch,
            screen.paint(Colour::Bold, to)
        )),
        None => screen.out(&format!("{name}: a commit to `{}` would bring its files back to {to}", plan.branch)),
    }
    for path in paths {
        screen.out(&format!("  {path}"));
    }
    0
}
