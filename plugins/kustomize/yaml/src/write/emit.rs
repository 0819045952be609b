//! go-yaml v2's block style: two spaces for a mapping, none for a list in a mapping.

use std::borrow::Cow;

use super::scalar::{self, Fold};
use super::value::{self, Value};
use super::{WriteError, json, order, scalar_style, shape};
use crate::node::{Node, Scalar, Style};
use crate::number::{self, Dialect};
use crate::read;

/// Beyond, a key stands behind `?` on a line of its own. In bytes.
const SIMPLE_KEY: usize = 128;

/// Beyond, a key is none to the reader of JSON. In characters, with quotes and escapes.
const JSON_KEY: usize = 1024;

pub fn document(node: &Node, out: &mut String) -> Result<(), WriteError> {
    let Node::Mapping(mapping) = node else { return Err(WriteError::Shape { shape: node.shape() }) };
    let mut emitter = Emitter { out };
    if mapping.is_empty() {
        emitter.out.push_str("{}\n");
        return Ok(());
    }
    emitter.fields(node, 0, Start::Here)?;
    emitter.end_line();
    Ok(())
}

/// Where the first entry of a collection goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// In this line, behind `- ` or at the beginning.
    Here,
    NextLine,
}

struct Emitter<'o> {
    out: &'o mut String,
}

impl Emitter<'_> {
    /// A block scalar may have ended the line.
    fn end_line(&mut self) {
        let ended = self.out.ends_with(['\n', '\u{2028}', '\u{2029}']);
        if !ended {
            self.out.push('\n');
        }
    }

    fn begin(&mut self, start: Start, indent: usize) {
        if start == Start::NextLine {
            self.end_line();
            self.out.extend(std::iter::repeat_n(' ', indent));
        }
    }

    fn fields(&mut self, node: &Node, indent: usize, start: Start) -> Result<(), WriteError> {
        let Node::Mapping(mapping) = node else { return Ok(()) };
        let mut start = start;
        for (key, value) in order::sorted(mapping, order::natural)? {
            self.begin(start, indent);
            start = Start::NextLine;
            let key = checked_key(key)?;
            if key.len() <= SIMPLE_KEY && !shape::of(&key).multiline {
                text(&key, indent, Fold::Never, self.out);
                self.out.push(':');
                self.field_value(value, indent)?;
            } else {
                self.out.push_str("? ");
                text(&key, indent, Fold::Indented(indent + 2), self.out);
                self.begin(Start::NextLine, indent);
                self.out.push(':');
                self.entry_value(value, indent)?;
            }
        }
        Ok(())
    }

    /// Behind `key:`.
    fn field_value(&mut self, node: &Node, indent: usize) -> Result<(), WriteError> {
        match node {
            Node::Mapping(fields) if !fields.is_empty() => self.fields(node, indent + 2, Start::NextLine),
            Node::Sequence(items) if !items.is_empty() => self.items(items, indent, Start::NextLine),
            _ => self.leaf(node, indent),
        }
    }

    /// Behind `-`, or `:` on a line of its own.
    fn entry_value(&mut self, node: &Node, indent: usize) -> Result<(), WriteError> {
        match node {
            Node::Mapping(fields) if !fields.is_empty() => {
                self.out.push(' ');
                self.fields(node, indent + 2, Start::Here)
            }
            Node::Sequence(items) if !items.is_empty() => {
                self.out.push(' ');
                self.items(items, indent + 2, Start::Here)
            }
            _ => self.leaf(node, indent),
        }
    }

    fn items(&mut self, items: &[Node], indent: usize, start: Start) -> Result<(), WriteError> {
        let mut start = start;
        for item in items {
            self.begin(start, indent);
            start = Start::NextLine;
            self.out.push('-');
            self.entry_value(item, indent)?;
        }
        Ok(())
    }

    fn leaf(&mut self, node: &Node, indent: usize) -> Result<(), WriteError> {
        self.out.push(' ');
        match node {
            Node::Mapping(_) => self.out.push_str("{}"),
            Node::Sequence(_) => self.out.push_str("[]"),
            Node::Scalar(scalar) => self.scalar(scalar, indent)?,
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: &Scalar, indent: usize) -> Result<(), WriteError> {
        match value::of(scalar)? {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if value { "true" } else { "false" }),
            Value::Int(value) => self.out.push_str(&value.to_string()),
            Value::Uint(value) => self.out.push_str(&value.to_string()),
            Value::Float(value) => self.out.push_str(&float(value)?),
            Value::Text(value) => {
                let value = through_json(value)?;
                text(&value, indent, Fold::Indented(indent + 2), self.out);
            }
        }
        Ok(())
    }
}

/// A float is JSON before it is YAML, which makes an integer of `1e3`.
fn float(value: f64) -> Result<String, WriteError> {
    let written = number::json_float(value).ok_or_else(|| WriteError::Number { text: value.to_string() })?;
    match number::parse(&written, Dialect::V2) {
        Some(number::Number::Int(value)) => Ok(value.to_string()),
        Some(number::Number::Uint(value)) => Ok(value.to_string()),
        _ => Ok(number::shortest(value)),
    }
}

fn checked_key(key: &str) -> Result<Cow<'_, str>, WriteError> {
    if key.len() > JSON_KEY / 6 {
        let mut written = String::new();
        json::string(key, &mut written);
        if written.chars().count() > JSON_KEY {
            return Err(WriteError::LongKey { key: key.chars().take(40).collect() });
        }
    }
    through_json(Cow::Borrowed(key))
}

/// The reader of the JSON takes some characters for control characters, and a next-line character for a line break.
fn through_json(value: Cow<'_, str>) -> Result<Cow<'_, str>, WriteError> {
    let odd = |(at, byte): (usize, &u8)| match byte {
        0x7F => true,
        0xC2 => value.as_bytes().get(at + 1).is_some_and(|next| *next < 0xA0),
        0xEF => matches!(value.as_bytes().get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
        _ => false,
    };
    if !value.bytes().any(|byte| byte >= 0x7F) || !value.as_bytes().iter().enumerate().any(odd) {
        return Ok(value);
    }
    let mut written = String::new();
    json::string(&value, &mut written);
    match read::single(&written) {
        Some(Node::Scalar(read)) => Ok(Cow::Owned(read.text)),
        _ => Err(WriteError::Control { text: value.chars().take(40).collect() }),
    }
}

/// A string. A key has no room for a block.
fn text(value: &str, indent: usize, fold: Fold, out: &mut String) {
    match scalar_style::v2(value) {
        Style::Plain => scalar::plain(value, fold, out),
        Style::Single => scalar::single_quoted(value, fold, out),
        Style::Literal | Style::Folded if fold != Fold::Never => scalar::literal(value, indent + 2, out),
        _ => scalar::double_quoted(value, fold, out),
    }
}
