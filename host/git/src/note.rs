//! What a push to a path remote is about to move, written into the lock file that many Tidegates queue at. Whoever finds a
//! name there holds the lock, so its writer is dead, and the reference's own lock may be the dead one's.

use crate::lock::Lock;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The names that killed processes left, and this one's own while it is at work.
pub(crate) struct Note<'a> {
    lock: &'a Lock,
    left: BTreeSet<String>,
}

impl<'a> Note<'a> {
    /// Reads what is left.
    pub(crate) fn read(lock: &'a Lock) -> io::Result<Self> {
        let mut text = String::new();
        let mut file = lock.file();
        file.rewind()?;
        file.take(64 << 10).read_to_string(&mut text)?;
        Ok(Self { lock, left: text.lines().map(str::to_owned).collect() })
    }

    /// Whether a killed process may have left this reference locked.
    pub(crate) fn left(&self, full: &str) -> bool {
        self.left.contains(full)
    }

    /// Writes that this reference is about to move. It must outlive the process, not the machine, so nothing is synced.
    pub(crate) fn begin(&self, full: &str) -> io::Result<()> {
        let mut names = self.left.clone();
        names.insert(full.to_owned());
        self.write(&names)
    }

    /// The reference is no longer about to move, nor locked by anybody dead.
    pub(crate) fn end(&mut self, full: &str) -> io::Result<()> {
        self.left.remove(full);
        self.write(&self.left)
    }

    fn write(&self, names: &BTreeSet<String>) -> io::Result<()> {
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        let mut file = self.lock.file();
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    }
}

/// The lock of one reference, as it was first seen; the default is none.
#[derive(Default)]
pub(crate) struct Held {
    path: PathBuf,
    inode: u64,
}

impl Held {
    /// The lock that stands in the way now; `None` where there is none.
    pub(crate) fn look(repository: &Path, full: &str) -> Option<Self> {
        let path = repository.join(format!("{full}.lock"));
        let inode = fs::symlink_metadata(&path).ok()?.ino();
        Some(Self { path, inode })
    }

    /// Removes it if it is still the same file: a living `git` holds one for milliseconds, and the next takes another.
    pub(crate) fn break_if_same(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.path) {
            Ok(meta) if meta.ino() == self.inode => fs::remove_file(&self.path).map(|()| true),
            _ => Ok(false),
        }
    }
}
