//! Waiting for people and other systems at no cost: the instance is dropped, and made anew when something fired.
//!
//! A step may be woken for nothing. So it looks at the world each time it is called, and goes on waiting until the
//! same instant as before: a [`Deadline`] lives in [`Wait::memory`].

use crate::{Context, Error, Signal, Wait, clock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// When a wait ends in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Milliseconds since 1970.
    pub at: u64,
}

impl Deadline {
    /// So many seconds from now.
    ///
    /// # Errors
    /// `bug` where the host's clock makes no sense.
    pub fn within(seconds: u32) -> Result<Self, Error> {
        Ok(Self { at: clock::now()? + u64::from(seconds) * 1000 })
    }

    /// How many seconds are left, rounded up; absent where it is reached. The host counts whole seconds by the same clock
    /// and never wakes early for a deadline, so a wake just before it is for something else, and waits on.
    ///
    /// # Errors
    /// `bug` where the host's clock makes no sense.
    pub fn left(self) -> Result<Option<u32>, Error> {
        Ok(remaining(self.at, clock::now()?))
    }
}

fn remaining(at: u64, now: u64) -> Option<u32> {
    let left = at.saturating_sub(now);
    (left > 0).then(|| u32::try_from(left.div_ceil(1000)).unwrap_or(u32::MAX))
}

/// A signal of a kind on a subject under a condition, `{}` for none.
pub fn signal(kind: &str, subject: impl Into<String>, condition: &Value) -> Signal {
    Signal { kind: kind.to_owned(), subject: subject.into(), condition: condition.to_string() }
}

/// A wait for one signal, which hands `memory` back.
///
/// # Errors
/// `bug` where `memory` cannot be encoded.
pub fn until(signal: Signal, seconds: u32, memory: &impl Serialize, message: String) -> Result<Wait, Error> {
    until_any(vec![signal], seconds, memory, message)
}

/// A wait for the first of several signals, 16 at most.
///
/// # Errors
/// Those of [`until`].
pub fn until_any(signals: Vec<Signal>, seconds: u32, memory: &impl Serialize, message: String) -> Result<Wait, Error> {
    let memory = serde_json::to_string(memory)
        .map_err(|error| Error::internal(format!("what the step remembers cannot be encoded: {error}")))?;
    Ok(Wait { signals, deadline_seconds: seconds, memory, message })
}

impl Context {
    /// What the step remembered when it began to wait; absent on the first call of an attempt.
    ///
    /// # Errors
    /// `bug` where it is not what [`until`] wrote.
    pub fn remembered<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Some(resumption) = &self.resumption else { return Ok(None) };
        serde_json::from_str(&resumption.memory)
            .map(Some)
            .map_err(|error| Error::internal(format!("what the step remembered cannot be decoded: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::remaining;

    #[test]
    fn a_deadline_is_reached_when_it_is_and_stays_so() {
        assert_eq!(remaining(10_000, 0), Some(10));
        assert_eq!(remaining(10_000, 7_999), Some(3));
        assert_eq!(remaining(10_000, 9_999), Some(1));
        assert_eq!(remaining(10_000, 10_000), None);
        assert_eq!(remaining(10_000, 99_000), None);
    }

    #[test]
    fn the_shortest_deadline_waits() {
        assert_eq!(remaining(1_000, 0), Some(1));
    }
}
