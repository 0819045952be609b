//! What a plain scalar stands for.

use crate::node::Kind;
use crate::number::{self, Dialect, Number};
use crate::timestamp;

/// The kind of an unquoted `text` without a tag, as go-yaml v3 resolves it: `yes` and `on` are text, `0777` is an
/// integer.
pub fn plain(text: &str) -> Kind {
    kind(text, Dialect::V3)
}

/// [`plain`] for either go-yaml. Bools of YAML 1.1 (`yes`) are version 2's alone.
pub fn kind(text: &str, dialect: Dialect) -> Kind {
    let Some(first) = text.bytes().next() else { return Kind::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' => signed(text, dialect),
        b'.' => dotted(text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text, dialect),
        _ => Kind::Str,
    }
}

fn signed(text: &str, dialect: Dialect) -> Kind {
    if matches!(text, "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF") {
        return Kind::Float;
    }
    if timestamp::normal(text).is_some() {
        return Kind::Timestamp;
    }
    match number::parse(text, dialect) {
        Some(Number::Float(_)) => Kind::Float,
        Some(_) => Kind::Int,
        None => Kind::Str,
    }
}

fn dotted(text: &str) -> Kind {
    let named = matches!(text, ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF");
    if named || number::dotted(text).is_some() { Kind::Float } else { Kind::Str }
}

fn word(text: &str, dialect: Dialect) -> Kind {
    match text {
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
        "~" | "null" | "Null" | "NULL" => Kind::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off"
        | "OFF"
            if dialect == Dialect::V2 =>
        {
            Kind::Bool
        }
        _ => Kind::Str,
    }
}
