//! `tidegate run` and whatever else drives a run here and now.

use crate::applications;
use crate::approve::about_lines;
use crate::args::{Host, Run};
use crate::exit::Exit;
use crate::open;
use crate::place::Place;
use crate::screen::{Colour, Screen};
use crate::select::select;
use crate::table::{columns, duration, shell_word, status};
use crate::watch::watch;
use engine::{Control, Created, Engine, NewRun, Pinned, Report};
use manifest::{HostConfig, Requirement};
use model::{Failure, Pipeline, RunId, RunStatus, StepKey};
use reconcile::Fleet;
use scheduler::{Outcome, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

pub async fn run(place: &Place<'_>, wanted: Run, screen: &Screen) -> Result<u8, Exit> {
    let engine = place.engine(screen)?;
    let _lock = place.lock(&engine)?;
    let (inner, words) = (engine.clone(), screen.clone());
    let wanted = Run { actor: Some(wanted.actor.unwrap_or_else(|| place.user())), ..wanted };
    let folder = place.folder()?;
    let selected = tokio::task::spawn_blocking(move || select(&inner, &wanted, &folder, &words)).await;
    let selected = selected.map_err(|e| Failure::internal(format!("a worker panicked: {e}")))??;
    let new = NewRun {
        pipeline: selected.pipeline,
        text: selected.text,
        event: selected.event,
        source: selected.source,
        files: selected.files,
        begun: None,
    };
    let created = engine.create(new).await?;
    drive_created(place, &engine, created, screen).await
}

/// Drives a new run, once those that it supersedes have come to their end.
pub async fn drive_created(place: &Place<'_>, engine: &Engine, created: Created, screen: &Screen) -> Result<u8, Exit> {
    for other in &created.superseded {
        match place {
            Place::Here(_) => drop(engine.drive(other, Control::default()).await?),
            Place::There(asked) => asked.daemon.drivers.ring(),
        }
    }
    drive(place, engine, &created.run, vec![], screen).await
}

/// Drives a run with a person watching, and prints how it stands.
pub async fn drive(
    place: &Place<'_>,
    engine: &Engine,
    id: &RunId,
    settled: Vec<(StepKey, Option<Outcome>)>,
    screen: &Screen,
) -> Result<u8, Exit> {
    let (watcher, notices) = mpsc::unbounded_channel();
    let (stopper, stops) = mpsc::channel(2);
    let shown = tokio::spawn(watch(screen.clone(), notices));
    let control = Control { watcher: Some(watcher), stops: Some(stops), settled, rest: None };
    let (driven, signals) = match place {
        Place::Here(host) => {
            // Kept as long as the run is driven; there is no daemon that would.
            let _kept = keep(host, engine, id, screen).await?;
            let signals = tokio::spawn(interrupts(stopper, screen.clone()));
            (engine.drive(id, control).await, signals)
        }
        Place::There(asked) => {
            let mut pressed = asked.interrupts.clone();
            let signals = tokio::spawn(async move {
                while pressed.changed().await.is_ok() {
                    let _ = stopper.send(Stop::Cancelled).await;
                }
                // A channel that closes ends nothing: the run is the daemon's.
                std::future::pending::<()>().await;
            });
            (asked.daemon.drivers.drive(id, control).await, signals)
        }
    };
    signals.abort();
    let _ = shown.await;
    let driven = driven.inspect_err(|_| screen.note(&format!("go on with: tidegate runs resume {id}")))?;
    let row = engine.find(id.as_str()).await?;
    let report = engine.report(&row).await?;
    show(&report, driven, screen);
    // What cannot be thrown away is no reason to say that the run went badly.
    if let Err(failure) = applications::collect_sometimes(engine, None).await {
        screen.note(&format!("warning: what is kept no longer could not be removed: {}", failure.message));
    }
    Ok(driven.exit_code())
}

/// Keeps the applications for which a run waits, where it has steps that do.
async fn keep(host: &Host, engine: &Engine, id: &RunId, screen: &Screen) -> Result<Option<Fleet>, Exit> {
    let row = engine.find(id.as_str()).await?;
    let pinned: Pinned = serde_json::from_value(row.run.pinned)
        .map_err(|e| Failure::internal(format!("the journal of run {id} cannot be read: {e}")))?;
    let open = !row.status.is_final();
    match open::read(host)?.host {
        Some(config) if open && !config.clusters.is_empty() && asks_applications(&pinned.pipeline, &config) => {
            Ok(Some(applications::keep_for_a_run(engine, &config, screen).await?))
        }
        _ => Ok(None),
    }
}

/// Whether a run asks how applications stand: a step of its own does, or what it writes comes into an environment that takes only
/// what is healthy in another one.
fn asks_applications(pipeline: &Pipeline, config: &HostConfig) -> bool {
    let mut required = config.environments.values().flat_map(|environment| &environment.requires);
    let proves = required.any(|requirement| matches!(requirement, Requirement::Healthy { .. }));
    let mut steps = pipeline.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.steps));
    steps.any(|step| match step.uses.split('/').next().unwrap_or_default() {
        "application" => true,
        // None of these writes to a repository.
        "exec" | "image" | "terraform" | "approval" => false,
        _ => proves,
    })
}

