//! Scalars in quotes.

use std::borrow::Cow;

use super::ReadError;
use super::cursor::Mark;
use super::plain::Gap;
use super::scanner::Scanner;
use super::token::Token;
use crate::node::Style;

impl<'a> Scanner<'a> {
    pub(super) fn single_quoted(&mut self) -> Result<Token<'a>, ReadError> {
        self.quoted(b'\'', Style::Single)
    }

    pub(super) fn double_quoted(&mut self) -> Result<Token<'a>, ReadError> {
        self.quoted(b'"', Style::Double)
    }

    fn quoted(&mut self, quote: u8, style: Style) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        if let Some(text) = self.quoted_line(quote) {
            return Ok(Token::Scalar { text: Cow::Borrowed(text), style });
        }
        let mut text = String::new();
        loop {
            if self.cursor.is_document_mark() {
                return Err(start.error("found unexpected document indicator"));
            }
            if self.cursor.is_end() {
                return Err(start.error("found unexpected end of stream"));
            }
            let continued = self.quoted_words(quote, &mut text, start)?;
            if self.cursor.peek(0) == quote {
                break;
            }
            self.quoted_gap(continued, &mut text);
        }
        self.cursor.skip(1);
        Ok(Token::Scalar { text: Cow::Owned(text), style })
    }

    /// The usual case: one line without an escape, which is borrowed.
    fn quoted_line(&mut self, quote: u8) -> Option<&'a str> {
        let rest = &self.cursor.text.as_bytes()[self.cursor.at..];
        let end = rest.iter().position(|&byte| byte == quote || matches!(byte, b'\\' | b'\n' | b'\r' | 0xC2 | 0xE2))?;
        if rest[end] != quote || (quote == b'\'' && rest.get(end + 1) == Some(&quote)) {
            return None;
        }
        let text = &self.cursor.text[self.cursor.at..self.cursor.at + end];
        self.cursor.skip(end + 1);
        Some(text)
    }

    /// Text up to a blank, a break or the closing quote. Returns whether an escaped break was the last.
    fn quoted_words(&mut self, quote: u8, text: &mut String, start: Mark) -> Result<bool, ReadError> {
        loop {
            let from = self.cursor.at;
            while !self.cursor.is_blank_or_end(0) && self.cursor.peek(0) != quote && self.cursor.peek(0) != b'\\' {
                self.cursor.skip(1);
            }
            text.push_str(&self.cursor.text[from..self.cursor.at]);
            match self.cursor.peek(0) {
                b'\'' if quote == b'\'' && self.cursor.peek(1) == b'\'' => {
                    text.push('\'');
                    self.cursor.skip(2);
                }
                b'\\' if quote == b'\'' => {
                    text.push('\\');
                    self.cursor.skip(1);
                }
                b'\\' if self.cursor.is_break(1) => {
                    self.cursor.skip(1);
                    self.cursor.take_break();
                    return Ok(true);
                }
                b'\\' => text.push(self.escape(start)?),
                _ => return Ok(false),
            }
        }
    }

    fn quoted_gap(&mut self, continued: bool, text: &mut String) {
        let mut gap = Gap::default();
        let mut extra = String::new();
        loop {
            let byte = self.cursor.peek(0);
            if matches!(byte, b' ' | b'\t') {
                if !continued {
                    gap.add_blank(char::from(byte));
                }
                self.cursor.skip(1);
            } else {
                match self.cursor.take_break() {
                    "" => break,
                    read if continued => extra.push_str(read),
                    read => gap.add_break(read),
                }
            }
        }
        text.push_str(&extra);
        if !continued {
            gap.fold_into(text);
        }
    }

    fn escape(&mut self, start: Mark) -> Result<char, ReadError> {
        let letter = self.cursor.peek(1);
        let digits = match letter {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let read = match letter {
            b'0' => '\0',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\u{B}',
            b'f' => '\u{C}',
            b'r' => '\r',
            b'e' => '\u{1B}',
            b' ' | b'"' | b'\'' | b'\\' => char::from(letter),
            b'N' => '\u{85}',
            b'_' => '\u{A0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' | b'u' | b'U' => self.code_point(digits, start)?,
            _ => return Err(start.error("found unknown escape character")),
        };
        self.cursor.skip(2 + digits);
        Ok(read)
    }

    fn code_point(&self, digits: usize, start: Mark) -> Result<char, ReadError> {
        let from = self.cursor.at + 2;
        let hex = self.cursor.text.get(from..from + digits).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let value = value.ok_or_else(|| start.error("did not find expected hexdecimal number"))?;
        char::from_u32(value).ok_or_else(|| start.error("found invalid Unicode character escape code"))
    }
}
