//! A control group for a child's memory and processes, of either version. It never touches a group it did not create,
//! nor switches a controller on where other services would notice.

use crate::command::Limits;
use crate::kernel;
use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use std::ffi::c_int;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The folders of one child's control group: one for version 2, one per controller for version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlGroup {
    unified: Option<PathBuf>,
    legacy: Vec<PathBuf>,
    /// Whether memory is limited.
    pub memory: bool,
    /// Whether processes are limited.
    pub processes: bool,
}

impl ControlGroup {
    /// Makes a group of this name below the host's own, as far as the machine allows.
    pub fn create(name: &str, limits: &Limits) -> Self {
        let mut group = Self::default();
        // The jail's own first process is in the group as well.
        let (memory, processes) = (limits.memory_bytes.to_string(), limits.processes.saturating_add(1).to_string());
        if let Some(folder) = unified_parent().and_then(|parent| make(&parent.join(name)).ok()) {
            group.memory = fs::write(folder.join("memory.max"), &memory).is_ok();
            group.processes = fs::write(folder.join("pids.max"), &processes).is_ok();
            if group.memory {
                // Without swap the limit is a limit, and one victim takes its whole group along.
                let _ = fs::write(folder.join("memory.swap.max"), "0");
                let _ = fs::write(folder.join("memory.oom.group"), "1");
            }
            group.unified = Some(folder);
        }
        if !group.memory
            && let Some(folder) = legacy_parent("memory").and_then(|parent| make(&parent.join(name)).ok())
        {
            group.memory = fs::write(folder.join("memory.limit_in_bytes"), &memory).is_ok();
            let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), &memory);
            group.legacy.push(folder);
        }
        if !group.processes
            && let Some(folder) = legacy_parent("pids").and_then(|parent| make(&parent.join(name)).ok())
        {
            group.processes = fs::write(folder.join("pids.max"), &processes).is_ok();
            group.legacy.push(folder);
        }
        group
    }

    /// The ways in, for a duplicate to take along.
    pub fn doors(&self) -> io::Result<Doors> {
        let open = |file: PathBuf| File::options().write(true).open(file);
        let unified = self.unified.as_ref().map(|folder| open(folder.join("cgroup.procs"))).transpose()?;
        let legacy = self.legacy.iter().map(|folder| open(folder.join("tasks"))).collect::<Result<_, _>>()?;
        Ok(Doors { unified, legacy })
    }

    /// Duplicates this process into new namespaces (`CLONE_NEW…`); `None` in the duplicate, which must go through the doors
    /// that are left.
    pub fn duplicate(&self, namespaces: c_int, doors: &mut Doors) -> io::Result<Option<Pid>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Some(Ok(group)) = self.unified.as_ref().map(|folder| rustix::fs::open(folder, flags, Mode::empty()))
            && let Ok(duplicate) = kernel::clone_into_group(namespaces, &group)
        {
            doors.unified = None;
            return Ok(duplicate);
        }
        // Where a filter of system calls does not know that one, or the namespaces are not to be had.
        kernel::clone_into(namespaces)
    }

    /// Where it is, for the record.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.unified.iter().chain(&self.legacy).cloned().collect()
    }

    /// Whether the kernel killed a process of the group for its memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.folders().iter().flat_map(|folder| [folder.join("memory.events"), folder.join("memory.oom_control")]).any(
            |file| {
                let text = fs::read_to_string(file).unwrap_or_default();
                text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
            },
        )
    }
}

/// The ways into a group, through which a process with one thread moves itself; what it begets stays in.
///
/// Nobody else moves it: for that the kernel stops every fork and end of a process on the machine, and waits about 10 ms until
/// all know. It spares that for a thread that moves itself, which version 2 has no file for.
#[derive(Debug, Default)]
pub struct Doors {
    unified: Option<File>,
    legacy: Vec<File>,
}

impl Doors {
    /// Moves this process in.
    pub fn enter(&self) -> io::Result<()> {
        self.unified.iter().chain(&self.legacy).try_for_each(|mut door| door.write_all(b"0"))
    }
}

