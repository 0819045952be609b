//! What to do with an attempt that a crash interrupted: reattach its children, else ask the plugin, else a person.

use crate::attempt::Attempt;
use crate::core::aside;
use crate::execute::{Manner, execute, invocation, request};
use jail::State;
use model::Failure;
use plugin::Receipt;
use plugin::wit::step::Finding;
use scheduler::{Outcome, Resumption};
use serde_json::Value;
use std::sync::Arc;

/// What an interrupted attempt left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces {
    /// Children that run or ended, with everything they wrote.
    pub(crate) children: usize,
    /// Children whose shim is gone too.
    pub(crate) lost: usize,
    /// Effects whose intent was written, and no outcome.
    pub(crate) open: usize,
}

/// What follows from the traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// Nothing was begun, or beginning again does no harm.
    Again,
    /// Run again with the files and children that are there: the same keys find the same children.
    Reattach,
    /// Only the plugin can tell.
    Probe,
}

/// Decides. A plugin that calls itself idempotent is simply run again, with its children where it has some.
pub(crate) fn course(traces: Traces, idempotent: bool) -> Course {
    match traces {
        Traces { lost: 0, children: 1.., open } if idempotent || open == 0 => Course::Reattach,
        _ if idempotent => Course::Again,
        Traces { lost: 0, children: 0, open: 0 } => Course::Again,
        _ => Course::Probe,
    }
}

pub(crate) async fn recover(attempt: Arc<Attempt>, resumption: Option<Resumption>) -> (Outcome, Option<Receipt>) {
    let inner = attempt.clone();
    let chosen = aside(move || {
        let chosen = course(traces(&inner)?, inner.plugin.idempotent);
        // Whoever begins anew or only asks must not have children at work behind its back.
        if chosen != Course::Reattach {
            inner.end_children();
        }
        Ok(chosen)
    })
    .await;
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(failure) => return (Outcome::Failed(failure), None),
    };
    match chosen {
        // A wait that ended goes on with the files it had.
        Course::Again if resumption.is_some() => execute(attempt, resumption, Manner::Continue).await,
        Course::Again => execute(attempt, resumption, Manner::Fresh).await,
        Course::Reattach => {
            attempt.log.write("info", "going on after an interruption, with the children that are there".into()).await;
            execute(attempt, resumption, Manner::Continue).await
        }
        Course::Probe => probe(attempt, resumption).await,
    }
}

fn traces(attempt: &Attempt) -> Result<Traces, Failure> {
    let mut found = Traces::default();
    for folder in attempt.children_on_disk() {
        match jail::attach(&folder) {
            Ok(Some(child)) if matches!(child.state(), Ok(State::Running | State::Ended(_))) => found.children += 1,
            // A folder without a child: the crash came before it began.
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => found.lost += 1,
        }
    }
    // Of children the folders tell, and more than their rows do.
    found.open = attempt.find_pushes()?;
    Ok(found)
}

async fn probe(attempt: Arc<Attempt>, resumption: Option<Resumption>) -> (Outcome, Option<Receipt>) {
    match ask(&attempt, resumption.clone()).await {
        (Answer::Done(outputs), receipt) => (Outcome::Succeeded(outputs), receipt),
        (Answer::Unknown(why), receipt) => (Outcome::Unknown(why), receipt),
        (Answer::NotDone, _) => execute(attempt, resumption, Manner::Fresh).await,
    }
}

/// What a plugin found of an interrupted attempt.
pub(crate) enum Answer {
    /// It took effect, with these outputs.
    Done(Value),
    /// It did not.
    NotDone,
    /// Nobody can tell, and why.
    Unknown(String),
}

/// Asks the plugin what became of an attempt. That the question fails, or that somebody stops it, says nothing about the
/// work.
pub(crate) async fn ask(attempt: &Arc<Attempt>, resumption: Option<Resumption>) -> (Answer, Option<Receipt>) {
    let unknown = |why: &str| Answer::Unknown(format!("whether the step took effect cannot be told: {why}"));
    let inner = attempt.clone();
    let plugin = match aside(move || inner.core.shelf.load(&inner.plugin)).await {
        Ok(plugin) => plugin,
        Err(failure) => return (unknown(&failure.message), None),
    };
    let mut stopping = attempt.stopping.clone();
    let asked = tokio::select! {
        asked = plugin.probe(invocation(attempt), request(attempt, resumption)) => asked,
        () = stopping.asked() => return (unknown("it was stopped while it was asked"), None),
    };
    let (finding, receipt) = asked;
    let answer = match finding {
        Ok(Finding::Done(text)) => match serde_json::from_str(&text) {
            Ok(outputs) => Answer::Done(outputs),
            Err(e) => Answer::Unknown(format!("the plugin found the work done, but its outputs are no JSON: {e}")),
        },
        Ok(Finding::NotDone) => Answer::NotDone,
        Ok(Finding::Unknown(why)) => Answer::Unknown(why),
        Err(failure) => unknown(&failure.message),
    };
    (answer, Some(receipt))
}

#[cfg(test)]
mod tests {
    use super::{Course, Traces, course};

    #[test]
    fn never_run_again_unasked_where_it_could_double_an_effect() {
        for lost in 0..2 {
            for children in 0..2 {
                for open in 0..2 {
                    let traces = Traces { children, lost, open };
                    let chosen = course(traces, false);
                    let sure = match chosen {
                        Course::Again => children + lost + open == 0,
                        Course::Reattach => lost == 0 && open == 0 && children > 0,
                        Course::Probe => true,
                    };
                    assert!(sure, "{traces:?} {chosen:?}");
                    assert_ne!(course(traces, true), Course::Probe, "idempotent steps are never asked");
                }
            }
        }
        assert_eq!(course(Traces::default(), false), Course::Again);
    }
}
