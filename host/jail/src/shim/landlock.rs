//! The landlock rules of a child: a second lock on files behind the private root, and the only one where there is none.
//! It never widens what the mounts allow.

use crate::command::Command;
use landlock::{
    ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    Scope, path_beneath_rules,
};
use std::path::{Path, PathBuf};

/// The newest rules that are asked for. An older kernel enforces those it knows, which the crate sorts out.
const RULES: ABI = ABI::V9;

/// What of the system every child may read and execute.
pub const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt"];

/// The folders of a child, as it sees them.
pub struct View {
    pub workspace: PathBuf,
    pub temporary: PathBuf,
    /// Whether the root is the child's own: there is nothing else in it then.
    pub private: bool,
}

/// Builds the rules. The paths are opened here, with the rights that the shim still has.
pub fn rules(command: &Command, view: &View) -> Result<RulesetCreated, RulesetError> {
    let (read, all) = (AccessFs::from_read(RULES), AccessFs::from_all(RULES));
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir | AccessFs::IoctlDev | AccessFs::Truncate;
    let workspace = if command.workspace_writable { all } else { read };
    let devices: &[&str] = if view.private {
        &["/dev"]
    } else {
        &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"]
    };
    let listing: &[&str] = if view.private { &["/"] } else { &[] };
    Ruleset::default()
        .handle_access(all)?
        .scope(Scope::from_all(RULES))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(listing, AccessFs::ReadDir))?
        .add_rules(path_beneath_rules(devices, device))?
        .add_rules(path_beneath_rules(["/dev/shm"].iter().filter(|_| view.private), all))?
        // Programs tune themselves there (`/proc/self/oom_score_adj`); its own rights guard the rest.
        .add_rules(path_beneath_rules(["/proc"], read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([&view.temporary], all))?
        .add_rules(path_beneath_rules([&view.workspace], workspace))?
        .add_rules(path_beneath_rules(&command.read, read))?
        .add_rules(path_beneath_rules(&command.write, all))?
        .add_rules(path_beneath_rules(resolver(command), read))
}

/// The first ABI that parts abstract sockets and signals.
const SCOPES: u32 = 6;

/// The rules of a builder: none for files, since a process with such a rule may not mount; but the abstract sockets and the
/// processes outside are out of its reach, also where it shares the host's network. `None` where this kernel knows none.
pub fn scopes() -> Result<Option<RulesetCreated>, RulesetError> {
    if crate::kernel::landlock_abi().is_none_or(|abi| abi < SCOPES) {
        return Ok(None);
    }
    Ruleset::default().scope(Scope::from_all(RULES))?.create().map(Some)
}

/// Where names are resolved, if the network is there and `/etc/resolv.conf` leads out of `/etc`, to `/run` say.
pub fn resolver(command: &Command) -> Option<PathBuf> {
    let target = std::fs::canonicalize("/etc/resolv.conf").ok()?;
    let outside = !SYSTEM.iter().any(|folder| target.starts_with(folder)) && target != Path::new("/");
    (command.network == crate::Network::All && outside).then_some(target)
}
