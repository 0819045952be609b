//! The first process inside the jail: builds it, begins the program, reaps orphans, and ends everything by ending. It never
//! outlives the shim outside, and never runs anything but the one program.

use super::confine::{self, Surroundings};
use super::handover;
use super::identity::Identity;
use super::reaper::sweep;
use super::root::{self, Processes};
use super::stream::Streams;
use crate::cgroup::Doors;
use crate::command::Command;
use crate::kernel;
use crate::mapping::Mapping;
use crate::namespace::Namespaces;
use crate::network::Rules;
use crate::refusal::Refusal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions};
use rustix::process::{kill_process, kill_process_group, set_parent_process_death_signal, wait};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What it tells the shim, one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The jail stands, without these guards; the program waits for the order.
    Ready(Vec<String>),
    /// The jail or the program could not be begun.
    Refused(Refusal),
    /// The program ended.
    Ended { status: Option<i32>, signal: Option<i32> },
}

/// Orders of the shim, one byte each. The end of the orders is the end of the jail.
pub const BEGIN: u8 = b'b';
/// Before all others, to a builder of a host that is not root: whether this process's users were mapped from outside.
pub const MAPPED: u8 = b'm';
pub const ALONE: u8 = b'a';
pub const INTERRUPT: u8 = b'i';

/// All that the first process needs, made by the shim.
pub struct Plan<'a> {
    /// The ways into its control group.
    pub doors: Doors,
    pub command: &'a Command,
    pub namespaces: Namespaces,
    pub surroundings: Surroundings,
    pub streams: Streams,
    /// Where the private root is put; covered in the jail's mount namespace only.
    pub place: PathBuf,
    pub report: File,
    pub orders: OwnedFd,
    /// The host's own user and group, as the shim has them.
    pub outside: (u32, u32),
    /// The users of a builder.
    pub mapping: Option<Mapping>,
    /// Whether the shim maps the users of this process, and says so first.
    pub mapped_outside: bool,
    /// The rules of a proxy, and the way on which its listeners go out.
    pub proxy: Option<(Rules, OwnedFd)>,
}

/// Runs to the end of the jail.
pub fn run(mut plan: Plan<'_>) -> ! {
    let outcome = prepare(&mut plan);
    match outcome {
        Ok(left_out) => tell(&mut plan.report, &Report::Ready(left_out)),
        Err(refusal) => {
            tell(&mut plan.report, &Report::Refused(refusal));
            kernel::exit_now(1);
        }
    }
    let mut order = [0];
    if !matches!(rustix::io::read(&plan.orders, &mut order), Ok(1)) || order[0] != BEGIN {
        kernel::exit_now(1);
    }
    let begun = kernel::child_signals().and_then(|signals| Ok((signals, fork(&plan)?)));
    match begun {
        Ok((_, None)) => {
            let refusal = confine::execute(plan.command, &plan.surroundings, plan.streams);
            tell(&mut plan.report, &Report::Refused(refusal));
            kernel::exit_now(127);
        }
        Ok((signals, Some(program))) => {
            drop(plan.streams);
            let alone = plan.namespaces.pid;
            if alone {
                retire(plan.surroundings.user);
            }
            if let Some(report) = watch(program, &signals, &plan.orders) {
                tell(&mut plan.report, &report);
            }
            if !alone {
                sweep();
            }
            kernel::exit_now(0);
        }
        Err(error) => {
            tell(&mut plan.report, &Report::Refused(format!("the program's process: {error}").into()));
            kernel::exit_now(1);
        }
    }
}

/// Begins the program's process; `None` in it. That of a builder is in a user namespace below, with a copy of the mounts that
/// the kernel locks: whoever owns that namespace cannot undo a mount, nor what it forbids.
fn fork(plan: &Plan<'_>) -> io::Result<Option<Pid>> {
    let Some(mapping) = plan.mapping else { return kernel::clone_into(0) };
    let (wait, go) = pipe_with(PipeFlags::CLOEXEC)?;
    // Its map belongs to root outside as long as it may not be looked into; it runs nobody's program before it changes user.
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    let program = kernel::clone_into(libc::CLONE_NEWUSER | libc::CLONE_NEWNS);
    match program {
        Ok(None) => {
            drop(go);
            match rustix::io::read(&wait, &mut [0]) {
                Ok(1) => Ok(None),
                _ => kernel::exit_now(1),
            }
        }
        Ok(Some(program)) => {
            let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
            let process = Path::new("/proc").join(program.as_raw_nonzero().to_string());
            std::fs::write(process.join("uid_map"), mapping.users())?;
            std::fs::write(process.join("gid_map"), mapping.groups())?;
            rustix::io::write(&go, &[1])?;
            Ok(Some(program))
        }
        Err(error) => Err(error),
    }
}

