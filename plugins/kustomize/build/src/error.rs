//! Why a build does not succeed: a stable kind for programs, a message and a way out for people.

use std::fmt;

use kustomize_yaml::read::ReadError;

/// What went wrong, in terms that do not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file that says something kustomize does not take. Line and column count from 1; 0 where a whole field is
    /// meant.
    Invalid { path: String, line: usize, column: usize },
    /// Something that this library does not do, under the field that asks for it.
    Unsupported { field: String },
    /// A file or folder that is not there.
    Missing { path: String },
    /// A URL for which the host gave nothing.
    Remote { spec: String },
    /// A folder that builds on itself.
    Cycle { path: String },
    /// A file outside of the folder whose kustomization names it.
    Outside { path: String },
    /// Two objects of the same identity.
    Conflict { id: String },
    /// A transformation that does not fit the objects it meets.
    Transform { field: String },
    /// The [`Files`](crate::Files) could not answer.
    Host,
}

/// A build that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// What went wrong, for programs.
    pub kind: ErrorKind,
    /// What went wrong, for people; where it happened comes first.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What everything here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(crate) fn invalid(path: impl Into<String>, what: impl fmt::Display) -> Self {
        let path = path.into();
        let message = if path.is_empty() { what.to_string() } else { format!("{path}: {what}") };
        Self::new(ErrorKind::Invalid { path, line: 0, column: 0 }, message)
    }

    pub(crate) fn yaml(path: &str, error: &ReadError) -> Self {
        let ReadError { line, column, what } = error;
        let kind = ErrorKind::Invalid { path: path.to_owned(), line: *line, column: *column };
        Self::new(kind, format!("{path}:{line}:{column}: {what}"))
    }

    pub(crate) fn unsupported(field: &str, why: &str, hint: &str) -> Self {
        Self::new(ErrorKind::Unsupported { field: field.to_owned() }, format!("{field}: {why}")).hint(hint)
    }

    pub(crate) fn missing(path: &str) -> Self {
        Self::new(ErrorKind::Missing { path: path.to_owned() }, format!("{path}: no such file or folder"))
    }

    pub(crate) fn transform(field: &str, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Transform { field: field.to_owned() }, format!("{field}: {what}"))
    }

    pub(crate) fn conflict(id: impl fmt::Display, what: &str) -> Self {
        let id = id.to_string();
        let message = format!("{id}: {what}");
        Self::new(ErrorKind::Conflict { id }, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.hint.get_or_insert_with(|| hint.to_owned());
        self
    }

    /// Says where the error happened, in front of what happened.
    #[must_use]
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}
