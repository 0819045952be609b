//! A token server, written from the distribution project's token specification: it signs what the real registry checks.
//! `openssl` makes the key and the signatures.

use super::{run, wire};
use image::digest::Digest;
use serde_json::json;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// A running token server.
pub struct Tokens {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// The path of each request.
    pub asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tokens {
    /// Starts one that gives full rights to whoever sends `login`, and none to others.
    pub fn start(folder: &Path, login: &str) -> Self {
        let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=tokens",
                "-keyout",
                &text(&key),
                "-out",
                &text(&certificate),
            ],
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (folder, login) = (folder.to_owned(), login.to_owned());
        let (seen, ended) = (asked.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    serve(stream, &folder, &login, &seen);
                }
            }
        });
        Self { host, asked, stop, thread: Some(thread) }
    }

    /// What a registry's configuration says of it.
    pub fn configuration(&self, folder: &Path) -> String {
        format!(
            "auth:\n  token: {{realm: 'http://{}/token', service: registry, issuer: tokens, rootcertbundle: {}}}\n",
            self.host,
            folder.join("certificate.pem").display()
        )
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.host);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, folder: &Path, login: &str, seen: &Mutex<Vec<String>>) {
    let Ok(copy) = stream.try_clone() else { return };
    let Ok((first, headers)) = wire::head_of(&mut BufReader::new(copy)) else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().expect("nobody panicked").push(path.clone());
    let given = headers.iter().find(|header| header.name == "authorization").map(|header| header.value.as_str());
    let (status, body) = match given {
        Some(given) if given != login => {
            ("401 Unauthorized", json!({"errors": [{"code": "UNAUTHORIZED"}]}).to_string())
        }
        given => ("200 OK", json!({ "token": token(folder, &path, given.is_some()) }).to_string()),
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
}

fn token(folder: &Path, path: &str, rights: bool) -> String {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let scopes = query.split('&').filter_map(|part| part.strip_prefix("scope="));
    let access: Vec<_> = scopes
        .filter(|_| rights)
        .map(|scope| {
            let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
            let parts: Vec<&str> = scope.split(':').collect();
            json!({"type": parts[0], "name": parts[1], "actions": parts[2].split(',').collect::<Vec<_>>()})
        })
        .collect();
    let pem = std::fs::read_to_string(folder.join("certificate.pem")).expect("a certificate");
    let certificate: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [certificate]}).to_string();
    let claims = json!({"iss": "tokens", "sub": "", "aud": "registry", "exp": now + 300, "nbf": now - 10, "iat": now,
        "jti": Digest::of(path.as_bytes()).short(), "access": access});
    let signed = format!("{}.{}", base64(header.as_bytes()), base64(claims.to_string().as_bytes()));
    let file = |name: &str| -> PathBuf { folder.join(name) };
    std::fs::write(file("signed"), &signed).expect("what is signed");
    let text = |path: PathBuf| path.to_str().expect("text").to_owned();
    run(
        "openssl",
        &["dgst", "-sha256", "-sign", &text(file("key.pem")), "-out", &text(file("signature")), &text(file("signed"))],
    );
    format!("{signed}.{}", base64(&std::fs::read(file("signature")).expect("a signature")))
}

/// Without padding, in the alphabet of URLs (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}
