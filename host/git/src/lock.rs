//! An advisory lock file between processes of Tidegate. Waits for a bounded time; dropped with its holder, however
//! that ends, since the kernel keeps it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The lock file's name in a mirror and in a path remote.
pub(crate) const FILE: &str = "tidegate.lock";

/// A held lock.
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, waiting at most `patience`. `TimedOut` where somebody holds it for longer; `Unsupported`
    /// where the file system has no locks.
    pub(crate) fn take(path: &Path, patience: Duration) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_micros(500);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(pause);
                    // A holder needs about a millisecond for a reference and some 100 for a fetch.
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(e)) => return Err(io::Error::new(io::ErrorKind::Unsupported, e)),
            }
        }
    }

    /// The locked file, for what is written beside the lock.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}