/// Ctrl-C cancels, and so does whoever ends this process or closes its terminal; the second one leaves at once, with the
/// journal able to go on.
async fn interrupts(stopper: mpsc::Sender<Stop>, screen: Screen) {
    let on = |kind| signal(kind).map_err(|e| screen.note(&format!("warning: a signal cannot be heard: {e}"))).ok();
    let (mut interrupt, mut terminate, mut hangup) =
        (on(SignalKind::interrupt()), on(SignalKind::terminate()), on(SignalKind::hangup()));
    let mut asked = false;
    loop {
        tokio::select! {
            Some(()) = heard(&mut interrupt) => {}
            Some(()) = heard(&mut terminate) => {}
            Some(()) = heard(&mut hangup) => {}
            else => return,
        }
        if asked {
            screen.note("left at once, with its children at work; `tidegate runs resume` ends what was cancelled");
            std::process::exit(130);
        }
        asked = true;
        screen.note("cancelling; press Ctrl-C again to leave at once");
        let _ = stopper.send(Stop::Cancelled).await;
    }
}

async fn heard(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => None,
    }
}

/// Prints a run: one JSON document, or the line that matters, a table, and what to do next.
pub fn show(report: &Report, standing: RunStatus, screen: &Screen) {
    if screen.json {
        screen.document(report);
        return;
    }
    screen.out(&format!(
        "{}  run {} of {}",
        status(screen, standing.as_str()),
        screen.paint(Colour::Bold, report.run.as_str()),
        report.pipeline
    ));
    let rows: Vec<Vec<String>> = report
        .list
        .iter()
        .map(|step| {
            let took = match (step.started, step.ended) {
                (Some(started), Some(ended)) => duration(ended.millis_since(started)),
                _ => String::new(),
            };
            let attempts = if step.attempts > 1 { format!("{} attempts", step.attempts) } else { String::new() };
            let more = match (&step.waiting, &step.error, &step.reason) {
                (Some(waiting), ..) => format!("for {}", waiting.what),
                (_, Some(error), _) => error.message.clone(),
                (.., Some(reason)) => reason.clone(),
                _ => String::new(),
            };
            let word = status(screen, step.status.as_str());
            vec![
                "  ".to_owned() + &step.key,
                word,
                took,
                [attempts, more].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" · "),
            ]
        })
        .collect();
    screen.out(&columns(&rows));
    for step in &report.list {
        if let Some(hint) = step.error.as_ref().and_then(|error| error.hint.as_ref()) {
            screen.out(&format!("  {} {}: {hint}", screen.paint(Colour::Cyan, "hint:"), step.key));
        }
        if let Some(waiting) = &step.waiting
            && let Some(digest) = &waiting.digest
        {
            let have = if waiting.have.is_empty() { "nobody yet".to_owned() } else { waiting.have.join(", ") };
            screen.out(&format!(
                "  {} needs {}; approved by {have}",
                step.key,
                waiting.needs.as_deref().unwrap_or(&waiting.what)
            ));
            if let Some(about) = &waiting.about {
                for line in about_lines(about, screen) {
                    screen.out(&format!("    {line}"));
                }
            }
            if !waiting.rejected_by.is_empty() {
                let by = waiting.rejected_by.join(", ");
                screen.out(&format!("    {} by {by}", screen.paint(Colour::Red, "rejected")));
                screen.out(&format!("    tidegate runs resume {}", report.run));
                continue;
            }
            let key = shell_word(&step.key);
            screen.out(&format!("    tidegate approve {} {key} --digest {digest} --as USER", report.run));
            screen.out(&format!("    tidegate runs resume {}", report.run));
        }
        // What waits for an hour goes on by a daemon, or by whoever comes back for it.
        if step.waiting.as_ref().is_some_and(|waiting| waiting.digest.is_none()) {
            screen.out(&format!("    tidegate runs resume {}", report.run));
        }
        if step.status.as_str() == "unknown" {
            let key = shell_word(&step.key);
            screen.out(&format!("    tidegate runs resume {} --settle {key}=done|failed|again", report.run));
        }
    }
}
