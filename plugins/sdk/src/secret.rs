//! Secrets, as texts that stand for them. Wants `secret`.

use crate::Error;
use crate::bindings::tidegate::plugin::secret as wire;

pub use wire::{placeholder, reveal};

/// What stands for the `authorization` header of a registry; absent where the host has no credential for it.
///
/// # Errors
/// `denied`, `unavailable`, `cancelled`.
pub fn registry_login(host: &str) -> Result<Option<String>, Error> {
    match placeholder(&format!("registry:{host}"), "basic") {
        Ok(header) => Ok(Some(header)),
        Err(error) if error.is("not-found") => Ok(None),
        Err(error) => Err(error),
    }
}
