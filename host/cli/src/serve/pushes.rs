//! From pushes to runs: each push that was written down is looked at once, each pipeline answers, and every answer is a row.

use super::daemon::Daemon;
use crate::place::aside;
use engine::NewRun;
use engine::Source;
use futures_util::future::join_all;
use model::{Blame, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::{Command, Push, Start};
use trigger::{Found, Planned};

/// How often it is looked though nobody rang: where the journal did not take an answer.
const POLL: Duration = Duration::from_secs(30);

/// Looks at pushes until the daemon leaves.
pub async fn serve(daemon: Arc<Daemon>) {
    let (mut bell, mut drain) = (daemon.pushed.subscribe(), daemon.drain.subscribe());
    while !*drain.borrow() {
        if let Err(failure) = all(&daemon).await {
            daemon.log.note(&format!("error: pushes cannot be looked at and are tried again: {failure}"));
        }
        tokio::select! {
            _ = drain.changed() => {}
            _ = bell.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Looks at what is there, each repository for itself: one that cannot be read delays no other. Error: the first one, where all
/// that could be done is done.
async fn all(daemon: &Arc<Daemon>) -> Result<(), Failure> {
    let engine = daemon.engine.clone();
    let pushes = aside(move || Ok(engine.reader()?.pushes()?)).await?;
    let mut groups: BTreeMap<String, Vec<Push>> = BTreeMap::new();
    for push in pushes {
        groups.entry(push.repository.clone()).or_default().push(push);
    }
    let each = groups.into_values().map(|pushes| of_repository(daemon, pushes));
    join_all(each).await.into_iter().collect()
}

/// Looks at the pushes of a repository, oldest first. Where one has to wait, the later ones of its branch wait with it: the newest
/// commit of a branch is to come last.
async fn of_repository(daemon: &Arc<Daemon>, pushes: Vec<Push>) -> Result<(), Failure> {
    let (mut stuck, mut first) = (BTreeSet::new(), Ok(()));
    for push in pushes {
        if *daemon.drain.borrow() {
            break;
        }
        if stuck.contains(&push.branch) {
            continue;
        }
        if let Err(failure) = settled(daemon, &push).await {
            let message = format!("the push to `{}` of {}: {}", push.branch, push.repository, failure.message);
            stuck.insert(push.branch);
            first = first.and(Err(Failure { message, ..failure }));
        }
    }
    first
}

/// Looks at a push, and forgets it once every pipeline has its answer. Error: it stays, and is looked at again.
async fn settled(daemon: &Arc<Daemon>, push: &Push) -> Result<(), Failure> {
    match one(daemon, push).await {
        Err(failure) if is_final(&failure) => note(daemon, start(push, ".tidegate", failure.message)).await?,
        other => other?,
    }
    daemon.engine.journal().apply(Command::Pushed(push.number)).await?;
    Ok(())
}

/// Whether it fails again however often it is tried: what somebody wrote is wrong. A full disk, a table of open files that is full,
/// a bug that the next version mends are no reason to lose a push.
fn is_final(failure: &Failure) -> bool {
    matches!(failure.blame, Blame::User | Blame::Plugin) && !failure.retryable
}

async fn one(daemon: &Arc<Daemon>, push: &Push) -> Result<(), Failure> {
    let (engine, of) = (daemon.engine.clone(), push.clone());
    let planned = aside(move || {
        let mirror = engine.mirror(&of.repository)?;
        trigger::planned(&mirror, &of, engine.shelf())
    });
    for Planned { pipeline, found } in planned.await? {
        match found {
            Found::Skip(why) => note(daemon, start(push, &pipeline, why)).await?,
            Found::Broken(why) => {
                daemon.log.note(&format!("error: `{pipeline}` of {} cannot be used: {why}", push.repository));
                note(daemon, start(push, &pipeline, format!("it cannot be used: {why}"))).await?;
            }
            Found::Start { pipeline: checked, text, event, why } => {
                let begun = start(push, &pipeline, why);
                let new = NewRun {
                    pipeline: *checked,
                    text,
                    event: *event,
                    source: Source::Commit,
                    files: Vec::new(),
                    begun: Some(begun),
                };
                match daemon.engine.create(new).await {
                    Ok(created) => {
                        let short = push.commit.get(..7).unwrap_or(&push.commit);
                        let of = format!("{} at {short} of {}", pipeline, push.repository);
                        daemon.log.note(&format!("run {} of {of}", created.run));
                        daemon.drivers.ring();
                    }
                    // It was begun before this process was.
                    Err(failure) if failure.code == "conflict" => {}
                    Err(failure) if !is_final(&failure) => return Err(failure),
                    Err(failure) => {
                        daemon.log.note(&format!("error: no run of `{pipeline}` of {}: {failure}", push.repository));
                        let why = format!("no run could be made: {}", failure.message);
                        note(daemon, start(push, &pipeline, why)).await?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn start(push: &Push, pipeline: &str, why: String) -> Start {
    Start {
        repository: push.repository.clone(),
        commit: push.commit.clone(),
        pipeline: pipeline.to_owned(),
        event: format!("push {}", push.branch),
        run: None,
        why,
        at: reconcile::now(),
    }
}

async fn note(daemon: &Daemon, start: Start) -> Result<(), Failure> {
    daemon.engine.journal().apply(Command::Start(start)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what somebody wrote is wrong for good.
    #[test]
    fn what_the_host_fails_at_is_tried_again() {
        for (blame, is) in [(Blame::User, true), (Blame::Plugin, true), (Blame::Host, false), (Blame::Upstream, false)]
        {
            assert_eq!(is_final(&Failure::new(blame, "any", "")), is, "{blame}");
        }
        let full = git_error();
        assert!(!is_final(&full), "{full:?}");
        assert!(!is_final(&Failure::new(Blame::User, "any", "").retryable()));
    }

    /// As of a process without any file descriptor left.
    fn git_error() -> Failure {
        let source = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
        git::Error::Io { doing: "open", path: "x".into(), source }.failure()
    }
}
