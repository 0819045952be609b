//! How much a patch may make of a small target. Without bounds, a few copies of an object into itself would fill any
//! memory, and values below values any stack.

use super::PatchError;
use crate::node::Node;

/// How much all copies of a patch may take together, in bytes.
pub const MAX_COPIED: usize = 32 << 20;
/// How deep a path may lead, and how deep a value may be nested that is copied.
pub const MAX_DEPTH: usize = 128;

/// Takes what a copy of `value` needs from `budget`.
///
/// # Errors
/// Too little left, and values that are nested too deep.
pub fn charge(value: &Node, budget: &mut usize) -> Result<(), PatchError> {
    let limit = |what| PatchError::Limit { op: "copy", what };
    let weight = value.weight(MAX_DEPTH).ok_or(limit("a value that is nested too deep"))?;
    *budget = budget.checked_sub(weight).ok_or(limit("copies of more than 32 MiB"))?;
    Ok(())
}
