//! Makes errors that a person can act on. It never decides what a code means: that is the interface's.

use crate::Error;
use serde_json::{Map, Value};

impl Error {
    /// An error that the same call would meet again. `code` is one of the interface's, or one of the plugin's own;
    /// `message` is one sentence without secrets.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false, hint: None, details: None }
    }

    /// The caller's input is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid", message)
    }

    /// A mistake in the plugin itself. Not the code `internal`, which is a mistake in the host.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("bug", message)
    }

    /// Says that the same call may succeed later with nothing changed.
    #[must_use]
    pub fn retry(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Says what a person can do about it, in one sentence.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the input that is wrong, as a JSON pointer into the step's inputs: `/image`.
    #[must_use]
    pub fn with_field(self, pointer: &str) -> Self {
        self.with_detail("field", pointer)
    }

    /// Adds a fact for programs; a second one of the same key replaces the first.
    #[must_use]
    pub fn with_detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        let mut details: Map<String, Value> =
            self.details.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        details.insert(key.to_owned(), value.into());
        self.details = Some(Value::Object(details).to_string());
        self
    }

    /// Whether it is of that code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_plugins_mistake_is_not_the_hosts() {
        assert_eq!(Error::internal("oops").code, "bug");
    }
}
