//! What a call into a plugin did and used, for the step's receipt.

use crate::imports::clean_line;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// All calls of one host function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// How many.
    pub count: u64,
    /// How many of them were denied.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub denied: u64,
    /// How many of them failed otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Microseconds in all.
    pub micros: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What one call into a plugin did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Host calls by name: `process.start`.
    pub calls: BTreeMap<String, Calls>,
    /// Messages of denials, the first of each kind, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<String>,
    /// Peak of all memories and tables, in bytes.
    pub peak_memory: u64,
    /// From call to answer, in microseconds.
    pub micros: u64,
}

/// Most denials that a receipt quotes.
const DENIALS: usize = 16;
/// The longest of them, in bytes.
const DENIAL: usize = 4096;

impl Receipt {
    pub(crate) fn note(&mut self, name: String, took: Duration, failure: Option<&model::Failure>) {
        let calls = self.calls.entry(name).or_default();
        calls.count += 1;
        calls.micros += micros(took);
        match failure {
            Some(failure) if failure.is_denied() => {
                calls.denied += 1;
                // It names what the plugin asked for, in the plugin's own words.
                let message = clean_line(&failure.message, DENIAL);
                if self.denials.len() < DENIALS && !self.denials.contains(&message) {
                    self.denials.push(message);
                }
            }
            Some(_) => calls.failed += 1,
            None => {}
        }
    }
}

pub(crate) fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
