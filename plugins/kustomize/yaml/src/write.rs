//! Trees to text: the YAML that `kustomize build` prints, and the JSON that it hashes.
//!
//! kustomize prints an object in three steps: go-yaml v3 writes it and reads it back, Go's `encoding/json` makes JSON
//! of it, and go-yaml v2 reads the JSON and writes YAML 1.1. What each step does to a value shows in what is printed,
//! and happens here in one.

mod emit;
mod json;
mod order;
mod round_trip;
mod scalar;
mod scalar_style;
mod shape;
mod value;

pub use round_trip::round_trip;
pub(crate) use value::text_of as value_of;

use crate::node::Node;

/// Why a tree cannot be printed: kustomize refuses it as well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// JSON has no such key. kustomize says `unsupported type: map[interface {}]interface {}`.
    #[error("key `{key}` is no string: write it in quotes")]
    Key { key: String },
    /// Text that the last of the three readers does not take for a key.
    #[error("key `{key}…` is longer than 1024 characters")]
    LongKey { key: String },
    #[error("`{text}` is no number that JSON has")]
    Number { text: String },
    /// Or a bool by its tag alone, after a value was put in its place.
    #[error("`{text}` is no bool")]
    Bool { text: String },
    #[error("`{text}` is no point in time that JSON has")]
    Time { text: String },
    #[error("!!binary value contains invalid base64 data")]
    Binary,
    /// kustomize writes no indentation hint for it and then cannot read it.
    #[error("`{text}` is a block of text that begins with a tab")]
    Tab { text: String },
    #[error("`{text}` has a control character that YAML does not allow")]
    Control { text: String },
    #[error("an object is a mapping, not a {shape}")]
    Shape { shape: &'static str },
}

/// Appends one object as `kustomize build` prints it: sorted keys, a line break at the end, no `---`.
///
/// # Errors
/// See [`WriteError`].
pub fn document(node: &Node, out: &mut String) -> Result<(), WriteError> {
    emit::document(node, out)
}

/// All objects with `---` between them.
///
/// # Errors
/// See [`WriteError`].
pub fn stream<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Result<String, WriteError> {
    let mut out = String::new();
    for (at, node) in nodes.into_iter().enumerate() {
        if at > 0 {
            out.push_str("---\n");
        }
        document(node, &mut out)?;
    }
    Ok(out)
}

/// As Go's `encoding/json` writes it: keys sorted by their bytes, no spaces, `<`, `>` and `&` escaped.
///
/// # Errors
/// See [`WriteError`].
pub fn json(node: &Node) -> Result<String, WriteError> {
    let mut out = String::new();
    json::append(node, &mut out)?;
    Ok(out)
}
