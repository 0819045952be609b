//! Explicit tags: what `!!int` and its like make of a scalar.

use super::resolve;
use crate::node::{Kind, Scalar, Style, Tag};
use crate::number::{self, Dialect, Number};

const CORE: &str = "tag:yaml.org,2002:";

/// A scalar with the full name of its tag, `!` for "as if it were not tagged".
///
/// # Errors
/// Text that the tag does not allow.
pub fn tagged(tag: &str, text: String, style: Style, dialect: Dialect) -> Result<Scalar, String> {
    if tag == "!" {
        let kind = if style == Style::Plain { resolve::kind(&text, dialect) } else { Kind::Str };
        return Ok(Scalar { text, kind, style, tag: Tag::Set });
    }
    let name = tag.strip_prefix(CORE).or_else(|| tag.strip_prefix("!!")).unwrap_or("");
    let kind = match name {
        "str" => Kind::Str,
        "binary" => Kind::Binary,
        "null" => Kind::Null,
        "bool" => Kind::Bool,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "timestamp" => Kind::Timestamp,
        _ => Kind::Custom,
    };
    if !fits(kind, &text, dialect) {
        return Err(format!("cannot decode `{text}` as a !!{name}"));
    }
    // With such a tag, quotes do not make a string.
    let style = if matches!(kind, Kind::Str | Kind::Custom) { style } else { Style::Plain };
    Ok(Scalar { text, kind, style, tag: Tag::Set })
}

fn fits(kind: Kind, text: &str, dialect: Dialect) -> bool {
    match kind {
        Kind::Str | Kind::Binary | Kind::Custom => true,
        Kind::Int => !is_time(text) && resolve::kind(text, dialect) == Kind::Int,
        Kind::Float => match resolve::kind(text, dialect) {
            Kind::Float => true,
            Kind::Int => matches!(number::parse(text, dialect), Some(Number::Int(_))),
            _ => false,
        },
        Kind::Null | Kind::Bool | Kind::Timestamp => resolve::kind(text, dialect) == kind,
    }
}

fn is_time(text: &str) -> bool {
    crate::timestamp::normal(text).is_some()
}
