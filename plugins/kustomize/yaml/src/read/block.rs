//! Block scalars: `|` keeps the breaks of its lines, `>` folds them.

use std::borrow::Cow;

use super::ReadError;
use super::scanner::Scanner;
use super::token::Token;
use crate::node::Style;

/// What becomes of the line breaks at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// `2+` behind `|`: how deep the text is indented, 0 for as deep as its first line, and what becomes of its end.
struct Header {
    increment: usize,
    chomp: Chomp,
}

impl<'a> Scanner<'a> {
    pub(super) fn block_scalar(&mut self) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        let literal = self.cursor.peek(0) == b'|';
        self.cursor.skip(1);
        let header = self.block_header().map_err(|what| start.error(what))?;
        let base = usize::try_from(self.indent).unwrap_or(0);
        let mut indent = if header.increment > 0 { base + header.increment } else { 0 };
        let text = self.block_lines(&mut indent, literal, header.chomp).map_err(|what| start.error(what))?;
        let style = if literal { Style::Literal } else { Style::Folded };
        Ok(Token::Scalar { text: Cow::Owned(text), style })
    }

    fn block_header(&mut self) -> Result<Header, &'static str> {
        let mut header = Header { increment: 0, chomp: Chomp::Clip };
        if self.chomp_indicator(&mut header) {
            self.indent_indicator(&mut header)?;
        } else if self.indent_indicator(&mut header)? {
            self.chomp_indicator(&mut header);
        }
        while self.cursor.is_blank(0) {
            self.cursor.skip(1);
        }
        if self.cursor.peek(0) == b'#' {
            self.cursor.skip_line_rest();
        }
        if !self.cursor.is_break_or_end(0) {
            return Err("did not find expected comment or line break");
        }
        self.cursor.take_break();
        Ok(header)
    }

    fn chomp_indicator(&mut self, header: &mut Header) -> bool {
        header.chomp = match self.cursor.peek(0) {
            b'+' => Chomp::Keep,
            b'-' => Chomp::Strip,
            _ => return false,
        };
        self.cursor.skip(1);
        true
    }

    fn indent_indicator(&mut self, header: &mut Header) -> Result<bool, &'static str> {
        match self.cursor.peek(0) {
            b'0' => Err("found an indentation indicator equal to 0"),
            digit @ b'1'..=b'9' => {
                header.increment = usize::from(digit - b'0');
                self.cursor.skip(1);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn block_lines(&mut self, indent: &mut usize, literal: bool, chomp: Chomp) -> Result<String, &'static str> {
        let mut text = String::new();
        let mut last_break = "";
        let mut breaks = String::new();
        let mut after_blank = false;
        self.block_breaks(indent, &mut breaks)?;
        while self.cursor.column() == *indent && !self.cursor.is_end() {
            let blank = self.cursor.is_blank(0);
            if !literal && !after_blank && !blank && last_break == "\n" {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(last_break);
            }
            text.push_str(&breaks);
            breaks.clear();
            after_blank = blank;
            text.push_str(self.cursor.skip_line_rest());
            last_break = self.cursor.take_break();
            self.block_breaks(indent, &mut breaks)?;
        }
        if chomp != Chomp::Strip {
            text.push_str(last_break);
        }
        if chomp == Chomp::Keep {
            text.push_str(&breaks);
        }
        Ok(text)
    }

    /// Empty lines and the indentation of the next. Finds out how deep the text is indented, where `indent` is 0.
    fn block_breaks(&mut self, indent: &mut usize, breaks: &mut String) -> Result<(), &'static str> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.cursor.column() < *indent) && self.cursor.peek(0) == b' ' {
                self.cursor.skip(1);
            }
            deepest = deepest.max(self.cursor.column());
            if (*indent == 0 || self.cursor.column() < *indent) && self.cursor.peek(0) == b'\t' {
                return Err("found a tab character where an indentation space is expected");
            }
            match self.cursor.take_break() {
                "" => break,
                read => breaks.push_str(read),
            }
        }
        if *indent == 0 {
            *indent = deepest.max(usize::try_from(self.indent + 1).unwrap_or(0)).max(1);
        }
        Ok(())
    }
}
