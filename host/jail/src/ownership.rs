//! Lending a workspace of root to the unprivileged user of a child, and taking it back. It never follows a link, never
//! leaves the file system of the workspace, and never lends a file that also has a name elsewhere.

use crate::mapping::Range;
use crate::profile::Profile;
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
    owner: (u32, u32),
}

impl Loan {
    /// Lends a workspace of root to `nobody`. One of another user is not lent, since the child is that user; but what a
    /// builder's other users make in it comes back to the owner. `None` where nothing has to.
    pub fn take(workspace: &Path, profile: Profile) -> io::Result<Option<Self>> {
        let folder = open_folder(workspace)?;
        let stat = fstat(&folder)?;
        let is_lent = stat.st_uid == 0 || is_of_child(stat.st_uid, stat.st_gid);
        if !is_lent && profile != Profile::Builder {
            return Ok(None);
        }
        // Waits only for a child that is giving it back right now.
        flock(&folder, FlockOperation::LockShared)?;
        if is_lent {
            change_owner(&folder, &Lend, (NOBODY, NOBODY))?;
        }
        let owner = if is_lent { (0, 0) } else { (stat.st_uid, stat.st_gid) };
        Ok(Some(Self { workspace: folder, owner }))
    }

    /// Gives it back to its owner, unless another child still has it.
    pub fn give_back(self) -> io::Result<()> {
        give_back(&self.workspace, self.owner)
    }
}

/// Gives back what a killed shim left on loan, on a host that is root.
pub fn recover(workspace: &Path, profile: Profile) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let folder = open_folder(workspace)?;
    let stat = fstat(&folder)?;
    if is_of_child(stat.st_uid, stat.st_gid) {
        give_back(&folder, (0, 0))
    } else if profile == Profile::Builder {
        give_back(&folder, (stat.st_uid, stat.st_gid))
    } else {
        Ok(())
    }
}

/// Hands what the others of a user namespace own in a workspace to this owner. For a process that may do that: one in the
/// namespace.
pub fn collect(workspace: &Path, others: Range, owner: (u32, u32)) -> io::Result<()> {
    change_owner(&open_folder(workspace)?, &Collect(others), owner)
}

fn give_back(folder: &OwnedFd, owner: (u32, u32)) -> io::Result<()> {
    // Converting a shared lock drops it first, so of several last ones at least one succeeds.
    match flock(folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) if owner == (0, 0) => change_owner(folder, &GiveBack(Range::of_root()), owner),
        Ok(()) => change_owner(folder, &Collect(Range::of_root()), owner),
        Err(Errno::WOULDBLOCK) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a child of a host that is root made a file of this owner: `nobody`, or one of a builder's other users.
fn is_of_child(uid: u32, gid: u32) -> bool {
    uid == NOBODY || Range::of_root().has(uid, gid)
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(open(path, flags, Mode::empty())?)
}

/// Which files change hands.
trait Transfer {
    fn takes(&self, stat: &Stat) -> bool;
}

/// From root to a child.
struct Lend;

impl Transfer for Lend {
    /// A file with several names may have one outside, in a shared cache of Git objects say: lending it would let the child
    /// change it there. What a child linked itself is its own already and goes back.
    fn takes(&self, stat: &Stat) -> bool {
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        stat.st_uid == 0 && !(is_file && stat.st_nlink > 1)
    }
}

/// From `nobody` and a builder's other users back to root.
struct GiveBack(Range);

impl Transfer for GiveBack {
    fn takes(&self, stat: &Stat) -> bool {
        stat.st_uid == NOBODY || self.0.has(stat.st_uid, stat.st_gid)
    }
}

/// From a builder's other users to the owner.
struct Collect(Range);

impl Transfer for Collect {
    fn takes(&self, stat: &Stat) -> bool {
        self.0.has(stat.st_uid, stat.st_gid)
    }
}

/// Hands what a transfer takes in a tree to another owner. Iterative, and by descriptors: a child that runs beside it may swap
/// folders for links, and may nest them deeper than a stack.
fn change_owner(root: &OwnedFd, transfer: &impl Transfer, to: (u32, u32)) -> io::Result<()> {
    let device = fstat(root)?.st_dev;
    let (owner, group) = (Some(Uid::from_raw(to.0)), Some(Gid::from_raw(to.1)));
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
            if transfer.takes(&stat) {
                fchown(&inner, owner, group)?;
            }
        } else if transfer.takes(&stat) {
            match chownat(at, name, owner, group, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if transfer.takes(&fstat(root)?) {
        fchown(root, owner, group)?;
    }
    Ok(())
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

        let first = Loan::take(&workspace, Profile::Strict).unwrap().unwrap();
        let second = Loan::take(&workspace, Profile::Strict).unwrap().unwrap();
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

    #[test]
    fn what_a_builders_other_users_made_comes_back_to_the_owner() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let others = Range::of_root();
        for host in [(0, 0), (1234, 1235)] {
            let workspace = tempfile::tempdir().unwrap();
            let owners = |name: &str| {
                let stat = std::fs::symlink_metadata(workspace.path().join(name)).unwrap();
                (stat.uid(), stat.gid())
            };
            std::os::unix::fs::chown(workspace.path(), Some(host.0), Some(host.1)).unwrap();
            let loan = Loan::take(workspace.path(), Profile::Builder).unwrap().unwrap();
            for (name, uid, gid) in [("a", others.uid + 41, others.gid + 41), ("b", host.0, others.gid), ("c", 77, 78)]
            {
                std::fs::write(workspace.path().join(name), "").unwrap();
                std::os::unix::fs::chown(workspace.path().join(name), Some(uid), Some(gid)).unwrap();
            }
            loan.give_back().unwrap();
            assert_eq!((owners(""), owners("a"), owners("b"), owners("c")), (host, host, host, (77, 78)));
            // A shim that was killed leaves the same behind, which the host finds.
            std::os::unix::fs::chown(workspace.path().join("a"), Some(others.uid), Some(others.gid)).unwrap();
            recover(workspace.path(), Profile::Builder).unwrap();
            assert_eq!(owners("a"), host);
        }
    }
}
