//! What killed processes leave in a mirror: locks that nobody holds, and halves of files. Only with the fetch lock
//! held, and never anything that an object or a reference is read from.

use crate::mirror::Mirror;
use std::fs;
use std::io;
use std::path::Path;

impl Mirror {
    /// Removes the locks on references that only a fetch takes: the fetch lock excludes every living holder, and one
    /// that is left would stop all fetching for ever. A branch's own name cannot end in `.lock`.
    pub(crate) fn break_locks(&self) -> io::Result<()> {
        let directory = self.directory();
        for name in ["packed-refs.lock", "HEAD.lock"] {
            remove(&directory.join(name))?;
        }
        for kind in ["heads", "tags"] {
            break_below(&directory.join("refs").join(kind))?;
        }
        Ok(())
    }
}

fn break_below(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            break_below(&entry.path())?;
        } else if entry.path().extension().is_some_and(|end| end == "lock") {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
