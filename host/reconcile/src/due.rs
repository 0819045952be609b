//! When an application is looked at again though nothing rings for it. Pure.

use crate::standing::Standing;
use model::Timestamp;
use planner::reason::Code;

/// What nobody tells is noticed after so long, in milliseconds: Argo CD's own default (`timeout.reconciliation`, 180 s).
pub const RESYNC: u64 = 180_000;
/// What passes by itself is tried again after so long, in milliseconds, and then after twice as long each time.
const FIRST: u64 = 1_000;
/// The longest such wait, in milliseconds.
const LONGEST: u64 = 60_000;

/// When to look again, after so many looks in a row that came to nothing for a reason that passes. `seed` spreads applications
/// that began together over a tenth of the time.
pub(crate) fn next_look(standing: &Standing, in_a_row: u32, seed: u64, now: Timestamp) -> Timestamp {
    let resync = RESYNC - seed % (RESYNC / 10);
    let untils = standing.reasons.iter().filter_map(|reason| reason.until).filter(|until| *until > now);
    let soon = if waits(standing) { pause(in_a_row) } else { resync };
    let at = now.plus_millis(soon.min(resync));
    untils.fold(at, Ord::min)
}

/// Whether what is wrong may be over without anybody telling.
pub(crate) fn waits(standing: &Standing) -> bool {
    standing.reasons.iter().any(|reason| passes(reason.code))
}

/// Whether this may be over without anybody telling.
pub(crate) fn passes(code: Code) -> bool {
    matches!(code, Code::RenderFailed | Code::LiveUnreadable | Code::UnknownKind)
}

/// Whether it waits for another application, or for those of an environment.
pub(crate) fn depends(standing: &Standing) -> bool {
    standing.reasons.iter().any(|reason| reason.code == Code::Dependency || reason.environment.is_some())
}

/// How long is waited before something is tried again that failed so often in a row.
pub(crate) fn pause(in_a_row: u32) -> u64 {
    FIRST.saturating_mul(1 << in_a_row.min(10)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::reason::Reason;

    fn standing(reasons: Vec<Reason>) -> Standing {
        Standing { reasons, ..Standing::unknown(String::new(), None, Timestamp(0)) }
    }

    #[test]
    fn looks_come_when_something_may_have_changed() {
        let now = Timestamp(1_000_000);
        let after = |reasons: Vec<Reason>, in_a_row| next_look(&standing(reasons), in_a_row, 0, now).millis_since(now);
        assert_eq!(after(vec![], 0), RESYNC);
        assert_eq!(after(vec![Reason::new(Code::InSync, "")], 7), RESYNC);
        let failed = || vec![Reason::new(Code::LiveUnreadable, "")];
        let pauses: Vec<u64> = (0..8).map(|n| after(failed(), n) / 1_000).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        let backoff = Reason::new(Code::SelfHealBackoff, "").until(now.plus_millis(6_000));
        assert_eq!(after(vec![backoff], 0), 6_000);
        let past = Reason::new(Code::SelfHealBackoff, "").until(Timestamp(1));
        assert_eq!(after(vec![past], 0), RESYNC);
        assert!(next_look(&standing(vec![]), 0, 17_999, now) < now.plus_millis(RESYNC));
        // The first of several windows: one of them may be all that holds it by then.
        let shut = |millis| Reason::new(Code::WindowClosed, "").until(now.plus_millis(millis));
        assert_eq!(after(vec![shut(90_000), shut(7_000)], 0), 7_000);
    }

    #[test]
    fn what_hangs_on_others_hears_of_them() {
        let requirement = Reason::new(Code::Requirement, "");
        assert!(!depends(&standing(vec![requirement.clone()])));
        assert!(depends(&standing(vec![requirement.hanging_on("staging")])));
        assert!(depends(&standing(vec![Reason::new(Code::Dependency, "")])));
    }
}
