//! A Git server for tests: `git http-backend` behind a small HTTP/1.1 server on 127.0.0.1. Serves every bare
//! repository of one folder to everybody, or to whoever has the password. Never for anything but tests: it keeps
//! whole requests in memory and trusts their paths.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running server; dropping it stops it.
pub struct GitHttp {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    root: PathBuf,
    /// `user:password` in base 64.
    password: Option<String>,
    stop: AtomicBool,
    /// Pushes still to be carried out without an answer.
    unanswered: AtomicUsize,
    /// Where everything is redirected to instead of being served.
    redirect: Mutex<Option<String>>,
    /// `GET /a.git/info/refs?service=…`, and whether it had an `Authorization`, in order of arrival.
    log: Mutex<Vec<(String, bool)>>,
}

impl GitHttp {
    /// Serves a folder of bare repositories, to be pushed to as well.
    pub fn serve(root: &Path) -> io::Result<Self> {
        Self::start(root, None)
    }

    /// The same behind HTTP basic authentication.
    pub fn with_password(root: &Path, user: &str, password: &str) -> io::Result<Self> {
        Self::start(root, Some(base64(format!("{user}:{password}").as_bytes())))
    }

    fn start(root: &Path, password: Option<String>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            root: root.canonicalize()?,
            password,
            stop: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            redirect: Mutex::new(None),
            log: Mutex::new(Vec::new()),
        });
        let state = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if state.stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    let state = Arc::clone(&state);
                    // A broken connection is the client's to notice.
                    std::thread::spawn(move || drop(connection(&state, stream)));
                }
            }
        });
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// The URL of one repository: `url("shop.git")`.
    pub fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.address)
    }

    /// Carries out the next pushes and closes the connection without an answer.
    pub fn lose_answers(&self, pushes: usize) {
        self.shared.unanswered.store(pushes, Ordering::SeqCst);
    }

    /// Redirects every request to the same path below this URL, or serves again.
    pub fn redirect(&self, to: Option<String>) {
        if let Ok(mut redirect) = self.shared.redirect.lock() {
            *redirect = to;
        }
    }

    /// The requests since the last call: method and target, and whether it carried a credential.
    pub fn take_log(&self) -> Vec<(String, bool)> {
        self.shared.log.lock().map(|mut log| std::mem::take(&mut *log)).unwrap_or_default()
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

struct Request {
    method: String,
    target: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn connection(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader, &mut writer)? {
        if shared.stop.load(Ordering::SeqCst) || !answer(shared, &request, &mut writer)? {
            break;
        }
        if request.header("connection").eq_ignore_ascii_case("close") {
            break;
        }
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead, writer: &mut impl Write) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if request.header("expect").eq_ignore_ascii_case("100-continue") {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        request.body = read_chunks(reader)?;
    } else {
        let length = request.header("content-length").parse().unwrap_or(0);
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or("").trim();
        let size = usize::from_str_radix(size, 16).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        // After a chunk its line break; after the last one the trailers, which nobody here sends.
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Answers one request; `false` closes the connection.
fn answer(shared: &Shared, request: &Request, writer: &mut impl Write) -> io::Result<bool> {
    if let Ok(mut log) = shared.log.lock() {
        let authorized = request.headers.contains_key("authorization");
        log.push((format!("{} {}", request.method, request.target), authorized));
    }
    let redirect = shared.redirect.lock().map(|to| to.clone()).unwrap_or_default();
    if let Some(to) = redirect {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}{}\r\nContent-Length: 0\r\n\r\n", request.target);
        return writer.write_all(head.as_bytes()).map(|()| true);
    }
    if let Some(expected) = &shared.password
        && request.header("authorization").strip_prefix("Basic ") != Some(expected)
    {
        let head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n";
        return writer.write_all(head.as_bytes()).map(|()| true);
    }
    let output = backend(shared, request)?;
    let push = request.method == "POST" && request.target.ends_with("/git-receive-pack");
    let less = |n: usize| n.checked_sub(1);
    if push && shared.unanswered.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
        return Ok(false);
    }
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(output.len());
    let (head, body) = (String::from_utf8_lossy(&output[..end]), output.get(end + 4..).unwrap_or_default());
    let mut status = "200 OK".to_owned();
    let mut lines = String::new();
    for line in head.lines() {
        match line.strip_prefix("Status: ") {
            Some(told) => status = told.to_owned(),
            None => lines += &format!("{line}\r\n"),
        }
    }
    if end == output.len() {
        status = "500 Internal Server Error".to_owned();
        lines.clear();
    }
    writer.write_all(format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n", body.len()).as_bytes())?;
    writer.write_all(body)?;
    writer.flush()?;
    Ok(true)
}

/// Runs the CGI program.
fn backend(shared: &Shared, request: &Request) -> io::Result<Vec<u8>> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding"))
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        // The backend takes pushes from users who have a name.
        .env("REMOTE_USER", "tester")
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let input = child.stdin.take();
    let mut output = Vec::new();
    std::thread::scope(|scope| {
        // Both directions at once, or a large pack would fill a pipe. The backend may stop reading early.
        scope.spawn(|| input.map(|mut input| drop(input.write_all(&request.body))));
        child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut output))
    })?;
    child.wait()?;
    Ok(output)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = ALPHABET[(group >> (18 - 6 * at) & 63) as usize] as char;
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
