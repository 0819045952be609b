//! The last steps of a child before its program: limits, user, landlock, folder, environment. It never goes on where one fails.

use super::identity::{Identity, become_root};
use super::landlock::{View, rules, scopes};
use super::stream::Streams;
use crate::command::{Command, SEARCH_PATH};
use crate::kernel;
use crate::profile::Profile;
use crate::refusal::Refusal;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

/// What the jail around the child looks like.
pub struct Surroundings {
    pub user: Identity,
    pub view: View,
    /// Whether the control group limits memory and processes; where not, each process is limited by itself.
    pub memory_is_grouped: bool,
    pub processes_are_grouped: bool,
    /// Where the child finds its proxy.
    pub proxy: Option<SocketAddr>,
}

/// The variables by which programs find a proxy, in both spellings: some read one, some the other.
const PROXY_VARIABLES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// Becomes the program. Only returns with a sentence about what stood in the way.
pub fn execute(command: &Command, surroundings: &Surroundings, streams: Streams) -> Refusal {
    match confine(command, surroundings) {
        Err(refusal) => refusal,
        Ok(()) => {
            let mut program = std::process::Command::new(&command.program);
            let placed = |text: &String| in_view(text, surroundings);
            program.args(command.arguments.iter().map(placed)).env_clear();
            if let Some(proxy) = surroundings.proxy {
                program.envs(PROXY_VARIABLES.iter().map(|name| (name, format!("http://{proxy}"))));
            }
            program.envs(command.environment.iter().map(|(name, value)| (name, in_view(value, surroundings))));
            let temporary = &surroundings.view.temporary;
            program.env("PATH", SEARCH_PATH).env("TMPDIR", temporary).env("HOME", temporary.join("home"));
            program.stdin(Stdio::from(streams.input)).stdout(Stdio::from(streams.output));
            program.stderr(Stdio::from(streams.error));
            // The first process of the jail waits for its children's signals by a descriptor.
            kernel::unblock_signals();
            let error = program.exec();
            Refusal::of_command(&command.program.display().to_string(), &error)
        }
    }
}

/// A path of the workspace as whoever wrote the command knows it, `/workspace`, where the child finds it: without a root of
/// its own that is the host's own path. Only a text that is such a path as a whole is taken for one.
fn in_view(text: &str, surroundings: &Surroundings) -> OsString {
    let inside = text.strip_prefix("/workspace").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match inside.filter(|_| !surroundings.view.private) {
        Some(rest) => {
            let mut path = surroundings.view.workspace.clone().into_os_string();
            path.push(rest);
            path
        }
        None => text.into(),
    }
}

fn confine(command: &Command, surroundings: &Surroundings) -> Result<(), Refusal> {
    fn explain<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> String {
        move |error| format!("{what}: {error}")
    }
    rustix::process::setsid().map_err(explain("a session of its own"))?;
    limit(command, surroundings).map_err(explain("its limits"))?;
    let landlocked = crate::kernel::landlock_abi().is_some();
    let rules = match command.profile {
        Profile::Strict if landlocked => Some(rules(command, &surroundings.view).map_err(explain("landlock"))?),
        Profile::Builder => scopes().map_err(explain("landlock"))?,
        Profile::Strict | Profile::Delegated => None,
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let workspace = openat(CWD, &surroundings.view.workspace, flags, Mode::empty());
    let workspace = workspace.map_err(explain("the workspace"))?;
    match command.profile {
        Profile::Strict => surroundings.user.assume(),
        Profile::Builder => become_root(),
        // It stays who the host is, with what the host may do.
        Profile::Delegated => Ok(()),
    }
    .map_err(explain("its user"))?;
    // As the child's own user: a folder that it may not enter is no working directory.
    let directory = if command.directory.is_empty() { "." } else { &command.directory };
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let unusable = |error: Errno| Refusal::of_command(&format!("its working directory `{directory}`"), &error.into());
    let opened = openat2(&workspace, directory, flags, Mode::empty(), inside).map_err(unusable)?;
    rustix::process::fchdir(&opened).map_err(unusable)?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    if let Some(rules) = rules {
        rules.restrict_self().map_err(explain("landlock"))?;
    }
    Ok(())
}

fn limit(command: &Command, surroundings: &Surroundings) -> rustix::io::Result<()> {
    let limits = &command.limits;
    let mut all = vec![
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_bytes),
        // A core dump would be a copy of its secrets.
        (Resource::Core, 0),
    ];
    if !surroundings.memory_is_grouped {
        all.push((Resource::Data, limits.memory_bytes));
    }
    // Counts all processes of the user on the machine, other children's too, so a control group is better.
    if !surroundings.processes_are_grouped {
        all.push((Resource::Nproc, limits.processes));
    }
    for (resource, wanted) in all {
        let now = rustix::process::getrlimit(resource);
        let value = Some(now.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        setrlimit(resource, Rlimit { current: value, maximum: value })?;
    }
    Ok(())
}
