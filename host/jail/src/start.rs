//! Starting a child in its folder, once, and finding it again. It never decides from memory: the folder's files do.

use crate::child::Child;
use crate::command::Command;
use crate::folder::{Folder, Spec, Started, Status};
use crate::watch::Watch;
use crate::{Error, cgroup, kernel, ownership};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How to run the shim; the child's folder becomes its last argument.
#[derive(Clone, Debug)]
pub struct Shim {
    executable: PathBuf,
    arguments: Vec<String>,
    /// The program in memory, and what to run where this machine does not let it run.
    carried: Option<(Arc<File>, Box<Self>)>,
}

impl Shim {
    /// A program with its arguments: `jail-shim` for the host's own binary.
    pub fn new(executable: impl Into<PathBuf>, arguments: Vec<String>) -> Self {
        Self { executable: executable.into(), arguments, carried: None }
    }

    /// A shim of its own that the host carries, run out of memory. Each child begins and ends with it: a small program spares
    /// it what the host's own binary takes to be loaded, some 5 ms, and each duplicate of its memory. `otherwise` is run
    /// where the machine runs nothing out of memory.
    pub fn carried(program: &[u8], otherwise: Self) -> Self {
        let Ok(file) = kernel::sealed_program("tidegate-jail-shim", program) else { return otherwise };
        // The same in the duplicate that becomes it: the descriptor is closed by then, and not before.
        let executable = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Self { executable, arguments: Vec::new(), carried: Some((Arc::new(file), Box::new(otherwise))) }
    }

    /// Begins it for a folder. Nothing of the host's own environment goes along.
    fn begin(&self, folder: &Path, lock: &File) -> io::Result<std::process::Child> {
        let mut process = std::process::Command::new(&self.executable);
        process.args(&self.arguments).arg(folder).env_clear().current_dir("/");
        process.stdin(Stdio::piped()).stdout(Stdio::from(lock.try_clone()?)).stderr(Stdio::null());
        let Some((_, otherwise)) = &self.carried else { return process.spawn() };
        process.arg0("tidegate-jail-shim").spawn().or_else(|_| otherwise.begin(folder, lock))
    }
}

/// How long a shim may take from its start to `started`: it lends the workspace first, file by file.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many shims may die before they begin, until the host gives up.
const ATTEMPTS: usize = 3;

/// Starts the command in a folder of its own, or finds the child that was started there before.
///
/// Of several hosts that race, one starts it and all get it. Errors: `Conflict` where the folder belongs to another
/// command, `Invalid` for a command that no jail may run, `Refused`, `NotStarted` and `Unable` where it did not begin. One that
/// is only found out to be unable to begin after this has answered ends so: see [`Ending::error`](crate::Ending::error).
pub fn start(shim: &Shim, directory: &Path, command: &Command) -> Result<Child, Error> {
    command.check()?;
    let folder = Folder::new(directory);
    if folder.load::<Spec>("spec.json")?.is_none() {
        folder.create()?;
        let spec = Spec::new(command).map_err(Error::io("seal", directory))?;
        folder.store_new("spec.json", &spec)?;
    }
    let spec: Spec = folder.load("spec.json")?.ok_or_else(|| Error::Shim("the folder vanished".to_owned()))?;
    if !spec.is_of(command).map_err(Error::io("seal", directory))? {
        return Err(Error::Conflict(directory.to_owned()));
    }

    let watch = Watch::new(&folder);
    let deadline = Instant::now() + PATIENCE;
    let mut attempts = 0;
    loop {
        match folder.status()? {
            Status::Ended(ending) => {
                return ending.error().map_or_else(|| Ok(Child::new(folder, spec)), Err);
            }
            Status::Running if !folder.file("started").exists() => {
                if Instant::now() > deadline {
                    return Err(Error::Shim("it did not begin in time".to_owned()));
                }
                watch.sleep(deadline);
            }
            Status::Running => return Ok(Child::new(folder, spec)),
            Status::Lost => {
                clean_up(&folder, &spec)?;
                return Ok(Child::new(folder, spec));
            }
            Status::Nothing if attempts == ATTEMPTS => {
                let log = std::fs::read_to_string(folder.file("shim.log")).unwrap_or_default();
                return Err(Error::Shim(format!("it died {ATTEMPTS} times before it began: {}", log.trim())));
            }
            Status::Nothing => attempts += usize::from(spawn(shim, &folder, command)? == Spawned::Ours),
        }
    }
}

/// Finds the child of a folder; `None` where none ever began there. Needs no shim and never starts one.
pub fn attach(directory: &Path) -> Result<Option<Child>, Error> {
    let folder = Folder::new(directory);
    let Some(spec) = folder.load::<Spec>("spec.json")? else { return Ok(None) };
    match folder.status()? {
        Status::Nothing => return Ok(None),
        Status::Lost => clean_up(&folder, &spec)?,
        Status::Running | Status::Ended(_) => {}
    }
    Ok(Some(Child::new(folder, spec)))
}

#[derive(PartialEq, Eq)]
enum Spawned {
    Ours,
    /// Another shim was faster.
    Theirs,
}

/// Runs the shim until it has detached itself. The command travels through a pipe, since it may hold secrets.
fn spawn(shim: &Shim, folder: &Folder, command: &Command) -> Result<Spawned, Error> {
    let path = folder.path();
    // Taken here and handed on as the shim's standard output: it belongs to the open file, so it is never free in between,
    // and a host that comes after the death of this one finds the shim that was begun, however slow it is.
    let Some(lock) = folder.lock()? else { return Ok(Spawned::Theirs) };
    let folder_path = std::path::absolute(path).map_err(Error::io("find", path))?;
    let mut process = shim.begin(&folder_path, &lock).map_err(Error::io("run the shim", &shim.executable))?;
    drop(lock);
    if let Some(mut pipe) = process.stdin.take() {
        let text = serde_json::to_vec(command).map_err(Error::io("write", path))?;
        // A shim that lost the race does not listen.
        let _ = pipe.write_all(&text);
    }
    let status = process.wait().map_err(Error::io("wait for", &shim.executable))?;
    Ok(if status.code() == Some(crate::shim::OUTRUN) { Spawned::Theirs } else { Spawned::Ours })
}

/// Does what a killed shim could not: its control groups, its temporary folders, the loan of the workspace.
fn clean_up(folder: &Folder, spec: &Spec) -> Result<(), Error> {
    if let Some(started) = folder.load::<Started>("started")? {
        cgroup::remove(&started.control_groups);
        for path in &started.temporary {
            let _ = std::fs::remove_dir_all(path);
        }
    }
    // The workspace may be long gone.
    let _ = ownership::recover(&spec.command.workspace, spec.command.profile);
    Ok(())
}
