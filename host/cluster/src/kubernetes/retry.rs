//! Whether a request is made again, and after how long: a decision that waits for nothing itself.

use crate::destination::{Failure, FailureKind};
use std::time::Duration;

/// What doing a request twice comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The same as once, and a conflict is one between two writers of which neither saw the other.
    Apply,
    /// The same as once.
    Safe,
    /// Something else: only what the server refused to look at is asked again.
    Refused,
}

/// How often a request is made.
pub(super) const ATTEMPTS: u32 = 5;
/// Before the second attempt.
const FIRST: Duration = Duration::from_millis(100);
/// The longest of our own waits.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest wait that a server may ask for; who is to wait for longer is told so instead.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait after this many attempts, the last of which failed so; nothing where it ends with that.
pub(super) fn after(attempts: u32, failure: &Failure, repeat: Repeat, random: f64) -> Option<Duration> {
    let helps = match failure.kind {
        FailureKind::Busy => true,
        FailureKind::Unreachable => repeat != Repeat::Refused,
        FailureKind::Conflict => repeat == Repeat::Apply,
        _ => false,
    };
    if !helps || attempts >= ATTEMPTS {
        return None;
    }
    match failure.retry_after {
        Some(hint) if hint > PATIENCE => None,
        Some(hint) => Some(hint),
        None => Some(backoff(attempts, LONGEST, random)),
    }
}

/// Doubles with each attempt up to a limit, and is then cut by up to a half, so that those who failed together do not come
/// back together.
pub(super) fn backoff(attempts: u32, longest: Duration, random: f64) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(longest);
    whole.mul_f64(1.0 - random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(failure: &Failure, repeat: Repeat) -> Vec<u128> {
        (1..).map_while(|n| after(n, failure, repeat, 0.0)).map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn what_may_pass_is_tried_a_few_times() {
        let failure = |kind| Failure::new(kind, "");
        let own = [100, 200, 400, 800];
        assert_eq!(waits(&failure(FailureKind::Unreachable), Repeat::Safe), own);
        assert_eq!(waits(&failure(FailureKind::Unreachable), Repeat::Refused), []);
        assert_eq!(waits(&failure(FailureKind::Busy), Repeat::Refused), own);
        assert_eq!(waits(&failure(FailureKind::Conflict), Repeat::Apply), own);
        assert_eq!(waits(&failure(FailureKind::Conflict), Repeat::Safe), []);
        for kind in [FailureKind::Invalid, FailureKind::Forbidden, FailureKind::Missing, FailureKind::Unserved] {
            assert_eq!(waits(&failure(kind), Repeat::Apply), []);
        }
    }

    #[test]
    fn the_servers_hint_counts_unless_it_is_beyond_patience() {
        let busy = |seconds| Failure {
            kind: FailureKind::Busy,
            message: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(waits(&busy(2), Repeat::Refused), [2000; 4]);
        assert_eq!(waits(&busy(300), Repeat::Safe), []);
    }

    #[test]
    fn chance_halves_at_most() {
        let at = |random| backoff(3, LONGEST, random).as_millis();
        assert_eq!((at(0.0), at(0.5), at(1.0)), (400, 300, 200));
        assert_eq!(backoff(40, LONGEST, 0.0), LONGEST);
    }
}
