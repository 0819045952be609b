//! Holds a mapping to its table: unknown keys, shapes, and what is not honoured. It never decides what a value means.

use super::field::{Field, Need, Outcome, Shape};
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::reader::{self, unknown_key, wrong_type};
use crate::yaml::{Key, Kind, Node, Style};

/// The most items of one list: a thousand sources or rules is a mistake or an attack, and each costs.
pub(crate) const LONGEST: usize = 1000;

/// Holds a mapping to its table; `path` is how messages name it, empty for the document.
pub(crate) fn check(node: &Node, path: &str, keys: &'static [Field], sink: &mut Sink) {
    let what = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
    let Some(entries) = reader::mapping(node, &what, sink) else { return };
    for (key, value) in entries {
        match keys.iter().find(|field| field.key == key.text) {
            Some(field) if path.is_empty() => check_field(field, key, value, &key.text, sink),
            Some(field) => check_field(field, key, value, &format!("{path}.{}", key.text), sink),
            None => {
                let known: Vec<&str> = keys.iter().map(|field| field.key).collect();
                unknown_key(key, &what, &known, sink);
            }
        }
    }
    for field in keys.iter().filter(|field| field.need == Need::Required) {
        if node.get(field.key).is_none_or(Node::is_null) {
            let at = entries.first().map_or(node.span.clone(), |(key, _)| key.span.clone());
            let message = format!("{what} needs `{}`", field.key);
            sink.push(Diagnostic::error(code::MISSING_KEY, at, message));
        }
    }
}

fn check_field(field: &Field, key: &Key, value: &Node, path: &str, sink: &mut Sink) {
    match field.outcome {
        Outcome::Ignored => {}
        Outcome::Honoured => check_shape(field.shape, value, path, sink),
        // Servers write empty values for what nobody asked for.
        _ if is_empty(value) => {}
        Outcome::Warned(why) => {
            let message = format!("`{path}` has no effect: {why}");
            sink.push(Diagnostic::warning(code::NO_EFFECT, key.span.clone(), message));
        }
        Outcome::Refused(why) => refuse(key, path, why, sink),
    }
}

/// Refuses a document because of one of its fields.
pub(crate) fn refuse(key: &Key, path: &str, why: &str, sink: &mut Sink) {
    let message = format!("`{path}` is not honoured, and nothing is synced without it: {why}");
    sink.push(Diagnostic::error(code::NOT_HONOURED, key.span.clone(), message));
}

/// Whether a value asks for nothing: Go leaves out what is empty, and means the same by it.
fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Null | Kind::Bool(false) => true,
        Kind::String(text) => text.is_empty(),
        Kind::Seq(items) => items.is_empty(),
        Kind::Map(entries) => entries.iter().all(|(_, value)| is_empty(value)),
        _ => false,
    }
}

fn check_shape(shape: Shape, node: &Node, path: &str, sink: &mut Sink) {
    if node.is_null() {
        return;
    }
    let what = format!("`{path}`");
    match shape {
        Shape::Text => {
            reader::text(node, &what, sink);
        }
        Shape::Truth if truth(node).is_none() => {
            reader::boolean(node, &what, sink);
        }
        Shape::Whole if !matches!(node.kind, Kind::Int(_)) => {
            sink.push(wrong_type(node, &what, "a whole number"));
        }
        Shape::WholeOrText if !matches!(node.kind, Kind::Int(_) | Kind::String(_)) => {
            sink.push(wrong_type(node, &what, "a whole number"));
        }
        Shape::Texts => {
            for (index, item) in items(node, &what, sink).iter().enumerate() {
                reader::text(item, &format!("`{path}[{index}]`"), sink);
            }
        }
        Shape::TextMap => {
            let entries = reader::mapping(node, &what, sink).unwrap_or_default();
            // A null among texts is an empty one: Go reads it so.
            for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                reader::text(value, &format!("`{path}.{}`", key.text), sink);
            }
        }
        Shape::Object(keys) => check(node, path, keys, sink),
        Shape::Objects(keys) => {
            for (index, item) in items(node, &what, sink).iter().enumerate() {
                check(item, &format!("{path}[{index}]"), keys, sink);
            }
        }
        Shape::AnyMap => {
            reader::mapping(node, &what, sink);
        }
        Shape::Truth | Shape::Whole | Shape::WholeOrText | Shape::Anything => {}
    }
}

/// The items of a list that is not too long.
fn items<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> &'a [Node] {
    let items = reader::list(node, what, sink).unwrap_or_default();
    if items.len() > LONGEST {
        let message = format!("{what} has {} items; the most is {LONGEST}", items.len());
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message));
        return &[];
    }
    items
}

/// A boolean as Kubernetes' tools read it: unquoted `yes` and `on` are true in YAML 1.1, which they speak.
pub(crate) fn truth(node: &Node) -> Option<bool> {
    match &node.kind {
        Kind::Bool(value) => Some(*value),
        Kind::String(text) if node.style == Style::Plain => match text.as_str() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
