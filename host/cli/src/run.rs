//! `tidegate run` and whatever else drives a run here and now.

use crate::approve::about_lines;
use crate::args::{Host, Run};
use crate::exit::Exit;
use crate::open;
use crate::screen::{Colour, Screen};
use crate::select::select;
use crate::table::{columns, duration, shell_word, status};
use crate::watch::watch;
use engine::{Control, Engine, NewRun, Report};
use model::{Failure, RunId, RunStatus, StepKey};
use scheduler::{Outcome, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

pub async fn run(host: &Host, wanted: Run, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let engine = open::engine(configuration, screen)?;
    let _lock = engine.lock()?;
    let (inner, words) = (engine.clone(), *screen);
    let selected = tokio::task::spawn_blocking(move || select(&inner, &wanted, &words)).await;
    let selected = selected.map_err(|e| Failure::internal(format!("a worker panicked: {e}")))??;
    let new = NewRun {
        pipeline: selected.pipeline,
        text: selected.text,
        event: selected.event,
        source: selected.source,
        files: selected.files,
    };
    let id = engine.create(new).await?;
    drive(&engine, &id, vec![], screen).await
}

/// Drives a run with a person watching, and prints how it stands.
pub async fn drive(
    engine: &Engine,
    id: &RunId,
    settled: Vec<(StepKey, Option<Outcome>)>,
    screen: &Screen,
) -> Result<u8, Exit> {
    let (watcher, notices) = mpsc::unbounded_channel();
    let (stopper, stops) = mpsc::channel(2);
    let shown = tokio::spawn(watch(*screen, notices));
    let (words, signals) = (*screen, tokio::spawn(interrupts(stopper, *screen)));
    let driven = engine.drive(id, Control { watcher: Some(watcher), stops: Some(stops), settled }).await;
    signals.abort();
    let _ = shown.await;
    let driven = driven.inspect_err(|_| words.note(&format!("go on with: tidegate runs resume {id}")))?;
    let row = engine.find(id.as_str()).await?;
    let report = engine.report(&row).await?;
    show(&report, driven, screen);
    // What cannot be thrown away is no reason to say that the run went badly.
    if let Err(failure) = engine.collect_sometimes().await {
        screen.note(&format!("warning: old artifacts could not be removed: {}", failure.message));
    }
    Ok(driven.exit_code())
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
        if step.status.as_str() == "unknown" {
            let key = shell_word(&step.key);
            screen.out(&format!("    tidegate runs resume {} --settle {key}=done|failed|again", report.run));
        }
    }
}
