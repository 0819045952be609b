//! Waiting for a child's folder to change, without a busy loop. It never says what changed: the files do.

use crate::Error;
use crate::folder::Folder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// The longest sleep between two looks at the files. A doorbell may be lost (another file system, a full queue), and a
/// killed shim's lock is freed a little after its doorbell rings.
const SAFETY: Duration = Duration::from_millis(100);

/// Rings whenever a file of the folder is written, created, renamed or closed.
#[derive(Debug)]
pub struct Watch(OwnedFd);

impl Watch {
    /// From now on. What happened before must be looked for afterwards.
    pub fn new(folder: &Folder) -> Result<Self, Error> {
        let open = || {
            let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            let flags = WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::CLOSE_WRITE;
            inotify::add_watch(&fd, folder.path(), flags).map(|_| fd)
        };
        open().map(Self).map_err(Error::io("watch", folder.path()))
    }

    /// Sleeps until it rings, for `SAFETY` at most, or until the deadline.
    pub fn sleep(&self, folder: &Folder, deadline: Instant) -> Result<(), Error> {
        let time = deadline.saturating_duration_since(Instant::now()).min(SAFETY);
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(time))) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(Error::io("watch", folder.path())(error)),
        }
        let mut buffer = [0; 4096];
        while matches!(rustix::io::read(&self.0, &mut buffer), Ok(count) if count > 0) {}
        Ok(())
    }
}

/// A duration for `poll`.
pub fn timespec(time: Duration) -> Timespec {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: i64::from(time.subsec_nanos()) }
}
