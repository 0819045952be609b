//! The private root of a child: the system read-only, the workspace, what was granted, and nothing else. It never shows a
//! socket, a home or a temporary folder of the host, and never trusts a link that a child could have made.

use super::identity::Identity;
use super::landlock::{SYSTEM, resolver};
use crate::command::{Command, RESERVED};
use crate::kernel::{Reach, restrict_mount};
use crate::profile::Profile;
use crate::refusal::Refusal;
use rustix::fs::{Mode, OFlags, ResolveFlags, fchown, mkdirat, openat, openat2, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};
use rustix::mount::{
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount, open_tree, unmount,
};
use rustix::process::{Gid, Uid, fchdir, pivot_root};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Devices that are the same for everybody.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

const READ_ONLY: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_RDONLY.union(MountAttrFlags::MOUNT_ATTR_NOSUID).union(MountAttrFlags::MOUNT_ATTR_NODEV);
const READ_WRITE: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);

/// Whether the jail has a pid namespace, and may show its `/proc`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Processes {
    Own,
    Shared,
}

/// Builds the root on a file system in memory at `place`, and moves into it. Answers what it had to leave out.
pub fn enter(command: &Command, user: Identity, processes: Processes, place: &Path) -> Result<Vec<String>, Refusal> {
    // Before anything else: nothing of this may reach the host's own mounts.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(explain("private mounts"))?;

    // Every source is taken before the first place is covered.
    let mut trees = Vec::new();
    let mut links = Vec::new();
    for path in SYSTEM.iter().map(Path::new) {
        match std::fs::read_link(path) {
            Ok(target) => links.push((path, target)),
            Err(_) if path.is_dir() => trees.push((path.to_owned(), take(path, READ_ONLY)?)),
            Err(_) => {}
        }
    }
    let workspace = take(&command.workspace, if command.workspace_writable { READ_WRITE } else { READ_ONLY })?;
    let resolver = resolver(command);
    let read = command.read.iter().chain(&resolver).map(|path| (path, READ_ONLY));
    let mut grants: Vec<_> = read.chain(command.write.iter().map(|path| (path, READ_WRITE))).collect();
    // Outer ones first, so that an inner one with other rights lies on top.
    grants.sort_by_key(|(path, _)| path.components().count());
    for (path, attributes) in grants {
        let missing = |error| Refusal::of_command(&format!("the granted path {}", path.display()), &error);
        path.symlink_metadata().map_err(missing)?;
        trees.push((path.clone(), take(path, attributes)?));
    }
    let devices = DEVICES.iter().map(|name| Path::new("/dev").join(name)).filter(|path| path.exists());
    let devices: Vec<_> = devices.map(|path| bind(&path).map(|tree| (path, tree))).collect::<Result<_, _>>()?;

    let root = memory("1m", "755", MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&root, "", rustix::fs::CWD, place, flags).map_err(explain("the private root"))?;
    for (path, target) in links {
        let name = path.strip_prefix("/").unwrap_or(path);
        symlinkat(target, &root, name).map_err(explain(path.display()))?;
    }
    put(&root, Path::new("/workspace"), &workspace)?;
    put(&root, Path::new("/tmp"), &temporary(command, user)?)?;
    make(&root, Path::new("/var"), Kind::Folder).map_err(explain("/var"))?;
    symlinkat("/tmp", &root, "var/tmp").map_err(explain("/var/tmp"))?;
    make(&root, Path::new("/dev"), Kind::Folder).map_err(explain("/dev"))?;
    for (path, tree) in &devices {
        put(&root, path, tree)?;
    }
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlinkat(format!("/proc/self/{target}"), &root, format!("dev/{name}")).map_err(explain(name))?;
    }
    let size = command.limits.temporary_bytes.to_string();
    put(&root, Path::new("/dev/shm"), &memory(&size, "1777", READ_WRITE)?)?;
    let left_out = put_processes(&root, processes)?;
    if command.profile == Profile::Builder {
        // Builders bind it into their containers and do not ask what is in it; but podman asks what kind of a file system the second
        // one is, which is none of control groups.
        make(&root, Path::new("/sys/fs/cgroup"), Kind::Folder).map_err(explain("/sys"))?;
        if !left_out.is_empty() {
            return Err(format!("a builder needs a /proc: {}", left_out.join("; ")).into());
        }
    }
    let mut hidden: Vec<_> = command.hidden.iter().filter(|path| !is_own(path)).collect();
    hidden.sort_by_key(|path| path.components().count());
    let mut hidden = hidden.into_iter().peekable();
    let mut covers = Vec::new();
    // As with grants, inner ones lie on top of outer ones; of the same path, the cover lies on top.
    for (path, tree) in &trees {
        while let Some(outer) = hidden.next_if(|hidden| hidden.components().count() < path.components().count()) {
            covers.extend(cover(&root, outer)?);
        }
        put(&root, path, tree)?;
    }
    for path in hidden {
        covers.extend(cover(&root, path)?);
    }
    for tree in &covers {
        // Only now: the places of grants below them had to be made.
        restrict_mount(tree, READ_ONLY.bits().into(), Reach::One).map_err(explain("a hidden folder"))?;
    }
    restrict_mount(&root, READ_ONLY.bits().into(), Reach::One).map_err(explain("the private root"))?;

    let pivot = || {
        fchdir(&root)?;
        // The old root lands on top of the new one, and is let go at once.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    };
    pivot().map_err(explain("the change of root"))?;
    Ok(left_out)
}

