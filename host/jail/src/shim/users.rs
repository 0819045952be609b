//! The users of a builder on a host that is not root: mapped by the system's own set-uid helpers, who know what was given to
//! whom, and taken back by a process that has them. It never maps anything on a host that is root.

use crate::command::resolve;
use crate::mapping::Range;
use crate::{kernel, ownership};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::io;
use std::path::Path;
use std::process::Stdio;

/// How far the helpers got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// The process has these users.
    All,
    /// It has none yet: it must map itself.
    None,
}

/// Gives a process in a new user namespace the host's user and these others, each as it is outside.
pub fn map(process: Pid, others: Range) -> io::Result<Mapped> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if !help("newuidmap", process, uid, (others.uid, others.count))? {
        return Ok(Mapped::None);
    }
    if help("newgidmap", process, gid, (others.gid, others.count))? {
        Ok(Mapped::All)
    } else {
        Err(io::Error::other("newgidmap refused what newuidmap allowed: compare /etc/subgid with /etc/subuid"))
    }
}

fn help(name: &str, process: Pid, own: u32, (first, count): (u32, u32)) -> io::Result<bool> {
    let Some(helper) = resolve(name) else { return Ok(false) };
    let numbers = [own, own, 1, first, first, count].map(|number| number.to_string());
    let mut command = std::process::Command::new(helper);
    command.arg(process.as_raw_nonzero().to_string()).args(numbers).env_clear();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(status.success())
}

/// Hands what the others made in a workspace to the host's user, as a process with all of them.
pub fn collect(workspace: &Path, others: Range) -> io::Result<()> {
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (wait, go) = pipe_with(PipeFlags::CLOEXEC)?;
    let Some(helper) = kernel::clone_into(libc::CLONE_NEWUSER)? else {
        drop(go);
        let mapped = matches!(rustix::io::read(&wait, &mut [0]), Ok(1));
        let done = mapped && ownership::collect(workspace, others, owner).is_ok();
        kernel::exit_now(i32::from(!done));
    };
    let mapped = map(helper, others);
    if matches!(mapped, Ok(Mapped::All)) {
        let _ = rustix::io::write(&go, &[1]);
    }
    drop(go);
    let status = loop {
        match waitpid(Some(helper), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            result => break result?,
        }
    };
    mapped?;
    let done = status.is_some_and(|(_, status)| status.exit_status() == Some(0));
    if done { Ok(()) } else { Err(io::Error::other("some files belong to the builder's other users")) }
}
