//! What a plain scalar stands for.

use crate::node::Kind;

/// The kind of an unquoted `text` without a tag.
pub fn plain(text: &str) -> Kind {
    let _ = text;
    Kind::Str
}
