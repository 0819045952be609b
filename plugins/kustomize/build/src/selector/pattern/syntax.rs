//! The syntax of Go's expressions, written in that of the engine here. They agree on most; what they do not agree on is
//! written out: Go takes a `{` that counts nothing for itself, knows `\Q…\E` and octal digits, and refuses two
//! repetitions in a row.
//!
//! Unicode classes (`\pL`) are an error: names in Kubernetes have no use for them.

use std::fmt::Write;

/// The highest count of a repetition.
const MAX_COUNT: u32 = 1000;
/// What `\s` means. The engine's own has the vertical tab as well.
const SPACE: &str = r"\t\n\f\r ";
const NO_SPACE: &str = r"\x00-\x08\x0B\x0E-\x1F\x21-\x{10FFFF}";

/// What a repetition would repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Atom,
    Repetition,
}

struct Translator<'t> {
    rest: &'t str,
    out: String,
    last: Last,
}

/// An expression of Go, for the engine.
///
/// # Errors
/// What Go refuses, in a few words; what the engine cannot do.
pub fn translate(text: &str) -> Result<String, &'static str> {
    let mut translator = Translator { rest: text, out: String::with_capacity(text.len()), last: Last::Nothing };
    while let Some(c) = translator.next() {
        translator.one(c)?;
    }
    Ok(translator.out)
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, expected: &str) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn one(&mut self, c: char) -> Result<(), &'static str> {
        self.last = match c {
            '*' | '+' | '?' => return self.repeat(c.encode_utf8(&mut [0; 4])),
            '{' => {
                if let Some(count) = self.count()? {
                    return self.repeat(&count);
                }
                self.literal('{');
                Last::Atom
            }
            '(' => return self.group(),
            '|' => {
                self.out.push('|');
                Last::Nothing
            }
            '[' => {
                self.class()?;
                Last::Atom
            }
            '\\' => return self.escape(),
            ')' | '^' | '$' | '.' => {
                self.out.push(c);
                Last::Atom
            }
            c => {
                self.literal(c);
                Last::Atom
            }
        };
        Ok(())
    }

    fn repeat(&mut self, operator: &str) -> Result<(), &'static str> {
        match self.last {
            Last::Nothing => return Err("missing argument to repetition operator"),
            Last::Repetition => return Err("invalid nested repetition operator"),
            Last::Atom => {}
        }
        self.out.push_str(operator);
        if self.take("?") {
            self.out.push('?');
        }
        self.last = Last::Repetition;
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}` behind the brace that was read; `None` where it is none of them.
    fn count(&mut self) -> Result<Option<String>, &'static str> {
        let Some((inner, rest)) = self.rest.split_once('}') else { return Ok(None) };
        let (low, high) = inner.split_once(',').map_or((inner, None), |(low, high)| (low, Some(high)));
        let is_number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits && (text.len() == 1 || !text.starts_with('0'))
        };
        if !is_number(low) || high.is_some_and(|high| !high.is_empty() && !is_number(high)) {
            return Ok(None);
        }
        let number =
            |text: &str| text.parse::<u32>().ok().filter(|count| *count <= MAX_COUNT).ok_or("invalid repeat count");
        let low = number(low)?;
        if let Some(high) = high.filter(|high| !high.is_empty())
            && number(high)? < low
        {
            return Err("invalid repeat count");
        }
        self.rest = rest;
        Ok(Some(format!("{{{inner}}}")))
    }

    fn group(&mut self) -> Result<(), &'static str> {
        self.last = Last::Nothing;
        if !self.rest.starts_with('?') {
            self.out.push('(');
            return Ok(());
        }
        if self.take("?P<") || self.take("?<") {
            self.out.push_str("(?P<");
            return Ok(());
        }
        let end = self.rest.find([':', ')']).ok_or("missing argument to group")?;
        let (flags, rest) = self.rest.split_at(end);
        if flags.chars().skip(1).any(|flag| !"imsU-".contains(flag)) {
            return Err("invalid or unsupported Perl syntax");
        }
        let _ = write!(self.out, "({flags}");
        self.rest = rest;
        if self.take(":") {
            self.out.push(':');
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        if self.take("Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            if !quoted.is_empty() {
                self.last = Last::Atom;
            }
            quoted.chars().for_each(|c| self.literal(c));
            return Ok(());
        }
        self.last = Last::Atom;
        if let Some(c @ ('A' | 'z' | 'b' | 'B')) = self.rest.chars().next() {
            self.next();
            self.out.push('\\');
            self.out.push(c);
            return Ok(());
        }
        match self.perl_class()? {
            Some(set) => {
                let _ = write!(self.out, "[{set}]");
            }
            None => {
                let c = self.escaped()?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// A class of one letter behind a `\`, as it stands between brackets.
    fn perl_class(&mut self) -> Result<Option<&'static str>, &'static str> {
        let set = match self.rest.chars().next() {
            Some('d') => r"\d",
            Some('D') => r"\D",
            Some('w') => r"\w",
            Some('W') => r"\W",
            Some('s') => SPACE,
            Some('S') => NO_SPACE,
            Some('p' | 'P') => return Err("Unicode classes are not supported here"),
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(set))
    }

    /// The character that an escape stands for.
    fn escaped(&mut self) -> Result<char, &'static str> {
        const INVALID: &str = "invalid escape sequence";
        let c = self.next().ok_or("trailing backslash at end of expression")?;
        match c {
            '0' => Ok(self.octal(0)),
            '1'..='7' if self.rest.starts_with(|next| ('0'..='7').contains(&next)) => Ok(self.octal(digit(c))),
            'x' => self.hexadecimal().and_then(char::from_u32).ok_or(INVALID),
            'a' => Ok('\x07'),
            'f' => Ok('\x0C'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0B'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(INVALID),
        }
    }

    /// Up to two more digits.
    fn octal(&mut self, first: u8) -> char {
        let mut value = u32::from(first);
        for _ in 0..2 {
            let Some(c @ '0'..='7') = self.rest.chars().next() else { break };
            self.next();
            value = value * 8 + u32::from(digit(c));
        }
        char::from_u32(value).unwrap_or_default()
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let (digits, rest) = match self.rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => self.rest.split_at_checked(2)?,
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = rest;
        u32::from_str_radix(digits, 16).ok()
    }

    fn class(&mut self) -> Result<(), &'static str> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if self.named_class()? {
                continue;
            }
            if self.rest.starts_with('\\') {
                let before = self.rest;
                self.next();
                if let Some(set) = self.perl_class()? {
                    self.out.push_str(set);
                    continue;
                }
                self.rest = before;
            }
            self.range()?;
        }
        self.next();
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]` and the like; the engine knows the same names.
    fn named_class(&mut self) -> Result<bool, &'static str> {
        let inner = self.rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]"));
        let Some((name, rest)) = inner else { return Ok(false) };
        if !name.trim_start_matches('^').bytes().all(|b| b.is_ascii_lowercase()) {
            return Err("invalid character class range");
        }
        let _ = write!(self.out, "[:{name}:]");
        self.rest = rest;
        Ok(true)
    }

    fn range(&mut self) -> Result<(), &'static str> {
        let low = self.class_char()?;
        let is_range = self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]");
        self.literal(low);
        if is_range {
            self.next();
            let high = self.class_char()?;
            if high < low {
                return Err("invalid character class range");
            }
            self.out.push('-');
            self.literal(high);
        }
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, &'static str> {
        match self.next() {
            Some('\\') => self.escaped(),
            Some(c) => Ok(c),
            None => Err("missing closing ]"),
        }
    }
}

