//! The file that a script writes its outputs to:
//!
//! ```text
//! NAME=the rest of the line, as it is
//! NAME:={"json": [1, true]}
//! NAME<<END
//! any lines
//! END
//! ```
//!
//! A name begins with a letter or `_` and goes on with letters, digits, `_` and `-`. The last of a name counts, as for
//! a variable. Empty lines say nothing.

use crate::junit::Summary;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What the step gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Outputs {
    /// What the tests' reports say in sum, where `junit` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub junit: Option<Summary>,
    /// The same as Markdown for a comment on a change request, at most 16 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
    /// What the script wrote: texts, and JSON values where it wrote `:=`.
    #[serde(flatten)]
    pub written: Map<String, Value>,
}

/// Reads the file.
///
/// # Errors
/// In words, with the line.
pub fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let mut outputs = Map::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let length = line.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
        let (name, rest) = line.split_at(length);
        if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return Err(format!("line {number} does not begin with a name"));
        }
        let value = if let Some(json) = rest.strip_prefix(":=") {
            serde_json::from_str(json)
                .map_err(|error| format!("the value of `{name}` in line {number} is not JSON: {error}"))?
        } else if let Some(text) = rest.strip_prefix('=') {
            Value::from(text)
        } else if let Some(end) = rest.strip_prefix("<<") {
            Value::from(heredoc(&mut lines, end.trim()).ok_or_else(|| {
                format!("the text of `{name}`, which begins in line {number}, has no line `{}` at its end", end.trim())
            })?)
        } else {
            return Err(format!("line {number} has no `=`, `:=` or `<<` after `{name}`"));
        };
        outputs.insert(name.to_owned(), value);
    }
    Ok(outputs)
}

/// The lines until one that is `end`, without a line break after the last.
fn heredoc<'a>(lines: &mut impl Iterator<Item = (&'a str, i32)>, end: &str) -> Option<String> {
    if end.is_empty() {
        return None;
    }
    let mut text = Vec::new();
    for (line, _) in lines {
        if line == end {
            return Some(text.join("\n"));
        }
        text.push(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::{Value, json};

    #[test]
    fn each_form() {
        let text = "a=1 = 2\n\nb:=[1, {\"x\": null}]\nc<<END\n a=b\n\n=\nEND\nd=\ne<<X\nX\na=last\r\n";
        let outputs = parse(text).expect("each form is right");
        let expected = json!({"a": "last", "b": [1, {"x": null}], "c": " a=b\n\n=", "d": "", "e": ""});
        assert_eq!(Value::from(outputs), expected);
    }

    #[test]
    fn problems_name_their_line() {
        for (text, expected) in [
            ("=1", "line 1 does not begin with a name"),
            ("a=1\n2=2", "line 2 does not begin with a name"),
            ("just words", "line 1 has no `=`, `:=` or `<<` after `just`"),
            ("a<<END\nb", "the text of `a`, which begins in line 1, has no line `END` at its end"),
        ] {
            assert_eq!(parse(text).expect_err(text), expected);
        }
        assert!(parse("a:=nope").expect_err("no JSON").starts_with("the value of `a` in line 1 is not JSON"));
    }
}
