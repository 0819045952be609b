//! What is left of a tree after kustomize made JSON of it and read that back, as it does to apply a JSON patch.

use super::scalar_style;
use super::value::{self, Value};
use super::{WriteError, order};
use crate::node::{Kind, Mapping, Node, Scalar, Tag};
use crate::number;

/// The tree as go-yaml v3 reads what it wrote of Go's values: every number went through a 64-bit float, times are text,
/// quotes are only where they must be, and keys are sorted.
///
/// # Errors
/// See [`WriteError`].
pub fn round_trip(node: &Node) -> Result<Node, WriteError> {
    match node {
        Node::Scalar(scalar) => Ok(Node::Scalar(value(value::of(scalar)?))),
        Node::Sequence(items) => items.iter().map(round_trip).collect::<Result<Vec<_>, _>>().map(Node::Sequence),
        Node::Mapping(mapping) => {
            let mut fields = Mapping::with_capacity(mapping.len());
            for (key, value) in order::sorted(mapping, order::natural)? {
                fields.insert(key, round_trip(value)?);
            }
            Ok(Node::Mapping(fields))
        }
    }
}

fn value(value: Value<'_>) -> Scalar {
    match value {
        Value::Null => Scalar::null(),
        Value::Bool(value) => Scalar::bool(value),
        Value::Int(value) => Scalar::plain(number::shortest(value as f64)),
        Value::Uint(value) => Scalar::plain(number::shortest(value as f64)),
        Value::Float(value) => Scalar::plain(number::shortest(value)),
        Value::Text(text) => {
            let style = scalar_style::v3(&text);
            Scalar { text: text.into_owned(), kind: Kind::Str, style, tag: Tag::Set }
        }
    }
}
