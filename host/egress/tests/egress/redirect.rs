//! Redirects: judged like the first request, and never followed with what was meant for another place.

use crate::kit::{Authority, Server, client, code, get, reply, request, rules, send, settings, value, with};
use egress::{Body, Client};
use model::Failure;
use std::io::Write;
use std::sync::Mutex;

/// A server that redirects with the status in its path to what follows in it.
async fn redirecting() -> Server {
    Server::plain(|got| {
        let target = got.uri().query().unwrap_or_default().to_owned();
        match got.uri().path()[1..].parse() {
            Ok(status) => reply(status, &[("location", &target)], "moved"),
            Err(_) => reply(200, &[], "here"),
        }
    })
    .await
}

#[tokio::test]
async fn as_many_are_followed_as_were_asked_for() {
    let server = redirecting().await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, origin) = (Client::new(settings()), format!("http://api.test:{}", server.port()));
    let send_to = async |path: &str, redirects: u32| {
        let mut request = get(format!("{origin}{path}"));
        request.redirects = redirects;
        send(&client, &rules, request).await.unwrap()
    };
    let answer = send_to("/302?/end", 0).await;
    assert_eq!((answer.status, value(&answer, "location"), answer.body.as_slice()), (302, Some("/end"), &b"moved"[..]));
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(send_to(&format!("/{status}?/end"), 1).await.body, b"here", "{status}");
    }
    for status in [300, 304, 305] {
        assert_eq!(send_to(&format!("/{status}?/end"), 1).await.status, status);
    }
    let before = server.got().len();
    // One that leads to another: the second is the answer.
    assert_eq!(send_to("/302?/303?/end", 1).await.status, 303);
    assert_eq!(server.got().len(), before + 2);
}

#[tokio::test]
async fn each_hop_needs_its_grant() {
    let authority = Authority::new();
    let (server, elsewhere) = (redirecting().await, Server::plain(|_| reply(200, &[], "secrets of the machine")).await);
    let (port, other) = (server.port(), elsewhere.port());
    let secure = {
        let to = format!("http://api.test:{other}/?token=1");
        Server::tls(authority.acceptor(&["api.test"], &["h2"]), move |_| reply(302, &[("location", &to)], "")).await
    };
    let client = client(&authority);
    let granted =
        [format!("http://api.test:{port}"), format!("http://*:{other}"), format!("api.test:{}", secure.port())];
    let granted: Vec<&str> = granted.iter().map(String::as_str).collect();
    for (from, hosts) in [
        (format!("http://api.test:{port}/302?http://evil.test:{other}/x"), &granted[..1]),
        (format!("http://api.test:{port}/302?//2130706433:{other}/"), &granted[..]),
        (format!("http://api.test:{port}/302?http://127.0.0.1:{other}/"), &granted[..]),
        (format!("http://api.test:{port}/302?http://[::ffff:7f00:1]:{other}/"), &granted[..]),
        (format!("http://api.test:{port}/302?http://169.254.169.254/latest"), &granted[..]),
        // From TLS to none.
        (format!("https://api.test:{}/", secure.port()), &granted[2..]),
    ] {
        let mut request = get(&from);
        request.redirects = 5;
        let (code, message) = code(send(&client, &rules(hosts), request).await);
        assert_eq!(code, "denied", "{from}: {message}");
        assert!(message.starts_with("after a redirect from `") && !message.contains("token"), "{message}");
    }
    assert_eq!((elsewhere.connections(), secure.got().len()), (0, 1));
    let mut request = get(format!("https://api.test:{}/", secure.port()));
    request.redirects = 1;
    assert_eq!(send(&client, &rules(&granted), request).await.unwrap().body, b"secrets of the machine");
}

#[tokio::test]
async fn a_method_that_a_redirect_brings_needs_its_grant() {
    let server = redirecting().await;
    let mut rules = rules(&[&format!("http://api.test:{}", server.port())]);
    rules.methods = vec!["POST".to_owned()];
    let (client, origin) = (Client::new(settings()), format!("http://api.test:{}", server.port()));
    let mut post = request("POST", format!("{origin}/302?/end"), Body::Bytes(b"in".into()));
    post.redirects = 1;
    let (code, message) = code(send(&client, &rules, post).await);
    assert_eq!((code.as_str(), server.got().len()), ("denied", 1), "{message}");
    assert!(message.contains("the method `GET` is not granted"), "{message}");
}

