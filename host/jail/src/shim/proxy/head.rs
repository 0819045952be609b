//! The head of a request to the proxy: read within limits, understood strictly, and rewritten for the server. It never
//! guesses: what two programs could read differently is refused.

use super::gate::Answer;
use std::io::{self, Read as _};
use std::net::TcpStream;
use std::time::Instant;

/// Bytes of a head: what common servers take.
const SIZE: usize = 16 * 1024;

/// A request, as far as the proxy is concerned.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub request: Request,
    /// What came behind the head in the same breath.
    pub rest: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// `CONNECT`.
    Tunnel,
    /// Any other method with a whole URL of plain HTTP. This is its head as the server gets it.
    Plain { head: Vec<u8> },
}

/// Reads a head to its empty line.
pub fn read(mut client: &TcpStream, deadline: Instant) -> Result<Head, Answer> {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = text.split_off(end + 4);
            text.truncate(end);
            client.set_read_timeout(None).map_err(|error| Answer::new(400, error.to_string()))?;
            return parse(&text, rest);
        }
        if text.len() > SIZE {
            return Err(Answer::new(431, format!("the head of the request is longer than {SIZE} bytes")));
        }
        let late = || Answer::new(408, "the head of the request did not come in time".to_owned());
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || client.set_read_timeout(Some(left)).is_err() {
            return Err(late());
        }
        match client.read(&mut buffer) {
            Ok(0) => return Err(wrong("it ended within its head")),
            Ok(count) => text.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(late()),
        }
    }
}

fn wrong(what: &str) -> Answer {
    Answer::new(400, format!("the request cannot be understood: {what}"))
}

/// Understands a head without its empty line.
fn parse(text: &[u8], rest: Vec<u8>) -> Result<Head, Answer> {
    let text = std::str::from_utf8(text).map_err(|_| wrong("its head is not UTF-8"))?;
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or_default();
    let lines: Vec<&str> = lines.collect();
    let is_odd = |line: &str| line.contains(|c: char| c.is_control() && c != '\t');
    if is_odd(start) || lines.iter().any(|line| is_odd(line) || line.starts_with([' ', '\t']) || line.is_empty()) {
        return Err(wrong("a line of its head is broken"));
    }
    let words: Vec<&str> = start.split(' ').collect();
    let [method, target, version] = words[..] else { return Err(wrong("its first line has no three words")) };
    if !["HTTP/1.1", "HTTP/1.0"].contains(&version) || !method.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(wrong("it is no HTTP/1"));
    }
    if method == "CONNECT" {
        let (host, port) = place(target, None).ok_or_else(|| wrong("`CONNECT` takes `host:port`"))?;
        return Ok(Head { host, port, request: Request::Tunnel, rest });
    }
    let url = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).map(|_| &target[7..]);
    let url = url.ok_or_else(|| wrong("the proxy takes `CONNECT host:port`, or a whole `http://` URL"))?;
    let split = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, path) = url.split_at(split);
    let (host, port) = place(authority, Some(80)).ok_or_else(|| wrong("its URL names no host"))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} {version}\r\nHost: {authority}\r\n");
    let mut hop = vec!["connection", "proxy-connection", "proxy-authorization", "keep-alive", "te", "upgrade", "host"];
    let headers: Vec<(String, &str)> = lines
        .iter()
        .map(|line| {
            let name = line.split_once(':').map(|(name, _)| name).unwrap_or_default();
            let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            plain.then(|| (name.to_ascii_lowercase(), *line)).ok_or_else(|| wrong("a header has no plain name"))
        })
        .collect::<Result<_, _>>()?;
    // What one end says about its own connection is no matter of the other's.
    let named = headers.iter().filter(|(name, _)| name == "connection");
    let named: Vec<String> =
        named.flat_map(|(_, line)| line[11..].split(',').map(|word| word.trim().to_ascii_lowercase())).collect();
    // These say where the body ends, whatever somebody wants to be dropped.
    hop.extend(named.iter().map(String::as_str).filter(|name| !["content-length", "transfer-encoding"].contains(name)));
    for (_, line) in headers.iter().filter(|(name, _)| !hop.contains(&name.as_str())) {
        head += line;
        head += "\r\n";
    }
    head += "Connection: close\r\n\r\n";
    Ok(Head { host, port, request: Request::Plain { head: head.into_bytes() }, rest })
}

/// `host:port`, with brackets around an address of version 6. No user, no escapes.
fn place(text: &str, port: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, digits)) if !digits.ends_with(']') => {
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            (host, digits.parse().ok().filter(|port| plain && *port > 0)?)
        }
        _ => (text, port?),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let plain = |host: &str, more: &[u8]| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b) || more.contains(&b))
    };
    match inner {
        Some(inner) => plain(inner, b":").then(|| (inner.to_owned(), port)),
        None => plain(host, b"").then(|| (host.to_owned(), port)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn understood(text: &str) -> Option<(String, u16, String)> {
        let head = parse(text.as_bytes(), Vec::new()).ok()?;
        let sent = match head.request {
            Request::Tunnel => String::new(),
            Request::Plain { head } => String::from_utf8(head).unwrap(),
        };
        Some((head.host, head.port, sent))
    }

    #[test]
    fn tunnels_name_a_host_and_a_port() {
        for (text, host, port) in [
            ("CONNECT a.example:443 HTTP/1.1", "a.example", 443),
            ("CONNECT [::1]:80 HTTP/1.0\r\nX: y", "::1", 80),
            ("CONNECT 127.0.0.1:5000 HTTP/1.1", "127.0.0.1", 5000),
        ] {
            assert_eq!(understood(text), Some((host.to_owned(), port, String::new())), "{text}");
        }
    }

    #[test]
    fn urls_are_rewritten_for_the_server() {
        let text = "GET http://a.example:81/b?c HTTP/1.1\r\nHost: other\r\nAccept: x\r\nProxy-Connection: keep-alive\r\n\
                    Connection: close, X-Hop, Content-Length\r\nX-Hop: 1\r\nContent-Length: 3";
        let sent =
            "GET /b?c HTTP/1.1\r\nHost: a.example:81\r\nAccept: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
        assert_eq!(understood(text), Some(("a.example".into(), 81, sent.into())));
        let (host, port, sent) = understood("PUT HTTP://a?q HTTP/1.0").unwrap();
        assert_eq!((host.as_str(), port), ("a", 80));
        assert!(sent.starts_with("PUT /?q HTTP/1.0\r\nHost: a\r\n"), "{sent}");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "CONNECT a HTTP/1.1",
            "CONNECT a:0 HTTP/1.1",
            "CONNECT a:99999 HTTP/1.1",
            "CONNECT a:+1 HTTP/1.1",
            "CONNECT ::1:80 HTTP/1.1",
            "CONNECT user@a:80 HTTP/1.1",
            "CONNECT a%2e:80 HTTP/1.1",
            "CONNECT a:443  HTTP/1.1",
            "CONNECT a:443 HTTP/2",
            "GET / HTTP/1.1\r\nHost: a",
            "GET https://a/ HTTP/1.1",
            "GET http:///x HTTP/1.1",
            "GET http://a@b/ HTTP/1.1",
            "GET http://a/ HTTP/1.1\r\n folded: x",
            "GET http://a/ HTTP/1.1\r\nno colon",
            "GET http://a/ HTTP/1.1\r\nName : x",
            "GET http://a/ HTTP/1.1\r\nA: b\nC: d",
            "GET http://a/\u{0} HTTP/1.1",
        ] {
            assert_eq!(understood(text), None, "{text:?}");
        }
    }
}
