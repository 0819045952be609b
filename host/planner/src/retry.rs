//! How long is waited before something is tried again: retries of a failed sync, and healings of what keeps drifting.
//! It never asks a clock.

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// A sync that takes longer than this is stopped, in milliseconds (15 min).
pub const SYNC_TIMEOUT: u64 = 15 * 60 * 1000;
/// Waits between healings while the drift keeps coming back, in milliseconds, so that two controllers that fight cannot
/// heat the host. Argo CD's default: 2 s, factor 3, cap 300 s.
pub const HEAL_WAITS: [u64; 7] = [0, 2_000, 6_000, 18_000, 54_000, 162_000, 300_000];
/// A drift that comes this long after the last healing is a new one, in milliseconds: twice the longest wait.
pub const HEAL_CALM: u64 = 600_000;

/// How often a failed sync is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// So many times after the first.
    Times(u32),
    /// Again and again (a negative `limit`).
    Unlimited,
}

/// Which revision a retry syncs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refresh {
    /// The one that failed.
    #[default]
    Same,
    /// The newest (`refresh: true`).
    Newest,
}

/// `syncPolicy.retry`, with its defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often.
    pub limit: Limit,
    /// The first wait, in milliseconds.
    pub duration: u64,
    /// By what each further wait grows.
    pub factor: f64,
    /// The longest wait, in milliseconds; 0 for none.
    pub max_duration: u64,
    /// What is tried.
    pub refresh: Refresh,
}

impl Default for Retry {
    /// What `retry: {}` means: no retries, and 5 s, 2, 3 min where a limit is set.
    fn default() -> Self {
        Self {
            limit: Limit::Times(0),
            duration: 5_000,
            factor: 2.0,
            max_duration: 180_000,
            refresh: Refresh::default(),
        }
    }
}

impl Retry {
    /// What an automated policy means that has no `retry`.
    pub fn automated() -> Self {
        Self { limit: Limit::Times(5), ..Self::default() }
    }

    /// Milliseconds to wait before the retry that follows so many earlier ones:
    /// min(maxDuration, duration · factor^n). Source: Argo CD, `RetryStrategy.NextRetryAt`.
    pub fn wait(&self, earlier: u32) -> u64 {
        let wait = self.duration as f64 * self.factor.powf(f64::from(earlier));
        // A factor that is no number or below zero would give a wait that is none.
        let wait = if wait.is_nan() { 0.0 } else { wait.max(0.0) };
        let longest = if self.max_duration > 0 { self.max_duration as f64 } else { f64::MAX };
        // A cast from a float saturates.
        wait.min(longest) as u64
    }

    /// When it is tried again after so many retries; `None` where it is not.
    pub fn next(&self, earlier: u32, failed: Timestamp) -> Option<Timestamp> {
        let more = match self.limit {
            Limit::Times(limit) => earlier < limit,
            Limit::Unlimited => true,
        };
        more.then(|| failed.plus_millis(self.wait(earlier)))
    }
}

/// When what drifted may be healed again: after so many healings in a row, the last of which ended then.
pub fn next_healing(in_a_row: u32, ended: Timestamp) -> Timestamp {
    let wait = HEAL_WAITS.get(in_a_row as usize).copied().unwrap_or(HEAL_CALM / 2);
    ended.plus_millis(wait)
}

/// How many healings in a row there were, once the last is so long past.
pub fn in_a_row(healings: u32, ended: Timestamp, now: Timestamp) -> u32 {
    if now.millis_since(ended) >= HEAL_CALM { 0 } else { healings }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_the_longest() {
        let retry = Retry::automated();
        let waits: Vec<u64> = (0..7).map(|n| retry.wait(n) / 1000).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 180]);
        let uncapped = Retry { max_duration: 0, ..retry };
        assert_eq!(uncapped.wait(7), 640_000);
        assert_eq!(uncapped.wait(u32::MAX), u64::MAX);
        assert_eq!(Retry { factor: f64::NAN, ..retry }.wait(3), 0);
        assert_eq!(Retry { factor: -2.0, ..retry }.wait(1), 0);
    }

    #[test]
    fn limits() {
        let at = Timestamp(1_000);
        assert_eq!(Retry::default().next(0, at), None);
        assert_eq!(Retry::automated().next(0, at), Some(Timestamp(6_000)));
        assert!(Retry::automated().next(4, at).is_some() && Retry::automated().next(5, at).is_none());
        assert!(Retry { limit: Limit::Unlimited, ..Retry::default() }.next(1_000_000, at).is_some());
    }

    #[test]
    fn healings_back_off_and_calm_down() {
        let waits: Vec<i64> = (0..9).map(|n| next_healing(n, Timestamp(0)).0 / 1000).collect();
        assert_eq!(waits, [0, 2, 6, 18, 54, 162, 300, 300, 300]);
        assert_eq!(in_a_row(4, Timestamp(0), Timestamp(599_999)), 4);
        assert_eq!(in_a_row(4, Timestamp(0), Timestamp(600_000)), 0);
    }
}
