//! What a plugin answers, bounded and cleaned before anybody keeps or shows it. Whether it makes sense for the run, the
//! engine decides.

use crate::bindings::renderers::exports::tidegate::plugin::renderer;
use crate::bindings::steps::exports::tidegate::plugin::step;
use crate::imports::{clean_line, clean_text, too_large};
use model::{Blame, Failure};

/// The longest answer of a plugin, in bytes (`types.json`).
const ANSWER: usize = 1 << 20;
/// The longest body of a forecast, in bytes.
const BODY: usize = 256 << 10;
/// The longest line of a forecast, or reason, in bytes.
const LINE: usize = 16 << 10;
/// Most effects of a forecast: a person is to read them, and the subject of an approval holds them all.
const EFFECTS: usize = 1_000;
/// The largest rendering, in bytes (`renderer.rendering`).
const MANIFESTS: usize = 32 << 20;
/// Most warnings of a rendering that are kept.
const WARNINGS: usize = 100;
/// The longest kind of a signal, in bytes.
const KIND: usize = 128;
/// The longest subject of a signal, in bytes: it is a key of the journal.
const SUBJECT: usize = 4 << 10;
/// The longest condition of a signal, in bytes.
const CONDITION: usize = 64 << 10;

/// The outcome of `run`. Error: `too-large`.
pub(crate) fn outcome(mut outcome: step::Outcome) -> Result<step::Outcome, Failure> {
    match &mut outcome {
        step::Outcome::Succeeded(json) | step::Outcome::Unchanged(json) => outputs(json)?,
        step::Outcome::Skipped(reason) => *reason = clean_line(reason, LINE),
        step::Outcome::Waiting(wait) => {
            for signal in &mut wait.signals {
                within("the subject of a signal", signal.subject.len(), SUBJECT)?;
                within("the condition of a signal", signal.condition.len(), CONDITION)?;
                signal.kind = clean_line(&signal.kind, KIND);
            }
        }
    }
    Ok(outcome)
}

/// The forecast of `preview`. Error: `too-large`.
pub(crate) fn forecast(mut forecast: step::Forecast) -> Result<step::Forecast, Failure> {
    within("the body of its forecast", forecast.body.len(), BODY)?;
    if forecast.effects.len() > EFFECTS {
        let message = format!("its forecast has {} effects; at most {EFFECTS} are allowed", forecast.effects.len());
        return Err(Failure::new(Blame::Plugin, "too-large", message));
    }
    forecast.body = clean_text(&forecast.body, BODY);
    for effect in &mut forecast.effects {
        for text in [&mut effect.kind, &mut effect.subject, &mut effect.summary] {
            *text = clean_line(text, LINE);
        }
    }
    Ok(forecast)
}

/// The finding of `probe`. Error: `too-large`.
pub(crate) fn finding(mut finding: step::Finding) -> Result<step::Finding, Failure> {
    match &mut finding {
        step::Finding::Done(json) => outputs(json)?,
        step::Finding::Unknown(reason) => *reason = clean_line(reason, LINE),
        step::Finding::NotDone => {}
    }
    Ok(finding)
}

/// The rendering of `render`: its warnings are shown, its manifests are read as YAML and never as they are. Error:
/// `too-large`.
pub(crate) fn rendering(mut rendering: renderer::Rendering) -> Result<renderer::Rendering, Failure> {
    within("what it rendered", rendering.manifests.len(), MANIFESTS)?;
    let left_out = rendering.warnings.len().saturating_sub(WARNINGS);
    rendering.warnings.truncate(WARNINGS);
    for warning in &mut rendering.warnings {
        *warning = clean_line(warning, LINE);
    }
    if left_out > 0 {
        rendering.warnings.push(format!("and {left_out} more warnings"));
    }
    Ok(rendering)
}

fn outputs(json: &str) -> Result<(), Failure> {
    if json.len() <= ANSWER {
        return Ok(());
    }
    let message = format!("its outputs are {} bytes; at most {ANSWER} are kept, store an artifact instead", json.len());
    Err(Failure::new(Blame::Plugin, "too-large", message))
}

fn within(what: &str, size: usize, limit: usize) -> Result<(), Failure> {
    if size > limit { Err(too_large(what, size, limit)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{forecast, outcome, step};
    use model::Failure;

    fn waiting(kind: &str, subject: usize, condition: usize) -> Result<step::Outcome, Failure> {
        let (subject, condition) = ("s".repeat(subject), "c".repeat(condition));
        let signals = vec![step::Signal { kind: kind.to_owned(), subject, condition }];
        let (memory, message) = (String::new(), String::new());
        outcome(step::Outcome::Waiting(step::Wait { signals, deadline_seconds: 1, memory, message }))
    }

    #[test]
    fn signals_are_bounded_and_their_kind_is_clean() {
        let Ok(step::Outcome::Waiting(wait)) = waiting("ti\u{1b}[2Jmer", 4 << 10, 64 << 10) else {
            panic!("it is within the limits")
        };
        assert_eq!(wait.signals[0].kind, "timer");
        let long = waiting("timer", (4 << 10) + 1, 2).expect_err("too long");
        assert_eq!(long.message, "the subject of a signal is 4097 bytes; at most 4096 are allowed");
        let long = waiting("timer", 0, (64 << 10) + 1).expect_err("too long");
        assert_eq!(long.message, "the condition of a signal is 65537 bytes; at most 65536 are allowed");
    }

    #[test]
    fn a_forecast_has_a_thousand_effects_at_most() {
        let of = |count| {
            let effect = step::Effect { kind: "a".into(), subject: "b".into(), summary: "c\u{1b}[2J".into() };
            forecast(step::Forecast { effects: vec![effect; count], body: String::new() })
        };
        assert_eq!(of(1_000).expect("as many as are allowed").effects[999].summary, "c");
        assert_eq!(of(1_001).expect_err("one too many").code, "too-large");
    }
}
