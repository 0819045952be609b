//! A host for the steps: a real folder as workspace, real programs, real archives. Nothing is simulated but the jail.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use terraform::host::{Host, Running};
use terraform::invocation::Invocation;
use terraform::tool::Tool;
use tidegate::artifact::Label;
use tidegate::process::{Channel, Ending};
use tidegate::workspace::{Entry, Kind, Summary};
use tidegate::{Context, Error};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A placeholder, and the secret that the host puts in its place when a child starts.
pub const PLACEHOLDER: (&str, &str) = ("tidegate-placeholder-1", "correct horse battery staple");

/// A child that ended: what it was, printed, and how it ended.
type Child = (Invocation, Vec<(Channel, Vec<u8>)>, Ending);

/// The host.
pub struct Machine {
    /// The machine's folder; gone when this is dropped.
    pub folder: PathBuf,
    /// Where programs are looked for.
    pub path: String,
    /// What was logged.
    pub log: RefCell<Vec<String>>,
    /// The labels of stored artifacts by digest.
    pub labels: RefCell<BTreeMap<String, Label>>,
    /// The commands that ran.
    pub ran: RefCell<Vec<Invocation>>,
    /// Children by their key: the same key again answers the same events.
    children: RefCell<BTreeMap<String, Child>>,
    /// Once a child prints this, it is interrupted as at a cancel.
    pub cancel_at: RefCell<Option<String>>,
    /// Writes that still succeed before the workspace is "full".
    pub writes: Cell<u32>,
}

