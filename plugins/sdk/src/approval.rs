//! How people voted. Wants `approval`. A plugin can ask and wait, never vote.

use crate::Error;
use crate::bindings::tidegate::plugin::approval as wire;

pub use wire::{Tally, Vote};

/// How the votes stand on what this very step would do, whose digest the host computes itself. `group` is empty for
/// anybody who may approve here.
///
/// # Errors
/// `denied`, `invalid` (no such group, or a count of 0).
pub fn of_this_step(count: u32, group: &str) -> Result<Tally, Error> {
    of_subject("", count, group)
}

/// How the votes stand on a subject digest.
///
/// # Errors
/// Those of [`of_this_step`].
pub fn of_subject(subject: &str, count: u32, group: &str) -> Result<Tally, Error> {
    wire::read(&wire::Requirement { subject: subject.to_owned(), count, group: group.to_owned() })
}
