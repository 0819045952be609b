//! Names of runs, steps and commits. Newtypes, so that one is never passed for another.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id! {
    /// A run's id: 16 characters of base 32 (Crockford), the first 9 of them the time, so that ids sort by age.
    RunId
}

text_id! {
    /// A step within a run: its name in the pipeline, with its `forEach` item: `test`, `plan["environments/dev"]`.
    StepKey
}

text_id! {
    /// A Git commit: 40 lower-case hexadecimal digits, never abbreviated.
    CommitId
}

impl RunId {
    /// Makes an id of a time (milliseconds since 1970) and 35 bits of randomness.
    pub fn new(unix_millis: u64, random: u64) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        // 45 bits of milliseconds last until the year 3084.
        let bits = (u128::from(unix_millis & ((1 << 45) - 1)) << 35) | u128::from(random & ((1 << 35) - 1));
        Self((0..16).rev().map(|i| ALPHABET[((bits >> (i * 5)) & 31) as usize] as char).collect())
    }
}

impl CommitId {
    /// The first 8 digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }

    /// Whether the text is 40 lower-case hexadecimal digits.
    pub fn is_valid(&self) -> bool {
        self.0.len() == 40 && self.0.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn run_ids_sort_by_time() {
        let early = RunId::new(1_790_000_000_000, u64::MAX);
        let late = RunId::new(1_790_000_000_001, 0);
        assert!(early < late, "{early} {late}");
        assert_eq!(early.0.len(), 16);
    }
}
