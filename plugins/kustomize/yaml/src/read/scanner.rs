//! Text to tokens. Follows libyaml, which go-yaml is made from, in what it takes and what it refuses: a key of one
//! line and of 1024 characters at most, tabs only where no indentation can stand.
//!
//! The scanner knows indentation and possible keys; what tokens mean together, the composer knows.

use std::collections::VecDeque;

use super::ReadError;
use super::cursor::{Cursor, Mark};
use super::token::{Placed, Token};

type Scanned = Result<(), ReadError>;

/// A token that turns out to be a key when `:` follows.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// The number of the token among all of the stream.
    number: usize,
    mark: Mark,
    /// At the indentation of a block mapping nothing but a key may stand.
    required: bool,
}

/// The longest key that needs no `?`, in characters.
const KEY: usize = 1024;

pub struct Scanner<'a> {
    pub(super) cursor: Cursor<'a>,
    queue: VecDeque<Placed<'a>>,
    /// Tokens handed out so far.
    taken: usize,
    /// The column of the innermost block collection, -1 outside of all.
    pub(super) indent: isize,
    indents: Vec<isize>,
    /// The possible key of each flow collection that is open, the block context first.
    candidates: Vec<Option<Candidate>>,
    pub(super) key_allowed: bool,
    ended: bool,
    /// The first token of the queue is no key that its `:` is still to be found of.
    settled: bool,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            queue: VecDeque::new(),
            taken: 0,
            indent: -1,
            indents: Vec::new(),
            candidates: vec![None],
            key_allowed: true,
            ended: false,
            settled: false,
        }
    }

    /// Refuses what go-yaml calls control characters before anything else is read.
    pub fn refuse_control_characters(&self) -> Scanned {
        let bytes = self.cursor.text.as_bytes();
        // In chunks without an early way out, which is many bytes at a time.
        let plain = |byte: &u8| !matches!(byte, 0..=0x08 | 0x0B | 0x0C | 0x0E..=0x1F | 0x7F | 0xC2 | 0xEF);
        if bytes.chunks(256).all(|chunk| chunk.iter().fold(true, |all, byte| all & plain(byte))) {
            return Ok(());
        }
        let bad = bytes.iter().enumerate().find(|(at, byte)| match byte {
            b'\t' | b'\n' | b'\r' => false,
            0..0x20 | 0x7F => true,
            0xC2 => matches!(bytes.get(at + 1), Some(0x80..=0x84 | 0x86..=0x9F)),
            0xEF => matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
            _ => false,
        });
        let Some((at, _)) = bad else { return Ok(()) };
        let before = &self.cursor.text[..at];
        let line = before.matches('\n').count();
        let column = at - before.rfind('\n').map_or(0, |start| start + 1);
        Err(Mark { at, line, column }.error("control characters are not allowed"))
    }

    /// The next token, which stays.
    pub fn peek(&mut self) -> Result<&Placed<'a>, ReadError> {
        while !self.settled {
            if self.needs_more() {
                self.fetch()?;
            } else {
                self.settled = true;
            }
        }
        let mark = self.cursor.mark();
        self.queue.front().ok_or_else(|| mark.error("did not find expected node content"))
    }

    /// The next token, taken. Behind the end of the stream stands its end again.
    pub fn next(&mut self) -> Result<Placed<'a>, ReadError> {
        self.peek()?;
        let end = Placed { token: Token::StreamEnd, mark: self.cursor.mark() };
        let next = self.queue.pop_front().unwrap_or(end);
        self.taken += 1;
        self.settled = false;
        Ok(next)
    }

    /// The next token cannot be handed out while it may still become a key.
    fn needs_more(&self) -> bool {
        if self.queue.is_empty() {
            return true;
        }
        !self.ended && self.candidates.iter().flatten().any(|key| key.number == self.taken && self.is_possible(key))
    }

    fn is_possible(&self, key: &Candidate) -> bool {
        if key.mark.line != self.cursor.line() {
            return false;
        }
        let between = self.cursor.at - key.mark.at;
        between <= KEY || self.cursor.text[key.mark.at..self.cursor.at].chars().count() <= KEY
    }

    pub(super) fn in_flow(&self) -> bool {
        self.candidates.len() > 1
    }

    fn fetch(&mut self) -> Scanned {
        self.skip_to_token();
        self.unroll(self.cursor.column() as isize);
        let mark = self.cursor.mark();
        if self.cursor.is_end() {
            return self.fetch_end();
        }
        if mark.column == 0 && self.cursor.peek(0) == b'%' {
            self.leave_blocks()?;
            let token = self.directive()?;
            self.push(token, mark);
            return Ok(());
        }
        if self.cursor.is_document_mark() {
            self.leave_blocks()?;
            let token = if self.cursor.peek(0) == b'-' { Token::DocumentStart } else { Token::DocumentEnd };
            return self.indicator(token, 3);
        }
        self.fetch_content(mark)
    }

    fn fetch_content(&mut self, mark: Mark) -> Scanned {
        let flow = self.in_flow();
        let spaced = self.cursor.is_blank_or_end(1);
        match self.cursor.peek(0) {
            b'[' => self.open(Token::FlowSequenceStart),
            b'{' => self.open(Token::FlowMappingStart),
            b']' => self.close(Token::FlowSequenceEnd),
            b'}' => self.close(Token::FlowMappingEnd),
            b',' => {
                self.drop_candidate()?;
                self.key_allowed = true;
                self.indicator(Token::FlowEntry, 1)
            }
            b'-' if spaced => self.fetch_entry(mark),
            b'?' if flow || spaced => self.fetch_key(mark),
            b':' if flow || spaced => self.fetch_value(mark),
            b'*' => self.fetch_scanned(mark, Self::alias),
            b'&' => self.fetch_scanned(mark, Self::anchor),
            b'!' => self.fetch_scanned(mark, Self::tag),
            b'|' | b'>' if !flow => {
                self.drop_candidate()?;
                self.key_allowed = true;
                let token = self.block_scalar()?;
                self.push(token, mark);
                Ok(())
            }
            b'\'' => self.fetch_scanned(mark, Self::single_quoted),
            b'"' => self.fetch_scanned(mark, Self::double_quoted),
            first if self.begins_plain(first) => self.fetch_scanned(mark, Self::plain_scalar),
            _ => Err(mark.error("found character that cannot start any token")),
        }
    }

    fn begins_plain(&self, first: u8) -> bool {
        match first {
            b'-' => !self.cursor.is_blank(1),
            b'?' | b':' => !self.in_flow() && !self.cursor.is_blank_or_end(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
            | b'`' => false,
            _ => !self.cursor.is_blank_or_end(0),
        }
    }

    fn push(&mut self, token: Token<'a>, mark: Mark) {
        self.queue.push_back(Placed { token, mark });
    }

    /// An indicator of `width` bytes.
    fn indicator(&mut self, token: Token<'a>, width: usize) -> Scanned {
        let mark = self.cursor.mark();
        self.cursor.skip(width);
        self.push(token, mark);
        Ok(())
    }

    /// A scalar, a tag, an anchor or an alias: each may begin a key, none may be followed by one.
    fn fetch_scanned(&mut self, mark: Mark, scan: fn(&mut Self) -> Result<Token<'a>, ReadError>) -> Scanned {
        self.note_candidate(mark)?;
        self.key_allowed = false;
        let token = scan(self)?;
        self.push(token, mark);
        Ok(())
    }

    fn fetch_end(&mut self) -> Scanned {
        self.unroll(-1);
        self.drop_candidate()?;
        self.key_allowed = false;
        self.ended = true;
        let mark = self.cursor.mark();
        self.push(Token::StreamEnd, mark);
        Ok(())
    }

    fn leave_blocks(&mut self) -> Scanned {
        self.unroll(-1);
        self.drop_candidate()?;
        self.key_allowed = false;
        Ok(())
    }

    fn open(&mut self, token: Token<'a>) -> Scanned {
        self.note_candidate(self.cursor.mark())?;
        self.candidates.push(None);
        self.key_allowed = true;
        self.indicator(token, 1)
    }

    fn close(&mut self, token: Token<'a>) -> Scanned {
        self.drop_candidate()?;
        if self.in_flow() {
            self.candidates.pop();
        }
        self.key_allowed = false;
        self.indicator(token, 1)
    }

    fn fetch_entry(&mut self, mark: Mark) -> Scanned {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(mark.error("block sequence entries are not allowed in this context"));
            }
            self.roll(mark, self.queue.len(), Token::BlockSequenceStart);
        }
        self.drop_candidate()?;
        self.key_allowed = true;
        self.indicator(Token::BlockEntry, 1)
    }

    fn fetch_key(&mut self, mark: Mark) -> Scanned {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(mark.error("mapping keys are not allowed in this context"));
            }
            self.roll(mark, self.queue.len(), Token::BlockMappingStart);
        }
        self.drop_candidate()?;
        self.key_allowed = !self.in_flow();
        self.indicator(Token::Key, 1)
    }

    fn fetch_value(&mut self, mark: Mark) -> Scanned {
        match self.take_candidate()? {
            Some(key) => {
                let at = key.number.saturating_sub(self.taken);
                self.queue.insert(at, Placed { token: Token::Key, mark: key.mark });
                self.roll(key.mark, at, Token::BlockMappingStart);
                self.key_allowed = false;
            }
            None => {
                if !self.in_flow() {
                    if !self.key_allowed {
                        return Err(mark.error("mapping values are not allowed in this context"));
                    }
                    self.roll(mark, self.queue.len(), Token::BlockMappingStart);
                }
                self.key_allowed = !self.in_flow();
            }
        }
        self.indicator(Token::Value, 1)
    }

    /// What comes next may be a key.
    fn note_candidate(&mut self, mark: Mark) -> Scanned {
        if !self.key_allowed {
            return Ok(());
        }
        let required = !self.in_flow() && self.indent == mark.column as isize;
        self.drop_candidate()?;
        let number = self.taken + self.queue.len();
        if let Some(slot) = self.candidates.last_mut() {
            *slot = Some(Candidate { number, mark, required });
        }
        Ok(())
    }

    fn drop_candidate(&mut self) -> Scanned {
        match self.candidates.last_mut().and_then(Option::take) {
            Some(key) if key.required => Err(key.mark.error("could not find expected ':'")),
            _ => Ok(()),
        }
    }

    fn take_candidate(&mut self) -> Result<Option<Candidate>, ReadError> {
        let Some(key) = self.candidates.last_mut().and_then(Option::take) else { return Ok(None) };
        if self.is_possible(&key) {
            return Ok(Some(key));
        }
        if key.required { Err(key.mark.error("could not find expected ':'")) } else { Ok(None) }
    }

    /// Opens a block collection at the column of `mark`, unless one is open there. `at` is its place in the queue.
    fn roll(&mut self, mark: Mark, at: usize, token: Token<'a>) {
        let column = mark.column as isize;
        if !self.in_flow() && self.indent < column {
            self.indents.push(self.indent);
            self.indent = column;
            self.queue.insert(at, Placed { token, mark });
        }
    }

    /// Closes the block collections that are indented deeper than `column`.
    fn unroll(&mut self, column: isize) {
        if self.in_flow() {
            return;
        }
        let mark = self.cursor.mark();
        while self.indent > column {
            self.push(Token::BlockEnd, mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn skip_to_token(&mut self) {
        loop {
            while self.cursor.peek(0) == b' ' || (self.cursor.peek(0) == b'\t' && (self.in_flow() || !self.key_allowed))
            {
                self.cursor.skip(1);
            }
            if self.cursor.peek(0) == b'#' {
                self.cursor.skip_line_rest();
            }
            if self.cursor.take_break().is_empty() {
                return;
            }
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }
}
