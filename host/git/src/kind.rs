//! What a tree entry is. Never what it contains.

/// What is at a path, in Git's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A file that may be executed.
    Executable,
    /// A folder.
    Directory,
    /// A symbolic link; nothing in this crate follows it.
    Link,
    /// A commit of another repository.
    Submodule,
}

impl Kind {
    /// Reads a tree entry's mode. Old tools wrote modes such as 100664, so only the type and the owner's
    /// executable bit count. `None` where the type is none of Git's.
    pub(crate) fn of_mode(mode: i32) -> Option<Self> {
        match mode & 0o170_000 {
            0o100_000 if mode & 0o100 != 0 => Some(Self::Executable),
            0o100_000 => Some(Self::File),
            0o040_000 => Some(Self::Directory),
            0o120_000 => Some(Self::Link),
            0o160_000 => Some(Self::Submodule),
            _ => None,
        }
    }

    /// The mode Git writes for it.
    pub(crate) fn mode(self) -> i32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Directory => 0o040_000,
            Self::Link => 0o120_000,
            Self::Submodule => 0o160_000,
        }
    }

    /// Whether `put` may replace it.
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }

    /// What a person calls it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Executable => "an executable file",
            Self::Directory => "a folder",
            Self::Link => "a symbolic link",
            Self::Submodule => "a submodule",
        }
    }
}
