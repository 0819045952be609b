//! A fresh folder with real Git repositories, a configuration, and the binary under test.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Runs a command to its end.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        Self::new(&command.output().expect("the program starts"))
    }

    fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n--- out\n{}\n--- err\n{}", self.out, self.err))
    }
}

/// A folder with repositories, removed at the end.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    binary: PathBuf,
    cache: PathBuf,
}

impl World {
    /// An empty world for this binary. `cache` keeps compiled plugins over tests.
    pub fn new(binary: &str, cache: &str) -> Self {
        // Not in /tmp, of which the jail has its own.
        let folder = TempDir::new_in(cache).expect("a temporary folder");
        Self { folder, binary: binary.into(), cache: Path::new(cache).join("cache") }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets the unprivileged user of a jailed child into everything here.
    pub fn open_to_children(&self) {
        fn open(path: &Path) {
            use std::os::unix::fs::PermissionsExt as _;
            let Ok(meta) = fs::symlink_metadata(path) else { return };
            if meta.is_symlink() {
                return;
            }
            let mode = if meta.is_dir() { 0o777 } else { meta.permissions().mode() | 0o666 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                open(&entry.path());
            }
        }
        open(self.path());
    }

    /// Writes a file, with folders above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Makes a bare repository `NAME.git` with these files in one commit, and a clone of it, `NAME`.
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) {
        self.git("", &["init", "-q", "--bare", "-b", "main", &format!("{name}.git")]);
        fs::create_dir_all(self.path().join(name)).expect("a folder");
        self.git(name, &["init", "-q", "-b", "main"]);
        self.git(name, &["remote", "add", "origin", &format!("../{name}.git")]);
        for (path, text) in files {
            self.write(&format!("{name}/{path}"), text);
        }
        self.push(name, "begin");
    }

    /// Commits everything in a clone and pushes it.
    pub fn push(&self, name: &str, message: &str) {
        self.git(name, &["add", "-A"]);
        self.git(name, &["commit", "-q", "--allow-empty", "-m", message]);
        self.git(name, &["push", "-q", "origin", "HEAD:main"]);
    }

    /// Runs git in a folder of the world; answers its standard output.
    pub fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path().join(folder)).args(arguments).stdin(Stdio::null());
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Dana"),
            ("GIT_AUTHOR_EMAIL", "dana@example.com"),
            ("GIT_COMMITTER_NAME", "Dana"),
            ("GIT_COMMITTER_EMAIL", "dana@example.com"),
        ] {
            command.env(name, value);
        }
        let ran = Ran::new(&command.output().expect("git"));
        assert_eq!(ran.code, 0, "git {arguments:?}: {}", ran.err);
        ran.out
    }

    /// The binary, ready to be given arguments, in this folder, with nothing of the tester's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path()).env("USER", "tester").env("XDG_CACHE_HOME", &self.cache);
        command
    }

    /// Runs the binary.
    pub fn tidegate(&self, arguments: &[&str]) -> Ran {
        Ran::new(&self.command(arguments).output().expect("the binary"))
    }

    /// The id of the newest run.
    pub fn newest(&self) -> String {
        let runs = self.tidegate(&["runs", "list", "--output", "json"]).expect(0).json();
        runs[0]["run"].as_str().expect("a run").to_owned()
    }

    /// What a step asks people to decide.
    pub fn digest(&self, run: &str, step: &str) -> String {
        let shown = self.tidegate(&["runs", "show", run, "--output", "json"]).expect(0).json();
        shown["steps"][step]["waiting"]["digest"].as_str().unwrap_or_else(|| panic!("{shown:#}")).to_owned()
    }
}

/// Regular files below a folder that hold a text; a pipe would be read for ever.
pub fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(holding(&path, text));
        } else if path.is_file()
            && fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}
