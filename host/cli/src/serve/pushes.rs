//! From pushes to runs: each push that was written down is looked at once, each pipeline answers, and every answer is a row.

use super::daemon::Daemon;
use engine::NewRun;
use engine::Source;
use model::Failure;
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

async fn all(daemon: &Arc<Daemon>) -> Result<(), Failure> {
    let engine = daemon.engine.clone();
    let pushes = aside(move || Ok(engine.reader()?.pushes()?)).await?;
    for push in pushes {
        let number = push.number;
        match one(daemon, &push).await {
            Ok(()) => {}
            // Trying again would help; the row stays.
            Err(failure) if failure.retryable || failure.code == "unavailable" => return Err(failure),
            Err(failure) => note(daemon, start(&push, ".tidegate", failure.message)).await?,
        }
        daemon.engine.journal().apply(Command::Pushed(number)).await?;
    }
    Ok(())
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
                    Err(failure) if failure.retryable || failure.code == "unavailable" => return Err(failure),
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

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let answer = tokio::task::spawn_blocking(work).await;
    answer.unwrap_or_else(|e| Err(Failure::internal(format!("a worker panicked: {e}"))))
}
