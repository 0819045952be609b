//! Lets callers that waited while somebody else fetched go without a fetch of their own. Counts, never a clock: the
//! lock file holds how many fetches were begun and the number of the last one that succeeded.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// How many fetches had been begun, read without the lock. A file that is not there or short says none: then a
/// fetch that ends while the caller waits may count, and it too began after this call.
pub(crate) fn begun(path: &Path) -> u64 {
    File::open(path).ok().map_or(0, |file| number(&file, 0))
}

/// The number of the last fetch that succeeded.
pub(crate) fn succeeded(file: &File) -> u64 {
    number(file, 8)
}

/// Numbers a fetch that begins. Only with the lock held.
pub(crate) fn begin(file: &File) -> io::Result<u64> {
    let ticket = number(file, 0).wrapping_add(1);
    file.write_all_at(&ticket.to_le_bytes(), 0)?;
    Ok(ticket)
}

/// Notes that this fetch succeeded. Only with the lock held.
pub(crate) fn succeed(file: &File, ticket: u64) -> io::Result<()> {
    file.write_all_at(&ticket.to_le_bytes(), 8)
}

fn number(file: &File, offset: u64) -> u64 {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, offset).map_or(0, |()| u64::from_le_bytes(bytes))
}
