//! Fields of the host's configuration that a later version serves. Each is said here and nowhere else: once one is
//! served, its line goes. A field that nobody acts on must never look as if somebody did.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::yaml::{Key, Node};

/// Warns of every field below `spec` that is read, checked, and then of no effect.
pub(crate) fn warn(spec: &Node, sink: &mut Sink) {
    let mut later = |key: &Key, what: &str| {
        let message = format!("`{}` has no effect in this version: {what}", key.text);
        sink.push(Diagnostic::warning(code::NOT_BUILT, key.span.clone(), message));
    };
    for (key, value) in spec.entries().iter().filter(|(_, value)| !value.is_null()) {
        match key.text.as_str() {
            "listen" => later(key, "there is no daemon yet"),
            "repositories" => {
                for (key, _) in value.entries().iter().flat_map(|(_, repository)| repository.entries()) {
                    if key.text == "forge" {
                        later(key, "change requests of a forge are not read yet");
                    }
                }
            }
            _ => {}
        }
    }
}

/// Refuses a shared store: a host that quietly kept its own would run beside the others, not with them.
pub(crate) fn store(spec: &Node, sink: &mut Sink) {
    if let Some((key, _)) = spec.entries().iter().find(|(key, _)| key.text == "store") {
        let message = "PostgreSQL is not served by this version, so there is no shared store";
        let hint = "leave `store` out: the journal is then kept in the folder of `state`";
        sink.push(Diagnostic::error(code::NOT_BUILT, key.span.clone(), message).hint(hint));
    }
}
