//! How the process ends when something is wrong.

use manifest::{Diagnostic, Source};
use model::{Blame, Failure};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Exit {
    /// One thing.
    Failure(Failure),
    /// All that is wrong with a file.
    File(Source, Vec<Diagnostic>),
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Exit {
    /// Bad usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Failure(Failure::new(Blame::User, "invalid", message))
    }

    /// With what to do about it.
    pub fn hint(self, hint: &str) -> Self {
        match self {
            Self::Failure(failure) => Self::Failure(failure.hint(hint)),
            file => file,
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::File(..) => 2,
            Self::Failure(failure) => match (failure.code.as_str(), failure.blame) {
                ("denied", _) => 4,
                ("unavailable" | "exhausted" | "timed-out" | "rate-limited", Blame::Upstream | Blame::Host) => 5,
                ("internal" | "journal", _) => 101,
                (_, Blame::User) => 2,
                (_, Blame::Upstream) => 5,
                (_, Blame::Plugin | Blame::Host) => 1,
            },
        }
    }
}
