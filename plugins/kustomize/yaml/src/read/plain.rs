//! Scalars without quotes, and what folding makes of their line breaks.

use std::borrow::Cow;

use super::ReadError;
use super::scanner::Scanner;
use super::token::Token;
use crate::node::Style;

/// Blanks and line breaks between two words of a scalar that spans lines.
#[derive(Debug, Default)]
pub struct Gap {
    blanks: String,
    first_break: &'static str,
    more_breaks: String,
}

impl Gap {
    pub fn has_break(&self) -> bool {
        !self.first_break.is_empty()
    }

    /// A break that `\` hides in double quotes: what follows begins a line.
    pub fn add_break(&mut self, text: &'static str) {
        if self.has_break() {
            self.more_breaks.push_str(text);
        } else {
            self.blanks.clear();
            self.first_break = text;
        }
    }

    pub fn add_blank(&mut self, blank: char) {
        if !self.has_break() {
            self.blanks.push(blank);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.blanks.is_empty() && !self.has_break()
    }

    /// One break folds into a space; of more, the first goes.
    pub fn fold_into(&mut self, text: &mut String) {
        if !self.has_break() {
            text.push_str(&self.blanks);
        } else if self.first_break != "\n" {
            text.push_str(self.first_break);
            text.push_str(&self.more_breaks);
        } else if self.more_breaks.is_empty() {
            text.push(' ');
        } else {
            text.push_str(&self.more_breaks);
        }
        *self = Self::default();
    }
}

impl<'a> Scanner<'a> {
    /// A plain scalar. Most are of one line, which is borrowed.
    pub(super) fn plain_scalar(&mut self) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        let indent = self.indent + 1;
        let mut text = Cow::Borrowed("");
        let mut gap = Gap::default();
        loop {
            if self.cursor.is_document_mark() || self.cursor.peek(0) == b'#' {
                break;
            }
            let word = self.plain_words();
            if word.is_empty() {
                break;
            }
            if text.is_empty() && gap.is_empty() {
                text = Cow::Borrowed(word);
            } else {
                let text = text.to_mut();
                gap.fold_into(text);
                text.push_str(word);
            }
            if !(self.cursor.is_blank(0) || self.cursor.is_break(0)) {
                break;
            }
            self.plain_gap(&mut gap, indent).map_err(|what| start.error(what))?;
            if !self.in_flow() && (self.cursor.column() as isize) < indent {
                break;
            }
        }
        if gap.has_break() {
            self.key_allowed = true;
        }
        Ok(Token::Scalar { text, style: Style::Plain })
    }

    fn plain_gap(&mut self, gap: &mut Gap, indent: isize) -> Result<(), &'static str> {
        loop {
            let byte = self.cursor.peek(0);
            if matches!(byte, b' ' | b'\t') {
                if byte == b'\t' && gap.has_break() && (self.cursor.column() as isize) < indent {
                    return Err("found a tab character that violates indentation");
                }
                gap.add_blank(char::from(byte));
                self.cursor.skip(1);
            } else {
                match self.cursor.take_break() {
                    "" => return Ok(()),
                    read => gap.add_break(read),
                }
            }
        }
    }

    /// Words of one line with the single run of blanks between them, up to what ends the scalar or the line. Blanks at
    /// the end stay for the gap.
    fn plain_words(&mut self) -> &'a str {
        let start = self.cursor.at;
        self.plain_word();
        let mut end = self.cursor.at;
        loop {
            let mut blanks = 0;
            while self.cursor.is_blank(blanks) {
                blanks += 1;
            }
            if blanks == 0 || self.cursor.is_break_or_end(blanks) || self.cursor.peek(blanks) == b'#' {
                break;
            }
            self.cursor.skip(blanks);
            let word = self.cursor.at;
            self.plain_word();
            if self.cursor.at == word {
                break;
            }
            end = self.cursor.at;
        }
        self.cursor.at = end;
        &self.cursor.text[start..end]
    }

    fn plain_word(&mut self) {
        let flow = self.in_flow();
        loop {
            match self.cursor.peek(0) {
                0 | b' ' | b'\t' | b'\n' | b'\r' => return,
                0xC2 | 0xE2 if self.cursor.is_break(0) => return,
                b':' if self.cursor.is_blank_or_end(1) => return,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' if flow => return,
                _ => self.cursor.skip(1),
            }
        }
    }
}
