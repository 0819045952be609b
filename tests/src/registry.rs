//! Debian's `docker-registry` on a free port of this machine, with a configuration of the test's own; gone when dropped.

use crate::Ran;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub host: String,
}

/// The line of a password file: `tidegate`, `secret`, by bcrypt with a fixed salt.
const PASSWORDS: &str = "tidegate:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

impl Registry {
    /// Starts one that keeps its content below a folder and lets everybody in.
    pub fn start(folder: &Path) -> Self {
        Self::with(folder, "")
    }

    /// One that lets in only `tidegate` with the password `secret`.
    pub fn with_password(folder: &Path) -> Self {
        let passwords = folder.join("registry-passwords");
        fs::write(&passwords, PASSWORDS).expect("a password file");
        Self::with(folder, &format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", passwords.display()))
    }

    fn with(folder: &Path, more: &str) -> Self {
        let (data, configuration) = (folder.join("registry"), folder.join("registry.yaml"));
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp:\n  addr: 127.0.0.1:0\n{more}",
            data.display()
        );
        fs::write(&configuration, text).expect("a configuration");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts: `cargo xtask setup` installs it");
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
            let Ok(line) = receiver.recv_timeout(Duration::from_secs(60)) else {
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

    /// Puts an image of these files, each with its place there, into the registry; answers its reference by digest. The folder
    /// is for the builder.
    pub fn image(&self, folder: &Path, files: &[(&Path, &str)]) -> String {
        let context = folder.join("image");
        fs::create_dir_all(&context).expect("a folder");
        let mut dockerfile = String::from("FROM scratch\n");
        for (at, (source, place)) in files.iter().enumerate() {
            fs::copy(source, context.join(at.to_string())).expect("a file: `cargo xtask setup` installs busybox");
            dockerfile += &format!("COPY {at} {place}\n");
        }
        fs::write(context.join("Dockerfile"), dockerfile).expect("a Dockerfile");
        let storage = folder.join("storage");
        let buildah = |arguments: &[&str]| {
            let mut command = Command::new("buildah");
            command.args(["--storage-driver", "vfs", "--root"]).arg(storage.join("root"));
            command.arg("--runroot").arg(storage.join("run")).args(arguments);
            Ran::of(&mut command).expect(0)
        };
        buildah(&["build", "--isolation", "chroot", "-t", "localhost/tools", &context.display().to_string()]);
        let digest = folder.join("digest");
        let target = format!("docker://{}/tools:1", self.host);
        let place = digest.display().to_string();
        buildah(&["push", "--tls-verify=false", "--digestfile", &place, "localhost/tools", &target]);
        buildah(&["rmi", "--all", "--force"]);
        format!("{}/tools@{}", self.host, fs::read_to_string(digest).expect("a digest"))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
