//! Namespaces: which of them a child gets, and which this machine allows. It never mounts anything.

use crate::guard::Guard;
use crate::kernel;
use rustix::process::{Pid, WaitOptions, waitpid};
use std::ffi::c_int;

/// A set of namespaces that a child gets for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Needed for the others where the host is not root.
    pub user: bool,
    /// A private root.
    pub mount: bool,
    /// Its end kills everything in it.
    pub pid: bool,
    /// Private System V memory and message queues; its own host name.
    pub ipc: bool,
    /// A private loopback and nothing else.
    pub network: bool,
}

impl Namespaces {
    /// Everything; with a user namespace unless the host is root.
    pub fn all(root: bool) -> Self {
        Self { user: !root, mount: true, pid: true, ipc: true, network: true }
    }

    /// These namespaces as `CLONE_NEW…` flags.
    pub fn flags(self) -> c_int {
        let pairs = [
            (self.user, libc::CLONE_NEWUSER),
            (self.mount, libc::CLONE_NEWNS),
            (self.pid, libc::CLONE_NEWPID),
            (self.ipc, libc::CLONE_NEWIPC | libc::CLONE_NEWUTS),
            (self.network, libc::CLONE_NEWNET),
        ];
        pairs.iter().filter(|(wanted, _)| *wanted).fold(0, |flags, (_, flag)| flags | flag)
    }

    /// Those of all that this machine allows, each tried by itself. Safe in a process with threads.
    pub fn usable(root: bool) -> Self {
        let base = Self { user: !root, ..Self::default() };
        if !root && !is_usable(base) {
            return Self::default();
        }
        Self {
            user: !root,
            mount: is_usable(Self { mount: true, ..base }),
            pid: is_usable(Self { pid: true, ..base }),
            ipc: is_usable(Self { ipc: true, ..base }),
            network: is_usable(Self { network: true, ..base }),
        }
    }

    /// Those of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            user: self.user && other.user,
            mount: self.mount && other.mount,
            pid: self.pid && other.pid,
            ipc: self.ipc && other.ipc,
            network: self.network && other.network,
        }
    }

    /// What a child goes without, compared to the `wanted` ones; one line each.
    pub fn lacking(self, wanted: Self) -> Vec<String> {
        [
            (self.mount, wanted.mount, Guard::Mounts),
            (self.pid, wanted.pid, Guard::Processes),
            (self.ipc, wanted.ipc, Guard::Ipc),
            (self.network, wanted.network, Guard::Network),
        ]
        .iter()
        .filter(|(got, wanted, _)| *wanted && !got)
        .map(|(.., guard)| guard.absence().to_owned())
        .collect()
    }
}

/// Tries a set on a duplicate that ends at once.
pub fn is_usable(namespaces: Namespaces) -> bool {
    match kernel::clone_into(namespaces.flags()) {
        Ok(None) => kernel::exit_now(0),
        Ok(Some(pid)) => {
            reap(pid);
            true
        }
        Err(_) => false,
    }
}

fn reap(pid: Pid) {
    while matches!(waitpid(Some(pid), WaitOptions::empty()), Err(rustix::io::Errno::INTR)) {}
}
