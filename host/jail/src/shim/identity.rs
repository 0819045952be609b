//! As whom a child runs. It never keeps a privilege that was not asked for.

use crate::kernel;
use crate::mapping::is_mapped;
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

    /// The host's own, whatever the workspace.
    pub fn of_host() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw(), changes: false }
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

/// Becomes root of this user namespace, with all its capabilities and nothing outside: the builder's part. A set-uid program
/// of an image gains nothing here, so `sudo` from another user fails; root itself can become anybody.
pub fn become_root() -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    let denied = std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|word| word.trim() == "deny");
    if !denied {
        rustix::thread::set_thread_groups(&[])?;
    }
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(rustix::thread::clear_ambient_capability_set()?)
}
