//! A file to documents. kustomize cuts a file at lines that begin with `---` before it parses, so that each piece is a
//! text of its own with its own anchors.

use std::borrow::Cow;

use super::compose::{Budget, Composer, Rules};
use super::{Limits, ReadError};
use crate::node::Node;

/// All documents of a stream but the empty ones. `List` objects stay as they are.
///
/// Of each piece between two `---` lines only the first document counts: what stands behind a `...` line is lost, as
/// kustomize loses it.
///
/// # Errors
/// Text that go-yaml refuses, a key that comes twice, anything but a comment behind `---`, or text beyond `limits`.
pub fn documents(text: &str, limits: Limits) -> Result<Vec<Node>, ReadError> {
    let found = stream(text, limits, Rules::RESOURCE)?;
    Ok(found.into_iter().map(|(node, _)| node).collect())
}

/// All documents of a stream with the lines that they begin in, counted from 1.
pub fn stream(text: &str, limits: Limits, rules: Rules) -> Result<Vec<(Node, usize)>, ReadError> {
    let text = bounded(text, limits)?;
    let text = if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) };
    let mut budget = Budget::new(limits);
    let mut found = Vec::new();
    for piece in pieces(&text)? {
        let read = Composer::new(piece.text, &mut budget, rules).document();
        let node = read.map_err(|mut error| {
            error.line += piece.line;
            error
        })?;
        found.extend(node.filter(|node| !node.is_null()).map(|node| (node, piece.line + 1)));
    }
    Ok(found)
}

/// A text within its limit, without a byte order mark.
pub fn bounded(text: &str, limits: Limits) -> Result<&str, ReadError> {
    if text.len() > limits.bytes {
        return Err(at_line(0, format!("the text is larger than {} bytes", limits.bytes)));
    }
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

fn at_line(line: usize, what: String) -> ReadError {
    ReadError { line: line + 1, column: 1, what }
}

struct Piece<'a> {
    text: &'a str,
    /// Lines before it in the file.
    line: usize,
}

/// Cuts at each `\n---…\n`. The first line of a piece cuts nothing: go-yaml reads a `---` there.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ReadError> {
    let mut pieces = Vec::new();
    let (mut start, mut line) = (0, 0);
    let mut search = 0;
    while let Some(found) = text[search..].find("\n---") {
        let cut = search + found;
        let Some(end) = text[cut + 1..].find('\n').map(|end| cut + 1 + end) else { break };
        let lines = line + text[start..=cut].matches('\n').count();
        let rest = text[cut + 4..end].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(at_line(lines, format!("invalid document separator: {}", text[cut..end].trim())));
        }
        pieces.push(Piece { text: &text[start..=cut], line });
        (start, line) = (end + 1, lines + 1);
        search = start;
    }
    pieces.push(Piece { text: &text[start..], line });
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Result<Vec<(&str, usize)>, String> {
        let pieces = pieces(text).map_err(|error| error.to_string())?;
        Ok(pieces.iter().map(|piece| (piece.text, piece.line)).collect())
    }

    #[test]
    fn cuts_at_separators() {
        assert_eq!(cut("a: 1\n--- # next\nb: 2\n"), Ok(vec![("a: 1\n", 0), ("b: 2\n", 2)]));
        assert_eq!(cut("---\na: 1\n---\n---\n"), Ok(vec![("---\na: 1\n", 0), ("---\n", 3)]));
        assert_eq!(cut("a: 1\n---"), Ok(vec![("a: 1\n---", 0)]));
    }

    #[test]
    fn refuses_text_behind_a_separator() {
        assert_eq!(cut("a: 1\n--- b\nc: 1\n"), Err("line 2, column 1: invalid document separator: --- b".to_owned()));
    }
}
