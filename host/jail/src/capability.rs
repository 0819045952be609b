//! What this machine can give a jail, found by trying and stated plainly. It never assumes from a version or a file.

use crate::cgroup::{self, ControlGroup};
use crate::command::Limits;
use crate::guard::Guard;
use crate::kernel;
use crate::mapping;
use crate::namespace::Namespaces;
use crate::profile::{OUTSIDE, Profile};
use std::fmt;

/// The guards of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether the host is root, and can give children a user of their own.
    pub root: bool,
    /// The landlock ABI.
    pub landlock: Option<u32>,
    /// Whether the host can make user namespaces. Root needs none.
    pub user_namespace: bool,
    /// Whether it can give a private root.
    pub mount_namespace: bool,
    /// Whether it can give private processes, which end together.
    pub pid_namespace: bool,
    /// Whether it can give private System V memory.
    pub ipc_namespace: bool,
    /// Whether it can cut the network off.
    pub network_namespace: bool,
    /// Whether a control group can limit memory.
    pub memory_group: bool,
    /// Whether a control group can limit processes.
    pub process_group: bool,
    /// Whether a builder has other users inside besides root.
    pub builder_users: bool,
}

/// Tries every guard once: a few short-lived duplicates of this process and one control group. Costs a few milliseconds,
/// needs no shim, may be called in a process with threads, and leaves nothing behind. A host calls it when it starts, prints
/// [`Capabilities::missing`], and goes on: whether a child may run without them is each command's
/// [`Strictness`](crate::Strictness).
pub fn detect() -> Capabilities {
    let root = rustix::process::geteuid().is_root();
    let namespaces = Namespaces::usable(root);
    let group = ControlGroup::create(&format!("tidegate-probe-{}", std::process::id()), &Limits::default());
    cgroup::remove(&group.folders());
    Capabilities {
        root,
        landlock: kernel::landlock_abi(),
        user_namespace: namespaces.user
            || (root && crate::namespace::is_usable(Namespaces { user: true, ..Namespaces::default() })),
        mount_namespace: namespaces.mount,
        pid_namespace: namespaces.pid,
        ipc_namespace: namespaces.ipc,
        network_namespace: namespaces.network,
        memory_group: group.memory,
        process_group: group.processes,
        builder_users: mapping::has_others(),
    }
}

impl Capabilities {
    /// Each guard, and whether it is there.
    fn guards(&self) -> [(bool, Guard); 7] {
        [
            (self.landlock.is_some(), Guard::Landlock),
            (self.mount_namespace, Guard::Mounts),
            (self.pid_namespace, Guard::Processes),
            (self.ipc_namespace, Guard::Ipc),
            (self.network_namespace, Guard::Network),
            (self.memory_group, Guard::MemoryGroup),
            (self.process_group, Guard::ProcessGroup),
        ]
    }

    /// Whether a child gets every guard, so that `required` is met.
    pub fn is_complete(&self) -> bool {
        self.guards().iter().all(|(given, ..)| *given)
    }

    /// What the guards that are missing mean, one sentence each without a full stop, for an operator to read when the host
    /// starts: "children share the network of this machine: no network namespaces here". Empty where all are there. The
    /// same sentences are in [`Child::degraded`](crate::Child::degraded), and in the refusal of a command that requires all
    /// guards.
    pub fn missing(&self) -> Vec<String> {
        self.guards().iter().filter(|(given, _)| !given).map(|(_, guard)| guard.absence().to_owned()).collect()
    }
}

impl Capabilities {
    /// The same for a profile that some step is granted: what a builder needs or lacks besides, and what a delegated child
    /// goes without on any machine.
    pub fn missing_for(&self, profile: Profile) -> Vec<String> {
        let mut lines = match profile {
            Profile::Strict | Profile::Builder => self.missing(),
            Profile::Delegated => vec![OUTSIDE.to_owned()],
        };
        if profile == Profile::Builder {
            if !(self.user_namespace && self.mount_namespace && self.pid_namespace) {
                lines.push(mapping::UNLOCKED.to_owned());
            }
            if !self.builder_users {
                lines.push(mapping::ALONE.to_owned());
            }
        }
        lines
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = match (self.root, self.user_namespace) {
            (true, _) => "a user without privileges (the host is root)",
            (false, true) => "the host's user, in a user namespace",
            (false, false) => "the host's user (no user namespaces)",
        };
        writeln!(f, "children run as: {user}")?;
        for (given, guard) in self.guards() {
            let name = guard.name();
            match (given, guard, self.landlock) {
                (true, Guard::Landlock, Some(abi)) => writeln!(f, "{name}: yes, ABI {abi}")?,
                (true, ..) => writeln!(f, "{name}: yes")?,
                (false, ..) => writeln!(f, "{name}: no; {}", guard.absence())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let mut machine = detect();
        machine.landlock = Some(7);
        (machine.network_namespace, machine.root) = (false, false);
        assert!(!machine.is_complete());
        let told = "children share the network of this machine: no network namespaces here";
        assert!(machine.missing().contains(&told.to_owned()), "{:?}", machine.missing());
        let text = machine.to_string();
        assert!(text.contains("landlock: yes, ABI 7\n"), "{text}");
        assert!(text.contains(&format!("network namespace: no; {told}\n")), "{text}");
        (machine.user_namespace, machine.builder_users) = (false, false);
        let lines = machine.missing_for(Profile::Builder);
        assert!(
            [told, mapping::UNLOCKED, mapping::ALONE].iter().all(|line| lines.iter().any(|one| one == line)),
            "{lines:?}"
        );
        assert_eq!(machine.missing_for(Profile::Delegated), [OUTSIDE]);
        machine = Capabilities {
            root: true,
            landlock: Some(7),
            user_namespace: true,
            mount_namespace: true,
            pid_namespace: true,
            ipc_namespace: true,
            network_namespace: true,
            memory_group: true,
            process_group: true,
            builder_users: true,
        };
        assert!(machine.missing_for(Profile::Builder).is_empty());
        assert!(machine.is_complete() && machine.missing().is_empty());
    }
}
