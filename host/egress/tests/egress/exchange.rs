//! Requests that are granted, and what comes back.

use crate::kit::{Authority, Server, client, code, get, reply, request, rules, send, settings, strict, value, with};
use egress::{Body, Client, Response};
use hyper::Version;
use std::time::Duration;

#[tokio::test]
async fn a_request_goes_out_and_its_answer_comes_back() {
    let authority = Authority::new();
    for (protocols, version) in
        [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"], Version::HTTP_11), (&[], Version::HTTP_11)]
    {
        let acceptor = authority.acceptor(&["api.test"], protocols);
        let server = Server::tls(acceptor, |_| reply(201, &[("X-Answer", "yes"), ("x-answer", "twice")], "made")).await;
        let place = format!("api.test:{}", server.port());
        let mut sent =
            request("POST", format!("https://API.test:{}/a/b?c=d", server.port()), Body::Bytes(b"in".into()));
        sent = with(with(sent, "X-Many", "1"), "x-many", "2");
        let answer = send(&client(&authority), &rules(&[&place]), sent).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice(), answer.saved), (201, &b"made"[..], 0));
        let given: Vec<&str> =
            answer.headers.iter().filter(|(name, _)| name == "x-answer").map(|(_, value)| value.as_str()).collect();
        assert_eq!(given, ["yes", "twice"]);
        let got = server.got().remove(0);
        assert_eq!((got.version(), got.method().as_str(), got.body().as_ref()), (version, "POST", &b"in"[..]));
        assert_eq!(got.uri().path_and_query().unwrap(), "/a/b?c=d");
        let many: Vec<&str> = got.headers().get_all("x-many").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(many, ["1", "2"]);
        assert_eq!(got.headers()["content-length"], "2");
        assert!(got.headers()["user-agent"].to_str().unwrap().starts_with("tidegate/"));
        for absent in ["transfer-encoding", "accept-encoding", "cookie", "referer"] {
            assert!(!got.headers().contains_key(absent), "{absent}");
        }
        let host =
            got.headers().get("host").map(|host| host.to_str().unwrap()).or(got.uri().authority().map(|a| a.as_str()));
        assert_eq!(host, Some(place.as_str()));
    }
}

#[tokio::test]
async fn every_status_is_an_answer_and_an_empty_body_has_a_length() {
    let server = Server::plain(|got| reply(got.uri().path()[1..].parse().unwrap(), &[], "said")).await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let client = Client::new(settings());
    for (method, status) in [("GET", 404), ("POST", 500), ("PUT", 599), ("PATCH", 200), ("DELETE", 204), ("GET", 302)] {
        let url = format!("http://api.test:{}/{status}", server.port());
        assert_eq!(send(&client, &rules, request(method, url, Body::Nothing)).await.unwrap().status, status);
    }
    let lengths: Vec<bool> = server.got().iter().map(|got| got.headers().contains_key("content-length")).collect();
    assert_eq!(lengths, [false, true, true, true, false, false]);
    // Its length is that of what a `GET` would have answered.
    let url = format!("http://api.test:{}/200", server.port());
    let head = send(&client, &rules, request("HEAD", url, Body::Nothing)).await.unwrap();
    assert_eq!((value(&head, "content-length"), head.body.len()), (Some("4"), 0));
}

#[tokio::test]
async fn what_is_not_granted_is_never_connected_to() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let (port, client) = (server.port(), Client::new(settings()));
    let url = format!("http://api.test:{port}/secret-path?token=1");
    let granted = format!("http://api.test:{port}");
    let mut reading = rules(&[&granted]);
    reading.methods = vec!["GET".to_owned(), "HEAD".to_owned()];
    let post = request("POST", &url, Body::Nothing);
    for (rules, request, needs) in [
        (rules(&[]), get(&url), format!("http: {{ hosts: [\"http://api.test:{port}\"] }}")),
        // Over TLS only.
        (rules(&[&format!("api.test:{port}")]), get(&url), format!("hosts: [\"http://api.test:{port}\"]")),
        (rules(&["http://api.test"]), get(&url), format!("hosts: [\"http://api.test:{port}\"]")),
        (rules(&[&format!("http://b.test:{port}")]), get(&url), "api.test".to_owned()),
        (reading, post, "http: { methods: [\"POST\"] }".to_owned()),
        (strict(&[&granted]), get(&url), "no public address".to_owned()),
    ] {
        let (code, message) = code(send(&client, &rules, request).await);
        assert_eq!(code, "denied", "{message}");
        assert!(message.contains(&needs), "{message}");
        assert!(!message.contains("token") && !message.contains("secret-path"), "{message}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn methods_are_words_and_none_opens_a_tunnel() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    for method in ["CONNECT", "TRACE", "get", "", "GET ", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "G€T"] {
        let (code, message) = code(send(&client, &rules, request(method, &url, Body::Nothing)).await);
        assert_eq!(code, "invalid", "{method}: {message}");
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(send(&client, &rules, request("PROPFIND", &url, Body::Nothing)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(settings());
    let url = format!("http://api.test:{gone}/path?token=1");
    let failure = send(&client, &rules(&[&format!("http://api.test:{gone}")]), get(url)).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", true));
    assert!(failure.message.contains("refused") && !failure.message.contains("token"), "{failure}");
    let failure = send(&client, &rules(&["nowhere.example"]), get("https://nowhere.example/")).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("unavailable", "`nowhere.example` has no address"));
}

#[tokio::test]
async fn no_cookie_is_kept() {
    let server = Server::plain(|_| reply(200, &[("set-cookie", "session=1; Path=/")], "")).await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let (client, url) = (Client::new(settings()), format!("http://api.test:{}/", server.port()));
    let first = send(&client, &rules, get(&url)).await.unwrap();
    assert_eq!(value(&first, "set-cookie"), Some("session=1; Path=/"));
    send(&client, &rules, get(&url)).await.unwrap();
    assert!(server.got().iter().all(|got| !got.headers().contains_key("cookie")));
}

#[tokio::test]
async fn a_request_says_how_long_it_may_take_and_how_far_it_may_go() {
    let client = Client::new(settings());
    let mut long = get("https://api.test/");
    long.timeout = Duration::from_secs(601);
    let mut far = get("https://api.test/");
    far.redirects = 21;
    for request in [long, far] {
        assert_eq!(code(send(&client, &rules(&["api.test"]), request).await).0, "invalid");
    }
}

#[tokio::test]
async fn values_that_are_no_utf8_are_latin_1() {
    let server = Server::plain(|_| {
        let mut reply = reply(200, &[], "");
        reply.headers_mut().insert("x-name", hyper::header::HeaderValue::from_bytes(b"caf\xe9").unwrap());
        reply
    })
    .await;
    let rules = rules(&[&format!("http://api.test:{}", server.port())]);
    let url = format!("http://api.test:{}/", server.port());
    let answer: Response = send(&Client::new(settings()), &rules, get(url)).await.unwrap();
    assert_eq!(value(&answer, "x-name"), Some("café"));
}
