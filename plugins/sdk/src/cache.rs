//! Files of the workspace that are kept from one run to the next, by keys. Wants `cache`. The host decides which entries a
//! run sees and whether it may save any; a step must do its work without.

use crate::Error;
use crate::bindings::tidegate::plugin::cache as wire;

pub use wire::{Hit, Saved};

/// Puts the entry with this key into the workspace, else the newest one whose key begins with one of the prefixes, the first
/// prefix first. Only entries of the same paths count. Absent where there is none.
///
/// # Errors
/// `conflict` (a path is there already), `too-large`, `denied`, `invalid`, `exhausted`, `cancelled`.
pub fn restore(key: &str, prefixes: &[String], paths: &[String]) -> Result<Option<Hit>, Error> {
    wire::restore(key, prefixes, paths)
}

/// Keeps what is at these paths under the key, once the attempt has succeeded. A key that has an entry keeps that one.
///
/// # Errors
/// `denied` (an untrusted change, or not granted), `not-found` (nothing is there), `too-large`, `invalid`, `exhausted`,
/// `cancelled`.
pub fn save(key: &str, paths: &[String]) -> Result<Saved, Error> {
    wire::save(key, paths)
}
