//! Headers that a plugin may not write, and secrets on their way into one.

use crate::kit::{Server, code, get, reply, rules, send, settings, with};
use egress::Client;
use model::Failure;
use std::sync::Mutex;

#[tokio::test]
async fn the_headers_of_the_connection_are_the_hosts() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    for (name, value) in [
        ("Host", "other.test"),
        ("HOST", "api.test"),
        ("Content-Length", "0"),
        ("content-length", "99"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic x"),
        ("proxy-connection", "keep-alive"),
        ("Upgrade", "websocket"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Expect", "100-continue"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        (":authority", "other.test"),
        ("", "x"),
        ("a b", "x"),
        ("a:b", "x"),
        ("a\r\nHost", "x"),
        ("ä", "x"),
        ("x-a", "1\r\nHost: other.test"),
        ("x-a", "1\nX-B: 2"),
        ("x-a", "1\r"),
        ("x-a", "1\0"),
        ("x-a", "\u{7f}"),
    ] {
        let (code, message) = code(send(&client, &rules, with(get(&url), name, value)).await);
        assert_eq!(code, "invalid", "{name}: {message}");
        assert!(value.len() < 4 || !message.contains(value), "{message}");
    }
    let mut many = get(&url);
    many.headers = (0..101).map(|number| (format!("x-{number}"), String::new())).collect();
    for request in [many, with(get(&url), "x-large", &"x".repeat(65 << 10))] {
        assert_eq!(code(send(&client, &rules, request).await).0, "invalid");
    }
    assert_eq!(server.connections(), 0);
    let spaced = with(with(get(&url), "x-spaced", "  a\tb "), "x-letters", "café");
    send(&client, &rules, spaced).await.unwrap();
    let got = server.got().remove(0);
    assert_eq!(
        (&got.headers()["x-spaced"], got.headers()["x-letters"].as_bytes()),
        (&"a\tb".parse().unwrap(), "café".as_bytes())
    );
}

#[tokio::test]
async fn a_header_that_servers_take_for_the_method_needs_that_method() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let mut rules = rules(&[&format!("http://api.test:{}", server.port())]);
    rules.methods = vec!["GET".to_owned(), "POST".to_owned()];
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    for name in ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"] {
        assert_eq!(code(send(&client, &rules, with(get(&url), name, " delete")).await).0, "denied");
        assert_eq!(send(&client, &rules, with(get(&url), name, "post")).await.unwrap().status, 200);
    }
    assert_eq!(server.got().len(), 3);
}

#[tokio::test]
async fn secrets_are_put_in_last_and_told_nowhere() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let place = format!("api.test:{}", server.port());
    let rules = rules(&[&format!("http://{place}")]);
    let (client, url) = (Client::new(settings()), format!("http://{place}/"));
    let asked = Mutex::new(Vec::new());
    let swap = |place: &str, plain: bool, name: &str, value: &str| {
        asked.lock().unwrap().push((place.to_owned(), plain, name.to_owned()));
        Ok(value.replace("{token}", "hunter2"))
    };
    let sent = with(with(get(&url), "Authorization", "Bearer {token}"), "Private-Token", "{token}");
    client.send(&rules, sent, &swap).await.unwrap();
    let got = server.got().remove(0);
    assert_eq!(
        (&got.headers()["authorization"], &got.headers()["private-token"]),
        (&"Bearer hunter2".parse().unwrap(), &"hunter2".parse().unwrap())
    );
    let told = |name: &str| (place.clone(), true, name.to_owned());
    assert_eq!(*asked.lock().unwrap(), [told("authorization"), told("private-token")]);
    // A secret of several lines is no header, and no text of an error.
    let lines = |_: &str, _: bool, _: &str, _: &str| Ok("hunter2\r\nHost: other".to_owned());
    let (code, message) = code(client.send(&rules, with(get(&url), "x-token", "{token}"), &lines).await);
    assert_eq!(code, "invalid");
    assert!(message.contains("x-token") && !message.contains("hunter2"), "{message}");
    // Whoever swaps may refuse.
    let refuse = |place: &str, plain: bool, _: &str, _: &str| Err(Failure::denied(format!("not at {place}, {plain}")));
    let failure = client.send(&rules, with(get(&url), "x-token", "{token}"), &refuse).await.unwrap_err();
    assert_eq!(failure, Failure::denied(format!("not at {place}, true")));
    assert_eq!(server.got().len(), 1);
}
