//! Why something did not happen, and whose doing it was.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose doing a failure is: who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Blame {
    /// Whoever wrote the pipeline, the configuration or the command line.
    User,
    /// The plugin's author.
    Plugin,
    /// Tidegate itself.
    Host,
    /// A server, a tool or a repository that Tidegate depends on.
    Upstream,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Plugin => "plugin",
            Self::Host => "host",
            Self::Upstream => "upstream",
        })
    }
}

/// A failure, as steps, host calls and runs report it. The same shape as `types.error` of the WIT package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Failure {
    /// Lower-case words joined by `-`; the set is open: `denied`, `not-found`, `invalid`, `moved`, `timed-out`…
    pub code: String,
    /// One sentence for a person: what failed, and why. No secret.
    pub message: String,
    /// Whose doing it is.
    pub blame: Blame,
    /// Whether the same call may succeed later with nothing changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// More for programs, a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl Failure {
    /// A failure that is not worth a retry.
    pub fn new(blame: Blame, code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), blame, retryable: false, hint: None, details: None }
    }

    /// What somebody asked for is not granted.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Blame::User, "denied", message)
    }

    /// The caller's input is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Blame::Plugin, "invalid", message)
    }

    /// A bug or a broken machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Blame::Host, "internal", message)
    }

    /// An upstream cannot be reached; the same call may succeed later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(Blame::Upstream, "unavailable", message) }
    }

    /// Adds what a person can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks it worth a retry.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Whether no grant or requirement allowed it.
    pub fn is_denied(&self) -> bool {
        self.code == "denied"
    }
}
