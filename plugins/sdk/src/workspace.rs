//! Files of the step's workspace. Reading wants `workspace-read`, changing wants `workspace-write`.

use crate::Error;
use crate::bindings::tidegate::plugin::{workspace_read, workspace_write};

pub use workspace_read::{Entry, Kind, Summary, entries, read, summarise};
pub use workspace_write::{remove, write};

/// The content of a file as text; absent where there is nothing.
///
/// # Errors
/// Those of [`read`], and `invalid` where it is not UTF-8.
pub fn read_text(path: &str) -> Result<Option<String>, Error> {
    let Some(content) = read(path)? else { return Ok(None) };
    String::from_utf8(content).map(Some).map_err(|_| Error::invalid(format!("`{path}` is not UTF-8 text")))
}
