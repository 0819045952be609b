//! Waiting for a child's folder to change, without a busy loop. It never says what changed: the files do.

use crate::folder::Folder;
use rustix::event::Timespec;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The longest sleep between two looks at the files. A doorbell may be lost (another file system, a full queue), and a
/// killed shim's lock is freed a little after its doorbell rings.
const SAFETY: Duration = Duration::from_millis(100);

/// Rings whenever a file of the folder is written, created, renamed or closed. `None` has no doorbell: a user has 128
/// inotify instances on most machines, and those who wait, and who kill, must go on without one.
#[derive(Debug)]
pub struct Watch(Option<Ear>);

/// One listener, which has heard the bell this often.
#[derive(Debug)]
struct Ear {
    bell: Arc<Bell>,
    place: i32,
    heard: Mutex<u64>,
}

/// The bell of one folder.
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<u64>,
    change: Condvar,
}

/// All bells of this process behind one inotify instance, which is never closed: the kernel takes 15 ms for that, as long as
/// a short child lives, while it forgets a single folder at once.
struct Tower {
    inotify: OwnedFd,
    /// By watch descriptor, with the number of ears.
    bells: Mutex<HashMap<i32, (Arc<Bell>, usize)>>,
}

impl Tower {
    fn get() -> Option<&'static Self> {
        static TOWER: OnceLock<Option<Tower>> = OnceLock::new();
        static RINGER: OnceLock<bool> = OnceLock::new();
        let open = || {
            let inotify = inotify::init(CreateFlags::CLOEXEC).ok()?;
            Some(Tower { inotify, bells: Mutex::default() })
        };
        let tower = TOWER.get_or_init(open).as_ref()?;
        let name = || std::thread::Builder::new().name("jail-watch".to_owned());
        RINGER.get_or_init(|| name().spawn(|| tower.ring()).is_ok()).then_some(tower)
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<i32, (Arc<Bell>, usize)>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, folder: &Folder) -> Option<Ear> {
        let flags = WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::CLOSE_WRITE;
        // Held over the call: of two ears for one folder, one must not remove what the other adds.
        let mut bells = self.bells();
        let place = inotify::add_watch(&self.inotify, folder.path(), flags).ok()?;
        let (bell, ears) = bells.entry(place).or_default();
        *ears += 1;
        let heard = Mutex::new(*bell.rung());
        Some(Ear { bell: bell.clone(), place, heard })
    }

    /// Rings until the process ends.
    fn ring(&self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                // A full queue names nobody, and everybody looks again soon.
                Ok(event) => {
                    let bell = self.bells().get(&event.wd()).map(|(bell, _)| bell.clone());
                    if let Some(bell) = bell {
                        *bell.rung() += 1;
                        bell.change.notify_all();
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

impl Bell {
    fn rung(&self) -> MutexGuard<'_, u64> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let Some(tower) = Tower::get() else { return };
        let mut bells = tower.bells();
        if let Some((_, ears)) = bells.get_mut(&self.place) {
            *ears -= 1;
            if *ears == 0 {
                bells.remove(&self.place);
                // A folder that was removed took its watch along.
                let _ = inotify::remove_watch(&tower.inotify, self.place);
            }
        }
    }
}

impl Watch {
    /// From now on. What happened before must be looked for afterwards.
    pub fn new(folder: &Folder) -> Self {
        Self(Tower::get().and_then(|tower| tower.listen(folder)))
    }

    /// Sleeps until it rings, for `SAFETY` at most, or until the deadline.
    pub fn sleep(&self, deadline: Instant) {
        let time = deadline.saturating_duration_since(Instant::now()).min(SAFETY);
        let Some(ear) = &self.0 else {
            std::thread::sleep(time);
            return;
        };
        let mut heard = ear.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let rung = ear.bell.change.wait_timeout_while(ear.bell.rung(), time, |rung| *rung == *heard);
        *heard = *rung.unwrap_or_else(PoisonError::into_inner).0;
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
            watch.sleep(begun + time);
            assert!(begun.elapsed() >= time.min(SAFETY), "no busy loop");
            assert!(begun.elapsed() < Duration::from_secs(60), "no sleep to the end");
        }
    }

    #[test]
    fn every_ear_hears_its_own_folder_only() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, there) = (Folder::new(one.path()), Folder::new(other.path()));
        let (first, second, elsewhere) = (Watch::new(&here), Watch::new(&here), Watch::new(&there));
        let rung = |watch: &Watch| *watch.0.as_ref().unwrap().bell.rung();
        std::fs::write(here.file("x"), "x").unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while *first.0.as_ref().unwrap().heard.lock().unwrap() == 0 {
            first.sleep(deadline);
            assert!(Instant::now() < deadline);
        }
        assert!(rung(&second) > 0, "the same bell");
        assert_eq!(rung(&elsewhere), 0);
        let place = first.0.as_ref().unwrap().place;
        let is_kept = || Tower::get().unwrap().bells().contains_key(&place);
        drop(first);
        assert!(is_kept(), "the second listens on");
        drop(second);
        assert!(!is_kept());
    }
}
