//! Where a build reads: one tree of files, by paths relative to its root. The build itself never touches a disk or a
//! network.

use crate::error::Result;

/// What is at a path, as a Git tree has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    /// A symbolic link; [`Files::read`] gives its target. Nobody has followed it.
    Link,
    /// A commit of another repository: nothing in it can be read.
    Submodule,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub kind: Kind,
}

/// What a URL in a kustomization stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// The text behind an `https://…` address of a file.
    File(Vec<u8>),
    /// A checkout that the same [`Files`] holds at `repository`, and the folder in it that the URL means. Both are
    /// paths from the root of the files; nothing outside of `repository` is read from there.
    Folder { repository: String, folder: String },
}

/// A tree of files. Paths have no leading `/`, no `.`, no `..` and no empty parts; `""` is the root. No answer follows
/// a symbolic link, neither at the end of a path nor on the way.
pub trait Files {
    /// What is at a path; `None` where there is nothing.
    ///
    /// # Errors
    /// Whatever keeps the host from answering.
    fn look(&self, path: &str) -> Result<Option<Kind>>;

    /// The content of a file, or the target of a link; `None` where there is nothing.
    ///
    /// # Errors
    /// As for [`look`](Self::look), and where there is a folder.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// The names in a folder in byte order; `None` where there is nothing.
    ///
    /// # Errors
    /// As for [`look`](Self::look), and where there is no folder.
    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>>;

    /// What a URL stands for; `None` where the host has nothing for it, which is an error of the build.
    ///
    /// # Errors
    /// As for [`look`](Self::look).
    fn remote(&self, spec: &str) -> Result<Option<Remote>> {
        let _ = spec;
        Ok(None)
    }
}

impl<T: Files + ?Sized> Files for &T {
    fn look(&self, path: &str) -> Result<Option<Kind>> {
        (**self).look(path)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        (**self).read(path)
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>> {
        (**self).entries(path)
    }

    fn remote(&self, spec: &str) -> Result<Option<Remote>> {
        (**self).remote(spec)
    }
}
