//! What to run and under which limits. Every path and word was granted by the caller; this file only refuses what no
//! grant could make right. It never opens a file.

use crate::Error;
use crate::network::Network;
use crate::profile::Profile;
use rustix::fs::Access;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The `PATH` of every child, and where [`resolve`] looks.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program with everything it gets.
///
/// A later field must have a default that is not serialized: the text of a command is what tells a reattached child from
/// a conflicting one, also across an upgrade of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Absolute, from [`resolve`].
    pub program: PathBuf,
    /// Without the program's name.
    pub arguments: Vec<String>,
    /// The whole environment besides `PATH`, `HOME` and `TMPDIR`. Values are never written to disk.
    pub environment: BTreeMap<String, String>,
    /// A folder of the host, which the child sees as `/workspace`. Where the host is root and owns it, it is lent to an
    /// unprivileged user for as long as a child runs in it; so it must hold no hard links to files outside.
    pub workspace: PathBuf,
    /// The working directory, below the workspace; empty for its root.
    pub directory: String,
    /// Standard input.
    pub input: Input,
    /// Standard output.
    pub standard_output: Output,
    /// Standard error.
    pub standard_error: Output,
    /// Whether the child may change the workspace.
    pub workspace_writable: bool,
    /// Files and folders outside, to read and execute, at their own absolute path.
    pub read: Vec<PathBuf>,
    /// Files and folders outside, to read and change, at their own absolute path. Their owners stay as they are.
    pub write: Vec<PathBuf>,
    /// What it reaches.
    pub network: Network,
    /// How much it may use.
    pub limits: Limits,
    /// After this it is interrupted, and killed `grace_millis` later.
    pub timeout_millis: Option<u64>,
    /// From an interrupt to the kill.
    pub grace_millis: u64,
    /// What to do where this machine lacks a guard.
    pub strictness: Strictness,
    /// Files and folders of the host that the child must not see although they are in the system's folders or in a granted
    /// one: key files below `/etc`, the host's own state. They are empty for it; what is not there is skipped, and a grant
    /// of something below a hidden folder still shows that. Without a mount namespace nothing is hidden, which the child's
    /// record says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<PathBuf>,
    /// How it is confined.
    #[serde(default, skip_serializing_if = "Profile::is_strict")]
    pub profile: Profile,
}

impl Command {
    /// A command with no arguments, no environment, no network and the default limits, in a read-only workspace.
    pub fn new(program: impl Into<PathBuf>, workspace: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            workspace: workspace.into(),
            directory: String::new(),
            input: Input::Nothing,
            standard_output: Output::Keep,
            standard_error: Output::Keep,
            workspace_writable: false,
            read: Vec::new(),
            write: Vec::new(),
            network: Network::None,
            limits: Limits::default(),
            timeout_millis: None,
            grace_millis: 30_000,
            strictness: Strictness::BestEffort,
            hidden: Vec::new(),
            profile: Profile::Strict,
        }
    }

    /// Refuses what the jail can never do right.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::Invalid(message));
        for (what, path) in [("program", &self.program), ("workspace", &self.workspace)] {
            if !is_plain(path) {
                return invalid(format!("the {what} {} is not an absolute path without `..`", path.display()));
            }
        }
        for path in self.read.iter().chain(&self.write) {
            if !is_plain(path) || RESERVED.iter().any(|reserved| path.starts_with(reserved)) || path == Path::new("/") {
                return invalid(format!(
                    "{} cannot be granted: a jail has its own /tmp, /proc, /dev, /sys and /workspace, and a path is absolute, \
                     without `..`, and not the root",
                    path.display()
                ));
            }
        }
        for path in &self.hidden {
            if !is_plain(path) || path == Path::new("/") {
                return invalid(format!("{} cannot be hidden: it is no plain path", path.display()));
            }
        }
        let inner = [self.input.file(), self.standard_output.file(), self.standard_error.file()];
        for path in inner.into_iter().flatten().chain([&self.directory]) {
            let below =
                Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !below || path.contains('\0') {
                return invalid(format!("`{path}` is not a path below the workspace"));
            }
        }
        for (name, value) in &self.environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return invalid(format!("`{name}` is not an environment variable"));
            }
            if ["PATH", "HOME", "TMPDIR"].contains(&name.as_str()) {
                return invalid(format!("{name} is set by the jail"));
            }
        }
        if self.arguments.iter().any(|argument| argument.contains('\0')) {
            return invalid("an argument contains a NUL".to_owned());
        }
        if let Network::Proxy(rules) = &self.network {
            rules.parse().map_err(Error::Invalid)?;
        }
        if self.profile == Profile::Delegated && self.strictness == Strictness::Required {
            let message = "`profile: delegated` is to run outside the jail, which `jail: required` does not allow";
            return Err(Error::Refused(message.to_owned()));
        }
        Ok(())
    }
}