#[tokio::test]
async fn a_body_goes_along_where_the_method_does() {
    let server = redirecting().await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, origin) = (Client::new(settings()), format!("http://api.test:{}", server.port()));
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"from a file").unwrap();
    for (status, body, method, arrived) in [
        (307, Body::File(file), "PUT", "from a file"),
        (308, Body::Bytes(b"bytes".into()), "PUT", "bytes"),
        (303, Body::Bytes(b"bytes".into()), "GET", ""),
    ] {
        let mut put = with(request("PUT", format!("{origin}/{status}?/end"), body), "Content-Type", "text/plain");
        put.redirects = 1;
        send(&client, &rules, put).await.unwrap();
        let last = server.got().pop().unwrap();
        assert_eq!((last.method().as_str(), last.body().as_ref()), (method, arrived.as_bytes()));
        assert_eq!(last.headers().contains_key("content-type"), method == "PUT");
        assert_eq!(last.headers().get("content-length").is_some(), method == "PUT");
    }
}

#[tokio::test]
async fn no_secret_goes_to_another_place() {
    let there = Server::plain(|got| reply(200, &[], got.uri().path().to_owned())).await;
    let here = {
        let to = format!("http://b.test:{}/end", there.port());
        Server::plain(move |got| match got.uri().path() {
            "/same" => reply(307, &[("location", "/other")], ""),
            _ => reply(307, &[("location", &to)], ""),
        })
        .await
    };
    let (a, b) = (format!("a.test:{}", here.port()), format!("b.test:{}", there.port()));
    let rules = rules(&[&format!("http://{a}"), &format!("http://{b}")]);
    let client = Client::new(settings());
    let asked = Mutex::new(Vec::new());
    let own = a.clone();
    let swap = |place: &str, _: bool, name: &str, value: &str| {
        asked.lock().unwrap().push(format!("{place} {name}"));
        if !value.contains("{token}") {
            Ok(value.to_owned())
        } else if place == own {
            Ok(value.replace("{token}", "hunter2"))
        } else {
            Err(Failure::denied(format!("the secret `token` is not granted at `{place}`")))
        }
    };
    let go = |path: &str| {
        let mut request = with(get(format!("http://{a}{path}")), "x-plain", "1");
        request.redirects = 3;
        request
    };
    let sent = with(with(go("/same"), "Authorization", "Bearer {token}"), "Cookie", "a={token}");
    assert_eq!(client.send(&rules, sent, &swap).await.unwrap().body, b"/end");
    // Along to another path, not to another host.
    assert!(here.got().iter().all(|got| got.headers()["authorization"] == "Bearer hunter2"));
    assert_eq!(here.got().len(), 2);
    let end = there.got().remove(0);
    assert!(!end.headers().contains_key("authorization") && !end.headers().contains_key("cookie"));
    assert_eq!(end.headers()["x-plain"], "1");
    assert_eq!(asked.lock().unwrap().last().unwrap(), &format!("{b} x-plain"));
    // In a header that nobody knows to be one of secrets, it is for whoever swaps to refuse.
    let failure = client.send(&rules, with(go("/other"), "x-token", "{token}"), &swap).await.unwrap_err();
    assert!(failure.is_denied() && failure.message.contains(&format!("not granted at `{b}`")), "{failure}");
    assert!(!failure.message.contains("hunter2"));
    assert_eq!(there.got().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_the_servers_fault() {
    let server = redirecting().await;
    let rules = rules(&[&format!("http://*:{}", server.port()), &format!("http://api.test:{}", server.port())]);
    let (client, origin) = (Client::new(settings()), format!("http://api.test:{}", server.port()));
    for target in ["ftp://api.test/", "http://user:hunter2@api.test/", "http://", "javascript:alert(1)"] {
        let mut request = get(format!("{origin}/302?{target}"));
        request.redirects = 1;
        let failure = send(&client, &rules, request).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", false), "{target}: {failure}");
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}
