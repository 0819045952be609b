//! As whom a child runs. It never keeps a privilege that was not asked for.

use crate::kernel;
use crate::ownership::NOBODY;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The user of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    /// Whether it differs from the host's: only root can change it.
    pub changes: bool,
}

impl Identity {
    /// The host's own, unless the host is root: then the workspace's owner, or `nobody` where that is root as well.
    pub fn of(workspace: &Path) -> io::Result<Self> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if uid != 0 {
            return Ok(Self { uid, gid, changes: false });
        }
        let owner = std::fs::metadata(workspace)?;
        let (uid, gid) = if owner.uid() == 0 { (NOBODY, NOBODY) } else { (owner.uid(), owner.gid()) };
        // The root of a user namespace may have nobody else to become.
        let maps = |file| std::fs::read_to_string(file).is_ok_and(|map| is_mapped(&map, uid));
        if maps("/proc/self/uid_map") {
            Ok(Self { uid, gid, changes: true })
        } else {
            Ok(Self { uid: 0, gid: 0, changes: false })
        }
    }

    /// Becomes it, for good, and gives up every capability. The kernel forgets the death signal with this.
    pub fn assume(self) -> io::Result<()> {
        rustix::thread::set_no_new_privs(true)?;
        if self.changes {
            // Without no_new_privs a set-uid program could raise them again; with it this is a second lock.
            kernel::drop_bounding_set()?;
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
        let none = CapabilitySet::empty();
        rustix::thread::clear_ambient_capability_set()?;
        rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
        Ok(())
    }
}

/// Whether a user id appears in a map of `/proc/self/uid_map`: lines of inside, outside, count.
fn is_mapped(map: &str, uid: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        match (numbers.next(), numbers.nth(1)) {
            (Some(first), Some(count)) => (first..first + count).contains(&u64::from(uid)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::is_mapped;

    #[test]
    fn maps_are_read() {
        assert!(is_mapped("         0          0 4294967295\n", 65_534));
        assert!(!is_mapped("0 1000 1\n", 65_534));
        assert!(is_mapped("0 1000 1\n1 100000 65536\n", 65_534));
        assert!(!is_mapped("", 0));
    }
}
