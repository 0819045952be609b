//! From an offset in a scalar's value to the place in the file, through quotes, escapes, folds and indentation.

use super::{Node, Style};
use std::ops::Range;

/// Finds places within one scalar.
pub(crate) struct Locator {
    /// For each byte of the value at which a character begins: the offset in the file. Empty where unknown.
    places: Vec<usize>,
    whole: Range<usize>,
}

impl Locator {
    /// Aligns the scalar's value with the text that it was read from. Where the two cannot be aligned (an expanded
    /// alias has its anchor's place, so that works), every place is the whole scalar.
    pub(crate) fn new(text: &str, node: &Node) -> Self {
        let whole = node.span.clone();
        let Some(value) = node.as_str() else { return Self { places: Vec::new(), whole } };
        let places = text.get(whole.clone()).and_then(|raw| align(raw, value, node.style)).unwrap_or_default();
        let places = places.into_iter().map(|p| p + whole.start).collect();
        Self { places, whole }
    }

    /// The place of a range of the value.
    pub(crate) fn place(&self, range: Range<usize>) -> Range<usize> {
        let (Some(&start), Some(&end)) = (self.places.get(range.start), self.places.get(range.end)) else {
            return self.whole.clone();
        };
        start..end.max(start)
    }
}

/// For each byte of `value` and its end, the offset in `raw` that it came from.
fn align(raw: &str, value: &str, style: Style) -> Option<Vec<usize>> {
    let bytes = raw.as_bytes();
    let mut at = match style {
        Style::Plain => 0,
        Style::SingleQuoted | Style::DoubleQuoted => {
            usize::from(bytes.first() == Some(&b'"') || bytes.first() == Some(&b'\''))
        }
        Style::Block if raw.starts_with(['|', '>']) => raw.find('\n')? + 1,
        Style::Block => 0,
    };
    let mut places = Vec::with_capacity(value.len() + 1);
    for character in value.chars() {
        loop {
            let Some(here) = raw.get(at..).and_then(|r| r.chars().next()) else {
                // A block scalar's last line break may be supplied by the parser.
                if character == '\n' {
                    break;
                }
                return None;
            };
            if style == Style::DoubleQuoted && here == '\\' {
                break;
            }
            if here == character {
                break;
            }
            if !here.is_whitespace() {
                return None;
            }
            at += here.len_utf8();
        }
        places.extend(std::iter::repeat_n(at, character.len_utf8()));
        let rest = &raw[at.min(raw.len())..];
        at += match (style, rest.chars().next()) {
            (Style::DoubleQuoted, Some('\\')) => match rest.as_bytes().get(1) {
                Some(b'x') => 4,
                Some(b'u') => 6,
                Some(b'U') => 10,
                // An escaped line break vanishes, so what is aligned is the next character.
                Some(b'\n' | b'\r') => {
                    let skipped = rest[1..].len() - rest[1..].trim_start().len() + 1;
                    skipped + rest[skipped..].chars().next().map_or(0, char::len_utf8)
                }
                Some(_) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                None => 1,
            },
            (Style::SingleQuoted, Some('\'')) => 2,
            (_, Some(c)) => c.len_utf8(),
            (_, None) => 0,
        };
    }
    places.push(at.min(raw.len()));
    Some(places)
}
