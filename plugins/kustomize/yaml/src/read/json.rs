//! JSON as Go's `encoding/json` reads it: no comments, no words without quotes, nothing behind the value.
//!
//! kustomize reads a JSON patch this way when it begins with `[`, and compares what such a patch tests by the text of
//! numbers and strings.

use super::{Limits, ReadError, config};
use crate::node::{Mapping, Node, Scalar};

/// What numbers and strings become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Values,
    /// Their text as it is written, quotes and escapes included.
    Tokens,
}

/// The value of a text. Of a key that comes twice the last value counts.
///
/// # Errors
/// Text that is not JSON, numbers beyond any float, and text beyond `limits`.
pub fn json(text: &str, limits: Limits) -> Result<Node, ReadError> {
    Reader { text, at: 0, leaves: Leaves::Values, limits }.document()
}

/// As [`json`], with the text of each number, string, bool and null as it is written.
///
/// # Errors
/// As for [`json`].
pub fn json_tokens(text: &str, limits: Limits) -> Result<Node, ReadError> {
    Reader { text, at: 0, leaves: Leaves::Tokens, limits }.document()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    leaves: Leaves,
    limits: Limits,
}

impl<'t> Reader<'t> {
    fn document(mut self) -> Result<Node, ReadError> {
        if self.text.len() > self.limits.bytes {
            return Err(self.error("the text is too large"));
        }
        let value = self.value(self.limits.depth)?;
        self.blanks();
        if self.at < self.text.len() { Err(self.error("invalid character after top-level value")) } else { Ok(value) }
    }

    fn error(&self, what: &str) -> ReadError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        ReadError { line: before.matches('\n').count() + 1, column: line.chars().count() + 1, what: what.to_owned() }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn value(&mut self, depth: usize) -> Result<Node, ReadError> {
        self.blanks();
        let Some(below) = depth.checked_sub(1) else { return Err(self.error("exceeded max depth")) };
        let start = self.at;
        let read = match self.peek() {
            Some(b'{') => return self.object(below),
            Some(b'[') => return self.array(below),
            Some(b'"') => Node::string(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(match self.leaves {
            Leaves::Values => read,
            Leaves::Tokens => Node::string(self.text.get(start..self.at).unwrap_or_default()),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Node, ReadError> {
        let mut fields = Mapping::new();
        self.at += 1;
        self.blanks();
        if self.take(b'}') {
            return Ok(Node::Mapping(fields));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error("invalid character looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.error("invalid character after object key"));
            }
            let value = self.value(depth)?;
            fields.insert(key, value);
            self.blanks();
            if self.take(b'}') {
                return Ok(Node::Mapping(fields));
            }
            if !self.take(b',') {
                return Err(self.error("invalid character after object key:value pair"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node, ReadError> {
        let mut items = Vec::new();
        self.at += 1;
        self.blanks();
        if self.take(b']') {
            return Ok(Node::Sequence(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Node::Sequence(items));
            }
            if !self.take(b',') {
                return Err(self.error("invalid character after array element"));
            }
        }
    }

    fn word(&mut self) -> Result<Node, ReadError> {
        let words = [("true", Scalar::bool(true)), ("false", Scalar::bool(false)), ("null", Scalar::null())];
        let found = words.into_iter().find(|(word, _)| self.rest().starts_with(word));
        let (word, scalar) = found.ok_or_else(|| self.error("invalid character looking for beginning of value"))?;
        self.at += word.len();
        Ok(Node::Scalar(scalar))
    }

    fn number(&mut self) -> Result<Node, ReadError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        match config(token, self.limits) {
            Ok(Some(number)) => Ok(number),
            _ => Err(self.error("a number that is none")),
        }
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let rest = self.rest();
        let count = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        self.at += count;
        if count == 0 { Err(self.error("invalid character in numeric literal")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, ReadError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let special = |c: char| matches!(c, '"' | '\\' | '\0'..='\x1F');
            let end = rest.find(special).ok_or_else(|| self.error("unexpected end of JSON input"))?;
            out.push_str(rest.get(..end).unwrap_or_default());
            self.at += end;
            if self.take(b'"') {
                return Ok(out);
            }
            if !self.take(b'\\') {
                return Err(self.error("invalid character in string literal"));
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let letter = self.peek();
        self.at += 1;
        match letter {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{C}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode(),
            _ => {
                self.at -= 1;
                Err(self.error("invalid character in string escape code"))
            }
        }
    }

    /// Half of a pair that stands alone becomes the replacement character.
    fn unicode(&mut self) -> Result<char, ReadError> {
        let first = self.unit()?;
        if let Some(c) = char::from_u32(u32::from(first)) {
            return Ok(c);
        }
        let before = self.at;
        if self.rest().starts_with("\\u") {
            self.at += 2;
            let second = self.unit()?;
            if let Some(Ok(c)) = char::decode_utf16([first, second]).next() {
                return Ok(c);
            }
        }
        self.at = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Result<u16, ReadError> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.error("invalid character in \\u hexadecimal character escape"))?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::{json, json_tokens};
    use crate::node::Node;
    use crate::write;

    fn read(text: &str) -> Result<String, String> {
        let node = json(text, Limits::default()).map_err(|error| error.to_string())?;
        write::json(&node).map_err(|error| error.to_string())
    }

    #[test]
    fn values() {
        let text = r#" [ {"a" : 1.50, "a":-0e1 , "b":"\u0041\ud83d\ude00\ud83d\/" }, true,null ,[], {} ] "#;
        assert_eq!(read(text).as_deref(), Ok("[{\"a\":0,\"b\":\"A😀\u{FFFD}/\"},true,null,[],{}]"));
        let tokens = json_tokens(r#"[1.50, "\u0041"]"#, Limits::default());
        let expected = Node::Sequence(vec![Node::string("1.50"), Node::string(r#""\u0041""#)]);
        assert_eq!(tokens, Ok(expected));
    }

    #[test]
    fn what_is_none() {
        let texts = [
            "",
            "[a]",
            "[1,]",
            "{a: 1}",
            "[01]",
            "[1.]",
            "[+1]",
            "['a']",
            "[\"\t\"]",
            r#"["\x41"]"#,
            "[1] #",
            "[1",
            "[\"a",
        ];
        for text in texts {
            assert!(read(text).is_err(), "{text}");
        }
        let error = "line 2, column 3: invalid character after array element";
        assert_eq!(read("[\n1 2]"), Err(error.to_owned()));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
