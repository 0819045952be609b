//! What a server's answer means when it is no success, in words that never hold the data of a Secret.

use crate::destination::{Failure, FailureKind};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// What a request is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// What is done, such as `applying`.
    pub verb: &'static str,
    /// With what.
    pub what: &'a (dyn fmt::Display + Sync),
    /// Whether the server's words may hold what nobody must read.
    pub is_secret: bool,
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.what)
    }
}

/// A server's answer that is no success.
pub(super) struct Answer<'a> {
    /// Its HTTP status.
    pub code: u16,
    /// The header `Retry-After`: seconds, or a date, of which the first alone is in use among these servers.
    pub retry_after: Option<&'a str>,
    /// Its body: a `Status` of the API, or anything.
    pub body: &'a [u8],
}

/// Characters of a body that is no `Status`.
const EXCERPT: usize = 300;

const MISFITS: [&str; 2] = ["failed to create typed patch object", "failed to convert new object to proper version"];

/// What it means.
pub(super) fn of(answer: &Answer<'_>, about: About<'_>) -> Failure {
    let status: Value = serde_json::from_slice(answer.body).unwrap_or_default();
    let status = if status["kind"] == "Status" { status } else { Value::Null };
    let hinted = answer.retry_after.and_then(|text| text.trim().parse().ok());
    let retry_after = hinted.or_else(|| status["details"]["retryAfterSeconds"].as_u64().filter(|s| *s > 0));
    let retry_after = retry_after.map(Duration::from_secs);
    let kind = kind(answer.code, &status, retry_after.is_some());
    let said = match (status["message"].as_str().filter(|text| !text.is_empty()), about.is_secret) {
        (_, true) => without_values(&status),
        (Some(message), false) => message.to_owned(),
        (None, false) => String::from_utf8_lossy(answer.body).chars().take(EXCERPT).collect(),
    };
    let said = said.trim();
    let colon = if said.is_empty() { "" } else { ": " };
    let message = format!("{about}: the server answered {}{colon}{said}", answer.code);
    Failure { kind, message, retry_after }
}

fn kind(code: u16, status: &Value, is_hinted: bool) -> FailureKind {
    let has_cause = |reason: &str| causes(status).any(|cause| cause["reason"] == *reason);
    let message = status["message"].as_str().unwrap_or_default();
    match code {
        // A namespace that goes refuses what is new until it is gone.
        403 if has_cause("NamespaceTerminating") => FailureKind::Conflict,
        401 | 403 => FailureKind::Forbidden,
        // The name of something is told where that is what lacks; else it is the path itself.
        404 if status["details"]["name"].as_str().is_some_and(|name| !name.is_empty()) => FailureKind::Missing,
        404 | 405 => FailureKind::Unserved,
        409 => FailureKind::Conflict,
        429 => FailureKind::Busy,
        503 if is_hinted => FailureKind::Busy,
        // Servers before 1.21 answer so where an applied object does not fit its schema.
        500 if MISFITS.iter().any(|start| message.starts_with(start)) => FailureKind::Invalid,
        500.. => FailureKind::Unreachable,
        _ => FailureKind::Invalid,
    }
}

fn causes(status: &Value) -> impl Iterator<Item = &Value> {
    status["details"]["causes"].as_array().into_iter().flatten()
}

/// Reason and fields: messages quote values.
fn without_values(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes = causes(status).map(|cause| format!("{} {}", text(&cause["field"]), text(&cause["reason"])));
    let parts = [text(&status["reason"])].into_iter().chain(causes).map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A request that got no answer. Sources hold addresses and never content.
pub(super) fn unanswered(about: About<'_>, error: &dyn std::error::Error) -> Failure {
    let mut message = format!("{about}: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !message.contains(&text) {
            message += &format!(": {text}");
        }
        source = error.source();
    }
    Failure::new(FailureKind::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(code: u16, retry_after: Option<&str>, body: &Value, expected: &str) {
        let body = match body {
            Value::String(text) => text.clone(),
            status => status.to_string(),
        };
        let answer = Answer { code, retry_after, body: body.as_bytes() };
        let about = About { verb: "applying", what: &"ConfigMap shop/a", is_secret: false };
        let failure = of(&answer, about);
        let told = format!("{:?} {:?} {}", failure.kind, failure.retry_after, failure.message);
        assert_eq!(told, expected);
        let secret = of(&answer, About { is_secret: true, ..about });
        assert!(!secret.message.contains("hunter2"), "{}", secret.message);
    }

    fn status(message: &str, details: Value) -> Value {
        json!({"kind": "Status", "message": message, "reason": "R", "details": details})
    }

    #[test]
    fn answers() {
        let at = "applying ConfigMap shop/a: the server answered";
        check(429, Some("7"), &json!("slow down"), &format!("Busy Some(7s) {at} 429: slow down"));
        let hint = status("wait", json!({"retryAfterSeconds": 3}));
        check(503, None, &hint, &format!("Busy Some(3s) {at} 503: wait"));
        check(503, None, &json!(""), &format!("Unreachable None {at} 503"));
        let gone = status("namespaces \"shop\" not found", json!({"name": "shop", "kind": "namespaces"}));
        check(404, None, &gone, &format!("Missing None {at} 404: namespaces \"shop\" not found"));
        check(404, None, &json!("404 page not found"), &format!("Unserved None {at} 404: 404 page not found"));
        let ending = status("it ends", json!({"causes": [{"reason": "NamespaceTerminating"}]}));
        check(403, None, &ending, &format!("Conflict None {at} 403: it ends"));
        check(403, None, &status("no", json!({})), &format!("Forbidden None {at} 403: no"));
        check(500, None, &status("boom", json!({})), &format!("Unreachable None {at} 500: boom"));
        let schema = "failed to create typed patch object: .x: field not declared in schema";
        check(500, None, &status(schema, json!({})), &format!("Invalid None {at} 500: {schema}"));
        let causes = json!({"causes": [{"field": "data[a]", "reason": "FieldValueInvalid", "message": "hunter2"}]});
        check(422, None, &status("bad: hunter2", causes), &format!("Invalid None {at} 422: bad: hunter2"));
    }

    #[test]
    fn of_a_secret_only_reason_and_fields_are_told() {
        let body = status("bad: hunter2", json!({"causes": [{"field": "data[a]", "reason": "FieldValueInvalid"}]}));
        let about = About { verb: "applying", what: &"Secret shop/a", is_secret: true };
        let failure = of(&Answer { code: 422, retry_after: None, body: body.to_string().as_bytes() }, about);
        assert_eq!(failure.message, "applying Secret shop/a: the server answered 422: R, data[a] FieldValueInvalid");
    }
}
