//! What environments require besides people's word: that it is time, and that another environment is healthy with what comes. A
//! step for which that is not so yet waits, as it does for people.

use crate::attempt::Attempt;
use crate::core::Core;
use access::{Environment, window};
use model::{Blame, Failure, Timestamp};
use scheduler::{Resumption, Run, Signal, StepState, Wait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The kinds of signals that only the host itself waits for.
const WINDOW: &str = "window";
const HEALTHY: &str = "healthy";
/// How long an environment is waited for: thirty days.
const PATIENCE: u64 = 30 * 24 * 3600 * 1000;
/// How long who keeps applications may take for an answer: whoever drives a run hears of its stops only in between.
const ANSWER: Duration = Duration::from_secs(5);

/// Why a step is held for now, and what lets it go on.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// What ends it.
    pub(crate) signal: Signal,
    /// What is waited for, in words.
    pub(crate) message: String,
    /// The same for whoever cannot wait.
    pub(crate) failure: Failure,
}

/// What a wait of the host itself remembers: until when, and the plugin's own wait where it had one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostWait {
    // Required, so that no memory of a plugin's own is taken for this one.
    tidegate_environment_until: Timestamp,
    own: Option<Resumption>,
}

/// What a step was called again with, as far as it was the host that waited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    /// When the host gives up; absent before its first wait.
    until: Option<Timestamp>,
    /// What the plugin is called again with.
    pub(crate) own: Option<Resumption>,
}

impl Patience {
    /// Takes a resumption apart.
    pub(crate) fn of(resumption: Option<Resumption>) -> Self {
        let Some(given) = resumption else { return Self::default() };
        match serde_json::from_str::<HostWait>(&given.memory) {
            Ok(host) => Self { until: Some(host.tidegate_environment_until), own: host.own },
            Err(_) => Self { until: None, own: Some(given) },
        }
    }

    /// A wait for any of these. Errors: `timed-out` where it has lasted too long.
    pub(crate) fn wait(&self, signals: Vec<Signal>, message: String) -> Result<Wait, Failure> {
        let now = crate::now();
        let deadline = self.until.unwrap_or_else(|| now.plus_millis(PATIENCE));
        if deadline <= now {
            return Err(Failure::new(Blame::User, "timed-out", format!("{message} did not come in time")));
        }
        let memory = HostWait { tidegate_environment_until: deadline, own: self.own.clone() };
        let memory = serde_json::to_string(&memory).unwrap_or_default();
        Ok(Wait { signals, deadline, memory, message: plugin::clean_line(&message, 512) })
    }
}

/// The environments whose windows are closed. Errors: `denied` where one is never open.
pub(crate) fn closed<'a>(
    environments: impl IntoIterator<Item = &'a Environment>,
    now: Timestamp,
) -> Result<Vec<Hold>, Failure> {
    let mut holds = Vec::new();
    for environment in environments {
        let Some(closed) = window::closed(&environment.windows(), now) else { continue };
        let name = &environment.name;
        let failure = Failure::denied(closed.sentence(name));
        let Some(at) = closed.until else {
            return Err(failure.hint(format!("an operator can change `environments.{name}.requires`")));
        };
        holds.push(Hold {
            signal: Signal { kind: WINDOW.into(), subject: name.clone(), condition: json!({"at": at}) },
            message: format!("the window of {name}, {}, which opens at {at}", closed.windows),
            failure: failure.hint("run it again then: `tidegate runs rerun RUN`"),
        });
    }
    Ok(holds)
}

