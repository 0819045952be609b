//! Debian's `docker-registry` on a free port, with a configuration of the test's own; gone when dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running registry.
pub struct Registry {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub host: String,
}

impl Registry {
    /// Starts one that keeps its content in a folder. `more` goes into its configuration: at its root where it is not
    /// indented, below `http` where it is.
    pub fn start(folder: &Path, name: &str, more: &str) -> Self {
        let data = folder.join(name);
        let configuration = folder.join(format!("{name}.yaml"));
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
             http:\n  addr: 127.0.0.1:0\n{more}",
            data.display()
        );
        std::fs::write(&configuration, text).expect("a configuration");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts");
        // From here on it is ended whatever happens.
        let mut registry = Self { child, host: String::new() };
        // The log is read to its end, or the registry would block on a full pipe.
        let (sender, receiver) = mpsc::channel();
        let stderr = BufReader::new(registry.child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut seen = String::new();
        loop {
            let Ok(line) = receiver.recv_timeout(Duration::from_secs(20)) else {
                panic!("the registry does not listen:\n{seen}");
            };
            seen += &format!("{line}\n");
            if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                registry.host = format!("127.0.0.1:{port}");
                return registry;
            }
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
