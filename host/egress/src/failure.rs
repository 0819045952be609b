//! What the HTTP library says went wrong, as a failure. Texts that a server chose, header values, paths and queries never
//! get into one.

use crate::target::Target;
use model::{Blame, Failure};
use std::error::Error;
use std::io;
use std::time::Duration;

/// Why an exchange with a server broke off.
pub fn of(error: &(dyn Error + 'static), target: &Target) -> Failure {
    // One of our own, from the connector or a body.
    if let Some(own) = cause::<Failure>(error) {
        return own.clone();
    }
    let origin = target.origin();
    let http = cause::<hyper::Error>(error);
    if http.is_some_and(hyper::Error::is_parse_too_large) {
        let message = format!("`{origin}` answered more than 100 headers, or more than 64 KiB of them");
        return Failure::new(Blame::Upstream, "too-large", message);
    }
    let system = cause::<io::Error>(error).map(io);
    let why = match (system, http) {
        (Some(why), _) => why,
        (None, Some(http)) if http.is_incomplete_message() => {
            "it closed the connection before its answer was whole".to_owned()
        }
        // Says the kind of error only: the cause may hold what the server sent.
        (None, Some(http)) => http.to_string(),
        (None, None) => "the connection broke off".to_owned(),
    };
    Failure::unavailable(format!("`{origin}` cannot be spoken to: {why}"))
}

/// The first error of a kind, from one to what caused it.
pub fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What the system says; of an error that is none of its own only the kind.
pub fn io(error: &io::Error) -> String {
    if error.raw_os_error().is_some() { error.to_string() } else { error.kind().to_string() }
}

/// Time is up.
pub fn late(target: &Target, limit: Duration) -> Failure {
    let message = format!("`{}` did not answer within {}", target.origin(), seconds(limit));
    Failure { retryable: true, ..Failure::new(Blame::Upstream, "timed-out", message) }
}

/// A time as people write it.
pub fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{} ms", time.as_millis()) }
}