/// `/proc` of the pid namespace. A container that hides parts of its own forbids a whole one.
fn put_processes(root: &OwnedFd, processes: Processes) -> Result<Vec<String>, String> {
    let path = Path::new("/proc");
    make(root, path, Kind::Folder).map_err(explain("/proc"))?;
    let attributes = READ_WRITE | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mounted = || {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    match processes {
        Processes::Shared => Ok(vec!["no /proc: there is no pid namespace to show".to_owned()]),
        Processes::Own => match mounted() {
            Ok(tree) => put(root, path, &tree).map(|()| Vec::new()),
            Err(error) => Ok(vec![format!("no /proc: the machine forbids to mount it ({error})")]),
        },
    }
}

/// `/tmp` with a home for the child.
fn temporary(command: &Command, user: Identity) -> Result<OwnedFd, String> {
    let tree = memory(&command.limits.temporary_bytes.to_string(), "1777", READ_WRITE)?;
    let home = || {
        mkdirat(&tree, "home", Mode::RWXU)?;
        let home = openat(&tree, "home", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        fchown(&home, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))
    };
    home().map_err(explain("the home folder"))?;
    Ok(tree)
}

/// A file system in memory, not mounted anywhere yet.
fn memory(size: &str, mode: &str, attributes: MountAttrFlags) -> Result<OwnedFd, String> {
    let create = || {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(context.as_fd(), "size", size)?;
        fsconfig_set_string(context.as_fd(), "mode", mode)?;
        fsconfig_create(&context)?;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    create().map_err(explain("a file system in memory"))
}

/// A copy of a tree of the host, with these rights, not mounted anywhere yet.
fn take(path: &Path, attributes: MountAttrFlags) -> Result<OwnedFd, String> {
    let tree = bind(path)?;
    restrict_mount(&tree, attributes.bits().into(), Reach::Recursive).map_err(explain(path.display()))?;
    Ok(tree)
}

/// The same with the rights it has. Recursive, since a user namespace may not uncover what a mount covers.
fn bind(path: &Path) -> Result<OwnedFd, String> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(rustix::fs::CWD, path, flags).map_err(explain(path.display()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
}

/// Whether the jail has its own at this path, and shows nothing of the host there.
fn is_own(path: &Path) -> bool {
    RESERVED.iter().any(|reserved| path.starts_with(reserved))
}

/// Puts something empty over a path of the new root, if it is there: `/dev/null` over a file, and a folder in memory, which
/// it answers, over a folder.
fn cover(root: &OwnedFd, path: &Path) -> Result<Option<OwnedFd>, String> {
    let hide = |error: Errno| format!("hiding {}: {error}", path.display());
    let found = openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT);
    let target = match found {
        Ok(target) => target,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(hide(error)),
    };
    let stat = rustix::fs::fstat(&target).map_err(hide)?;
    let is_folder = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory;
    let tree = if is_folder {
        memory("1m", "755", MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV)?
    } else {
        bind(Path::new("/dev/null"))?
    };
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&tree, "", &target, "", flags).map_err(hide)?;
    Ok(is_folder.then_some(tree))
}

/// Mounts a tree at a path of the new root, which is made where it does not exist.
fn put(root: &OwnedFd, path: &Path, tree: &OwnedFd) -> Result<(), String> {
    let is_folder = rustix::fs::fstat(tree)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory);
    let kind = if is_folder { Kind::Folder } else { Kind::File };
    let target = make(root, path, kind).map_err(explain(path.display()))?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", &target, "", flags).map_err(explain(path.display()))
}

/// Finds a path below the new root, or makes it there. Links lead within the new root, never to the host's.
fn make(root: &OwnedFd, path: &Path, kind: Kind) -> io::Result<OwnedFd> {
    let find = |path: &Path| openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT);
    let names: Vec<_> = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let mut walked = PathBuf::from("/");
    for (index, name) in names.iter().enumerate() {
        let parent = find(&walked)?;
        walked.push(name);
        match find(&walked) {
            Ok(_) => continue,
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let name = name.as_os_str();
        if kind == Kind::File && index + 1 == names.len() {
            openat(&parent, name, OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, Mode::from_raw_mode(0o644))?;
        } else {
            mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
        }
    }
    Ok(find(&walked)?)
}

/// Puts what was tried before the system's answer.
fn explain<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    let what = what.to_string();
    move |error| format!("{what}: {error}")
}
