//! HTTP/1.1 over a socket, as far as registries and tests need it: one request a connection.

use image::location;
use image::ports::{Body, Request, Response};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use tidegate::Error;
use tidegate::http::Header;

/// Sends a request and follows redirects. Files are below `root`.
pub fn send(request: &Request, root: &Path) -> Result<Response, Error> {
    let mut request = request.clone();
    loop {
        let mut response = once(&request, root).map_err(|error| {
            Error::new("unavailable", format!("{} {}: {error}", request.method, request.url)).retry()
        })?;
        let location = response.header("location").map(str::to_owned);
        let redirected = [301, 302, 303, 307, 308].contains(&response.status) && request.redirects > 0;
        let Some(location) = location.filter(|_| redirected) else {
            if let Some(path) = &request.save {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
                std::fs::write(path, std::mem::take(&mut response.body)).expect("the body is saved");
            }
            return Ok(response);
        };
        let next = location::resolve(&request.url, &location).expect("a location");
        if location::origin(&next) != location::origin(&request.url) {
            request.headers.retain(|(name, _)| *name != "authorization");
        }
        request.url = next;
        request.redirects -= 1;
    }
}

fn once(request: &Request, root: &Path) -> io::Result<Response> {
    let rest = request.url.strip_prefix("http://").ok_or_else(|| io::Error::other("only plain HTTP is spoken here"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    let mut head = format!("{} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", request.method);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    match &request.body {
        Body::Nothing => {
            if request.method != "GET" && request.method != "HEAD" {
                head += "content-length: 0\r\n";
            }
            stream.write_all(format!("{head}\r\n").as_bytes())?;
        }
        Body::Bytes(bytes) => {
            stream.write_all(format!("{head}content-length: {}\r\n\r\n", bytes.len()).as_bytes())?;
            stream.write_all(bytes)?;
        }
        Body::File(path) => {
            let mut file = File::open(root.join(path))?;
            stream.write_all(format!("{head}content-length: {}\r\n\r\n", file.metadata()?.len()).as_bytes())?;
            io::copy(&mut file, &mut stream)?;
        }
    }
    let mut reader = BufReader::new(stream);
    let (first, headers) = head_of(&mut reader)?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| io::Error::other(format!("no status: {first}")))?;
    let mut response = Response { status, headers, body: Vec::new() };
    if request.method != "HEAD" && status != 204 && status != 304 {
        response.body = body_of(&mut reader, &response.headers)?;
    }
    Ok(response)
}

/// The first line and the headers, with names in lower case.
pub fn head_of(reader: &mut impl BufRead) -> io::Result<(String, Vec<Header>)> {
    let line = |reader: &mut dyn BufRead| -> io::Result<String> {
        let mut text = String::new();
        reader.read_line(&mut text)?;
        Ok(text.trim_end().to_owned())
    };
    let first = line(reader)?;
    let mut headers = Vec::new();
    loop {
        let text = line(reader)?;
        let Some((name, value)) = text.split_once(':') else { return Ok((first, headers)) };
        headers.push(Header { name: name.to_ascii_lowercase(), value: value.trim().to_owned() });
    }
}

/// The body, by its length, in chunks, or until the end.
pub fn body_of(reader: &mut impl BufRead, headers: &[Header]) -> io::Result<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|header| header.name == name).map(|header| header.value.as_str());
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            io::copy(&mut reader.by_ref().take(size), &mut body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match header("content-length").and_then(|value| value.parse().ok()) {
        Some(length) => {
            io::copy(&mut reader.by_ref().take(length), &mut body)?;
            if body.len() as u64 != length {
                return Err(io::Error::other("the body ends early"));
            }
        }
        None => {
            reader.read_to_end(&mut body)?;
        }
    }
    Ok(body)
}