fn digit(c: char) -> u8 {
    c.to_digit(8).and_then(|value| u8::try_from(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn what_both_know_stays() {
        for text in [r"web-.*", "^(?:a|b)+$", "(?i:x)", "[^a-c]{2,3}?", "[[:alpha:]]", r"\bx\B"] {
            assert_eq!(translate(text).map(|read| read.replace(r"\-", "-")).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_go_writes_otherwise() {
        let pairs = [
            ("${NAME}", r"$\{NAME\}"),
            ("a{,2}", r"a\{,2\}"),
            (r"\Qa.b\Ec", r"a\.bc"),
            (r"\_\/\101\x41\x{41}", "_/AAA"),
            ("[]a[&&]", r"[\]a\[\&\&]"),
            (r"\s", r"[\t\n\f\r ]"),
            ("(?<n>x)", "(?P<n>x)"),
        ];
        for (go, here) in pairs {
            assert_eq!(translate(go).as_deref(), Ok(here));
        }
    }

    #[test]
    fn what_go_refuses() {
        for text in ["a**", "a+{2}", "*a", "(|+)", "a{2,1}", "a{1001}", r"\1", r"\e", "[b-a]", "[a", r"a\", "(?x:a)"] {
            assert!(translate(text).is_err(), "{text}");
        }
    }
}
