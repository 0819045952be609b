//! The data layer of a native `kustomize build`: a tree of YAML values, read as kustomize 5.5.0 reads it, written as
//! it writes it, and the merges between the two.
//!
//! Nothing here touches files, clocks or threads, and no input makes it panic: text and trees in, text and trees out.

pub mod json_patch;
pub mod merge;
pub mod node;
pub mod number;
pub mod read;
pub mod schema;
mod timestamp;
pub mod write;

pub use node::{Kind, Mapping, Node, Scalar, Style, Tag};
