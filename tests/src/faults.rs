//! A plain way to a cluster's API server, by `kubectl proxy`, that keeps count of what is asked and answers what a test tells it
//! to instead of the server. One request a connection, so that what passes can be handed on without being understood.

use crate::cluster::Cluster;
use serde_json::json;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A status of a [`Fault`]: the request is carried out, and its answer is lost on the way.
pub const LOST: &str = "lost";

/// An answer in the server's place.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which requests it is for: method and target, after which comes a `$`, must hold this text, such as
    /// `PATCH /api/v1/namespaces/a/configmaps/b?`.
    pub on: String,
    /// Such as `429 Too Many Requests`; empty to cut the connection, or [`LOST`].
    pub status: &'static str,
    /// Further headers, each with its line's end.
    pub headers: &'static str,
    /// The body.
    pub body: &'static str,
}

impl Fault {
    /// One without headers and body.
    pub fn new(on: impl Into<String>, status: &'static str) -> Self {
        Self { on: on.into(), status, headers: "", body: "" }
    }
}

/// The way.
#[derive(Debug)]
pub struct Faults {
    /// Where to ask.
    pub url: String,
    proxy: Child,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    faults: Mutex<VecDeque<Fault>>,
    /// Faults that stay, however many requests meet them.
    standing: Mutex<Vec<Fault>>,
    gates: Mutex<Vec<(String, Arc<Latch>)>>,
    log: Mutex<Vec<String>>,
}

/// Where requests wait.
#[derive(Debug, Default)]
struct Latch {
    state: Mutex<Passing>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Passing {
    arrived: usize,
    is_open: bool,
}

/// A gate on the way, closed until the value is dropped.
#[derive(Debug)]
pub struct Gate(Arc<Latch>);

impl Gate {
    /// Waits until a request is at the gate.
    pub fn reached(&self) {
        let state = locked(&self.0.state);
        let (state, late) = self
            .0
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.arrived == 0)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "no request came to the gate: {state:?}");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        locked(&self.0.state).is_open = true;
        self.0.changed.notify_all();
    }
}

impl Latch {
    fn pass(&self) {
        let mut state = locked(&self.state);
        state.arrived += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.is_open));
    }
}

/// How long is waited for a request that must come.
const PATIENCE: Duration = Duration::from_secs(300);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// Begins to hand requests on, as the cluster's administrator.
    pub fn start(cluster: &Cluster) -> Self {
        let mut command = cluster.kubectl_command(&["proxy", "--port=0", "--accept-hosts=.*", "--reject-paths=^$"]);
        let mut proxy = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("kubectl proxy");
        let mut line = String::new();
        BufReader::new(proxy.stdout.take().expect("a pipe")).read_line(&mut line).expect("its address");
        let server = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(server.starts_with("127.0.0.1:"), "kubectl proxy said `{line}`");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let shared = Arc::new(Shared::default());
        let state = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (state, server) = (state.clone(), server.clone());
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || drop(pass(client, &server, &state)));
            }
        });
        Self { url, proxy, shared }
    }

    /// Answers the next requests that fit so, one fault a request, in this order.
    pub fn answer(&self, faults: impl IntoIterator<Item = Fault>) {
        locked(&self.shared.faults).extend(faults);
    }

    /// Answers all requests that fit so, until [`Faults::lift`].
    pub fn keep_answering(&self, fault: Fault) {
        locked(&self.shared.standing).push(fault);
    }

    /// Takes back what [`Faults::keep_answering`] was told.
    pub fn lift(&self) {
        locked(&self.shared.standing).clear();
    }

    /// Lets requests that fit wait, until the gate is dropped.
    #[must_use]
    pub fn hold(&self, on: &str) -> Gate {
        let latch = Arc::new(Latch::default());
        locked(&self.shared.gates).push((on.to_owned(), latch.clone()));
        Gate(latch)
    }

    /// Sends a request of the test's own this way, which must succeed: far cheaper than kubectl where there are many.
    pub fn send(&self, method: &str, path: &str, kind: &str, body: &str) {
        let address = self.url.trim_start_matches("http://");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut connection = TcpStream::connect(address).expect("the proxy");
        connection.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self) -> String {
        let cluster = json!({"name": "faults", "cluster": {"server": self.url}});
        let context = json!({"name": "faults", "context": {"cluster": "faults", "user": "faults"}});
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "faults", "clusters": [cluster],
            "users": [{"name": "faults", "user": {}}], "contexts": [context]})
        .to_string()
    }

    /// Faults that nobody has met.
    pub fn left(&self) -> usize {
        locked(&self.shared.faults).len()
    }

    /// `METHOD TARGET` of all requests since the last call, in the order in which they came.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.shared.log))
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn pass(mut client: TcpStream, server: &str, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    let (mut length, mut first) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            _ if first.is_empty() => first = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
        if line == "\r\n" {
            head += "Connection: close\r\n\r\n";
            break;
        }
        if name != "connection" {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    locked(&shared.log).push(first.clone());
    let asked = format!("{first}$");
    let gates =
        locked(&shared.gates).iter().filter(|(on, _)| asked.contains(on)).map(|(_, latch)| latch.clone()).collect();
    let gates: Vec<Arc<Latch>> = gates;
    gates.iter().for_each(|latch| latch.pass());
    let once = {
        let mut faults = locked(&shared.faults);
        let place = faults.iter().position(|fault| asked.contains(&fault.on));
        place.and_then(|place| faults.remove(place))
    };
    let standing = || locked(&shared.standing).iter().find(|fault| asked.contains(&fault.on)).cloned();
    let fault = once.or_else(standing);
    let is_lost = fault.as_ref().is_some_and(|fault| fault.status == LOST);
    if let Some(Fault { status, headers, body, .. }) = fault.filter(|_| !is_lost) {
        if !status.is_empty() {
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
            client.write_all(format!("{head}{body}").as_bytes())?;
        }
        return client.shutdown(Shutdown::Both);
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&body)?;
    if is_lost {
        std::io::copy(&mut upstream, &mut std::io::sink())?;
        return client.shutdown(Shutdown::Both);
    }
    // A client that goes away ends a watch that nothing comes from.
    let (mut gone, other) = (client.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || {
        let _ = gone.read(&mut [0]);
        let _ = other.shutdown(Shutdown::Both);
    });
    std::io::copy(&mut upstream, &mut client)?;
    client.shutdown(Shutdown::Both)
}
