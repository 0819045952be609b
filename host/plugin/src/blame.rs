//! Whose doing an error is that a plugin answers. A plugin cannot be asked: it would say that somebody else did it. So
//! the host remembers what it told the plugin, and only an error that is passed on as it was told keeps its blame.

use crate::bindings::cut;
use crate::bindings::tidegate::plugin::types::Error;
use crate::imports::{clean_line, clean_text};
use model::{Blame, Failure};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// The longest message that crosses the boundary, in bytes (`types.error`).
const MESSAGE: usize = 4096;
/// The longest code, in bytes.
const CODE: usize = 128;
/// The largest details, in bytes: they go into the journal with each attempt.
const DETAILS: usize = 64 << 10;
/// How many failures are remembered. A plugin that goes on after a failure passes on a late one, if any.
const REMEMBERED: usize = 16;

/// The last failures that a plugin was told, the oldest first, each once.
#[derive(Debug, Default)]
pub(crate) struct Told(VecDeque<(String, String, Blame)>);

impl Told {
    /// A failure as the plugin is told it.
    pub(crate) fn tell(&mut self, failure: Failure) -> Error {
        let blame = failure.blame;
        let error = Error {
            code: failure.code,
            message: cut(&failure.message, MESSAGE).to_owned(),
            retryable: failure.retryable,
            hint: failure.hint,
            details: failure.details.map(|details| details.to_string()),
        };
        self.0.retain(|(code, message, _)| (code, message) != (&error.code, &error.message));
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((error.code.clone(), error.message.clone(), blame));
        error
    }

    fn blame(&self, error: &Error) -> Option<Blame> {
        let told = self.0.iter().find(|(code, message, _)| (code, message) == (&error.code, &error.message));
        told.map(|(_, _, blame)| *blame)
    }

    /// What a plugin answered. `denied` and `internal` are words of the host, about its grants and its own bugs: one that
    /// the plugin was not told becomes `refused` or `bug`. `who` is the plugin and step, for refusals: they name a grant,
    /// and it must be clear whose.
    pub(crate) fn judge(&self, error: Error, who: &str) -> Failure {
        let told = self.blame(&error);
        let code = match (error.code.as_str(), told) {
            ("denied", None) => "refused".to_owned(),
            ("internal", None) => "bug".to_owned(),
            (code, _) => clean_line(code, CODE),
        };
        // It is shown in terminals, and a plugin may have made it of what it read elsewhere.
        let mut message = clean_text(&error.message, MESSAGE);
        if matches!(code.as_str(), "denied" | "refused") {
            message = format!("{who}: {message}");
        }
        Failure {
            // Nothing that was denied is granted a moment later.
            retryable: error.retryable && code != "denied",
            code,
            message,
            blame: told.unwrap_or_else(|| said(&error.code)),
            hint: error.hint.map(|hint| clean_text(&hint, MESSAGE)),
            details: error.details.and_then(|text| details(&text)),
        }
    }
}

/// Whose doing an error is that no host call led to: these words only say that somebody else has to act.
fn said(code: &str) -> Blame {
    match code {
        "invalid" | "exit-status" => Blame::User,
        "unavailable" | "rate-limited" => Blame::Upstream,
        _ => Blame::Plugin,
    }
}

/// The details of an error: a JSON object. Where they are too large, a note says so in their place.
fn details(text: &str) -> Option<Value> {
    if text.len() > DETAILS {
        let note = format!("the details are {} bytes and were dropped; at most {DETAILS} are kept", text.len());
        return Some(json!({ "note": note }));
    }
    serde_json::from_str(text).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::{Blame, Error, Failure, REMEMBERED, Told};
    use serde_json::json;

    const WHO: &str = "plugin `x`, step `y`";

    fn said(code: &str, message: &str) -> Error {
        Error { code: code.into(), message: message.into(), retryable: true, hint: None, details: None }
    }

    #[test]
    fn what_was_told_keeps_its_blame_and_what_was_not_is_the_plugins() {
        let mut told = Told::default();
        let passed_on = told.tell(Failure::denied("no grant"));
        let failure = told.judge(Error { retryable: true, ..passed_on }, WHO);
        assert_eq!((failure.blame, failure.code.as_str(), failure.retryable), (Blame::User, "denied", false));
        assert_eq!(failure.message, "plugin `x`, step `y`: no grant");
        let lied = told.judge(said("denied", "another grant"), WHO);
        assert_eq!((lied.blame, lied.code.as_str()), (Blame::Plugin, "refused"));
        // The message alone is not enough.
        assert_eq!(told.judge(said("internal", "no grant"), WHO).code, "bug");
        let broken = told.tell(Failure::internal("the host is broken"));
        let failure = told.judge(broken, WHO);
        assert_eq!((failure.blame, failure.code.as_str()), (Blame::Host, "internal"));
        for (code, blame) in [("unavailable", Blame::Upstream), ("exit-status", Blame::User), ("own", Blame::Plugin)] {
            assert_eq!(told.judge(said(code, "x"), WHO).blame, blame);
        }
    }

    #[test]
    fn the_last_failures_are_remembered_each_once() {
        let mut told = Told::default();
        told.tell(Failure::denied("first"));
        for _ in 0..100 {
            told.tell(Failure::denied("again"));
        }
        assert_eq!(told.judge(said("denied", "first"), WHO).code, "denied");
        for n in 0..REMEMBERED {
            told.tell(Failure::denied(n.to_string()));
        }
        assert_eq!(told.judge(said("denied", "first"), WHO).code, "refused");
        assert_eq!(told.judge(said("denied", "0"), WHO).code, "denied");
    }

    #[test]
    fn details_are_an_object_of_bounded_size() {
        let of =
            |details: String| Told::default().judge(Error { details: Some(details), ..said("own", "") }, WHO).details;
        let sized = |bytes: usize| json!({ "a": "x".repeat(bytes - 8) }).to_string();
        assert_eq!(of("{\"line\":3}".into()), Some(json!({"line": 3})));
        assert_eq!(of("[3]".into()), None);
        assert!(of(sized(65_536)).is_some_and(|kept| kept.get("a").is_some()));
        let note = "the details are 65537 bytes and were dropped; at most 65536 are kept";
        assert_eq!(of(sized(65_537)), Some(json!({ "note": note })));
    }
}
