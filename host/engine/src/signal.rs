//! Which signals of a wait have fired.

use crate::core::Core;
use crate::pinned::Pinned;
use crate::voting;
use access::Standing;
use model::{Digest, Failure, RunId, StepKey, Timestamp};
use scheduler::{Signal, Wait};
use serde_json::{Value, json};

/// Whether time alone can end this wait soon.
pub(crate) fn has_timer(wait: &Wait) -> bool {
    wait.signals.iter().any(|signal| signal.kind == "timer")
}

/// What fired as of now, as the plugin is told. Blocking.
pub(crate) fn fired(
    core: &Core,
    run: &RunId,
    pinned: &Pinned,
    step: &StepKey,
    wait: &Wait,
) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    for signal in &wait.signals {
        if let Some(payload) = one(core, run, pinned, step, signal)? {
            let at = crate::now();
            found.push(json!({"kind": signal.kind, "subject": signal.subject, "condition": signal.condition,
                "at": at, "payload": payload}));
        }
    }
    Ok(found)
}

fn one(core: &Core, run: &RunId, pinned: &Pinned, step: &StepKey, signal: &Signal) -> Result<Option<Value>, Failure> {
    match signal.kind.as_str() {
        "timer" => {
            let at = signal.condition.get("at").and_then(Value::as_str).and_then(Timestamp::parse);
            Ok(at.filter(|at| *at <= crate::now()).map(|at| json!({"at": at})))
        }
        "approval" => {
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
        _ => Ok(None),
    }
}
