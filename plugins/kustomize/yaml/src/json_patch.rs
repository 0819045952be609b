//! JSON patches (RFC 6902) as kustomize applies them: through evanphx/json-patch 4.12, which adds where `replace` finds
//! no field and counts negative indices from the end.

use crate::node::Node;
use crate::read::{self, Limits, ReadError};
use crate::write::{self, WriteError};

mod bounds;
mod pointer;

use pointer::Place;

/// One step of a patch.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    Add { path: String, value: Node },
    Remove { path: String },
    Replace { path: String, value: Node },
    Move { from: String, path: String },
    Copy { from: String, path: String },
    Test { path: String, expected: Expected },
}

/// What a test compares with.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    Value(Node),
    /// Numbers, strings and words as a patch in JSON has them. Each must be written as Go writes the one that is there:
    /// `1.0` is not `1`, and `"<"` is not `"\u003c"`.
    Tokens(Node),
}

/// Why a patch is none, or does not fit its target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    #[error("not a JSON patch: {0}")]
    Form(String),
    #[error("not JSON: {0}")]
    Json(#[from] ReadError),
    #[error("{op} operation does not apply: doc is missing path: {path:?}")]
    Missing { op: &'static str, path: String },
    #[error("{op} operation does not apply: {path:?} is no index that the list has")]
    Index { op: &'static str, path: String },
    #[error("testing value {path} failed")]
    Test { path: String },
    #[error("replace operation value must be object or array")]
    Root,
    /// Copies that could fill any memory, and paths that could fill any stack.
    #[error("{op} operation does not apply: {what}")]
    Limit { op: &'static str, what: &'static str },
    #[error(transparent)]
    Value(#[from] WriteError),
}

/// Reads a patch: a list of operations, from YAML or JSON that was read before.
///
/// # Errors
/// Anything but a list of mappings with `op`, `path` and, where it moves or copies, `from`.
pub fn operations(patch: &Node) -> Result<Vec<Operation>, PatchError> {
    let steps = patch.as_sequence().ok_or_else(|| PatchError::Form(format!("a {}, not a list", patch.shape())))?;
    steps.iter().map(operation).collect()
}

/// Reads a patch that is written in JSON, which kustomize takes all patches for that begin with `[`.
///
/// # Errors
/// As for [`operations`], and text that is not JSON.
pub fn from_json(text: &str, limits: Limits) -> Result<Vec<Operation>, PatchError> {
    let mut operations = operations(&read::json(text, limits)?)?;
    let written = read::json_tokens(text, limits)?;
    for (operation, written) in operations.iter_mut().zip(written.as_sequence().unwrap_or_default()) {
        if let Operation::Test { expected, .. } = operation
            && let Some(value) = written.get("value")
        {
            *expected = Expected::Tokens(value.clone());
        }
    }
    Ok(operations)
}

fn operation(step: &Node) -> Result<Operation, PatchError> {
    if step.as_mapping().is_none() {
        return Err(PatchError::Form(format!("an operation is a {}", step.shape())));
    }
    let text = |name: &str| {
        let found = step.get(name).and_then(Node::as_str);
        found
            .map(str::to_owned)
            .ok_or_else(|| PatchError::Form(format!("an operation has no `{name}` that is a string")))
    };
    let value = || step.get("value").cloned().unwrap_or_else(Node::null);
    let op = text("op")?;
    let path = text("path")?;
    match op.as_str() {
        "add" => Ok(Operation::Add { path, value: value() }),
        "remove" => Ok(Operation::Remove { path }),
        "replace" => Ok(Operation::Replace { path, value: value() }),
        "move" => Ok(Operation::Move { from: text("from")?, path }),
        "copy" => Ok(Operation::Copy { from: text("from")?, path }),
        "test" => Ok(Operation::Test { path, expected: Expected::Value(value()) }),
        _ => Err(PatchError::Form(format!("unexpected kind of operation: {op}"))),
    }
}

/// Applies all operations or none. The target comes out as [`write::round_trip`] leaves it.
///
/// # Errors
/// A path that is not there, an index out of range, a test that fails.
pub fn apply(target: &mut Node, operations: &[Operation]) -> Result<(), PatchError> {
    let mut doc = write::round_trip(target)?;
    let mut budget = bounds::MAX_COPIED;
    for operation in operations {
        step(&mut doc, operation, &mut budget)?;
    }
    *target = doc;
    Ok(())
}

fn step(doc: &mut Node, operation: &Operation, budget: &mut usize) -> Result<(), PatchError> {
    match operation {
        Operation::Add { path, value } => Place::find(doc, path, "add")?.add(write::round_trip(value)?),
        Operation::Remove { path } => Place::find(doc, path, "remove")?.remove().map(drop),
        Operation::Replace { path, value } if path.is_empty() => {
            if value.as_scalar().is_some() {
                return Err(PatchError::Root);
            }
            *doc = write::round_trip(value)?;
            Ok(())
        }
        Operation::Replace { path, value } => Place::find(doc, path, "replace")?.set(write::round_trip(value)?),
        Operation::Move { from, path } => {
            let value = Place::find(doc, from, "move")?.remove()?;
            Place::find(doc, path, "move")?.add(value)
        }
        Operation::Copy { from, path } => {
            let value = match Place::find(doc, from, "copy")?.get()? {
                Some(value) => {
                    bounds::charge(value, budget)?;
                    value.clone()
                }
                None => Node::null(),
            };
            Place::find(doc, path, "copy")?.add(value)
        }
        Operation::Test { path, expected } => test(doc, path, expected),
    }
}

fn test(doc: &mut Node, path: &str, expected: &Expected) -> Result<(), PatchError> {
    let found = if path.is_empty() { Some(&*doc) } else { Place::find(doc, path, "test")?.get()? };
    let null = Node::null();
    let found = found.unwrap_or(&null);
    let same = match expected {
        Expected::Value(value) => write::json(found)? == write::json(&write::round_trip(value)?)?,
        Expected::Tokens(written) => is_written(found, written)?,
    };
    if same { Ok(()) } else { Err(PatchError::Test { path: path.to_owned() }) }
}

fn is_written(found: &Node, written: &Node) -> Result<bool, PatchError> {
    match (found, written) {
        (Node::Scalar(_), Node::Scalar(token)) => Ok(write::json(found)? == token.text),
        (Node::Sequence(found), Node::Sequence(written)) => {
            let mut same = found.len() == written.len();
            for (found, written) in found.iter().zip(written) {
                same = same && is_written(found, written)?;
            }
            Ok(same)
        }
        (Node::Mapping(found), Node::Mapping(written)) => {
            let mut same = found.len() == written.len();
            for (key, value) in written {
                same = same && found.get(&key.text).map_or(Ok(false), |found| is_written(found, value))?;
            }
            Ok(same)
        }
        _ => Ok(false),
    }
}
