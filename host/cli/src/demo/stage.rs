//! What the chapters of the story are told with: this very binary, git, and the words around them.

use super::{Stage, failed};
use crate::exit::Exit;
use crate::screen::Colour;
use crate::table::shell_word;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the story waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);

impl Stage<'_> {
    /// Waits until something is so; what was looked at may not be there yet.
    pub(super) fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> Result<T, Exit> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            if Instant::now() > end {
                let log = fs::read_to_string(self.folder.join(super::daemon::LOG)).unwrap_or_default();
                return Err(failed(&format!("{what} never came\n{log}")));
            }
            std::thread::sleep(LOOK);
        }
    }

    pub(super) fn push(&self, name: &str, message: &str) -> Result<(), Exit> {
        let clone = self.folder.join(name);
        self.git(&clone, &["add", "--all"])?;
        self.git(&clone, &["commit", "--quiet", "--message", message])?;
        self.out(&format!("{} git -C {name} push origin main   # {message}", self.screen.paint(Colour::Green, "$")));
        self.git(&clone, &["push", "--quiet", "origin", "HEAD:main"])
    }

    /// The newest commit of the config repository, as a diff of one line each way.
    pub(super) fn diff(&self) -> Result<(), Exit> {
        self.out(&format!("{} git -C config.git show --unified=0 main", self.screen.paint(Colour::Green, "$")));
        let shown = self
            .command("git")
            .args(["-C", "config.git", "show", "--unified=0", "--format=%an: %s%n%n%b", "main"])
            .output();
        let shown = shown.map_err(|e| failed(&format!("git: {e}")))?;
        for line in String::from_utf8_lossy(&shown.stdout).lines().filter(|line| !line.is_empty()) {
            let header = ["diff ", "index ", "--- ", "@@ "].iter().any(|start| line.starts_with(start));
            match line.as_bytes().first() {
                _ if header => {}
                Some(b'+') => self.out(&format!("  {}", self.screen.paint(Colour::Green, line))),
                Some(b'-') => self.out(&format!("  {}", self.screen.paint(Colour::Red, line))),
                _ => self.out(&format!("  {line}")),
            }
        }
        Ok(())
    }

    /// The newest run, and the digest that one of its steps asks about.
    pub(super) fn asked_of(&self, step: &str) -> Result<(String, String), Exit> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let runs = self.json(&["runs", "list"])?;
        let run = text(runs.pointer("/0/run"));
        let shown = self.json(&["runs", "show", &run])?;
        Ok((run, text(shown["steps"][step].pointer("/waiting/digest"))))
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value, Exit> {
        let output = self.itself()?.args(arguments).args(["--output", "json"]).stderr(Stdio::null()).output();
        let output = output.map_err(|e| failed(&e.to_string()))?;
        serde_json::from_slice(&output.stdout).map_err(|e| failed(&format!("`tidegate {}`: {e}", arguments.join(" "))))
    }

    /// Runs this binary with a person watching; its exit code must be as the story has it.
    pub(super) fn tidegate(&self, arguments: &[&str], expected: &[i32]) -> Result<(), Exit> {
        let quoted: Vec<String> = arguments.iter().map(|word| shell_word(word)).collect();
        self.out(&format!("{} tidegate {}", self.screen.paint(Colour::Green, "$"), quoted.join(" ")));
        let mut command = self.itself()?;
        command.args(arguments);
        if self.screen.json {
            command.stdout(std::io::stderr());
        }
        let status = command.status().map_err(|e| failed(&e.to_string()))?;
        let code = status.code().unwrap_or(-1);
        if expected.contains(&code) {
            self.say(&format!("(exit code {code})"));
            return Ok(());
        }
        Err(failed(&format!("`tidegate {}` ended with {status}, the story expects {expected:?}", arguments.join(" "))))
    }

    pub(super) fn itself(&self) -> Result<Command, Exit> {
        let own = std::env::current_exe().map_err(|e| failed(&e.to_string()))?;
        let mut command = self.command(&own.to_string_lossy());
        command.env_remove("TIDEGATE_CONFIG").env_remove("TIDEGATE_STATE");
        Ok(command)
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
    }

    pub(super) fn git(&self, folder: &Path, arguments: &[&str]) -> Result<(), Exit> {
        fs::create_dir_all(folder).map_err(|e| failed(&e.to_string()))?;
        let mut command = Command::new("git");
        command.current_dir(folder).args(arguments).stdin(Stdio::null());
        // Nobody's own configuration, hooks or signing keys.
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
        let output = command.output().map_err(|e| failed(&format!("`git` is needed: {e}")))?;
        if output.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed(&format!("`git {}`: {why}", arguments.join(" "))))
    }
}