impl Machine {
    /// A machine with this configuration in the folder `infra` of its workspace.
    pub fn new(configuration: &str) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        for name in ["workspace", "home", "artifacts", "states"] {
            fs::create_dir_all(folder.join(name)).expect("a folder");
        }
        let machine = Self {
            folder,
            path: std::env::var("PATH").expect("a path"),
            log: RefCell::default(),
            labels: RefCell::default(),
            ran: RefCell::default(),
            children: RefCell::default(),
            cancel_at: RefCell::default(),
            writes: Cell::new(u32::MAX),
        };
        machine.check_out(configuration);
        machine
    }

    /// A fresh workspace, as each step has one, with this configuration.
    pub fn check_out(&self, configuration: &str) {
        let workspace = self.workspace();
        fs::remove_dir_all(&workspace).expect("an old workspace");
        fs::create_dir_all(&workspace).expect("a workspace");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configurations").join(configuration);
        let done = Command::new("cp").arg("-r").arg(source).arg(workspace.join("infra")).status().expect("cp");
        assert!(done.success());
        fs::write(workspace.join("README.md"), "not part of the configuration").expect("a file");
        self.children.borrow_mut().clear();
    }

    /// The workspace.
    pub fn workspace(&self) -> PathBuf {
        self.folder.join("workspace")
    }

    /// The backend setting of a state outside of the workspace.
    pub fn state(&self) -> String {
        format!("path={}", self.folder.join("states/state.tfstate").display())
    }

    /// The log as one text.
    pub fn logged(&self) -> String {
        self.log.borrow().join("\n")
    }

    /// Forgets the children, as if another attempt ran.
    pub fn forget(&self) {
        self.children.borrow_mut().clear();
    }

    /// Everything in the workspace, with its content, for a look at what was left there.
    pub fn left(&self) -> String {
        let listed =
            Command::new("grep").args(["-r", "-a", "", "."]).current_dir(self.workspace()).output().expect("grep");
        String::from_utf8_lossy(&listed.stdout).into_owned()
    }

    fn at(&self, path: &str) -> PathBuf {
        assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path} leaves the workspace");
        self.workspace().join(path)
    }

    fn stored(&self, label: &Label, file: &Path) -> String {
        let digest = digest(file);
        let to = self.folder.join("artifacts").join(&digest["sha256:".len()..]);
        fs::copy(file, to).expect("an artifact");
        self.labels.borrow_mut().insert(digest.clone(), label.clone());
        digest
    }

    fn artifact(&self, digest: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join("artifacts").join(digest.strip_prefix("sha256:").expect("a digest"));
        if path.exists() { Ok(path) } else { Err(Error::new("not-found", format!("no artifact {digest}"))) }
    }

    /// The content of an artifact.
    pub fn content(&self, digest: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.artifact(digest).expect("an artifact")).expect("content")).into_owned()
    }

    /// The names in an archive.
    pub fn members(&self, digest: &str) -> Vec<String> {
        let listed =
            Command::new("tar").arg("-tf").arg(self.artifact(digest).expect("an artifact")).output().expect("tar");
        String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
    }

    fn program(&self, tool: Tool) -> Option<PathBuf> {
        std::env::split_paths(&self.path).map(|folder| folder.join(tool.program())).find(|path| path.is_file())
    }

    /// A running child, with its secrets swapped in.
    pub fn command(&self, invocation: &Invocation) -> Option<Command> {
        let mut command = Command::new(self.program(invocation.tool)?);
        let joined = invocation.arguments.join(" ");
        assert!(
            !joined.contains(PLACEHOLDER.0) && !joined.contains(PLACEHOLDER.1),
            "a secret in the arguments: {joined}"
        );
        command.process_group(0).args(&invocation.arguments).env_clear().current_dir(self.at(&invocation.directory));
        command.env("PATH", &self.path).env("HOME", self.folder.join("home")).env("TMPDIR", self.folder.join("home"));
        for (name, value) in &invocation.environment {
            command.env(name, value.replace(PLACEHOLDER.0, PLACEHOLDER.1));
        }
        Some(command)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Stops a test where there is no tool: a test that is skipped in silence proves nothing.
pub fn demand() {
    let found = |tool: &str| Command::new(tool).arg("version").output().is_ok();
    assert!(
        found("terraform") || found("tofu"),
        "these tests run the real tool, and there is neither `terraform` nor `tofu` in PATH: install one of them \
         (https://developer.hashicorp.com/terraform/install, https://opentofu.org/docs/intro/install)"
    );
}

/// An attempt of the step `key`.
pub fn context(key: &str) -> Context {
    Context {
        run: "run-1".to_owned(),
        key: key.to_owned(),
        attempt: 1,
        environment: None,
        event: serde_json::json!({"kind": "push", "repository": "infra", "commit": {"id": "c0ffee"}}),
        resumption: None,
    }
}

fn digest(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().expect("sha256sum");
    let text = String::from_utf8(output.stdout).expect("a digest");
    format!("sha256:{}", text.trim_start_matches('\\').split(' ').next().expect("a digest"))
}

fn io(error: &std::io::Error) -> Error {
    Error::new("invalid", error.to_string())
}

/// A command that was begun, or whose events are known already.
struct Begun<'a> {
    machine: &'a Machine,
    invocation: Invocation,
    child: Option<std::process::Child>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Running for Begun<'_> {
    fn wait(&mut self, each: &mut dyn FnMut(Channel, &[u8])) -> Result<Ending, Error> {
        let Some(mut child) = self.child.take() else {
            let children = self.machine.children.borrow();
            let (_, events, ending) = children.get(&self.invocation.key).expect("it was begun");
            events.iter().for_each(|(channel, chunk)| each(*channel, chunk));
            return Ok(ending.clone());
        };
        let mut errors = child.stderr.take().expect("standard error");
        let words = std::thread::spawn(move || {
            let mut words = Vec::new();
            errors.read_to_end(&mut words).expect("standard error");
            words
        });
        let mut events = Vec::new();
        let mut cancelled = false;
        let mut output = child.stdout.take().expect("standard output");
        let mut buffer = [0; 1000];
        loop {
            let length = output.read(&mut buffer).expect("standard output");
            if length == 0 {
                break;
            }
            each(Channel::StandardOutput, &buffer[..length]);
            events.push((Channel::StandardOutput, buffer[..length].to_vec()));
            let wanted = self.machine.cancel_at.borrow().clone();
            let said = |wanted: String| {
                let seen: Vec<u8> = events.iter().flat_map(|(_, chunk)| chunk.clone()).collect();
                String::from_utf8_lossy(&seen).contains(&wanted)
            };
            if !cancelled && wanted.is_some_and(said) {
                cancelled = true;
                let done =
                    Command::new("kill").args(["-INT", "--", &format!("-{}", child.id())]).status().expect("kill");
                assert!(done.success());
            }
        }
        let words = words.join().expect("standard error");
        if !words.is_empty() {
            each(Channel::StandardError, &words);
            events.push((Channel::StandardError, words));
        }
        let status = child.wait().expect("a status").code();
        let ending = match (cancelled, status) {
            (true, _) => Ending { cause: "cancelled".to_owned(), status: None },
            (false, Some(status)) => Ending { cause: "exited".to_owned(), status: Some(status) },
            (false, None) => Ending { cause: "signalled".to_owned(), status: None },
        };
        let ended = (self.invocation.clone(), events, ending.clone());
        self.machine.children.borrow_mut().insert(self.invocation.key.clone(), ended);
        Ok(ending)
    }
}

