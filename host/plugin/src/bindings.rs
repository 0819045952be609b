//! The Rust side of the WIT package, generated. All interfaces of the package are imports of one world, so that every
//! one is linked and answered, if only by a refusal.

wasmtime::component::bindgen!({
    inline: "
        package tidegate:host;
        world host {
            include tidegate:plugin/common@0.1.0;
            include tidegate:plugin/reading@0.1.0;
            include tidegate:plugin/effects@0.1.0;
            export tidegate:plugin/plugin@0.1.0;
            export tidegate:plugin/step@0.1.0;
        }
    ",
    path: "../../wit",
    world: "tidegate:host/host",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
    with: {
        "tidegate:plugin/process.child": crate::state::ChildEntry,
        "tidegate:plugin/repository-write.transaction": crate::state::TransactionEntry,
    },
});

use crate::imports::{clean_line, clean_text};
use model::{Blame, Failure};
use tidegate::plugin::types::Error;

/// The longest message that crosses the boundary, in bytes (`types.error`).
const MESSAGE: usize = 4096;

/// The longest code, in bytes.
const CODE: usize = 128;

/// Cuts a text at a character boundary.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: cut(&failure.message, MESSAGE).to_owned(),
            retryable: failure.retryable,
            hint: failure.hint,
            details: failure.details.map(|details| details.to_string()),
        }
    }
}

impl From<Error> for Failure {
    /// What a plugin returned: its own doing unless it passes on a refusal or an upstream's failure.
    fn from(error: Error) -> Self {
        let blame = match error.code.as_str() {
            "denied" | "invalid" => Blame::User,
            "unavailable" | "rate-limited" => Blame::Upstream,
            "internal" => Blame::Host,
            _ => Blame::Plugin,
        };
        let details = error.details.and_then(|text| serde_json::from_str(&text).ok());
        // It is shown in terminals, and a plugin may have made it of what it read elsewhere.
        let message = clean_text(&error.message, MESSAGE);
        let hint = error.hint.map(|hint| clean_text(&hint, MESSAGE));
        Self { code: clean_line(&error.code, CODE), message, blame, retryable: error.retryable, hint, details }
    }
}
