//! Values of a mapping that has been held to its table. An empty text means an absent one, as in Go; what has the wrong
//! shape is absent too, since the check has told it.

use super::check::{LONGEST, truth};
use crate::yaml::{Key, Kind, Node};
use std::collections::BTreeMap;

/// A key with its value, where there is one that is not null.
pub(crate) fn entry<'a>(node: &'a Node, key: &str) -> Option<(&'a Key, &'a Node)> {
    node.entries().iter().find(|(k, value)| k.text == key && !value.is_null()).map(|(k, value)| (k, value))
}

/// A value that is not null.
pub(crate) fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    entry(node, key).map(|(_, value)| value)
}

/// A text that is not empty.
pub(crate) fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    value(node, key).and_then(Node::as_str).filter(|text| !text.is_empty())
}

/// The same as a value of its own.
pub(crate) fn owned(node: &Node, key: &str) -> Option<String> {
    text(node, key).map(str::to_owned)
}

/// Whether a boolean is there and true.
pub(crate) fn is_true(node: &Node, key: &str) -> bool {
    value(node, key).and_then(truth).unwrap_or(false)
}

/// A whole number.
pub(crate) fn whole(node: &Node, key: &str) -> Option<i64> {
    match value(node, key)?.kind {
        Kind::Int(number) => Some(number),
        _ => None,
    }
}

/// The items of a list; none of one that is too long, which has been told.
pub(crate) fn items<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).map(Node::items).filter(|items| items.len() <= LONGEST).unwrap_or_default()
}

/// The texts of a list.
pub(crate) fn texts(node: &Node, key: &str) -> Vec<String> {
    items(node, key).iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

/// A mapping of texts; a null is an empty one.
pub(crate) fn text_map(node: &Node, key: &str) -> BTreeMap<String, String> {
    let entries = value(node, key).map(Node::entries).unwrap_or_default();
    let text = |value: &Node| if value.is_null() { Some(String::new()) } else { value.as_str().map(str::to_owned) };
    entries.iter().filter_map(|(key, value)| Some((key.text.clone(), text(value)?))).collect()
}
