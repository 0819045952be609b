//! Replacements of bytes, and the lines of a text that they are made in.

use std::ops::Range;

/// Replacements that do not overlap. Those at the same place are made in the order in which they were added.
#[derive(Debug, Default)]
pub struct Splices(Vec<(Range<usize>, String)>);

impl Splices {
    /// Replaces bytes.
    pub fn replace(&mut self, range: Range<usize>, text: String) {
        self.0.push((range, text));
    }

    /// Puts something before a byte.
    pub fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    /// Whether nothing is replaced.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with all of them made; absent where two overlap or one is not within the text.
    pub fn apply(mut self, source: &str) -> Option<String> {
        self.0.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(source.len() + 128);
        let mut from = 0;
        for (range, replacement) in &self.0 {
            text += source.get(from..range.start)?;
            text += replacement;
            from = range.end;
        }
        text += source.get(from..)?;
        Some(text)
    }
}

/// Where the line of a byte begins.
pub fn line_start(source: &str, at: usize) -> usize {
    let start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    // A byte order mark is no part of the first line's indentation.
    if start == 0 && source.starts_with('\u{feff}') { '\u{feff}'.len_utf8().min(at) } else { start }
}

/// Where the line of a byte ends, before its line break.
pub fn line_end(source: &str, at: usize) -> usize {
    let end = source[at..].find('\n').map_or(source.len(), |newline| at + newline);
    if end > at && source.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
}

/// Where the next line begins, or the text ends.
pub fn next_line(source: &str, at: usize) -> usize {
    source[at..].find('\n').map_or(source.len(), |newline| at + newline + 1)
}

/// The line break of the line of a byte, or of the line before where the text ends in it.
pub fn line_break(source: &str, at: usize) -> &'static str {
    let newline = source[at..].find('\n').map(|newline| at + newline).or_else(|| source[..at].rfind('\n'));
    match newline {
        Some(newline) if source[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::{Splices, line_break, line_end, line_start, next_line};

    #[test]
    fn splices_keep_their_order_at_one_place() {
        let mut splices = Splices::default();
        splices.insert(1, "x".into());
        splices.replace(0..1, "A".into());
        splices.insert(1, "y".into());
        assert_eq!(splices.apply("abc").as_deref(), Some("Axybc"));
        let mut overlapping = Splices::default();
        overlapping.replace(0..2, String::new());
        overlapping.replace(1..3, String::new());
        assert_eq!(overlapping.apply("abc"), None);
    }

    #[test]
    fn lines_with_each_break() {
        let source = "\u{feff}ab\r\ncd";
        assert_eq!((line_start(source, 4), line_end(source, 4), next_line(source, 4)), (3, 5, 7));
        assert_eq!((line_start(source, 8), line_end(source, 8), next_line(source, 8)), (7, 9, 9));
        let mixed = "a\nb\r\nc";
        assert_eq!([0, 2, 3, 5, 6].map(|at| line_break(mixed, at)), ["\n", "\r\n", "\r\n", "\r\n", "\r\n"]);
        assert_eq!(line_break("a", 1), "\n");
    }
}
