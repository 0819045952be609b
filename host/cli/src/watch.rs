//! Shows a run while it goes on: a spinner for each running step on a terminal, plain lines elsewhere.

use crate::screen::{Colour, Screen};
use crate::table::{duration, status};
use engine::Notice;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use model::StepStatus;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// Shows what comes until all senders are gone.
pub async fn watch(screen: Screen, mut notices: mpsc::UnboundedReceiver<Notice>) {
    // Where `indicatif` would draw nothing (it minds NO_COLOR too), lines are better than silence.
    let bars = screen.live.then(MultiProgress::new).filter(|bars| !bars.is_hidden());
    let mut running: HashMap<String, ProgressBar> = HashMap::new();
    let mut known: HashMap<String, StepStatus> = HashMap::new();
    let say = |text: String| match &bars {
        // Between the spinners, which are drawn again below.
        Some(bars) => {
            let _ = bars.println(screen.noted(&text));
        }
        None => screen.note(&text),
    };
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Step(step) => {
                let (key, now) = (step.key.to_string(), step.status());
                if known.insert(key.clone(), now) == Some(now) {
                    continue;
                }
                if let Some(bar) = running.remove(&key) {
                    bar.finish_and_clear();
                }
                match now {
                    StepStatus::Pending => {}
                    StepStatus::Running => match &bars {
                        Some(bars) => {
                            let bar = bars.add(ProgressBar::new_spinner());
                            let style = ProgressStyle::with_template("{spinner:.blue} {msg} {elapsed:.dim}");
                            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                            bar.set_message(screen.noted(&key));
                            bar.enable_steady_tick(Duration::from_millis(100));
                            running.insert(key, bar);
                        }
                        None => say(format!("{key}: running")),
                    },
                    _ => {
                        let took = match (step.started, step.ended) {
                            (Some(started), Some(ended)) => format!(" {}", duration(ended.millis_since(started))),
                            _ => String::new(),
                        };
                        let why = match (&step.error, step.wait(), &step.reason) {
                            (Some(error), ..) => format!(": {}", error.message),
                            (_, Some(wait), _) => format!(" for {}", wait.message),
                            (.., Some(reason)) => format!(": {reason}"),
                            _ => String::new(),
                        };
                        say(format!(
                            "{} {}{}{why}",
                            status(&screen, now.as_str()),
                            screen.paint(Colour::Bold, &key),
                            screen.paint(Colour::Dim, &took)
                        ));
                    }
                }
            }
            Notice::Line(line) if line.level == "debug" => {}
            Notice::Line(line) => {
                let text = match line.level.as_str() {
                    "warn" => screen.paint(Colour::Yellow, &line.line),
                    "error" => screen.paint(Colour::Red, &line.line),
                    _ => line.line,
                };
                say(format!("{} {text}", screen.paint(Colour::Dim, &format!("{} │", line.step))));
            }
            Notice::Group(step, title) => {
                say(format!(
                    "{} {}",
                    screen.paint(Colour::Dim, &format!("{step} │")),
                    screen.paint(Colour::Bold, &title)
                ));
            }
            Notice::EndGroup(_) => {}
            Notice::Progress { step, task, done, total, unit } => {
                if let Some(bar) = running.get(&step.to_string()) {
                    let of = if total > 0 { format!("/{total}") } else { String::new() };
                    bar.set_message(screen.noted(&format!("{step} · {task} {done}{of} {unit}")));
                }
            }
        }
    }
    for bar in running.into_values() {
        bar.finish_and_clear();
    }
}