/// Removes a child's groups once they are empty; one that is not stays.
pub fn remove(folders: &[PathBuf]) {
    for folder in folders {
        let _ = fs::remove_dir(folder);
    }
}

/// Creates the folder; one that a killed shim left behind is as good.
fn make(folder: &Path) -> io::Result<PathBuf> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(folder.to_owned()),
    }
}

/// The group of version 2 whose children may have memory and process limits: the host's own, or, where the service
/// manager put the host into a subgroup of the one delegated to it, the group above.
fn unified_parent() -> Option<PathBuf> {
    let own = mounted("cgroup2", None)?.join(own_group("")?);
    let is_unit = own.extension().is_some_and(|kind| kind == "service" || kind == "scope");
    let above = own.parent().filter(|_| !is_unit).map(Path::to_owned);
    [Some(own), above].into_iter().flatten().find(|folder| {
        let control = folder.join("cgroup.subtree_control");
        let has = || {
            let text = fs::read_to_string(&control).unwrap_or_default();
            ["memory", "pids"].iter().all(|name| text.split_whitespace().any(|word| word == *name))
        };
        // Fails with EBUSY where the host itself lives in the group, which is the kernel's rule.
        has() || (fs::write(&control, "+memory +pids").is_ok() && has())
    })
}

/// The host's own group of a controller of version 1.
fn legacy_parent(controller: &str) -> Option<PathBuf> {
    let mount = mounted("cgroup", Some(controller))?;
    let own = mount.join(own_group(controller)?);
    // In a container without a cgroup namespace the group's name is the machine's, its mount the container's.
    Some(if own.is_dir() { own } else { mount })
}

/// The host's group as `/proc/self/cgroup` names it, without the leading slash; `""` asks for version 2.
fn own_group(controller: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let matches = controllers.split(',').any(|name| name == controller);
        matches.then(|| path.trim_start_matches('/').to_owned())
    })
}

/// The first mount of a type, with an option.
fn mounted(kind: &str, option: Option<&str>) -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/mounts").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, found, options) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = found == kind && option.is_none_or(|wanted| options.split(',').any(|one| one == wanted));
        fits.then(|| PathBuf::from(path))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};

    /// Which of these groups a duplicate is in that went through the doors.
    fn duplicate(group: &ControlGroup) -> String {
        let mut doors = group.doors().unwrap();
        let (wait, told) = rustix::pipe::pipe().unwrap();
        // In a process with threads it does nothing but system calls.
        let Some(pid) = group.duplicate(0, &mut doors).unwrap() else {
            let entered = doors.enter().is_ok();
            let _ = rustix::io::write(&told, &[u8::from(entered)]);
            let _ = rustix::thread::nanosleep(&crate::watch::timespec(std::time::Duration::from_secs(60)));
            kernel::exit_now(0);
        };
        let mut entered = [0];
        rustix::io::read(&wait, &mut entered).unwrap();
        let groups = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_nonzero())).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        waitpid(Some(pid), WaitOptions::empty()).unwrap();
        assert_eq!(entered, [1], "the doors are open");
        groups
    }

    #[test]
    fn a_duplicate_begins_in_a_group_of_either_version() {
        let name = format!("tidegate-test-{}", std::process::id());
        let unified = mounted("cgroup2", None).zip(own_group("")).map(|(mount, own)| mount.join(own));
        let legacy = ["memory", "pids"].into_iter().filter_map(legacy_parent);
        let make = |parent: PathBuf| make(&parent.join(&name)).ok();
        let group = ControlGroup {
            unified: unified.and_then(make),
            legacy: legacy.filter_map(make).collect(),
            memory: false,
            processes: false,
        };
        let inside = duplicate(&group);
        remove(&group.folders());
        let count = |groups: &str| groups.lines().filter(|line| line.ends_with(&name)).count();
        assert_eq!(count(&inside), group.folders().len(), "{inside}");
    }
}
