//! The signals of waits: which a plugin may wait for, and which of them have fired.

mod application;

use crate::attempt::Attempt;
use crate::core::{Core, aside};
use crate::hold;
use crate::pinned::Pinned;
use crate::voting;
use access::{Standing, permit};
use model::{Blame, Digest, Failure, RunId, StepKey, Timestamp};
use plugin::wit::step;
use scheduler::{Signal, Wait};
use serde_json::{Value, json};
use std::sync::Arc;

/// A year, the longest wait.
const LONGEST: u32 = 31_536_000;
/// Largest memory of a wait, in bytes.
const MEMORY: usize = 64 << 10;

/// A plugin's wait as it is kept. Errors: `invalid` or `too-large` for one that is none, `unsupported` for a kind of signal
/// that this host does not know, `denied` for what the plugin could not ask about itself.
pub(crate) fn accepted(attempt: &Attempt, wait: step::Wait) -> Result<Wait, Failure> {
    let wrong = |code: &str, why: String| {
        Failure::new(
            Blame::Plugin,
            code,
            format!("plugin `{}` waits in a way that this host cannot: {why}", attempt.plugin.plugin),
        )
    };
    if wait.signals.is_empty() || wait.signals.len() > 16 {
        return Err(wrong("invalid", format!("{} signals, where 1 to 16 are possible", wait.signals.len())));
    }
    if wait.memory.len() > MEMORY {
        return Err(wrong(
            "too-large",
            format!("a memory of {} bytes, where {MEMORY} are possible", wait.memory.len()),
        ));
    }
    let now = crate::now();
    let mut signals = Vec::new();
    for signal in wait.signals {
        let mut condition: Value = serde_json::from_str(&signal.condition)
            .map_err(|e| wrong("invalid", format!("a condition is no JSON: {e}")))?;
        let mut subject = signal.subject;
        match signal.kind.as_str() {
            "approval" => {
                let own = attempt.cleared.lock().ok().and_then(|cleared| cleared.subject.clone());
                if let (true, Some(own)) = (subject.is_empty(), own) {
                    subject = own.to_string();
                }
            }
            "application" => {
                // When it fires tells as much as asking would.
                permit::application(&attempt.grant, &subject)?;
                // One that is not understood would never fire, and nobody would know why.
                application::Condition::read(&condition).map_err(|why| wrong("invalid", why))?;
            }
            "timer" => {
                // A second at least: waiting for nothing is a loop.
                let seconds = condition.get("seconds").and_then(Value::as_u64).unwrap_or(0).max(1);
                condition = json!({"seconds": seconds, "at": now.plus_millis(seconds.saturating_mul(1000))});
            }
            other => {
                let kind = plugin::clean_line(other, 64);
                return Err(wrong("unsupported", format!("the signal kind `{kind}`")));
            }
        }
        signals.push(Signal { kind: signal.kind, subject, condition });
    }
    let deadline: Timestamp = now.plus_millis(u64::from(wait.deadline_seconds.clamp(1, LONGEST)) * 1000);
    Ok(Wait { signals, deadline, memory: wait.memory, message: plugin::clean_line(&wait.message, 512) })
}

/// Whether what this wait is for comes without a person, so that somebody who drives the run stays for it.
pub(crate) fn comes_by_itself(wait: &Wait) -> bool {
    let by_itself =
        |signal: &Signal| matches!(signal.kind.as_str(), "timer" | "application") || hold::comes_by_itself(signal);
    wait.signals.iter().any(by_itself)
}

/// What fired as of now, as the plugin is told.
pub(crate) async fn fired(
    core: &Arc<Core>,
    run: &RunId,
    pinned: &Arc<Pinned>,
    step: &StepKey,
    wait: &Wait,
) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    let mut applications = application::Looks::default();
    for signal in &wait.signals {
        let payload = match signal.kind.as_str() {
            "timer" => timer(signal),
            "application" => applications.fired(core.applications(), signal).await,
            "approval" => {
                let (core, run, pinned) = (core.clone(), run.clone(), pinned.clone());
                let (step, signal) = (step.clone(), signal.clone());
                aside(move || approval(&core, &run, &pinned, &step, &signal)).await?
            }
            _ => hold::fired(core, signal).await,
        };
        if let Some(payload) = payload {
            let at = crate::now();
            found.push(json!({"kind": signal.kind, "subject": signal.subject, "condition": signal.condition,
                "at": at, "payload": payload}));
        }
    }
    Ok(found)
}

fn timer(signal: &Signal) -> Option<Value> {
    let at = signal.condition.get("at").and_then(Value::as_str).and_then(Timestamp::parse);
    at.filter(|at| *at <= crate::now()).map(|at| json!({"at": at}))
}

/// Blocking.
fn approval(
    core: &Core,
    run: &RunId,
    pinned: &Pinned,
    step: &StepKey,
    signal: &Signal,
) -> Result<Option<Value>, Failure> {
    let Some((digest, what)) = voting::presented(core, run, step)? else { return Ok(None) };
    if Digest::parse(&signal.subject).ok().as_ref() != Some(&digest) {
        return Ok(None);
    }
    // Where the rules can no longer be met, the step is woken to say so.
    let rules = match voting::rules_of(core, &what, pinned) {
        Ok(rules) => rules,
        Err(failure) => return Ok(Some(json!({"error": failure.message}))),
    };
    let judgement = voting::judge(core, run, pinned, &digest, &rules)?;
    Ok(match judgement.standing {
        Standing::Approved => Some(json!({"state": "approved"})),
        Standing::Rejected => Some(json!({"state": "rejected"})),
        Standing::Pending => None,
    })
}
