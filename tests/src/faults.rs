//! A plain way to a cluster's API server, by `kubectl proxy`, that keeps count of what is asked and answers what a test tells it
//! to instead of the server. One request a connection, so that what passes can be handed on without being understood.

use crate::cluster::Cluster;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An answer in the server's place.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which requests it is for: method and target, after which comes a `$`, must hold this text, such as
    /// `PATCH /api/v1/namespaces/a/configmaps/b?`.
    pub on: String,
    /// Such as `429 Too Many Requests`; empty to cut the connection.
    pub status: &'static str,
    /// Further headers, each with its line's end.
    pub headers: &'static str,
    /// The body.
    pub body: &'static str,
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
    log: Mutex<Vec<String>>,
}

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
    let fault = {
        let mut faults = locked(&shared.faults);
        let asked = format!("{first}$");
        let place = faults.iter().position(|fault| asked.contains(&fault.on));
        place.and_then(|place| faults.remove(place))
    };
    if let Some(Fault { status, headers, body, .. }) = fault {
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
    // A client that goes away ends a watch that nothing comes from.
    let (mut gone, other) = (client.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || {
        let _ = gone.read(&mut [0]);
        let _ = other.shutdown(Shutdown::Both);
    });
    std::io::copy(&mut upstream, &mut client)?;
    client.shutdown(Shutdown::Both)
}
