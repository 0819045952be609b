//! Servers that take their time, and callers that do not.

use crate::kit::{Authority, Server, client, code, get, request, rules, send, settings};
use egress::{Body, Client, Settings};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Says `head` at once and then a byte at a time, for ever.
async fn dribbling(head: &'static str) -> Server {
    Server::raw("127.0.0.1", move |mut stream: TcpStream, _| async move {
        let mut asked = [0; 1024];
        let _ = stream.read(&mut asked).await;
        let _ = stream.write_all(head.as_bytes()).await;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            if stream.write_all(b"x").await.is_err() {
                break;
            }
        }
    })
    .await
}

#[tokio::test]
async fn the_whole_answer_must_be_there_in_time() {
    for head in [
        "HTTP/1.1 200 ",
        "HTTP/1.1 200 OK\r\nX-Slow: ",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ",
        "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1000000\r\n\r\n",
    ] {
        let server = dribbling(head).await;
        let rules = rules(&[&format!("http://api.test:{}", server.port())]);
        for redirects in [0, 20] {
            let mut request = get(format!("http://api.test:{}/?token=1", server.port()));
            request.timeout = Duration::from_millis(300);
            request.redirects = redirects;
            // Followed, a redirect leads to the next one at once: twenty of them are over in time.
            if head.contains("302") && redirects > 0 {
                request.timeout = Duration::from_millis(1500);
            }
            let begun = Instant::now();
            let failure = send(&Client::new(settings()), &rules, request).await.unwrap_err();
            assert_eq!((failure.code.as_str(), failure.retryable), ("timed-out", true), "{head:?} {failure}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{head:?} {:?}", begun.elapsed());
            assert!(failure.message.contains("within ") && !failure.message.contains("token"), "{failure}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_greet_is_given_up_early() {
    let authority = Authority::new();
    let server = Server::raw("127.0.0.1", |stream: TcpStream, _| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let settings = Settings {
        connect: Duration::from_millis(200),
        authorities: egress::Authorities::Only(vec![authority.file()]),
        ..settings()
    };
    let rules = rules(&[&format!("api.test:{}", server.port())]);
    let url = format!("https://api.test:{}/", server.port());
    let (code, message) = code(send(&Client::new(settings), &rules, get(url)).await);
    assert_eq!(code, "unavailable");
    assert!(message.contains("took longer than 200 ms"), "{message}");
}

#[tokio::test]
async fn a_server_that_reads_nothing_is_given_up() {
    let server = Server::raw("127.0.0.1", |stream: TcpStream, _| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let file = tempfile::tempfile().unwrap();
    file.set_len(64 << 20).unwrap();
    let mut put = request("PUT", format!("http://api.test:{}/", server.port()), Body::File(file));
    put.timeout = Duration::from_millis(300);
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    assert_eq!(code(send(&Client::new(settings()), &rules, put).await).0, "timed-out");
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_its_server() {
    let (asked, left) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell_asked, tell_left) = (Arc::clone(&asked), Arc::clone(&left));
    let server = Server::raw("127.0.0.1", move |mut stream: TcpStream, _| {
        let (asked, left) = (Arc::clone(&tell_asked), Arc::clone(&tell_left));
        async move {
            let mut bytes = [0; 1024];
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                asked.notify_one();
            }
            left.notify_one();
        }
    })
    .await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let client = Client::new(settings());
    let sending = {
        let (client, url) = (client.clone(), format!("http://api.test:{}/", server.port()));
        tokio::spawn(async move { send(&client, &rules, get(url)).await })
    };
    asked.notified().await;
    sending.abort();
    tokio::time::timeout(Duration::from_secs(20), left.notified()).await.expect("the connection is still open");
    drop(client);
}

#[tokio::test]
async fn a_stream_of_http_2_that_is_dropped_is_reset_and_its_connection_stays() {
    let authority = Authority::new();
    let (asked, left) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let acceptor = authority.acceptor(&["api.test"], &["h2"]);
    let (tell_asked, tell_left) = (Arc::clone(&asked), Arc::clone(&left));
    let server = Server::tls_slow(acceptor, tell_asked, tell_left).await;
    let rules = rules(&[&format!("api.test:{}", server.port())]);
    let client = client(&authority);
    let url = format!("https://api.test:{}", server.port());
    assert_eq!(send(&client, &rules, get(format!("{url}/soon"))).await.unwrap().status, 200);
    let sending = {
        let (client, rules, url) = (client.clone(), rules.clone(), url.clone());
        tokio::spawn(async move { send(&client, &rules, get(format!("{url}/never"))).await })
    };
    asked.notified().await;
    sending.abort();
    tokio::time::timeout(Duration::from_secs(20), left.notified()).await.expect("the stream is still open");
    assert_eq!(send(&client, &rules, get(format!("{url}/soon"))).await.unwrap().status, 200);
    assert_eq!(server.connections(), 1);
}
