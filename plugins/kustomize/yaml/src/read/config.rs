//! YAML as `sigs.k8s.io/yaml` makes JSON of it: go-yaml v2, where `yes` is true and `0644` is 420. kustomize reads its
//! own files this way, kubectl reads manifests so.

use super::compose::{Budget, Composer, Repeated, Rules};
use super::stream::{bounded, stream};
use super::{Limits, ReadError};
use crate::node::{Kind, Mapping, Node, Scalar};
use crate::number::{self, Dialect, Number};
use crate::write::value_of;

/// The first document of a text, if it holds anything; what stands behind it is not read. Of a key that comes twice the
/// last value counts, keys are strings, and scalars are written as JSON writes them.
///
/// # Errors
/// Text that go-yaml refuses, keys and numbers that JSON lacks, or text beyond `limits`.
pub fn config(text: &str, limits: Limits) -> Result<Option<Node>, ReadError> {
    let mut budget = Budget::new(limits);
    let rules = Rules { dialect: Dialect::V2, repeated: Repeated::LastWins };
    let read = Composer::new(bounded(text, limits)?, &mut budget, rules).document()?;
    read.filter(|node| !node.is_null()).map(|node| jsonable(node, 1)).transpose()
}

/// Whether unquoted text is a string in this dialect. Text of several lines counts as one.
pub fn is_string_unquoted(text: &str) -> bool {
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    // No word of this dialect is longer than `false`.
    if text.len() > 5 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(simple) {
        return true;
    }
    if text.is_empty() || text.contains('\n') {
        return true;
    }
    match config(text, Limits::default()) {
        Ok(node) => node.is_some_and(|node| node.as_str().is_some()),
        Err(_) => true,
    }
}

/// All documents of a stream but the empty ones, each with the line that it begins in, counted from 1. As [`config`],
/// but a key that comes twice is an error.
///
/// # Errors
/// As [`config`], and anything but a comment behind `---`.
pub fn manifests(text: &str, limits: Limits) -> Result<Vec<(Node, usize)>, ReadError> {
    let rules = Rules { dialect: Dialect::V2, repeated: Repeated::Refused };
    let found = stream(text, limits, rules)?;
    found.into_iter().map(|(node, line)| Ok((jsonable(node, line)?, line))).collect()
}

fn jsonable(node: Node, line: usize) -> Result<Node, ReadError> {
    let error = |what: String| ReadError { line, column: 1, what };
    match node {
        Node::Scalar(scalar) => value(scalar).map(Node::Scalar).map_err(error),
        Node::Sequence(items) => {
            items.into_iter().map(|item| jsonable(item, line)).collect::<Result<Vec<_>, _>>().map(Node::Sequence)
        }
        Node::Mapping(fields) => {
            let mut converted = Mapping::with_capacity(fields.len());
            for (name, value) in fields {
                converted.insert(key(name).map_err(error)?, jsonable(value, line)?);
            }
            Ok(Node::Mapping(converted))
        }
    }
}

fn value(scalar: Scalar) -> Result<Scalar, String> {
    let Scalar { text, kind, style, tag } = scalar;
    match kind {
        Kind::Null => Ok(Scalar::null()),
        Kind::Bool => Ok(Scalar::bool(is_true(&text))),
        Kind::Str | Kind::Custom | Kind::Timestamp => Ok(Scalar { text, kind: Kind::Str, style, tag }),
        Kind::Int | Kind::Float | Kind::Binary => {
            let scalar = Scalar { text, kind, style, tag };
            let written = value_of(&scalar).map_err(|error| error.to_string())?;
            Ok(if kind == Kind::Binary { Scalar::string(written) } else { Scalar::plain(written) })
        }
    }
}

fn is_true(text: &str) -> bool {
    matches!(text.bytes().next(), Some(b'y' | b'Y' | b't' | b'T')) || text.eq_ignore_ascii_case("on")
}

/// A key that is no string becomes one, as JSON needs it.
fn key(key: Scalar) -> Result<String, String> {
    let read = match key.kind {
        Kind::Str | Kind::Custom => return Ok(key.text),
        Kind::Bool => return Ok(is_true(&key.text).to_string()),
        Kind::Binary => return value_of(&key).map_err(|error| error.to_string()),
        Kind::Int | Kind::Float => {
            number::parse(&key.text, Dialect::V2).or(number::dotted(&key.text).map(Number::Float))
        }
        Kind::Null | Kind::Timestamp => None,
    };
    match read {
        Some(Number::Int(value)) if key.kind == Kind::Int => Ok(value.to_string()),
        Some(Number::Int(value)) => Ok(number::shortest(value as f64)),
        Some(Number::Float(value)) => Ok(number::shortest_single(value)),
        Some(Number::Uint(_)) | None => Err(format!("unsupported map key `{}`", key.text)),
    }
}