/// The environments that must be healthy with images that come into another one, and are not. Errors: `denied` where nobody keeps
/// applications that could be.
pub(crate) async fn unproven(
    core: &Core,
    environment: &Environment,
    images: &BTreeSet<String>,
) -> Result<Vec<Hold>, Failure> {
    let (mut holds, asking) = (Vec::new(), &environment.name);
    let images: Vec<String> = images.iter().cloned().collect();
    if images.is_empty() {
        return Ok(holds);
    }
    for other in environment.follows() {
        let keeper = core.applications().map_err(|failure| {
            let message =
                format!("the environment `{asking}` takes images that are healthy in `{other}` alone: {failure}");
            Failure { hint: failure.hint.clone(), ..Failure::denied(message) }
        })?;
        let answer = tokio::time::timeout(ANSWER, keeper.unproven(asking, other, &images)).await;
        // Whether it is so is asked again, until it can be told.
        let missing = match answer.unwrap_or_else(|_| Err(Failure::unavailable("it takes too long to tell"))) {
            Ok(None) => continue,
            Ok(Some(missing)) => missing,
            Err(failure) => failure.message,
        };
        let message = format!("the environment `{asking}` takes images that are healthy in `{other}` alone: {missing}");
        holds.push(Hold {
            signal: Signal {
                kind: HEALTHY.into(),
                subject: other.to_owned(),
                condition: json!({"for": asking, "images": images}),
            },
            message: format!("{other} to be healthy with {}; when it was asked, {missing}", images.join(", ")),
            failure: Failure::denied(message).hint("run it again once it is: `tidegate runs rerun RUN`"),
        });
    }
    Ok(holds)
}

/// Whether an attempt has begun a child, or made a push of which nobody had written down that it took place. Blocking.
pub(crate) fn has_begun(attempt: &Attempt) -> bool {
    let done = attempt.book.lock().is_ok_and(|book| !book.found.is_empty() || !book.starts.is_empty());
    done || !attempt.children_on_disk().is_empty()
}

/// What holds a call of a plugin that ended without doing anything: it is called again once that is over. Blocking.
pub(crate) fn of_call(attempt: &Attempt) -> Option<Hold> {
    let hold = attempt.book.lock().ok()?.held.take()?;
    let pushed = attempt.book.lock().is_ok_and(|book| {
        let commit = |row: &store::EffectRow| row.outcome.as_ref().is_some_and(|outcome| outcome["commit"].is_string());
        book.unsure > 0 || book.outcomes.iter().any(commit)
    });
    // What it has done it would do a second time.
    (!pushed && !has_begun(attempt)).then_some(hold)
}

/// Whether whoever drives a run stays for it.
pub(crate) fn comes_by_itself(signal: &Signal) -> bool {
    signal.kind == HEALTHY
}

/// When time alone may change something for a run that rests: by what its steps wait for, and by the windows that hold them, as the
/// configuration has them now.
pub(crate) fn wake(core: &Core, machine: &Run) -> Option<Timestamp> {
    let now = crate::now();
    let opens = |wait: &Wait| {
        let windows = wait.signals.iter().filter(|signal| signal.kind == WINDOW);
        windows.filter_map(|signal| shut(core, signal, now).map_or(Some(now), |closed| closed.until)).min()
    };
    machine.steps().iter().filter_map(StepState::wait).filter_map(opens).chain(machine.next_wake()).min()
}

/// What is told of a signal of the host's own that has fired.
pub(crate) async fn fired(core: &Core, signal: &Signal) -> Option<Value> {
    match signal.kind.as_str() {
        WINDOW => shut(core, signal, crate::now()).is_none().then(|| json!({"state": "open"})),
        HEALTHY => {
            let condition = Proof::deserialize(&signal.condition).ok()?;
            // Where nobody can be asked any more the step is called to say so.
            let Ok(keeper) = core.applications() else { return Some(json!({"state": "unknown"})) };
            let answer = keeper.unproven(&condition.asking, &signal.subject, &condition.images);
            let missing = tokio::time::timeout(ANSWER, answer).await;
            matches!(missing, Ok(Ok(None))).then(|| json!({"state": "healthy"}))
        }
        _ => None,
    }
}

/// What keeps the windows of a signal's environment closed. One that is no longer configured has none.
fn shut(core: &Core, signal: &Signal, now: Timestamp) -> Option<window::Closed> {
    let environment = core.settings.environments.iter().find(|environment| environment.name == signal.subject)?;
    window::closed(&environment.windows(), now)
}

/// The condition of a wait for another environment.
#[derive(Deserialize)]
struct Proof {
    #[serde(rename = "for")]
    asking: String,
    images: Vec<String>,
}
