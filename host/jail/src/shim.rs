//! The shim: takes a child's folder, leaves the host's session, and supervises the child to its end. It never starts a
//! second child, and never writes an ending before every process of the first is gone.

mod confine;
mod course;
mod handover;
mod identity;
mod init;
mod landlock;
mod proxy;
mod reaper;
mod root;
mod stream;
mod supervise;
mod users;

use crate::Error;
use crate::command::Command;
use crate::folder::{Folder, Spec};
use crate::kernel;
use rustix::fs::Mode;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// The exit status of a shim that found its work begun: the host that sent it had looked before another one ended.
pub(crate) const OUTRUN: i32 = 3;

/// What `tidegate jail-shim FOLDER` runs: the command comes as JSON on standard input.
///
/// Must be called before the process has a second thread, and before it opened anything that it needs later. It returns
/// twice: in the process that the host waits for, and at the end of the child's life in the one that stays behind.
pub fn shim_main(directory: &Path) -> ExitCode {
    if kernel::close_from(3).is_err() {
        return ExitCode::FAILURE;
    }
    // One that is run out of memory has a descriptor's number for a name.
    let _ = rustix::thread::set_name(c"tidegate-shim");
    kernel::default_signals();
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let folder = Folder::new(directory);
    let outcome = begin(&folder);
    outcome.unwrap_or_else(|error| {
        log(&folder, &error);
        ExitCode::FAILURE
    })
}

/// Takes the folder and detaches; the original answers at once.
fn begin(folder: &Folder) -> Result<ExitCode, Error> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(Error::Shim(format!("it was begun in a process with {threads} threads")));
    }
    let outrun = ExitCode::from(OUTRUN as u8);
    let lock = folder.inherit_lock()?;
    if ["started", "exit"].iter().any(|name| folder.file(name).exists()) {
        return Ok(outrun);
    }
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(Error::io("read", folder.path()))?;
    let command: Command = serde_json::from_slice(&text).map_err(Error::io("understand", folder.path()))?;
    let spec: Option<Spec> = folder.load("spec.json")?;
    if !spec.is_some_and(|spec| spec.is_of(&command).unwrap_or(false)) {
        return Err(Error::Conflict(folder.path().to_owned()));
    }
    // The lock belongs to the open file, which the duplicate shares: it is never free in between.
    match kernel::clone_into(0).map_err(Error::io("leave", folder.path()))? {
        Some(_) => Ok(ExitCode::SUCCESS),
        None => {
            detach(folder)?;
            supervise::supervise(folder, &command)?;
            drop(lock);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Leaves the host's session, so that neither its end nor a terminal's Ctrl-C reaches the child, and its output.
fn detach(folder: &Folder) -> Result<(), Error> {
    let redirect = || {
        rustix::process::setsid()?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
        // Panics go there too.
        rustix::stdio::dup2_stderr(open_log(folder)?)?;
        std::io::Result::Ok(())
    };
    redirect().map_err(Error::io("detach in", folder.path()))
}

fn open_log(folder: &Folder) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(folder.file("shim.log"))
}

/// Notes an error for the host, which has no other way to hear of it.
fn log(folder: &Folder, error: &Error) {
    use std::error::Error as _;
    if let Ok(mut file) = open_log(folder) {
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        let _ = writeln!(file, "{error}{source}");
    }
}
