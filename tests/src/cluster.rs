//! A real Kubernetes API server with its etcd on free ports of this machine, and `kubectl` as a client that knows nothing of
//! ours. Both servers end with the process that started them, whatever becomes of it. There are no controllers: nobody fills
//! in a status, and nothing that is left behind is collected. Where the programs come from `cargo xtask setup` says.

use crate::Ran;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who may do everything, and its token.
pub const ADMIN: &str = "admin-token";
/// Who may do nothing, and its token.
pub const NOBODY: &str = "nobody-token";

/// How long a server has to become ready on a machine that is busy.
const READY: Duration = Duration::from_secs(300);
/// How often a port that somebody else took meanwhile is given up for another one.
const TRIES: usize = 5;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    // Ended in this order: without its etcd the server would only fill its log.
    server: Mutex<Option<Server>>,
    _etcd: Server,
    // After those who write into it.
    folder: TempDir,
    _sweeper: Option<ChildStdin>,
    client_port: u16,
    port: u16,
}

/// A child that ends with us: a shell waits for the end of the pipe that we hold, and then kills it.
#[derive(Debug)]
struct Server(Child);

/// The server's certificate, which signs itself. Its key signs the tokens of service accounts as well.
const CERTIFICATE: &str = "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nCN = 127.0.0.1\n\
    [extensions]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";

const KEEPER: &str = r#"exec 3<&0; "$@" 3<&- & pid=$!; { cat <&3 >/dev/null; kill -9 $pid 2>/dev/null; } & wait $pid"#;
/// Whatever a process leaves that ends without dropping anything, as one with a cluster in a `static` does.
const SWEEPER: &str = r#"cat >/dev/null; sleep 1; rm -rf "$1""#;

impl Server {
    fn start(program: &Path, arguments: &[String], log: &Path) -> Self {
        let log = fs::File::create(log).expect("a log");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("a log")).stderr(log);
        Self(command.spawn().expect("a shell"))
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("its state").is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Cluster {
    /// Starts one.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut sweeper = Command::new("sh");
        sweeper.args(["-c", SWEEPER, "sh"]).arg(folder.path()).stdin(Stdio::piped());
        let sweeper = sweeper.spawn().expect("a shell").stdin;
        let (etcd, client_port) = (1..=TRIES)
            .find_map(|_| start_etcd(folder.path()))
            .unwrap_or_else(|| panic!("etcd does not start:\n{}", log(folder.path(), "etcd")));
        let tokens = format!("{ADMIN},admin,1,\"system:masters\"\n{NOBODY},nobody,2\n");
        fs::write(folder.path().join("tokens"), tokens).expect("tokens");
        let mut cluster =
            Self { server: Mutex::default(), _etcd: etcd, folder, _sweeper: sweeper, client_port, port: 0 };
        for _ in 0..TRIES {
            cluster.port = free_port();
            if cluster.try_server() {
                return cluster;
            }
        }
        panic!("kube-apiserver does not start:\n{}", log(cluster.folder.path(), "server"));
    }

