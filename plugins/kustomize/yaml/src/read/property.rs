//! What stands before a node or a document: anchors, aliases, tags and directives.

use std::borrow::Cow;

use super::ReadError;
use super::cursor::Mark;
use super::scanner::Scanner;
use super::token::Token;

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl<'a> Scanner<'a> {
    pub(super) fn alias(&mut self) -> Result<Token<'a>, ReadError> {
        self.anchor_name().map(Token::Alias)
    }

    pub(super) fn anchor(&mut self) -> Result<Token<'a>, ReadError> {
        self.anchor_name().map(Token::Anchor)
    }

    fn anchor_name(&mut self) -> Result<&'a str, ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let name = self.word();
        let ends = self.cursor.is_blank_or_end(0)
            || matches!(self.cursor.peek(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            return Err(start.error("did not find expected alphabetic or numeric character"));
        }
        Ok(name)
    }

    fn word(&mut self) -> &'a str {
        let from = self.cursor.at;
        while is_word(self.cursor.peek(0)) {
            self.cursor.skip(1);
        }
        &self.cursor.text[from..self.cursor.at]
    }

    pub(super) fn tag(&mut self) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        let token = if self.cursor.peek(1) == b'<' {
            self.cursor.skip(2);
            let suffix = self.uri("", start)?;
            if self.cursor.peek(0) != b'>' {
                return Err(start.error("did not find the expected '>'"));
            }
            self.cursor.skip(1);
            Token::Tag { handle: "", suffix }
        } else {
            self.shorthand(start)?
        };
        if !self.cursor.is_blank_or_end(0) {
            return Err(start.error("did not find expected whitespace or line break"));
        }
        Ok(token)
    }

    fn shorthand(&mut self, start: Mark) -> Result<Token<'a>, ReadError> {
        let handle = self.tag_handle();
        if handle.len() > 1 && handle.ends_with('!') {
            return Ok(Token::Tag { handle, suffix: self.uri("", start)? });
        }
        let suffix = self.uri(handle, start)?;
        if suffix.is_empty() {
            return Ok(Token::Tag { handle: "", suffix: Cow::Borrowed("!") });
        }
        Ok(Token::Tag { handle: "!", suffix })
    }

    /// `!`, `!!`, `!e!`, or the beginning of a tag such as `!local`.
    fn tag_handle(&mut self) -> &'a str {
        let from = self.cursor.at;
        self.cursor.skip(1);
        self.word();
        if self.cursor.peek(0) == b'!' {
            self.cursor.skip(1);
        }
        &self.cursor.text[from..self.cursor.at]
    }

    /// The rest of a tag. `head` was read as its handle and belongs to it, all but the `!`.
    fn uri(&mut self, head: &'a str, start: Mark) -> Result<Cow<'a, str>, ReadError> {
        let from = self.cursor.at;
        while is_word(self.cursor.peek(0)) || b";/?:@&=+$,.!~*'()[]%".contains(&self.cursor.peek(0)) {
            self.cursor.skip(1);
        }
        let read = &self.cursor.text[from..self.cursor.at];
        if head.is_empty() && read.is_empty() {
            return Err(start.error("did not find expected tag URI"));
        }
        let whole = if head.len() > 1 { Cow::Owned(format!("{}{read}", &head[1..])) } else { Cow::Borrowed(read) };
        if whole.contains('%') { unescape(&whole).map(Cow::Owned).map_err(|what| start.error(what)) } else { Ok(whole) }
    }

    pub(super) fn directive(&mut self) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let name = self.word();
        if name.is_empty() {
            return Err(start.error("could not find expected directive name"));
        }
        if !self.cursor.is_blank_or_end(0) {
            return Err(start.error("found unexpected non-alphabetical character"));
        }
        let token = match name {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(start.error("found unknown directive name")),
        };
        self.skip_blanks();
        if self.cursor.peek(0) == b'#' {
            self.cursor.skip_line_rest();
        }
        if !self.cursor.is_break_or_end(0) {
            return Err(start.error("did not find expected comment or line break"));
        }
        self.cursor.take_break();
        Ok(token)
    }

    fn skip_blanks(&mut self) {
        while self.cursor.is_blank(0) {
            self.cursor.skip(1);
        }
    }

    fn version(&mut self, start: Mark) -> Result<Token<'a>, ReadError> {
        self.skip_blanks();
        let from = self.cursor.at;
        while self.cursor.peek(0).is_ascii_digit() || self.cursor.peek(0) == b'.' {
            self.cursor.skip(1);
        }
        match &self.cursor.text[from..self.cursor.at] {
            "1.1" | "01.1" | "1.01" | "01.01" => Ok(Token::Version),
            _ => Err(start.error("found incompatible YAML document")),
        }
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Token<'a>, ReadError> {
        self.skip_blanks();
        let handle = if self.cursor.peek(0) == b'!' { self.tag_handle() } else { "" };
        if !handle.ends_with('!') {
            return Err(start.error("did not find expected '!'"));
        }
        if !self.cursor.is_blank(0) {
            return Err(start.error("did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.uri("", start)?;
        if !self.cursor.is_blank_or_end(0) {
            return Err(start.error("did not find expected whitespace or line break"));
        }
        Ok(Token::TagDirective { handle, prefix })
    }
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let octet = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or("did not find URI escaped octet")?;
        bytes.push(octet);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| "found an incorrect trailing UTF-8 octet")
}
