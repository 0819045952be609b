//! What killed processes leave in a mirror: locks that nobody holds, and halves of files. Only with the fetch lock
//! held, and never anything that an object or a reference is read from.

use crate::mirror::Mirror;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How the name of a mirror begins that is not finished yet.
pub(crate) const FRESH: &str = ".mirror-";
/// Longer than any transfer may take.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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

    /// Removes what a process that was killed while it wrote left behind: unfinished packs and objects of this mirror, and
    /// unfinished mirrors beside it.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let unfinished = |name: &str| name.contains("_git2_");
        for folder in ["objects", "objects/pack"] {
            sweep_folder(&self.directory().join(folder), now, unfinished)?;
        }
        match self.directory().parent() {
            Some(parent) => sweep_folder(parent, now, |name| name.starts_with(FRESH)),
            None => Ok(()),
        }
    }
}

/// Removes what has such a name and was last written more than a day ago: no living process is at it any more.
fn sweep_folder(folder: &Path, now: SystemTime, is_litter: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(&is_litter) {
            continue;
        }
        let written = entry.metadata()?.modified()?;
        if !now.duration_since(written).is_ok_and(|age| age > DAY) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            remove(&entry.path())?;
        }
    }
    Ok(())
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