/// Builds the jail. Answers what it had to leave out.
fn prepare(plan: &mut Plan<'_>) -> Result<Vec<String>, Refusal> {
    // First of all: whatever it takes from here on counts.
    let doors = std::mem::take(&mut plan.doors);
    doors.enter().map_err(|error| format!("its control group: {error}"))?;
    drop(doors);
    if plan.namespaces.pid {
        // The end of this process is the end of its namespace, even if the shim is killed.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    } else {
        // Here the end of the orders tells, since the other processes must be swept first.
        let _ = rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1));
    }
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    if plan.mapped_outside {
        let mut order = [0];
        match rustix::io::read(&plan.orders, &mut order) {
            Ok(1) if order[0] == MAPPED => plan.namespaces.user = false,
            Ok(1) if order[0] == ALONE => plan.mapping = plan.mapping.map(|it| Mapping { others: None, ..it }),
            _ => kernel::exit_now(1),
        }
    }
    if plan.namespaces.user {
        map_user(plan.outside).map_err(|error| format!("the user namespace: {error}"))?;
    }
    let mut left_out = Vec::new();
    if plan.namespaces.network {
        // A jail without loopback is still a jail.
        let _ = kernel::loopback_up();
        if let Some((rules, channel)) = plan.proxy.take() {
            match handover::send(&channel, &rules) {
                Ok(missing) => {
                    left_out = missing;
                    plan.surroundings.proxy = Some(rules.proxy());
                }
                Err(message) => left_out.push(message),
            }
        }
    }
    // Also hides this process's memory from a child of the same user.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if !plan.namespaces.mount {
        return Ok(left_out);
    }
    let processes = if plan.namespaces.pid { Processes::Own } else { Processes::Shared };
    left_out.extend(root::enter(plan.command, plan.surroundings.user, processes, &plan.place)?);
    Ok(left_out)
}

/// Maps the host's user to itself: the one map that needs no privilege.
fn map_user((uid, gid): (u32, u32)) -> io::Result<()> {
    let path = Path::new("/proc/self");
    std::fs::write(path.join("setgroups"), "deny")?;
    std::fs::write(path.join("uid_map"), format!("{uid} {uid} 1"))?;
    std::fs::write(path.join("gid_map"), format!("{gid} {gid} 1"))
}

/// Gives up what only the construction needed. A signal that this loses sight of is found at the end of the orders.
fn retire(user: Identity) {
    let _ = user.assume();
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Reaps and obeys until the program has ended; `None` where the shim is gone.
fn watch(program: Pid, signals: &OwnedFd, orders: &OwnedFd) -> Option<Report> {
    let mut buffer = [0; 1024];
    loop {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == program => {
                    return Some(Report::Ended { status: status.exit_status(), signal: status.terminating_signal() });
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(_) => break,
            }
        }
        let mut fds = [PollFd::new(signals, PollFlags::IN), PollFd::new(orders, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        let (child, order) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if child {
            let _ = rustix::io::read(signals, &mut buffer);
        }
        if order {
            match rustix::io::read(orders, &mut buffer) {
                Ok(0) => return None,
                // The program leads a group once it has a session of its own, and is alone before.
                Ok(_) if kill_process_group(program, Signal::INT).is_err() => {
                    let _ = kill_process(program, Signal::INT);
                }
                _ => {}
            }
        }
    }
}

/// One line, in one write: the program's process and this one share the pipe.
fn tell(report: &mut File, message: &Report) {
    if let Ok(mut line) = serde_json::to_vec(message) {
        line.push(b'\n');
        let _ = report.write_all(&line);
    }
}
