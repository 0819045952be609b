//! The guards that a machine may lack, and what their absence means to whoever runs children there: one sentence each,
//! the same in [`Capabilities`](crate::Capabilities), in a child's record and in a refusal.

/// A guard of the jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A second lock on files, and on sockets in memory.
    Landlock,
    /// A private root.
    Mounts,
    /// Private processes, which end together.
    Processes,
    /// Private System V memory.
    Ipc,
    /// A network of its own.
    Network,
    /// A limit on the memory of all processes together.
    MemoryGroup,
    /// A limit on the number of processes.
    ProcessGroup,
}

impl Guard {
    /// Its name in a list of what the machine has.
    pub fn name(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Mounts => "mount namespace",
            Self::Processes => "pid namespace",
            Self::Ipc => "ipc namespace",
            Self::Network => "network namespace",
            Self::MemoryGroup => "memory control group",
            Self::ProcessGroup => "pids control group",
        }
    }

    /// What a child does or suffers without it, and why, in plain words.
    pub fn absence(self) -> &'static str {
        match self {
            Self::Landlock => "the files of children are guarded by mounts and users alone: no landlock here",
            Self::Mounts => {
                "children share /tmp and reach the sockets of daemons of this machine: no mount namespaces here"
            }
            Self::Processes => "children see the processes of this machine: no pid namespaces here",
            Self::Ipc => "children share the System V memory of this machine: no ipc namespaces here",
            Self::Network => "children share the network of this machine: no network namespaces here",
            Self::MemoryGroup => {
                "the memory of children is limited for each process by itself: no memory control group here"
            }
            Self::ProcessGroup => {
                "the processes of children are counted with others of the same user: no pids control group here"
            }
        }
    }
}
