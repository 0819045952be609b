//! What this machine can give a jail, found by trying and stated plainly. It never assumes from a version or a file.

use crate::cgroup::{self, ControlGroup};
use crate::command::Limits;
use crate::kernel;
use crate::namespace::Namespaces;
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
}

/// Tries every guard once. Costs a few milliseconds, and leaves nothing behind.
pub fn detect() -> Capabilities {
    let root = rustix::process::geteuid().is_root();
    let namespaces = Namespaces::usable(root);
    let group = ControlGroup::create(&format!("tidegate-probe-{}", std::process::id()), &Limits::default());
    cgroup::remove(group.folders());
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
    }
}

impl Capabilities {
    /// Each guard: whether it is there, what it gives, and what its absence means.
    fn guards(&self) -> [(bool, &'static str, &'static str); 7] {
        [
            (self.landlock.is_some(), "landlock", "files are guarded by mounts and users alone"),
            (self.mount_namespace, "mount namespace", "sockets of daemons stay reachable, /tmp is shared"),
            (self.pid_namespace, "pid namespace", "other processes are visible"),
            (self.ipc_namespace, "ipc namespace", "System V memory is shared"),
            (self.network_namespace, "network namespace", "the network stays reachable"),
            (self.memory_group, "memory control group", "each process is limited by itself"),
            (self.process_group, "pids control group", "processes are counted with others of the same user"),
        ]
    }

    /// Whether a child gets every guard, so that `required` is met.
    pub fn is_complete(&self) -> bool {
        self.guards().iter().all(|(given, ..)| *given)
    }

    /// The guards that a child goes without, and what that means.
    pub fn missing(&self) -> Vec<String> {
        let absent = self.guards().into_iter().filter(|(given, ..)| !given);
        absent.map(|(_, name, meaning)| format!("no {name}: {meaning}")).collect()
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
        for (given, name, meaning) in self.guards() {
            match (given, name, self.landlock) {
                (true, "landlock", Some(abi)) => writeln!(f, "landlock: yes, ABI {abi}")?,
                (true, ..) => writeln!(f, "{name}: yes")?,
                (false, ..) => writeln!(f, "{name}: no; {meaning}")?,
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
        assert!(machine.missing().contains(&"no network namespace: the network stays reachable".to_owned()));
        let text = machine.to_string();
        assert!(text.contains("landlock: yes, ABI 7\n"), "{text}");
        assert!(text.contains("network namespace: no; the network stays reachable\n"), "{text}");
    }
}
