//! A daemon under test: `tidegate serve` with its log read line by line, ended with the value.

use crate::world::World;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long is waited for what should come: far more than it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A daemon.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// What it has said so far.
    pub said: Vec<String>,
}

impl Daemon {
    /// Starts one and waits until it serves.
    #[track_caller]
    pub fn start(world: &World) -> Self {
        Self::start_with(world, &[])
    }

    /// The same with more of an environment.
    #[track_caller]
    pub fn start_with(world: &World, environment: &[(&str, &str)]) -> Self {
        let mut daemon = Self::begin(world, environment);
        daemon.until("tidegate serves");
        daemon
    }

    /// The same without waiting for anything.
    pub fn begin(world: &World, environment: &[(&str, &str)]) -> Self {
        let mut command = world.command(&["serve"]);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        let (sender, lines) = mpsc::channel();
        let from = child.stderr.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Waits until it says a line with this text; answers that line.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        self.until_where(text, |line| line.contains(text))
    }

    /// Waits until it says a line like this.
    #[track_caller]
    pub fn until_where(&mut self, what: &str, like: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if like(&line) {
                        return line;
                    }
                }
                Err(e) => panic!("the daemon never said {what}: {e}\n{}", self.said.join("\n")),
            }
        }
    }

    /// Waits until it says a line with this text, or ends.
    #[track_caller]
    pub fn until_or_end(&mut self, text: &str) -> Option<String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return Some(line);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(e) => panic!("the daemon neither said `{text}` nor ended: {e}\n{}", self.said.join("\n")),
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name: `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Tells it to leave, and answers its exit code.
    #[track_caller]
    pub fn leave(mut self) -> Option<i32> {
        self.signal("TERM");
        self.ends()
    }

    /// Kills it as nothing could be prepared for.
    pub fn kill(mut self) {
        // One that died by itself is no error.
        let _ = self.child.kill();
        self.ends();
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> Option<i32> {
        let status = self.child.wait().expect("it was there");
        self.said.extend(self.lines.iter());
        status.code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Ended already, in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
