//! A Git server over SSH for tests: one `sshd -i` a connection behind a listener on 127.0.0.1, with a host key and a
//! user key of its own. Serves every repository that whoever runs the test may read. Never for anything but tests.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// It starts itself again for each connection, so it wants its full path.
const SSHD: &str = "/usr/sbin/sshd";

/// A running server; dropping it, also while a test panics, ends it and every connection.
pub struct GitSsh {
    address: SocketAddr,
    user: String,
    /// Keys and configuration.
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    connections: Mutex<Vec<Child>>,
}

impl GitSsh {
    /// Serves on a free port.
    pub fn serve() -> io::Result<Self> {
        if !Path::new(SSHD).exists() {
            return Err(io::Error::other(format!("{SSHD} is missing: `apt-get install openssh-server`")));
        }
        let folder = tempfile::tempdir()?;
        for name in ["host", "user", "stranger"] {
            run(Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.path().join(name)))?;
        }
        let user = run(Command::new("id").arg("-un"))?;
        // The log in `sshd.log` says why a connection was refused.
        let lines = [
            format!("HostKey {}", folder.path().join("host").display()),
            format!("AuthorizedKeysFile {}", folder.path().join("user.pub").display()),
            "AuthenticationMethods publickey".to_owned(),
            "UsePAM no".to_owned(),
            "StrictModes no".to_owned(),
            "PermitRootLogin yes".to_owned(),
            "PidFile none".to_owned(),
            "PrintMotd no".to_owned(),
            "SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null".to_owned(),
        ];
        fs::write(folder.path().join("config"), lines.join("\n") + "\n")?;
        // Where root's sshd locks itself up. Only the distribution's service makes it otherwise.
        let _ = fs::create_dir_all("/run/sshd");
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, shared) = (listener.local_addr()?, Arc::new(Shared::default()));
        let (state, place) = (Arc::clone(&shared), folder.path().to_owned());
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if state.stop.load(Ordering::SeqCst) {
                    return;
                }
                // A connection that is not served is the client's to notice.
                if let (Ok(child), Ok(mut all)) =
                    (stream.and_then(|stream| connection(&place, stream)), state.connections.lock())
                {
                    all.push(child);
                }
            }
        });
        Ok(Self { address, user, folder, shared, listener: Some(listener) })
    }

    /// The URL of a repository by its absolute path, with the user in it.
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@{}{}", self.user, self.address, repository.display())
    }

    /// The URL without a user.
    pub fn url_without_user(&self, repository: &Path) -> String {
        format!("ssh://{}{}", self.address, repository.display())
    }

    /// The one user, who runs this test.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The private key that opens it.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("user")
    }

    /// A private key that does not.
    pub fn strange_key(&self) -> PathBuf {
        self.folder.path().join("stranger")
    }

    /// A line for `known_hosts` with the server's own key.
    pub fn known_host(&self) -> io::Result<String> {
        self.known_as("host")
    }

    /// A line for `known_hosts` with a key that is not the server's.
    pub fn impostor(&self) -> io::Result<String> {
        self.known_as("stranger")
    }

    fn known_as(&self, key: &str) -> io::Result<String> {
        let public = fs::read_to_string(self.folder.path().join(key).with_extension("pub"))?;
        Ok(format!("[{}]:{} {public}", self.address.ip(), self.address.port()))
    }

    /// What the server says about its connections, for the message of a failed test.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("sshd.log")).unwrap_or_default()
    }
}

impl Drop for GitSsh {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
        if let Ok(mut all) = self.shared.connections.lock() {
            for child in all.iter_mut() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// One connection's own sshd, which ends with it.
fn connection(place: &Path, stream: TcpStream) -> io::Result<Child> {
    let log = fs::File::options().append(true).create(true).open(place.join("sshd.log"))?;
    let input = OwnedFd::from(stream);
    Command::new(SSHD)
        .args(["-i", "-e", "-f"])
        .arg(place.join("config"))
        .stdout(Stdio::from(input.try_clone()?))
        .stdin(Stdio::from(input))
        .stderr(Stdio::from(log))
        .spawn()
}

/// Runs a program to its end, and answers the first line it prints.
fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {told}", command.get_program().display())))
}
