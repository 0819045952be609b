//! Why a file is not edited.

use std::fmt;

/// Why a file is not edited, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whose fault it is.
    pub blame: Blame,
    /// One sentence.
    pub message: String,
    /// From 1; 0 where it concerns the whole file.
    pub line: usize,
    /// In characters, from 1; 0 where it concerns the whole file.
    pub column: usize,
    /// What a person can do about it.
    pub hint: Option<&'static str>,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The file is wrong, or says something that cannot be edited without a guess.
    File,
    /// The editor made another change than the one that it was asked for, and noticed.
    Editor,
}

impl Problem {
    /// Something at a place of the file.
    pub fn at((line, column): (usize, usize), message: impl Into<String>) -> Self {
        Self { blame: Blame::File, message: message.into(), line, column, hint: None }
    }

    /// Something about the whole file.
    pub fn whole(message: impl Into<String>) -> Self {
        Self::at((0, 0), message)
    }

    /// Says what a person can do about it.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// The check after the edit failed.
    pub fn editor(message: impl Into<String>) -> Self {
        Self { blame: Blame::Editor, message: message.into(), line: 0, column: 0, hint: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.line > 0 {
            write!(f, " (line {}, column {})", self.line, self.column)?;
        }
        Ok(())
    }
}
