//! A place for the children of one test, and what tests ask of them.

use jail::{Cause, Channel, Child, Command, Ending, Error, Event, Shim};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const SHIM: &str = env!("CARGO_BIN_EXE_tidegate-jail-shim");
pub const LONG: Duration = Duration::from_secs(20);

/// A workspace and a place for children, outside of `/tmp`, which every jail replaces.
pub struct Room {
    pub folder: tempfile::TempDir,
}

impl Room {
    pub fn new() -> Self {
        let target = env!("CARGO_TARGET_TMPDIR");
        let place = if target.starts_with("/tmp/") { "/var/tmp" } else { target };
        let folder = tempfile::tempdir_in(place).unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        Self { folder }
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub fn child(&self) -> PathBuf {
        self.folder.path().join("child")
    }

    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new(jail::resolve("sh").unwrap(), self.workspace());
        command.arguments = vec!["-c".into(), script.into()];
        command.workspace_writable = true;
        command
    }

    pub fn start(&self, command: &Command) -> Child {
        start(&self.child(), command).unwrap()
    }

    /// Runs a script to its end: standard output, standard error, ending.
    pub fn run(&self, command: &Command) -> (String, String, Ending) {
        let mut child = self.start(command);
        let result = finish(&mut child);
        // Every run of a room gets a fresh folder.
        std::fs::rename(self.child(), self.folder.path().join(format!("old-{}", fresh()))).unwrap();
        result
    }
}

pub fn fresh() -> u64 {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

pub fn shim() -> Shim {
    Shim::new(SHIM, Vec::new())
}

pub fn start(folder: &Path, command: &Command) -> Result<Child, Error> {
    jail::start(&shim(), folder, command)
}

pub fn finish(child: &mut Child) -> (String, String, Ending) {
    let (mut output, mut error) = (Vec::new(), Vec::new());
    loop {
        match child.wait(LONG).unwrap().expect("an event in time") {
            Event::Output { channel: Channel::StandardOutput, content } => output.extend(content),
            Event::Output { channel: Channel::StandardError, content } => error.extend(content),
            Event::Ended(ending) => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                return (text(&output), text(&error), ending);
            }
        }
    }
}

/// Waits until a child has said this much.
pub fn hear(child: &mut Child, wanted: &str) {
    let mut heard = String::new();
    while !heard.contains(wanted) {
        match child.wait(LONG).unwrap().expect("output in time") {
            Event::Output { content, .. } => heard += &String::from_utf8_lossy(&content),
            Event::Ended(ending) => panic!("{ending:?} after `{heard}`"),
        }
    }
}

/// Whether a process on this machine has the word in its arguments.
pub fn exists(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).split('\0').any(|argument| argument == word)
    })
}

pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

pub fn exited(status: i32) -> Ending {
    Ending { cause: Cause::Exited, status: Some(status), signal: None, message: None, reason: None }
}

/// The shim's process id, as it noted it.
pub fn shim_pid(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("started")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["shim"].to_string()
}

pub fn kill(pid: &str) {
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Whether the test's host is root; some guards can only be tried by one.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
