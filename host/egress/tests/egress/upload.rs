//! Bodies that are files.

use crate::kit::{Authority, Server, client, code, get, reply, request, rules, send, settings};
use egress::{Body, Client};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A file with a pattern that tells every place from its neighbours.
fn patterned(size: usize) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let bytes: Vec<u8> = (0..size).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    file.write_all(&bytes).unwrap();
    file
}

#[tokio::test]
async fn a_file_is_sent_whole_with_its_length_and_keeps_its_position() {
    let authority = Authority::new();
    let server = Server::tls(authority.acceptor(&["api.test"], &["h2", "http/1.1"]), |_| reply(201, &[], "")).await;
    let plain = Server::plain(|_| reply(201, &[], "")).await;
    let client = client(&authority);
    for size in [0, 1, 256 << 10, (256 << 10) + 1, 3_000_000] {
        for (server, scheme) in [(&server, "https"), (&plain, "http")] {
            let origin = format!("{scheme}://api.test:{}", server.port());
            let mut file = patterned(size);
            file.seek(SeekFrom::Start(size as u64 / 2)).unwrap();
            let body = Body::File(file.try_clone().unwrap());
            let put = request("PUT", format!("{origin}/"), body);
            assert_eq!(send(&client, &rules(&[&origin]), put).await.unwrap().status, 201);
            assert_eq!(file.stream_position().unwrap(), size as u64 / 2);
            let got = server.got().pop().unwrap();
            assert_eq!(got.headers()["content-length"], size.to_string().as_str(), "{scheme}");
            assert!(!got.headers().contains_key("transfer-encoding"));
            let expected = |at: usize| (at ^ (at >> 8) ^ (at >> 16)) as u8;
            assert!(got.body().len() == size && got.body().iter().enumerate().all(|(at, byte)| *byte == expected(at)));
        }
    }
}

/// Kilobytes of this process that were in memory at most, and are now.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_end_matches("kB").trim().parse().unwrap()
    };
    (read("VmHWM:"), read("VmRSS:"))
}

#[tokio::test]
async fn a_large_file_is_never_in_memory() {
    // In a process of its own: other tests fill this one's memory.
    if std::env::var_os("EGRESS_ALONE").is_none() {
        let this = std::env::current_exe().unwrap();
        let mut child = tokio::process::Command::new(this);
        child.args(["--exact", "upload::a_large_file_is_never_in_memory", "--nocapture"]).env("EGRESS_ALONE", "1");
        let ended = child.kill_on_drop(true).output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        return;
    }
    const SIZE: u64 = 512 << 20;
    let received = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&received);
    let server = Server::raw("127.0.0.1", move |mut stream: TcpStream, _| {
        let count = Arc::clone(&count);
        async move {
            let mut bytes = vec![0; 64 << 10];
            while count.load(Ordering::SeqCst) < SIZE {
                let read = stream.read(&mut bytes).await.unwrap() as u64;
                count.fetch_add(read, Ordering::SeqCst);
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..SIZE / bytes.len() as u64 {
                stream.write_all(&bytes).await.unwrap();
            }
        }
    })
    .await;
    let (file, saved) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    file.set_len(SIZE).unwrap();
    let origin = format!("http://api.test:{}", server.port());
    let mut put = request("PUT", format!("{origin}/"), Body::File(file));
    put.timeout = std::time::Duration::from_secs(300);
    put.save = Some(saved.try_clone().unwrap());
    let before = memory().1;
    let answer = send(&Client::new(settings()), &rules(&[&origin]), put).await.unwrap();
    assert_eq!((answer.saved, saved.metadata().unwrap().len()), (SIZE, SIZE));
    let grown = memory().0.saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let origin = format!("http://api.test:{}", server.port());
    let (rules, client) = (rules(&[&origin]), Client::new(settings()));
    let put = |body| request("PUT", format!("{origin}/"), body);
    assert_eq!(code(send(&client, &rules, put(Body::Bytes(vec![0; (1 << 20) + 1]))).await).0, "too-large");
    let (reader, _writer) = std::io::pipe().unwrap();
    for file in
        [File::from(std::os::fd::OwnedFd::from(reader)), File::open("/").unwrap(), File::open("/dev/zero").unwrap()]
    {
        assert_eq!(code(send(&client, &rules, put(Body::File(file))).await).0, "invalid");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_file_that_shrinks_under_way_fails_and_one_that_grows_is_sent_as_it_was() {
    const SIZE: u64 = 64 << 20;
    for (then, sent) in [(1 << 20, None), (SIZE * 2, Some(SIZE))] {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE).unwrap();
        let (body, same) = (Body::File(file.try_clone().unwrap()), Arc::new(file));
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        let server = Server::raw("127.0.0.1", move |mut stream: TcpStream, _| {
            let (file, count) = (Arc::clone(&same), Arc::clone(&count));
            async move {
                // The head tells that it is under way; the most of it does not fit between here and there.
                let mut bytes = vec![0; 64 << 10];
                let mut head = Vec::new();
                let begins = loop {
                    let read = stream.read(&mut bytes).await.unwrap();
                    head.extend_from_slice(&bytes[..read]);
                    if let Some(at) = head.windows(4).position(|part| part == b"\r\n\r\n") {
                        break at + 4;
                    }
                };
                file.set_len(then).unwrap();
                count.fetch_add((head.len() - begins) as u64, Ordering::SeqCst);
                while count.load(Ordering::SeqCst) < SIZE {
                    match stream.read(&mut bytes).await {
                        Ok(0) | Err(_) => return,
                        Ok(read) => _ = count.fetch_add(read as u64, Ordering::SeqCst),
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        })
        .await;
        let origin = format!("http://api.test:{}", server.port());
        let answer =
            send(&Client::new(settings()), &rules(&[&origin]), request("PUT", format!("{origin}/"), body)).await;
        match sent {
            Some(sent) => assert_eq!((answer.unwrap().status, received.load(Ordering::SeqCst)), (200, sent)),
            None => {
                let (code, message) = code(answer);
                assert_eq!(code, "invalid", "{message}");
                assert!(message.contains("became shorter"), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_is_an_answer() {
    let server = Server::raw("127.0.0.1", |mut stream: TcpStream, _| async move {
        let mut asked = [0; 256];
        let _ = stream.read(&mut asked).await;
        let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwhom").await;
        // Goes on reading, as a server does that wants its answer to arrive.
        let mut rest = vec![0; 64 << 10];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let file = tempfile::tempfile().unwrap();
    file.set_len(64 << 20).unwrap();
    let origin = format!("http://api.test:{}", server.port());
    let (rules, client) = (rules(&[&origin]), Client::new(settings()));
    let answer = send(&client, &rules, request("PUT", format!("{origin}/"), Body::File(file))).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (401, &b"whom"[..]));
    assert_eq!(send(&client, &rules, get(format!("{origin}/"))).await.unwrap().status, 401);
}
