//! A control group for a child's memory and processes, of either version. It never touches a group it did not create,
//! nor switches a controller on where other services would notice.

use crate::command::Limits;
use rustix::process::Pid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of one child's control group: one for version 2, one per controller for version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlGroup {
    folders: Vec<PathBuf>,
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
            group.folders.push(folder);
        }
        if !group.memory
            && let Some(folder) = legacy_parent("memory").and_then(|parent| make(&parent.join(name)).ok())
        {
            group.memory = fs::write(folder.join("memory.limit_in_bytes"), &memory).is_ok();
            let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), &memory);
            group.folders.push(folder);
        }
        if !group.processes
            && let Some(folder) = legacy_parent("pids").and_then(|parent| make(&parent.join(name)).ok())
        {
            group.processes = fs::write(folder.join("pids.max"), &processes).is_ok();
            group.folders.push(folder);
        }
        group
    }

    /// Moves a process in; what it begets stays in.
    pub fn admit(&self, process: Pid) -> io::Result<()> {
        let pid = process.as_raw_nonzero().to_string();
        self.folders.iter().try_for_each(|folder| fs::write(folder.join("cgroup.procs"), &pid))
    }

    /// Where it is, for the record.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether the kernel killed a process of the group for its memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.folders.iter().flat_map(|folder| [folder.join("memory.events"), folder.join("memory.oom_control")]).any(
            |file| {
                let text = fs::read_to_string(file).unwrap_or_default();
                text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
            },
        )
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
