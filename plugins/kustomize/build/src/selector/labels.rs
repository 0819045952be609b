//! Label selectors: `app=web,tier in (front, back),!legacy`, with the meaning that Kubernetes gives them.

mod syntax;

use crate::error::{Error, Result};

/// What has to hold of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

/// Conditions that all have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements(Vec<(String, Condition)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
}

impl Requirements {
    /// # Errors
    /// Text that is no label selector, and keys and values that no label can have. Kubernetes asks the same of a
    /// selector of annotations, though annotations themselves may hold anything.
    pub fn parse(text: &str) -> Result<Self> {
        let tokens = tokens(text);
        let mut parser = Parser { tokens: &tokens, text };
        let mut requirements = Vec::new();
        while !parser.tokens.is_empty() {
            requirements.push(parser.requirement()?);
            match parser.tokens.split_first() {
                None => break,
                Some((Token::Sign(","), rest)) if !rest.is_empty() => parser.tokens = rest,
                Some(_) => return Err(parser.error()),
            }
        }
        Ok(Self(requirements))
    }

    /// Whether all hold of what `value` says of each key.
    pub fn met<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|(key, condition)| {
            let value = value(key);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|wanted| wanted == value));
            match condition {
                Condition::Exists => value.is_some(),
                Condition::Absent => value.is_none(),
                Condition::In(values) => among(values),
                Condition::NotIn(values) => !among(values),
                Condition::Greater(than) => number().is_some_and(|number| number > *than),
                Condition::Less(than) => number().is_some_and(|number| number < *than),
            }
        })
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    const SIGNS: [&str; 9] = ["!=", "==", "=", "!", "(", ")", ",", ">", "<"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "=!(),<>".contains(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            tokens.push(Token::Word(word));
            rest = after;
        }
        rest = rest.trim_start();
    }
    tokens
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    text: &'a str,
}

impl<'t, 'a> Parser<'t, 'a> {
    fn error(&self) -> Error {
        Error::transform("selector", format!("unable to parse label selector '{}'", self.text))
    }

    fn invalid(&self, why: &str) -> Error {
        Error::transform("selector", format!("unable to parse label selector '{}': {why}", self.text))
    }

    fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn word(&mut self) -> Result<&'a str> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            _ => Err(self.error()),
        }
    }

    fn requirement(&mut self) -> Result<(String, Condition)> {
        if self.tokens.first() == Some(&Token::Sign("!")) {
            self.next();
            return Ok((self.key()?, Condition::Absent));
        }
        let key = self.key()?;
        let condition = match self.tokens.first() {
            None | Some(Token::Sign(",")) => Condition::Exists,
            Some(Token::Sign("=" | "==")) => Condition::In(self.single()?),
            Some(Token::Sign("!=")) => Condition::NotIn(self.single()?),
            Some(Token::Sign(">")) => Condition::Greater(self.number()?),
            Some(Token::Sign("<")) => Condition::Less(self.number()?),
            Some(Token::Word("in")) => Condition::In(self.set()?),
            Some(Token::Word("notin")) => Condition::NotIn(self.set()?),
            Some(_) => return Err(self.error()),
        };
        Ok((key, condition))
    }

    fn key(&mut self) -> Result<String> {
        let key = self.word()?;
        syntax::key(key).map_err(|why| self.invalid(&why))?;
        Ok(key.to_owned())
    }

    fn value(&mut self) -> Result<&'a str> {
        let value = self.word()?;
        self.checked(value)
    }

    fn checked(&self, value: &'a str) -> Result<&'a str> {
        syntax::value(value).map(|()| value).map_err(|why| self.invalid(&why))
    }

    /// What follows `=`: a word, or nothing for the empty value.
    fn single(&mut self) -> Result<Vec<String>> {
        self.next();
        match self.tokens.first() {
            None | Some(Token::Sign(",")) => Ok(vec![String::new()]),
            _ => Ok(vec![self.value()?.to_owned()]),
        }
    }

    fn number(&mut self) -> Result<i64> {
        self.next();
        self.value()?.parse().map_err(|_| self.error())
    }

    fn set(&mut self) -> Result<Vec<String>> {
        self.next();
        if self.next() != Some(&Token::Sign("(")) {
            return Err(self.error());
        }
        let mut values = vec![String::new()];
        loop {
            match self.next() {
                Some(Token::Word(word)) => match values.last_mut() {
                    Some(last) if last.is_empty() => last.push_str(self.checked(word)?),
                    _ => return Err(self.error()),
                },
                Some(Token::Sign(",")) => values.push(String::new()),
                Some(Token::Sign(")")) => return Ok(values),
                _ => return Err(self.error()),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::Requirements;

    #[track_caller]
    fn check(selector: &str, met: bool) {
        let labels = [("app", "web"), ("tier", "front"), ("size", "7"), ("empty", "")];
        let requirements = Requirements::parse(selector).unwrap();
        let value = |key: &str| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        assert_eq!(requirements.met(value), met, "{selector}");
    }

    #[test]
    fn conditions() {
        check("", true);
        check("app=web", true);
        check("app == web , tier!=back", true);
        check("app!=web", false);
        check("missing!=web", true);
        check("tier in (front, back)", true);
        check("tier notin (front,back)", false);
        check("missing notin (x)", true);
        check("app,!missing", true);
        check("!app", false);
        check("size>6,size<8", true);
        check("size>7", false);
        check("empty=", true);
    }

    #[test]
    fn mistakes() {
        for selector in ["=x", "a in b", "a in (b", "a b", ",", "a,", "a>x", "a>-1", "a=-b", "a in (x/y)", "!a/b/c"] {
            assert!(Requirements::parse(selector).is_err(), "{selector}");
        }
    }
}
