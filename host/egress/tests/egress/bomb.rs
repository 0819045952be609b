//! Answers that would fill the memory or the disk.

use crate::kit::{Authority, Server, client, code, get, reply, rules, send, settings, value, with};
use egress::{Client, Settings};
use std::io::{Read, Seek};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Says `head`, then `piece` for as long as somebody listens.
async fn endless(head: &'static str, piece: &'static [u8]) -> Server {
    Server::raw("127.0.0.1", move |mut stream: TcpStream, _| async move {
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(piece).await.is_ok() {}
    })
    .await
}

#[tokio::test]
async fn what_never_ends_is_cut_off() {
    let large: &[u8] = Box::leak(vec![b'x'; 64 << 10].into_boxed_slice());
    let chunk: &[u8] = Box::leak([b"10000\r\n", large, b"\r\n"].concat().into_boxed_slice());
    let header: &[u8] = Box::leak([b"x-bomb: ", &large[..1000], b"\r\n"].concat().into_boxed_slice());
    for (head, piece, says) in [
        ("HTTP/1.1 200 OK\r\n\r\n", large, "more than 4 MiB"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", large, "more than 4 MiB"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, "more than 4 MiB"),
        ("HTTP/1.1 200 OK\r\nx-bomb: ", large, "64 KiB"),
        ("HTTP/1.1 200 OK\r\n", header, "64 KiB"),
        ("HTTP/1.1 200 OK\r\n", b"x: y\r\n", "100 headers"),
        ("HTTP/1.1 200 ", large, "64 KiB"),
        // A chunk's extension, and what follows the last one.
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", large, "cannot be spoken to"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", header, "cannot be spoken to"),
    ] {
        let server = endless(head, piece).await;
        let rules = rules(&[&format!("http://api.test:{}", server.port())]);
        let url = format!("http://api.test:{}/?token=1", server.port());
        let (code, message) = code(send(&Client::new(settings()), &rules, get(url)).await);
        let expected = if says.contains("spoken") { "unavailable" } else { "too-large" };
        assert_eq!(code, expected, "{head:?} {message}");
        assert!(message.contains(says) && !message.contains("token") && !message.contains("xxx"), "{head:?} {message}");
    }
}

#[tokio::test]
async fn heads_of_http_2_are_bounded_too() {
    let authority = Authority::new();
    for (number, size) in [(1, 100 << 10), (3000, 100)] {
        let acceptor = authority.acceptor(&["api.test"], &["h2"]);
        let server = Server::tls(acceptor, move |_| {
            let mut reply = reply(200, &[], "");
            for name in 0..number {
                let name: hyper::header::HeaderName = format!("x-{name}").parse().unwrap();
                reply.headers_mut().insert(name, "x".repeat(size).parse().unwrap());
            }
            reply
        })
        .await;
        let rules = rules(&[&format!("api.test:{}", server.port())]);
        let url = format!("https://api.test:{}/", server.port());
        let (code, message) = code(send(&client(&authority), &rules, get(url)).await);
        assert!(code == "unavailable" || code == "too-large", "{code} {message}");
        assert!(!message.contains("xxx"), "{message}");
    }
}

#[tokio::test]
async fn what_is_saved_is_bounded_as_the_operator_says() {
    let server = Server::plain(|got| {
        let size = got.uri().path()[1..].parse().unwrap();
        reply(200, &[], vec![7; size])
    })
    .await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let client = Client::new(Settings { saved: 6 << 20, ..settings() });
    for (size, fits) in [(0, true), (6 << 20, true), ((6 << 20) + 1, false)] {
        let mut file = tempfile::tempfile().unwrap();
        let mut request = get(format!("http://api.test:{}/{size}", server.port()));
        request.save = Some(file.try_clone().unwrap());
        let answer = send(&client, &rules, request).await;
        if !fits {
            assert_eq!(code(answer).0, "too-large");
            continue;
        }
        let answer = answer.unwrap();
        assert_eq!((answer.saved, answer.body.len()), (size, 0));
        let mut saved = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut saved).unwrap();
        assert!(saved.len() as u64 == size && saved.iter().all(|byte| *byte == 7), "{size}");
    }
    // In the answer, four are the most.
    for (size, fits) in [(4 << 20, true), ((4 << 20) + 1, false)] {
        let answer = send(&client, &rules, get(format!("http://api.test:{}/{size}", server.port()))).await;
        assert_eq!(answer.is_ok_and(|answer| answer.body.len() == size), fits, "{size}");
    }
}

#[tokio::test]
async fn what_is_saved_of_an_unknown_length_is_bounded_too() {
    let large: &[u8] = Box::leak(vec![b'x'; 64 << 10].into_boxed_slice());
    let server = endless("HTTP/1.1 200 OK\r\n\r\n", large).await;
    let file = tempfile::tempfile().unwrap();
    let mut request = get(format!("http://api.test:{}/", server.port()));
    request.save = Some(file.try_clone().unwrap());
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let client = Client::new(Settings { saved: 5 << 20, ..settings() });
    let (code, message) = code(send(&client, &rules, request).await);
    assert_eq!(code, "too-large");
    assert!(message.contains("more than 5 MiB") && file.metadata().unwrap().len() <= 5 << 20, "{message}");
}

#[tokio::test]
async fn what_is_compressed_stays_so() {
    // A thousand zeroes by `gzip -9n`, in 29 bytes.
    const GZIP: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x63, 0x60, 0x18, 5, 0xa3, 0x60, 0xa8, 3, 0, 0x5c, 0xd3, 0x95, 0x7d, 0xe8,
        3, 0, 0,
    ];
    let server = Server::plain(|_| reply(200, &[("content-encoding", "gzip")], GZIP)).await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let request = with(get(format!("http://api.test:{}/", server.port())), "accept-encoding", "gzip");
    let answer = send(&Client::new(settings()), &rules, request).await.unwrap();
    assert_eq!((answer.body.as_slice(), value(&answer, "content-encoding")), (GZIP, Some("gzip")));
    assert_eq!(server.got()[0].headers()["accept-encoding"], "gzip");
}

#[tokio::test]
async fn an_answer_that_is_none_is_unavailable() {
    for (says, message) in [
        ("", "closed the connection before its answer was whole"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "cannot be spoken to"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "closed the connection"),
        ("SSH-2.0-hunter2\r\n", "cannot be spoken to"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "cannot be spoken to"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "cannot be spoken to"),
        ("HTTP/1.1 200 OK\r\nx hunter2: y\r\n\r\n", "cannot be spoken to"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ""),
    ] {
        let server = Server::raw("127.0.0.1", move |mut stream: TcpStream, _| async move {
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(says.as_bytes()).await;
        })
        .await;
        let rules = rules(&[&format!("http://api.test:{}", server.port())]);
        let url = format!("http://api.test:{}/?token=1", server.port());
        let failure = send(&Client::new(settings()), &rules, get(url)).await.expect_err(says);
        assert_eq!(failure.code, "unavailable", "{says:?} {failure}");
        assert!(failure.message.contains(message), "{says:?} {failure}");
        assert!(!failure.message.contains("token") && !failure.message.contains("hunter2"), "{failure}");
    }
}
