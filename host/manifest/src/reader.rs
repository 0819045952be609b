//! Typed reading of nodes: each function returns what it could read and tells the sink what it could not.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::nearest::suggestion;
use crate::yaml::{Key, Kind, Node};
use crate::{duration, glob};
use std::ops::RangeInclusive;

/// The fields of a mapping whose keys are known.
pub(crate) struct Fields<'a> {
    node: &'a Node,
}

impl<'a> Fields<'a> {
    /// The value of a key; an explicit null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key).filter(|n| !n.is_null())
    }

    /// The value of a key, also where it is an explicit null.
    pub(crate) fn get_or_null(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key)
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&self, key: &str, what: &str, sink: &mut Sink) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            let span = match self.node.get(key) {
                Some(null) => null.span.clone(),
                None => first_line_of(self.node),
            };
            sink.push(Diagnostic::error(code::MISSING_KEY, span, format!("{what} needs `{key}`")));
        }
        found
    }
}

/// A mapping's first key: a caret below a whole mapping says nothing.
fn first_line_of(node: &Node) -> std::ops::Range<usize> {
    node.entries().first().map_or(node.span.clone(), |(k, _)| k.span.clone())
}

pub(crate) fn wrong_type(node: &Node, what: &str, expected: &str) -> Diagnostic {
    let message = format!("{what} must be {expected}, not {}", node.noun());
    Diagnostic::error(code::WRONG_TYPE, first_line_of(node), message).label(format!("expected {expected}"))
}

/// A mapping with these keys and no others.
pub(crate) fn fields<'a>(node: &'a Node, what: &str, known: &[&str], sink: &mut Sink) -> Option<Fields<'a>> {
    for (key, _) in mapping(node, what, sink)? {
        if !known.contains(&key.text.as_str()) {
            unknown_key(key, what, known, sink);
        }
    }
    Some(Fields { node })
}

pub(crate) fn unknown_key(key: &Key, what: &str, known: &[&str], sink: &mut Sink) {
    let message = format!("{what} has no key `{}`", key.text);
    let hint = sink.hint(|| suggestion(&key.text, known.iter().copied()));
    sink.push(Diagnostic::error(code::UNKNOWN_KEY, key.span.clone(), message).label("unknown key").maybe_hint(hint));
}

/// A mapping with any keys.
pub(crate) fn mapping<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Option<&'a [(Key, Node)]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ => {
            sink.push(wrong_type(node, what, "a mapping"));
            None
        }
    }
}

pub(crate) fn text<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Option<&'a str> {
    match &node.kind {
        Kind::String(text) => Some(text),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
            sink.push(wrong_type(node, what, "text").hint("put it between quotes"));
            None
        }
        _ => {
            sink.push(wrong_type(node, what, "text"));
            None
        }
    }
}

pub(crate) fn boolean(node: &Node, what: &str, sink: &mut Sink) -> Option<bool> {
    match &node.kind {
        Kind::Bool(value) => Some(*value),
        Kind::String(text) => {
            let meant = match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => Some("true"),
                "no" | "off" | "n" | "false" => Some("false"),
                _ => None,
            };
            let hint = meant.map(|m| format!("in YAML 1.2 `{text}` is text; write `{m}`"));
            sink.push(wrong_type(node, what, "`true` or `false`").maybe_hint(hint));
            None
        }
        _ => {
            sink.push(wrong_type(node, what, "`true` or `false`"));
            None
        }
    }
}

pub(crate) fn integer(node: &Node, what: &str, range: RangeInclusive<i64>, sink: &mut Sink) -> Option<i64> {
    match node.kind {
        Kind::Int(value) if range.contains(&value) => Some(value),
        Kind::Int(value) => {
            let message = format!("{what} must be from {} to {}, not {value}", range.start(), range.end());
            sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message));
            None
        }
        _ => {
            sink.push(wrong_type(node, what, "a whole number"));
            None
        }
    }
}

/// A list; a single value is not taken for a list of one.
pub(crate) fn list<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Option<&'a [Node]> {
    match &node.kind {
        Kind::Seq(items) => Some(items),
        Kind::String(text) if !text.contains('\n') && text.len() < 80 => {
            sink.push(wrong_type(node, what, "a list").hint(format!("write `[{text}]`")));
            None
        }
        _ => {
            sink.push(wrong_type(node, what, "a list"));
            None
        }
    }
}

