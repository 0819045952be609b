//! A place in the text, with the character classes of YAML 1.1: more line breaks than Unix knows.

use super::ReadError;

/// Where the scanner stands. Columns count bytes, which is enough: only spaces and indicators stand before a token
/// whose column matters.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    pub text: &'a str,
    pub at: usize,
    line: usize,
    line_start: usize,
}

/// A place to name in an error, and to tell the lines of two tokens apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub at: usize,
    pub line: usize,
    pub column: usize,
}

impl Mark {
    pub fn error(self, what: impl Into<String>) -> ReadError {
        ReadError { line: self.line + 1, column: self.column + 1, what: what.into() }
    }
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 0, line_start: 0 }
    }

    pub fn mark(&self) -> Mark {
        Mark { at: self.at, line: self.line, column: self.column() }
    }

    pub fn column(&self) -> usize {
        self.at - self.line_start
    }

    pub fn line(&self) -> usize {
        self.line
    }

    /// The byte `ahead` of here; NUL at the end of the text, which cannot stand inside.
    pub fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), b' ' | b'\t')
    }

    pub fn is_break(&self, ahead: usize) -> bool {
        break_width(self.text.as_bytes(), self.at + ahead) > 0
    }

    pub fn is_break_or_end(&self, ahead: usize) -> bool {
        self.peek(ahead) == 0 || self.is_break(ahead)
    }

    pub fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// `---` or `...` at the start of a line, with nothing but a space or a break behind.
    pub fn is_document_mark(&self) -> bool {
        self.column() == 0
            && matches!(self.text.as_bytes().get(self.at..self.at + 3), Some(b"---" | b"..."))
            && self.is_blank_or_end(3)
    }

    /// Moves over `count` bytes, none of which breaks a line.
    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Moves over a line break, where one stands here, and returns how it reads: `\n` but for the breaks of Unicode.
    pub fn take_break(&mut self) -> &'static str {
        let bytes = self.text.as_bytes();
        let width = break_width(bytes, self.at);
        if width == 0 {
            return "";
        }
        let read = match bytes.get(self.at + 2) {
            Some(0xA8) if width == 3 => "\u{2028}",
            Some(0xA9) if width == 3 => "\u{2029}",
            _ => "\n",
        };
        self.at += width;
        self.line += 1;
        self.line_start = self.at;
        read
    }

    /// Moves to the next line break, or to the end.
    pub fn skip_line_rest(&mut self) -> &'a str {
        let start = self.at;
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && (!may_break(bytes[self.at]) || break_width(bytes, self.at) == 0) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }
}

fn may_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0xC2 | 0xE2)
}

/// Bytes of the line break at `at`, 0 where there is none.
pub fn break_width(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'\n') => 1,
        Some(b'\r') => 1 + usize::from(bytes.get(at + 1) == Some(&b'\n')),
        Some(0xC2) if bytes.get(at + 1) == Some(&0x85) => 2,
        Some(0xE2) if bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xA8 | 0xA9)) => 3,
        _ => 0,
    }
}
