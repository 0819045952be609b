//! YAML text to trees, as kustomize 5.5.0 reads it: go-yaml v3 below kyaml's reader of resources.
//!
//! Anchors, aliases and merge keys are resolved, comments are dropped. Nothing here knows what a field means.

mod block;
mod compose;
mod config;
mod cursor;
mod fields;
mod flow;
mod json;
mod merge_key;
mod plain;
mod property;
mod quoted;
pub mod resolve;
mod scanner;
mod stream;
mod tag;
mod token;

use thiserror::Error;

pub(crate) use compose::single;
pub use config::{config, is_string_unquoted, manifests};
pub(crate) use cursor::break_width;
pub use json::{json, json_tokens};
pub use stream::documents;

/// What a text may cost at most. Text beyond is an error, never a stack overflow or an exhausted memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Collections within collections.
    pub depth: usize,
    /// Scalars and collections of all documents together, after aliases are expanded.
    pub nodes: usize,
    /// Bytes of text, and of the scalars after aliases are expanded.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 200, nodes: 4_000_000, bytes: 256 << 20 }
    }
}

/// Why text is not YAML that kustomize takes. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ReadError {
    pub line: usize,
    pub column: usize,
    pub what: String,
}