/// A list of texts; items that are none are left out and told.
pub(crate) fn texts(node: &Node, what: &str, sink: &mut Sink) -> Vec<String> {
    let items = list(node, what, sink).unwrap_or_default();
    items.iter().filter_map(|n| text(n, &format!("an item of {what}"), sink)).map(str::to_owned).collect()
}

/// A list of globs.
pub(crate) fn globs(node: &Node, what: &str, sink: &mut Sink) -> Vec<String> {
    let items = list(node, what, sink).unwrap_or_default();
    let mut found = Vec::new();
    for item in items {
        if let Some(text) = text(item, &format!("an item of {what}"), sink) {
            match glob::compile(text) {
                Ok(_) => found.push(text.to_owned()),
                Err(why) => {
                    let message = format!("`{text}` is not a glob: {why}");
                    sink.push(Diagnostic::error(code::BAD_GLOB, item.span.clone(), message));
                }
            }
        }
    }
    found
}

/// A duration in milliseconds.
pub(crate) fn millis(node: &Node, what: &str, sink: &mut Sink) -> Option<u64> {
    let bad = |message: String, hint: Option<String>| {
        Diagnostic::error(code::BAD_DURATION, node.span.clone(), message).maybe_hint(hint)
    };
    match &node.kind {
        Kind::String(text) => match duration::parse(text) {
            Ok(millis) => Some(millis),
            Err(why) => {
                sink.push(bad(why, Some("write it like `90s`, `10m`, `1h30m` or `500ms`".to_owned())));
                None
            }
        },
        Kind::Int(number) => {
            let hint = format!("write `{number}s` for seconds or `{number}m` for minutes");
            sink.push(bad(format!("{what} is a number without a unit"), Some(hint)));
            None
        }
        _ => {
            sink.push(wrong_type(node, what, "a duration such as `10m`"));
            None
        }
    }
}

/// One of some words.
pub(crate) fn word<'k>(node: &Node, what: &str, words: &[&'k str], sink: &mut Sink) -> Option<&'k str> {
    let written = text(node, what, sink)?;
    let found = words.iter().find(|w| **w == written).copied();
    if found.is_none() {
        let message = format!("{what} cannot be `{written}`");
        let hint = sink.hint(|| suggestion(written, words.iter().copied()));
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).maybe_hint(hint));
    }
    found
}

/// Whether this may be a name of the host's configuration or of an artifact: `[A-Za-z0-9][A-Za-z0-9_.-]*`.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// A name of the host's configuration.
pub(crate) fn check_name(key: &Key, what: &str, sink: &mut Sink) -> bool {
    let name = &key.text;
    let ok = is_name(name);
    if !ok {
        let message = format!("`{name}` cannot name {what}");
        sink.push(
            Diagnostic::error(code::BAD_NAME, key.span.clone(), message)
                .hint("a name begins with a letter or digit and goes on with letters, digits, `_`, `.` and `-`"),
        );
    }
    ok
}

/// Reads `apiVersion` and `kind`, then gives the fields of the document.
pub(crate) fn document<'a>(node: &'a Node, kind: &str, known: &[&str], sink: &mut Sink) -> Option<Fields<'a>> {
    let fields = fields(node, "the file", known, sink)?;
    if let Some(version) = fields.require("apiVersion", "the file", sink)
        && let Some(written) = text(version, "`apiVersion`", sink)
        && written != crate::API_VERSION
    {
        let message = format!("the apiVersion `{written}` is not served");
        let hint = format!("write `{}`", crate::API_VERSION);
        sink.push(Diagnostic::error(code::API_VERSION, version.span.clone(), message).hint(hint));
    }
    if let Some(found) = fields.require("kind", "the file", sink)
        && let Some(written) = text(found, "`kind`", sink)
        && written != kind
    {
        let message = format!("the kind is `{written}`, but `{kind}` is expected here");
        let hint = format!("write `{kind}`");
        sink.push(Diagnostic::error(code::KIND, found.span.clone(), message).hint(hint));
    }
    Some(fields)
}