/// Paths that a grant may not take over, and that need no hiding: the child's own view of them is what the jail stands on.
pub(crate) const RESERVED: &[&str] = &["/workspace", "/proc", "/dev", "/tmp", "/sys"];

/// Absolute, without `..`, NUL or a final `/.`.
fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && !path.as_os_str().as_encoded_bytes().contains(&0)
}

/// What a child reads on its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// End of file at once.
    Nothing,
    /// These bytes. Never written to disk.
    Bytes(Vec<u8>),
    /// A regular file of the workspace.
    File(String),
}

impl Input {
    fn file(&self) -> Option<&String> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}

/// Where an output of a child goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Output {
    /// To the child's folder, to be read through [`Child`](crate::Child).
    Keep,
    /// To a file of the workspace, replaced where it exists. Standard output and error may name the same file.
    File(String),
    /// Nowhere.
    Discard,
}

impl Output {
    pub(crate) fn file(&self) -> Option<&String> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}

/// What to do where this machine lacks a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strictness {
    /// Run with the guards there are, and record the missing ones.
    BestEffort,
    /// Refuse, and name them.
    Required,
}

/// How much a child and all its processes may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Bytes of memory of all processes together, in a control group; where there is none, of each process's data
    /// (`RLIMIT_DATA`). Never `RLIMIT_AS`: Java, Go and WebAssembly runtimes reserve far more address space than they use.
    pub memory_bytes: u64,
    /// Processes and threads together.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Size of one file that it writes.
    pub file_bytes: u64,
    /// Size of `/tmp`, which is memory and counts as such too.
    pub temporary_bytes: u64,
    /// Bytes of one kept output. A child that writes more is ended.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 4 << 30,
            processes: 1024,
            open_files: 4096,
            file_bytes: 16 << 30,
            temporary_bytes: 1 << 30,
            output_bytes: 64 << 20,
        }
    }
}

/// Finds a program by its bare name on the jail's path; a name with a `/` is refused.
pub fn resolve(program: &str) -> Option<PathBuf> {
    if program.is_empty() || program.contains(['/', '\0']) || program == "." || program == ".." {
        return None;
    }
    let candidates = SEARCH_PATH.split(':').map(|folder| Path::new(folder).join(program));
    candidates.into_iter().find(|path| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn programs_resolve_by_bare_name_only() {
        assert!(resolve("sh").is_some_and(|path| path.is_absolute()));
        for name in ["", ".", "..", "/bin/sh", "./sh", "no-such-program-here"] {
            assert_eq!(resolve(name), None, "{name}");
        }
    }

    #[test]
    fn a_command_without_the_later_fields_reads_as_it_did_before_there_were_any() {
        let mut command = Command::new("/bin/true", "/srv/workspace");
        let text = serde_json::to_string(&command).unwrap();
        assert!(!text.contains("hidden") && !text.contains("profile"), "{text}");
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
        command.hidden.push("/etc/shadow".into());
        command.profile = Profile::Builder;
        let text = serde_json::to_string(&command).unwrap();
        assert!(text.contains(r#""hidden":["/etc/shadow"],"profile":"builder""#), "{text}");
    }

    fn proxy(allow: &[&str], private: &[&str]) -> Network {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Network::Proxy(crate::ProxyRules { allow: owned(allow), private: owned(private) })
    }

    #[test]
    fn a_command_outside_the_jail_contradicts_a_required_jail() {
        let mut command = Command::new("/bin/true", "/srv/workspace");
        command.profile = Profile::Delegated;
        assert!(command.check().is_ok());
        command.strictness = Strictness::Required;
        let refusal = command.check();
        assert!(matches!(&refusal, Err(Error::Refused(why)) if why.contains("outside the jail")), "{refusal:?}");
    }

    #[test]
    fn commands_out_of_bounds_are_refused() {
        let good = Command::new("/bin/true", "/srv/workspace");
        assert!(good.check().is_ok());
        let with = |change: fn(&mut Command)| {
            let mut command = good.clone();
            change(&mut command);
            command.check()
        };
        for result in [
            with(|c| c.program = "true".into()),
            with(|c| c.workspace = "/srv/../root".into()),
            with(|c| c.directory = "../x".into()),
            with(|c| c.directory = "/x".into()),
            with(|c| c.input = Input::File("a/../../b".into())),
            with(|c| c.standard_output = Output::File("/etc/passwd".into())),
            with(|c| c.read = vec!["/".into()]),
            with(|c| c.write = vec!["/proc/sys".into()]),
            with(|c| c.hidden = vec!["/".into()]),
            with(|c| c.hidden = vec!["/etc/../root".into()]),
            with(|c| c.environment = [("HOME".to_owned(), "/root".to_owned())].into()),
            with(|c| c.environment = [("A=B".to_owned(), String::new())].into()),
            with(|c| c.arguments = vec!["a\0b".to_owned()]),
            with(|c| c.network = proxy(&["no place:443"], &[])),
            with(|c| c.network = proxy(&[], &["10.0.0.0/40"])),
        ] {
            assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
        }
    }
}
