//! How the process ends when something is wrong.

use manifest::{Diagnostic, Source};
use model::{Blame, Failure};
use planner::reason::{Code, Reason};

/// Exit codes, from the one that says most that all is well to the gravest: done, waiting for people, denied, unreachable, bad
/// usage or bad file, failed, a bug.
const GRAVITY: [u8; 7] = [0, 3, 4, 5, 2, 1, 101];

/// The graver one of two exit codes: where there are several things to say, that one counts.
pub fn graver(one: u8, other: u8) -> u8 {
    let gravity = |code: u8| GRAVITY.iter().position(|known| *known == code).unwrap_or(GRAVITY.len());
    if gravity(other) > gravity(one) { other } else { one }
}

/// The exit code where an application is held for these reasons, the most telling one first.
pub fn held(reasons: &[Reason]) -> u8 {
    match reasons.first().map(|reason| reason.code) {
        Some(Code::Requirement) => 3,
        Some(Code::NotPermitted) => 4,
        Some(Code::LiveUnreadable) => 5,
        _ => 1,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_gravest_counts() {
        let all = |codes: &[u8]| codes.iter().fold(0, |one, other| graver(one, *other));
        assert_eq!(all(&[0, 0]), 0);
        assert_eq!(all(&[3, 0, 4]), 4);
        assert_eq!(all(&[5, 4, 3]), 5);
        assert_eq!(all(&[5, 1, 2, 0]), 1);
        assert_eq!(all(&[1, 101]), 101);
        assert_eq!(held(&[Reason::new(Code::Suspended, ""), Reason::new(Code::Requirement, "")]), 1);
        assert_eq!(held(&[Reason::new(Code::Requirement, ""), Reason::new(Code::Dependency, "")]), 3);
        assert_eq!(held(&[]), 1);
    }
}
