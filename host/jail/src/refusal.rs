//! Why a child did not begin, and so who can do something about it. It never says that for a child that did.

use serde::{Deserialize, Serialize};
use std::io;

/// Where the obstacle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A path of the command leads through a link out of the workspace.
    Link,
    /// Something that the command names is not there, or cannot be used: a file, a folder, an interpreter.
    Command,
    /// This machine does not give what the jail needs, or wants by the operator's word.
    Machine,
}

/// A child that did not begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where the obstacle is.
    pub reason: Reason,
    /// A sentence for a person.
    pub message: String,
}

impl Refusal {
    /// What came of using something that the command names. Where the system ran out of something, or broke, it is not
    /// the command's fault.
    pub fn of_command(what: &str, error: &io::Error) -> Self {
        use rustix::io::Errno;
        let exhausted = [Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::ROFS];
        let reason = match Errno::from_io_error(error) {
            // The ways in which the kernel refuses a link or a way out.
            Some(Errno::LOOP | Errno::XDEV) => Reason::Link,
            Some(errno) if exhausted.contains(&errno) => Reason::Machine,
            _ => Reason::Command,
        };
        Self { reason, message: format!("{what}: {error}") }
    }
}

/// Whatever fails without a word about the command is the machine's doing.
impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self { reason: Reason::Machine, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_obstacle_is_found() {
        for (error, reason) in [
            (libc::ELOOP, Reason::Link),
            (libc::EXDEV, Reason::Link),
            (libc::ENOENT, Reason::Command),
            (libc::ENOEXEC, Reason::Command),
            (libc::ENOSPC, Reason::Machine),
        ] {
            let refusal = Refusal::of_command("x", &io::Error::from_raw_os_error(error));
            assert_eq!(refusal.reason, reason, "{refusal:?}");
            assert!(refusal.message.starts_with("x: "));
        }
    }
}
