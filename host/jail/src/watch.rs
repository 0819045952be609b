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

/// Rings whenever a file of the folder is written, created, renamed or closed. `None` has no doorbell: a user has 128
/// inotify instances on most machines, and those who wait, and who kill, must go on without one.
#[derive(Debug)]
pub struct Watch(Option<OwnedFd>);

impl Watch {
    /// From now on. What happened before must be looked for afterwards.
    pub fn new(folder: &Folder) -> Self {
        let open = || {
            let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            let flags = WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::CLOSE_WRITE;
            inotify::add_watch(&fd, folder.path(), flags).map(|_| fd)
        };
        Self(open().ok())
    }

    /// Sleeps until it rings, for `SAFETY` at most, or until the deadline.
    pub fn sleep(&self, folder: &Folder, deadline: Instant) -> Result<(), Error> {
        let time = deadline.saturating_duration_since(Instant::now()).min(SAFETY);
        let Some(fd) = &self.0 else {
            std::thread::sleep(time);
            return Ok(());
        };
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(time))) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(Error::io("watch", folder.path())(error)),
        }
        let mut buffer = [0; 4096];
        while matches!(rustix::io::read(fd, &mut buffer), Ok(count) if count > 0) {}
        Ok(())
    }
}

/// A duration for `poll`.
pub fn timespec(time: Duration) -> Timespec {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: i64::from(time.subsec_nanos()) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn without_a_doorbell_it_looks_again_soon() {
        // What cannot be watched fails as an exhausted user does, without disturbing the machine's other users.
        let folder = Folder::new(std::path::Path::new("/no/such/folder"));
        let watch = Watch::new(&folder);
        assert!(watch.0.is_none());
        for time in [Duration::ZERO, Duration::from_millis(5), Duration::from_secs(3600)] {
            let begun = Instant::now();
            watch.sleep(&folder, begun + time).unwrap();
            assert!(begun.elapsed() >= time.min(SAFETY), "no busy loop");
            assert!(begun.elapsed() < Duration::from_secs(60), "no sleep to the end");
        }
    }
}
