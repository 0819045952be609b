//! Go's `encoding/json`.

use std::fmt::Write as _;

use super::value::{self, Value};
use super::{WriteError, order};
use crate::node::Node;
use crate::number;

pub fn append(node: &Node, out: &mut String) -> Result<(), WriteError> {
    match node {
        Node::Scalar(scalar) => append_value(value::of(scalar)?, out),
        Node::Sequence(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                append(item, out)?;
            }
            out.push(']');
            Ok(())
        }
        Node::Mapping(mapping) => {
            out.push('{');
            for (at, (key, value)) in order::sorted(mapping, str::cmp)?.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                string(key, out);
                out.push(':');
                append(value, out)?;
            }
            out.push('}');
            Ok(())
        }
    }
}

fn append_value(value: Value<'_>, out: &mut String) -> Result<(), WriteError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Uint(value) => out.push_str(&value.to_string()),
        Value::Float(value) => match number::json_float(value) {
            Some(text) => out.push_str(&text),
            None => return Err(WriteError::Number { text: value.to_string() }),
        },
        Value::Text(text) => string(&text, out),
    }
    Ok(())
}

/// A string in quotes.
pub fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, character) in text.char_indices() {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{C}' => "\\f",
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(short);
        if short.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        from = at + character.len_utf8();
    }
    out.push_str(&text[from..]);
    out.push('"');
}