impl Host for Machine {
    fn start<'a>(&'a self, invocation: &Invocation) -> Result<Box<dyn Running + 'a>, Error> {
        let begun = |child| Ok(Box::new(Begun { machine: self, invocation: invocation.clone(), child }) as Box<_>);
        if let Some((before, ..)) = self.children.borrow().get(&invocation.key) {
            if before != invocation {
                return Err(Error::new("conflict", format!("another command under the key {}", invocation.key)));
            }
            return begun(None);
        }
        let Some(mut command) = self.command(invocation) else {
            return Err(Error::new("not-found", format!("no {}", invocation.tool)));
        };
        self.ran.borrow_mut().push(invocation.clone());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        begun(Some(command.spawn().expect("a child")))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(self.at(path)) {
            Ok(content) if content.len() > 1 << 20 => Err(Error::new("too-large", path)),
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io(&error)),
        }
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        let folder = match fs::read_dir(self.at(path)) {
            Ok(folder) => folder,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&error)),
        };
        let mut entries: Vec<Entry> = folder
            .map(|entry| {
                let entry = entry.expect("an entry");
                let kind = entry.file_type().expect("a kind");
                let kind = match () {
                    () if kind.is_symlink() => Kind::Link,
                    () if kind.is_dir() => Kind::Directory,
                    () => Kind::File,
                };
                Entry { name: entry.file_name().into_string().expect("a name"), kind }
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }

    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
        let file = self.at(path);
        match fs::metadata(&file) {
            Ok(data) if data.is_dir() => Err(Error::invalid(format!("{path} is a folder"))),
            Ok(data) => Ok(Some(Summary { digest: digest(&file), size: data.len() })),
            Err(_) => Ok(None),
        }
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        if self.writes.get() == 0 {
            return Err(Error::new("exhausted", "the workspace is full"));
        }
        self.writes.set(self.writes.get() - 1);
        assert!(content.len() <= 1 << 20, "{path} is too large to be written by a plugin");
        let file = self.at(path);
        fs::create_dir_all(file.parent().expect("a folder")).map_err(|error| io(&error))?;
        fs::write(file, content).map_err(|error| io(&error))
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let file = self.at(path);
        let removed = match fs::symlink_metadata(&file) {
            Ok(data) if data.is_dir() => fs::remove_dir_all(file),
            Ok(_) => fs::remove_file(file),
            Err(_) => Ok(()),
        };
        removed.map_err(|error| io(&error))
    }

    fn pack(&self, exclude: Vec<String>, to: &str) -> Result<(), Error> {
        let mut command = Command::new("tar");
        command.args(["--format=pax", "--sort=name", "--anchored", "--transform=s|^\\./||"]);
        command.args(exclude.iter().chain([&to.to_owned()]).map(|path| format!("--exclude=./{path}")));
        let done = command.arg("-cf").arg(self.at(to)).arg(".").current_dir(self.workspace()).status().expect("tar");
        assert!(done.success());
        Ok(())
    }

    fn unpack(&self, source: &str) -> Result<(), Error> {
        let done =
            Command::new("tar").arg("-xf").arg(self.at(source)).current_dir(self.workspace()).status().expect("tar");
        assert!(done.success());
        Ok(())
    }

    fn read_artifact(&self, digest: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
        let content = fs::read(self.artifact(digest)?).expect("an artifact");
        let from = usize::try_from(offset).expect("an offset").min(content.len());
        let to = (from + length as usize).min(content.len());
        Ok(content[from..to].to_vec())
    }

    fn extract(&self, digest: &str, path: &str) -> Result<(), Error> {
        let to = self.at(path);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(self.artifact(digest)?, to).expect("an artifact");
        Ok(())
    }

    fn store(&self, label: &Label, content: &[u8]) -> Result<String, Error> {
        assert!(content.len() <= 1 << 20, "too large to be stored from memory");
        let file = self.folder.join("home/store");
        fs::write(&file, content).expect("a file");
        Ok(self.stored(label, &file))
    }

    fn store_file(&self, label: &Label, path: &str) -> Result<String, Error> {
        Ok(self.stored(label, &self.at(path)))
    }

    fn now(&self) -> Result<u64, Error> {
        Ok(COUNTER.fetch_add(1, Ordering::Relaxed))
    }

    fn info(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }

    fn warn(&self, line: &str) {
        self.log.borrow_mut().push(format!("WARN {line}"));
    }

    fn error(&self, line: &str) {
        self.log.borrow_mut().push(format!("ERROR {line}"));
    }

    fn progress(&self, task: &str, done: u32, total: u32) {
        self.log.borrow_mut().push(format!("PROGRESS {task} {done}/{total}"));
    }
}
