//! What a scalar is worth once go-yaml v3 has written and read it back.

use std::borrow::Cow;

use super::WriteError;
use crate::node::{Kind, Node, Scalar, Style};
use crate::number::{self, Dialect, Number};
use crate::{read, timestamp};

/// A value of JSON without parts.
#[derive(Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

/// # Errors
/// A number that JSON lacks, base64 that is none.
pub fn of(scalar: &Scalar) -> Result<Value<'_>, WriteError> {
    let quoted = scalar.style != Style::Plain;
    match scalar.kind {
        Kind::Str => {
            let text = &scalar.text;
            if text.starts_with('\t') && is_block(scalar) {
                return Err(WriteError::Tab { text: text.chars().take(40).collect() });
            }
            Ok(Value::Text(refold(scalar)))
        }
        Kind::Custom => Ok(Value::Text(Cow::Borrowed(&scalar.text))),
        Kind::Binary => binary(&scalar.text).map(|text| Value::Text(Cow::Owned(text))),
        // A number that took the place of text in quotes keeps the quotes, and is text.
        _ if quoted => Ok(Value::Text(Cow::Borrowed(&scalar.text))),
        Kind::Null => Ok(Value::Null),
        Kind::Bool => bool(&scalar.text),
        Kind::Timestamp => time(&scalar.text),
        Kind::Int | Kind::Float => number(scalar),
    }
}

/// The text of a value, as JSON writes a number.
pub fn text_of(scalar: &Scalar) -> Result<String, WriteError> {
    let number = |value: f64| number::json_float(value).ok_or_else(|| WriteError::Number { text: scalar.text.clone() });
    match of(scalar)? {
        Value::Null => Ok("null".to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Uint(value) => Ok(value.to_string()),
        Value::Float(value) => number(value),
        Value::Text(text) => Ok(text.into_owned()),
    }
}

fn time(text: &str) -> Result<Value<'_>, WriteError> {
    match timestamp::normal(text) {
        Some(normal) if !timestamp::is_beyond_json(&normal) => Ok(Value::Text(Cow::Owned(normal))),
        _ => Err(WriteError::Time { text: text.to_owned() }),
    }
}

fn bool(text: &str) -> Result<Value<'_>, WriteError> {
    match text {
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        _ => Err(WriteError::Bool { text: text.to_owned() }),
    }
}

fn number(scalar: &Scalar) -> Result<Value<'_>, WriteError> {
    let text = scalar.text.as_str();
    // What most numbers look like.
    if scalar.kind == Kind::Int
        && text.len() < 18
        && !text.starts_with(['0', '+'])
        && let Ok(value) = text.parse()
    {
        return Ok(Value::Int(value));
    }
    let read = number::parse(text, Dialect::V3).or_else(|| number::dotted(text).map(Number::Float));
    match (read, scalar.kind) {
        (Some(Number::Int(value)), Kind::Float) => Ok(Value::Float(value as f64)),
        (Some(Number::Int(value)), _) => Ok(Value::Int(value)),
        (Some(Number::Uint(value)), _) => Ok(Value::Uint(value)),
        (Some(Number::Float(value)), _) => Ok(Value::Float(value)),
        (None, _) => Err(WriteError::Number { text: text.to_owned() }),
    }
}

/// Whether go-yaml v3 writes a string as a block.
fn is_block(scalar: &Scalar) -> bool {
    let asked = match scalar.style {
        Style::Literal | Style::Folded => true,
        Style::Plain => scalar.text.contains('\n'),
        Style::Single | Style::Double => false,
    };
    asked && super::shape::is_block_in_v3(&scalar.text)
}

/// go-yaml v3 writes a folded scalar with breaks that it does not read back as they were: one more before an indented
/// line, none where the text begins with a blank.
fn refold(scalar: &Scalar) -> Cow<'_, str> {
    let text = scalar.text.as_str();
    if scalar.style != Style::Folded || !is_block(scalar) {
        return Cow::Borrowed(text);
    }
    let mut written = String::from("a: ");
    super::scalar::folded(text, &mut written);
    match read::single(&written) {
        Some(Node::Mapping(fields)) => match fields.into_iter().next() {
            Some((_, Node::Scalar(read))) => Cow::Owned(read.text),
            _ => Cow::Borrowed(text),
        },
        _ => Cow::Borrowed(text),
    }
}

/// Base64 as Go's standard encoding reads it, line breaks apart. Bytes that are no UTF-8 become U+FFFD, one for one.
fn binary(text: &str) -> Result<String, WriteError> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    if !digits.len().is_multiple_of(4) || padding > 2 {
        return Err(WriteError::Binary);
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in &digits[..digits.len() - padding] {
        bits = (bits << 6) | sextet(*digit).ok_or(WriteError::Binary)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Ok(lossy(&bytes))
}

fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn lossy(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    loop {
        match std::str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                return text;
            }
            Err(error) => {
                let good = error.valid_up_to();
                text.push_str(&String::from_utf8_lossy(&bytes[..good]));
                text.push('\u{FFFD}');
                bytes = &bytes[good + 1..];
            }
        }
    }
}
