//! The jail's errors in the host's common words. It never adds a fact that the error does not hold.

use crate::Error;
use model::{Blame, Failure};
use std::error::Error as _;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        match error {
            Error::Conflict(_) => Self::new(Blame::Plugin, "conflict", message)
                .hint("use another key, or start the same command with the same key"),
            Error::Invalid(_) => Self::invalid(message),
            Error::Refused(_) => Self::denied(message),
            Error::NotStarted(_) => Self::new(Blame::User, "invalid", message)
                .hint("check that the program, its interpreter, its working directory and its input file are there"),
            Error::Unable(_) => Self::new(Blame::Host, "unavailable", message),
            Error::Lost(_) => Self { retryable: false, ..Self::unavailable(message) },
            Error::Shim(_) | Error::Io { .. } => Self::internal(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn codes_and_sources_survive() {
        let missing = Error::io("read", Path::new("/x"))(std::io::Error::from_raw_os_error(2));
        let failure = Failure::from(missing);
        assert_eq!(failure.code, "internal");
        assert_eq!(failure.message, "cannot read /x: No such file or directory (os error 2)");
        assert_eq!(Failure::from(Error::Conflict("/x".into())).code, "conflict");
        assert!(Failure::from(Error::Refused("no".into())).is_denied());
        let missing = Failure::from(Error::NotStarted("its working directory: No such file or directory".into()));
        assert_eq!((missing.code.as_str(), missing.blame, missing.retryable), ("invalid", Blame::User, false));
        let bare = Failure::from(Error::Unable("no landlock".into()));
        assert_eq!((bare.code.as_str(), bare.blame), ("unavailable", Blame::Host));
        assert!(!Failure::from(Error::Lost("/x".into())).retryable);
    }
}
