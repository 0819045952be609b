//! Reads path expressions. It never looks at a document.

use super::{Condition, Move, PathError, Test};
use serde_json::Value;

/// Characters of an expression.
const LONGEST: usize = 1000;
/// Parentheses within parentheses.
const DEEPEST: usize = 16;

type Result<T> = std::result::Result<T, PathError>;

pub(super) fn expression(text: &str) -> Result<Vec<Vec<Move>>> {
    let mut parser = Parser { text, rest: text };
    if text.len() > LONGEST {
        return Err(parser.error("at most 1000 characters"));
    }
    let mut alternatives = vec![];
    loop {
        let moves = parser.pipeline()?;
        if moves.iter().all(|m| matches!(m, Move::Select(_))) {
            return Err(parser.error("a field: the whole object cannot be ignored"));
        }
        alternatives.push(moves);
        if !parser.take(",") {
            break;
        }
    }
    match parser.rest.is_empty() {
        true => Ok(alternatives),
        false => Err(parser.error("the end, `|` or `,`")),
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn error(&self, wanted: &'static str) -> PathError {
        PathError { expression: self.text.to_owned(), wanted, rest: self.rest.to_owned() }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a token with the space around it.
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(token) else { return false };
        self.rest = rest;
        self.skip_space();
        true
    }

    /// Takes a word that does not go on.
    fn word(&mut self, word: &str) -> bool {
        let whole = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let found = self.rest.trim_start().strip_prefix(word).is_some_and(whole);
        found && self.take(word)
    }

    fn expect(&mut self, token: &str, wanted: &'static str) -> Result<()> {
        if self.take(token) { Ok(()) } else { Err(self.error(wanted)) }
    }

    fn pipeline(&mut self) -> Result<Vec<Move>> {
        let mut moves = vec![];
        loop {
            self.skip_space();
            if self.word("select") {
                self.expect("(", "`(`")?;
                moves.push(Move::Select(self.any(DEEPEST)?));
                self.expect(")", "`)`")?;
            } else if !self.rest.starts_with('.') {
                return Err(self.error("a path that begins with `.`, or `select(…)`"));
            }
            self.path(&mut moves)?;
            if !self.take("|") {
                return Ok(moves);
            }
        }
    }

    /// A path, or nothing where none begins.
    fn path(&mut self, moves: &mut Vec<Move>) -> Result<()> {
        let mut first = true;
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                if let Some(name) = self.name() {
                    moves.push(Move::Field(name.to_owned()));
                } else if self.rest.starts_with('"') {
                    let text = self.string()?;
                    moves.push(Move::Field(text));
                } else if !(self.rest.starts_with('[') || (first && !self.rest.starts_with('.'))) {
                    return Err(self.error("a name, a text or a bracket"));
                }
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                moves.push(self.bracket()?);
            } else if let Some(rest) = self.rest.strip_prefix('?').filter(|_| !first) {
                self.rest = rest;
            } else {
                self.skip_space();
                return Ok(());
            }
            first = false;
        }
    }

    fn bracket(&mut self) -> Result<Move> {
        self.skip_space();
        let step = if self.rest.starts_with('"') {
            Move::Field(self.string()?)
        } else {
            let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            let step = match number {
                "" => Move::Each,
                number => Move::Index(number.parse().map_err(|_| self.error("a number"))?),
            };
            self.rest = rest;
            step
        };
        self.skip_space();
        match self.rest.strip_prefix(']') {
            Some(rest) => {
                self.rest = rest;
                Ok(step)
            }
            None => Err(self.error("`]`")),
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        let starts = self.rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        starts.then(|| {
            self.rest = rest;
            name
        })
    }

    /// A text in quotes, with JSON's escapes.
    fn string(&mut self) -> Result<String> {
        let mut escaped = true;
        let end = self.rest.char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        // The first quote counts as escaped, so that it does not end the text.
        let Some((end, _)) = end else {
            self.rest = "";
            return Err(self.error("the end of a text"));
        };
        let (quoted, rest) = self.rest.split_at(end + 1);
        let text = serde_json::from_str(quoted).map_err(|_| self.error("a text with JSON's escapes"))?;
        self.rest = rest;
        Ok(text)
    }

    fn any(&mut self, left: usize) -> Result<Condition> {
        let Some(left) = left.checked_sub(1) else { return Err(self.error("fewer parentheses")) };
        let mut conditions = vec![self.all(left)?];
        while self.word("or") {
            conditions.push(self.all(left)?);
        }
        Ok(Condition::Any(conditions))
    }

    fn all(&mut self, left: usize) -> Result<Condition> {
        let mut conditions = vec![self.term(left)?];
        while self.word("and") {
            conditions.push(self.term(left)?);
        }
        Ok(Condition::All(conditions))
    }

    fn term(&mut self, left: usize) -> Result<Condition> {
        if self.take("(") {
            let condition = self.any(left)?;
            self.expect(")", "`)`")?;
            return Ok(condition);
        }
        if !self.rest.starts_with('.') {
            return Err(self.error("a path that begins with `.`"));
        }
        let mut moves = vec![];
        self.path(&mut moves)?;
        Ok(Condition::Test(moves, self.test()?))
    }

    fn test(&mut self) -> Result<Test> {
        if self.take("==") {
            return self.literal().map(Test::Equal);
        }
        if self.take("!=") {
            return self.literal().map(Test::Unequal);
        }
        if !self.take("|") {
            return Ok(Test::Truthy);
        }
        let make = if self.word("not") {
            return Ok(Test::Falsy);
        } else if self.word("startswith") {
            Test::StartsWith
        } else if self.word("endswith") {
            Test::EndsWith
        } else {
            return Err(self.error("`not`, `startswith(…)` or `endswith(…)`"));
        };
        self.expect("(", "`(`")?;
        if !self.rest.starts_with('"') {
            return Err(self.error("a text"));
        }
        let text = self.string()?;
        self.expect(")", "`)`")?;
        Ok(make(text))
    }

    fn literal(&mut self) -> Result<Value> {
        for (word, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
            if self.word(word) {
                return Ok(value);
            }
        }
        let wanted = "a text, a number, true, false or null";
        let value = if self.rest.starts_with('"') {
            Value::String(self.string()?)
        } else {
            let end = self.rest.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            let number = number.parse().map(Value::Number).map_err(|_| self.error(wanted))?;
            self.rest = rest;
            number
        };
        self.skip_space();
        Ok(value)
    }
}