    /// Where the API server is.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificates that it shows itself with.
    pub fn authority(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("certificates/apiserver.crt")).expect("its certificate")
    }

    /// A file with the contexts `admin` (the current one) and `nobody`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Runs kubectl, with this on its standard input.
    pub fn kubectl_with(&self, input: &str, arguments: &[&str]) -> Ran {
        let mut child = self
            .kubectl_command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("kubectl reads");
        let output = child.wait_with_output().expect("kubectl ends");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs kubectl.
    pub fn kubectl(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.kubectl_command(arguments).stdin(Stdio::null()))
    }

    /// An object, where it is there.
    pub fn get(&self, namespace: &str, kind: &str, name: &str) -> Option<Value> {
        let ran = self.kubectl(&["-n", namespace, "get", kind, name, "-o", "json", "--show-managed-fields"]);
        match ran.code {
            0 => Some(ran.json()),
            _ if ran.err.contains("NotFound") => None,
            _ => panic!("kubectl get {kind} {name}: {}", ran.err),
        }
    }

    /// A command that runs kubectl against this cluster.
    pub fn kubectl_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(self.kubeconfig());
        command.arg("--cache-dir").arg(self.folder.path().join("kubectl")).args(arguments);
        command.env_remove("KUBECONFIG");
        command
    }

    /// Kills the API server; etcd keeps what it knows.
    pub fn stop_server(&self) {
        *self.running() = None;
    }

    /// Starts it again at the same address.
    pub fn start_server(&self) {
        assert!(self.try_server(), "kube-apiserver does not start:\n{}", log(self.folder.path(), "server"));
    }

    fn try_server(&self) -> bool {
        let folder = self.folder.path();
        let at = |name: &str| folder.join(name).display().to_string();
        let key = at("certificates/apiserver.key");
        if !Path::new(&key).exists() {
            fs::create_dir_all(at("certificates")).expect("a folder");
            fs::write(at("certificates/openssl.cnf"), CERTIFICATE).expect("a configuration");
            let mut openssl = Command::new("openssl");
            openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config"]);
            openssl.arg(at("certificates/openssl.cnf")).args(["-keyout", &key, "-out"]);
            Ran::of(openssl.arg(at("certificates/apiserver.crt"))).expect(0);
        }
        let arguments = [
            format!("--etcd-servers=http://127.0.0.1:{}", self.client_port),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--tls-cert-file={}", at("certificates/apiserver.crt")),
            format!("--tls-private-key-file={key}"),
            format!("--service-account-key-file={key}"),
            format!("--service-account-signing-key-file={key}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--token-auth-file={}", at("tokens")),
            "--authorization-mode=RBAC".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        ];
        self.write_kubeconfig();
        let mut server = Server::start(&program("kube-apiserver"), &arguments, &folder.join("server.log"));
        let deadline = Instant::now() + READY;
        while Instant::now() < deadline && !server.has_ended() {
            // What tests rely on from the first moment: everything is served, and there is a namespace.
            if self.kubectl(&["get", "--raw", "/readyz"]).code == 0
                && self.kubectl(&["get", "namespace", "default"]).code == 0
            {
                *self.running() = Some(server);
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    fn running(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_kubeconfig(&self) {
        let user = |name: &str, token: &str| json!({"name": name, "user": {"token": token}});
        let context = |name: &str| json!({"name": name, "context": {"cluster": "test", "user": name}});
        let authority = self.folder.path().join("certificates/apiserver.crt");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "admin",
            "clusters": [{"name": "test", "cluster": {"server": self.url(), "certificate-authority": authority}}],
            "users": [user("admin", ADMIN), user("nobody", NOBODY)],
            "contexts": [context("admin"), context("nobody")],
        });
        fs::write(self.kubeconfig(), config.to_string()).expect("a kubeconfig");
    }
}

fn start_etcd(folder: &Path) -> Option<(Server, u16)> {
    let (client, peer) = (free_port(), free_port());
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls=http://127.0.0.1:{client}"),
        format!("--advertise-client-urls=http://127.0.0.1:{client}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
    ];
    let mut server = Server::start(&program("etcd"), &arguments, &folder.join("etcd.log"));
    let deadline = Instant::now() + READY;
    while Instant::now() < deadline && !server.has_ended() {
        if std::net::TcpStream::connect(("127.0.0.1", client)).is_ok() {
            return Some((server, client));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn log(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// The file of a server: in `KUBEBUILDER_ASSETS`, else in the cache that `cargo xtask setup` fills, else on the path.
fn program(name: &str) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(assets) = set("KUBEBUILDER_ASSETS") {
        return assets.join(name);
    }
    let cache = set("TIDEGATE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("tidegate")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/tidegate")));
    let cached = cache.map(|cache| cache.join("kubernetes").join(name)).filter(|path| path.is_file());
    cached.unwrap_or_else(|| PathBuf::from(name))
}
