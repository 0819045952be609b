//! Lending a workspace of root to the unprivileged user of a child, and taking it back. It never follows a link, never
//! leaves the file system of the workspace, and never lends a file that also has a name elsewhere.

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::fs::{chownat, fchown, flock, fstat, open, openat, statat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The user and group of children of a host that is root: `nobody`.
pub const NOBODY: u32 = 65_534;

/// A workspace on loan, shared by all children that run in it. The last one gives it back.
pub struct Loan {
    workspace: OwnedFd,
}

impl Loan {
    /// Lends a workspace of root to `nobody`; `None` where it needs no loan, since another user owns it.
    pub fn take(workspace: &Path) -> io::Result<Option<Self>> {
        let folder = open_folder(workspace)?;
        let stat = fstat(&folder)?;
        if stat.st_uid != 0 && stat.st_uid != NOBODY {
            return Ok(None);
        }
        // Waits only for a child that is giving it back right now.
        flock(&folder, FlockOperation::LockShared)?;
        change_owner(&folder, 0, NOBODY)?;
        Ok(Some(Self { workspace: folder }))
    }

    /// Gives it back to root, unless another child still has it.
    pub fn give_back(self) -> io::Result<()> {
        give_back(&self.workspace)
    }
}

/// Gives back what a killed shim left on loan.
pub fn recover(workspace: &Path) -> io::Result<()> {
    let folder = open_folder(workspace)?;
    let on_loan = fstat(&folder)?.st_uid == NOBODY && rustix::process::geteuid().is_root();
    if on_loan { give_back(&folder) } else { Ok(()) }
}

fn give_back(folder: &OwnedFd) -> io::Result<()> {
    // Converting a shared lock drops it first, so of several last ones at least one succeeds.
    match flock(folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => change_owner(folder, NOBODY, 0),
        Err(Errno::WOULDBLOCK) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(open(path, flags, Mode::empty())?)
}

/// Hands everything of one owner in a tree to another. Iterative, and by descriptors: a child that runs beside it may swap
/// folders for links, and may nest them deeper than a stack.
fn change_owner(root: &OwnedFd, from: u32, to: u32) -> io::Result<()> {
    let device = fstat(root)?.st_dev;
    let (owner, group) = (Some(Uid::from_raw(to)), Some(Gid::from_raw(to)));
    let mut pending = vec![Dir::read_from(root)?];
    while let Some(folder) = pending.last_mut() {
        let Some(entry) = folder.read() else {
            pending.pop();
            continue;
        };
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let at = folder.fd()?;
        // Whatever vanished meanwhile needs no owner.
        let Ok(stat) = statat(at, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        if stat.st_dev != device {
            continue;
        }
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let Ok(inner) = openat(at, name, flags, Mode::empty()) else { continue };
            pending.push(Dir::read_from(&inner)?);
            if stat.st_uid == from {
                fchown(&inner, owner, group)?;
            }
        } else if stat.st_uid == from && !has_name_elsewhere(&stat, kind, to) {
            match chownat(at, name, owner, group, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if fstat(root)?.st_uid == from {
        fchown(root, owner, group)?;
    }
    Ok(())
}

/// A file with several names may have one outside, in a shared cache of Git objects say: lending it would let the child
/// change it there. What a child linked itself is its own already and goes back.
fn has_name_elsewhere(stat: &Stat, kind: FileType, to: u32) -> bool {
    to == NOBODY && kind == FileType::RegularFile && stat.st_nlink > 1
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    #[test]
    fn a_loan_spares_links_and_shared_files_and_comes_back_from_the_last() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (outside, workspace) = (folder.path().join("outside"), folder.path().join("workspace"));
        std::fs::create_dir_all(workspace.join("a/b")).unwrap();
        std::fs::write(&outside, "x").unwrap();
        std::fs::write(workspace.join("a/b/file"), "x").unwrap();
        symlink(&outside, workspace.join("a/link")).unwrap();
        std::fs::hard_link(&outside, workspace.join("shared")).unwrap();
        let owner = |path: &Path| std::fs::symlink_metadata(path).unwrap().uid();

        let first = Loan::take(&workspace).unwrap().unwrap();
        let second = Loan::take(&workspace).unwrap().unwrap();
        assert_eq!(owner(&workspace), NOBODY);
        assert_eq!(owner(&workspace.join("a/b/file")), NOBODY);
        assert_eq!(owner(&workspace.join("a/link")), NOBODY);
        assert_eq!(owner(&outside), 0, "neither a symbolic nor a hard link lends it");
        first.give_back().unwrap();
        assert_eq!(owner(&workspace), NOBODY, "the second child still runs");
        second.give_back().unwrap();
        assert_eq!(owner(&workspace.join("a/b/file")), 0);
        assert_eq!(owner(&workspace), 0);
    }
}
