//! Connections that are used again: by whom, and what is left in them.

use crate::kit::{Authority, Server, client, code, get, reply, request, rules, send, settings, strict};
use egress::{Body, Client};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

#[tokio::test]
async fn a_warm_connection_serves_only_those_who_could_have_opened_it() {
    let authority = Authority::new();
    let h2 = Server::tls(authority.acceptor(&["api.test"], &["h2"]), |_| reply(200, &[], "")).await;
    let h1 = Server::plain(|_| reply(200, &[], "")).await;
    let client = client(&authority);
    for (server, scheme) in [(&h2, "https"), (&h1, "http")] {
        let (granted, url) =
            (format!("{scheme}://api.test:{}", server.port()), format!("{scheme}://api.test:{}/", server.port()));
        for _ in 0..5 {
            send(&client, &rules(&[&granted]), get(&url)).await.unwrap();
        }
        assert_eq!((server.connections(), server.got().len()), (1, 5), "{scheme}");
        // The connection is there, and its address is not granted to these.
        let mut other = strict(&[&granted]);
        for private in ["10.0.0.0/8", "127.0.0.2/32", "127.0.0.0/31"] {
            let (code, message) = code(send(&client, &other, get(&url)).await);
            assert_eq!((code.as_str(), server.connections()), ("denied", 1), "{scheme}: {message}");
            other.private = vec![private.parse().unwrap()];
        }
        // The last of them contains it, and has a connection of its own.
        assert_eq!(send(&client, &other, get(&url)).await.unwrap().status, 200);
        assert_eq!(server.connections(), 2, "{scheme}");
        // Names and methods are asked of every request.
        assert_eq!(code(send(&client, &rules(&["b.test"]), get(&url)).await).0, "denied");
        let mut reading = rules(&[&granted]);
        reading.methods = vec!["GET".to_owned()];
        assert_eq!(code(send(&client, &reading, request("DELETE", &url, Body::Nothing)).await).0, "denied");
        assert_eq!((server.connections(), server.got().len()), (2, 6), "{scheme}");
    }
}

#[tokio::test]
async fn the_order_of_networks_makes_no_other_set() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    for networks in [["127.0.0.0/8", "10.0.0.0/8"], ["10.0.0.0/8", "127.0.0.0/8"]] {
        let mut rules = strict(&[&format!("http://api.test:{}", server.port())]);
        rules.private = networks.iter().map(|network| network.parse().unwrap()).collect();
        send(&client, &rules, get(&url)).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_reaches_no_other_request() {
    let wrote = Arc::new(Notify::new());
    let (count, told) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&wrote));
    let server = Server::raw("127.0.0.1", move |mut stream, _| {
        let (number, told) = (count.fetch_add(1, Ordering::SeqCst), Arc::clone(&told));
        async move {
            let mut asked = [0; 1024];
            while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec();
                answer.extend_from_slice(if number == 0 { b"first" } else { b"other" });
                if number == 0 {
                    answer.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
                }
                if stream.write_all(&answer).await.is_err() {
                    break;
                }
            }
            // The first connection is over before the second request looks for one.
            told.notify_one();
        }
    })
    .await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    assert_eq!(send(&client, &rules, get(&url)).await.unwrap().body, b"first");
    wrote.notified().await;
    assert_eq!(send(&client, &rules, get(&url)).await.unwrap().body, b"other");
}

#[tokio::test]
async fn a_connection_that_its_server_closed_is_replaced() {
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    let server = Server::raw("127.0.0.1", move |mut stream, _| {
        let told = Arc::clone(&told);
        async move {
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            drop(stream);
            told.notify_one();
        }
    })
    .await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    for sent in 1..=20 {
        assert_eq!(send(&client, &rules, get(&url)).await.unwrap().body, b"ok", "{sent}");
        closed.notified().await;
    }
    assert_eq!(server.connections(), 20);
}
