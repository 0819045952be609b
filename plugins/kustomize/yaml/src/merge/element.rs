//! Items of lists found by the values of their keys, as kyaml's `ElementMatcher` and `ElementSetter` find them.
//!
//! An empty key stands for the item itself, in lists of plain values.

use super::MergeError;
use crate::node::Node;

/// The text of a scalar, a null's included; empty for anything else.
pub fn value_text(node: &Node) -> &str {
    node.as_scalar().map_or("", |scalar| scalar.text.as_str())
}

/// The values of `keys` in an item, empty where it lacks one.
pub fn values(item: &Node, keys: &[String]) -> Vec<String> {
    let value = |key: &String| item.get(key).filter(|value| !value.is_empty()).map(value_text).unwrap_or_default();
    keys.iter().map(|key| value(key).to_owned()).collect()
}

/// The place of the first item that has each key with its value.
pub fn position<'a>(items: impl IntoIterator<Item = &'a Node>, keys: &[String], values: &[String]) -> Option<usize> {
    let plain = keys.first().is_none_or(String::is_empty);
    items.into_iter().position(|item| {
        if plain {
            return Some(value_text(item)) == values.first().map(String::as_str);
        }
        let mut pairs = keys.iter().zip(values);
        item.as_mapping().is_some()
            && pairs.all(|(key, value)| item.get(key).is_some_and(|field| value_text(field) == value))
    })
}

/// What [`edit`] does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Null or `{}`: every edit drops it.
    Void,
    Other,
    Found,
}

/// How an item compares to keys and values, for an edit. With fewer values than keys, the last comparison stands for
/// the rest.
pub fn compare(item: &Node, keys: &[String], values: &[String]) -> Result<Match, MergeError> {
    let void = item.is_null() || item.as_mapping().is_some_and(|fields| fields.is_empty());
    if void {
        return Ok(Match::Void);
    }
    let by_field =
        keys.first().is_some_and(|key| !key.is_empty()) && values.first().is_some_and(|value| !value.is_empty());
    if item.as_mapping().is_none() && by_field {
        return Ok(Match::Other);
    }
    let mut found = false;
    for (at, key) in keys.iter().enumerate() {
        if let Some(value) = values.get(at) {
            found = matches(item, key, value)?;
        }
        if !found {
            return Ok(Match::Other);
        }
    }
    Ok(if found { Match::Found } else { Match::Other })
}

/// An empty value asks for the field alone.
fn matches(item: &Node, key: &str, value: &str) -> Result<bool, MergeError> {
    let wrong = Err(MergeError::Item { shape: item.shape() });
    match (item, key) {
        (Node::Scalar(scalar), "") => Ok(scalar.text == value),
        (_, "") | (Node::Scalar(_) | Node::Sequence(_), _) => wrong,
        (Node::Mapping(fields), _) => {
            Ok(fields.get(key).is_some_and(|field| value.is_empty() || value_text(field) == value))
        }
    }
}

/// Takes out the items that have each key with its value.
pub fn remove(items: &mut Vec<Node>, keys: &[String], values: &[String]) -> Result<(), MergeError> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        if compare(&item, keys, values)? == Match::Other {
            kept.push(item);
        }
    }
    *items = kept;
    Ok(())
}
