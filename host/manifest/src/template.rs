//! Text with `${{ … }}`: where expressions begin and end. What they mean is not its business.

use crate::literal;
use std::ops::Range;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// As it is.
    Text(String),
    /// CEL, with its range in the text, `${{` and `}}` not included.
    Expression(String, Range<usize>),
}

/// A `${{` at that offset has no end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unterminated(pub(crate) usize);

/// Splits a text. `$${{` stands for a literal `${{`.
pub(crate) fn split(text: &str) -> Result<Vec<Segment>, Unterminated> {
    let mut segments = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${{") {
        let start = at + found;
        if text[at..start].ends_with('$') {
            plain.push_str(&text[at..start - 1]);
            plain.push_str("${{");
            at = start + 3;
            continue;
        }
        plain.push_str(&text[at..start]);
        let inner = start + 3;
        let end = end_of(&text[inner..]).ok_or(Unterminated(start))? + inner;
        if !plain.is_empty() {
            segments.push(Segment::Text(std::mem::take(&mut plain)));
        }
        segments.push(Segment::Expression(text[inner..end].to_owned(), inner..end));
        at = end + 2;
    }
    plain.push_str(&text[at..]);
    if !plain.is_empty() || segments.is_empty() {
        segments.push(Segment::Text(plain));
    }
    Ok(segments)
}

/// The one expression that a text is, where it is nothing else but white space.
pub(crate) fn alone(segments: &[Segment]) -> Option<(&str, &Range<usize>)> {
    let mut found = None;
    for segment in segments {
        match segment {
            Segment::Text(text) if text.trim().is_empty() => {}
            Segment::Expression(source, range) if found.is_none() => found = Some((source.as_str(), range)),
            _ => return None,
        }
    }
    found
}

/// Whether a text has an expression; a broken one counts.
pub(crate) fn has_expression(text: &str) -> bool {
    text.contains("${{")
        && split(text).map_or(true, |segments| segments.iter().any(|s| matches!(s, Segment::Expression(..))))
}

/// The offset of the `}}` that ends an expression: not one within a string literal, nor the braces of a map literal.
fn end_of(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut depth = 0usize;
    while at < bytes.len() {
        match bytes[at] {
            b'\'' | b'"' => {
                let raw = at > 0
                    && matches!(bytes[at - 1], b'r' | b'R')
                    && (at < 2
                        || !(bytes[at - 2].is_ascii_alphanumeric() || bytes[at - 2] == b'_')
                        || (matches!(bytes[at - 2], b'b' | b'B')
                            && (at < 3 || !bytes[at - 3].is_ascii_alphanumeric())));
                at = literal::end(bytes, at, raw)?;
            }
            b'{' => {
                depth += 1;
                at += 1;
            }
            b'}' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Segment, Unterminated, alone, split};

    fn show(text: &str) -> String {
        match split(text) {
            Ok(segments) => segments
                .iter()
                .map(|s| match s {
                    Segment::Text(t) => format!("<{t}>"),
                    Segment::Expression(e, _) => format!("[{}]", e.trim()),
                })
                .collect(),
            Err(Unterminated(at)) => format!("unterminated at {at}"),
        }
    }

    #[test]
    fn splits() {
        assert_eq!(show("a ${{ b }} c"), "<a >[b]< c>");
        assert_eq!(show("${{ '}}' }}${{ b }}"), "['}}'][b]");
        assert_eq!(show(r#"${{ "\"}}" + r'\' }}x"#), r#"["\"}}" + r'\']<x>"#);
        assert_eq!(show("${{ '''a'}}''' }}"), "['''a'}}''']");
        assert_eq!(show("${{ {'a': {'b': 1}} }}"), "[{'a': {'b': 1}}]");
        assert_eq!(show("$${{ a }} ${{ b }}"), "<${{ a }} >[b]");
        assert_eq!(show("xx ${{ 'a }}"), "unterminated at 3");
        assert_eq!(show("a $ { } }} b"), "<a $ { } }} b>");
        assert_eq!(show(""), "<>");
    }

    #[test]
    fn alone_allows_white_space_only() {
        assert!(alone(&split(" ${{ a }}\n").unwrap()).is_some());
        assert!(alone(&split("x${{ a }}").unwrap()).is_none());
        assert!(alone(&split("${{ a }}${{ b }}").unwrap()).is_none());
    }
}
