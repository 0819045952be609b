//! Regular expressions as kustomize uses them, with a short way for the most common one: plain text.

mod syntax;

use regex_lite::Regex;

use crate::error::{Error, Result};

/// An expression.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Matches everything.
    Any,
    /// Matches this text as a whole.
    Text(String),
    Expression(Regex),
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | ':' | '@'))
}

impl Pattern {
    /// Matches texts that the expression describes from start to end; all where it is empty.
    ///
    /// # Errors
    /// Text that is no expression.
    pub fn whole(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        if is_plain(text) {
            return Ok(Self::Text(text.to_owned()));
        }
        Self::anywhere(&format!("^(?:{text})$"))
    }

    /// Matches texts that have what the expression describes anywhere.
    ///
    /// # Errors
    /// Text that is no expression.
    pub fn anywhere(text: &str) -> Result<Self> {
        let refused = |what: String| Error::invalid("", format!("error parsing regexp '{text}': {what}"));
        let expression = syntax::translate(text).map_err(|what| refused(what.to_owned()))?;
        Regex::new(&expression).map(Self::Expression).map_err(|error| refused(error.to_string()))
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(wanted) => wanted == text,
            Self::Expression(regex) => regex.is_match(text),
        }
    }
}
