//! Names that lead where they should not, and addresses in disguise.

use crate::kit::{Server, code, get, named, reply, rules, send, settings, strict};
use egress::{Client, Names, Settings};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_address_in_disguise_is_the_address_that_it_is() {
    let server = Server::plain(|_| reply(200, &[], "here")).await;
    let port = server.port();
    let client = Client::new(settings());
    let granted = strict(&[&format!("http://127.0.0.1:{port}")]);
    let any = rules(&[&format!("http://*:{port}"), &format!("http://*.test:{port}")]);
    let disguises = [
        "127.0.0.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "127.1",
        "017700000001",
        "0177.0.0.1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7f00:1]",
    ];
    for (sent, disguise) in disguises.iter().enumerate() {
        let url = format!("http://{disguise}:{port}/");
        // A `*` stands for names only, whatever the address is called.
        assert_eq!(code(send(&client, &any, get(&url)).await).0, "denied", "{disguise}");
        assert_eq!(server.got().len(), sent, "{disguise}");
        assert_eq!(send(&client, &granted, get(&url)).await.unwrap().body, b"here", "{disguise}");
        assert_eq!(server.got()[sent].headers()["host"], format!("127.0.0.1:{port}").as_str(), "{disguise}");
    }
    for elsewhere in ["127.0.0.2", "2130706434", "[::1]", "[::127.0.0.1]", "0.0.0.0", "0", "localhost", "a.test"] {
        let url = format!("http://{elsewhere}:{port}/");
        assert_eq!(code(send(&client, &granted, get(&url)).await).0, "denied", "{elsewhere}");
    }
    assert_eq!(server.got().len(), disguises.len());
}

#[tokio::test]
async fn a_user_in_a_url_hides_no_host() {
    let (good, evil) = (Server::plain(|_| reply(200, &[], "")).await, Server::plain(|_| reply(200, &[], "")).await);
    let rules = rules(&[&format!("http://allowed.test:{}", good.port())]);
    let client = Client::new(settings());
    let (allowed, other) = (format!("allowed.test:{}", good.port()), format!("evil.test:{}", evil.port()));
    for url in [
        format!("http://{allowed}@{other}/"),
        format!("http://allowed.test:pass-word@{other}/"),
        format!("http://{other}\\@{allowed}/"),
        format!("http://{other}#@{allowed}/"),
        format!("http://{other}\t@{allowed}/"),
        format!("http://{allowed}%2f@{other}/"),
        format!("http:\\\\{other}/"),
        format!("http:{other}/"),
    ] {
        let (code, message) = code(send(&client, &rules, get(&url)).await);
        assert_eq!(code, "invalid", "{url}: {message}");
        assert!(!message.contains("pass-word"), "{message}");
    }
    for url in [format!("http://{other}/@{allowed}"), format!("http://{other}?@{allowed}"), format!("http://@{other}/")]
    {
        assert_eq!(code(send(&client, &rules, get(&url)).await).0, "denied", "{url}");
    }
    assert_eq!((good.connections(), evil.connections()), (0, 0));
}

#[tokio::test]
async fn names_of_any_spelling_are_judged_as_one() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let port = server.port();
    let client = Client::new(settings());
    let granted = rules(&[&format!("http://api.test:{port}")]);
    for name in ["api.test", "API.Test", "api.test.", "%61pi.test", "ａpi.test", "api。test"] {
        assert_eq!(send(&client, &granted, get(format!("http://{name}:{port}/"))).await.unwrap().status, 200, "{name}");
    }
    assert!(server.got().iter().all(|got| got.headers()["host"] == format!("api.test:{port}").as_str()));
    let before = server.got().len();
    for name in ["api.test.evil.test", "xapi.test", "api.test..", "api..test", "a$pi.test", "-.test", "аpi.test"] {
        let (code, message) = code(send(&client, &granted, get(format!("http://{name}:{port}/"))).await);
        assert!(code == "denied" || code == "invalid", "{name}: {code} {message}");
    }
    assert_eq!(server.got().len(), before);
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_judged_by_the_one_that_is_connected_to() {
    let close = |_: &_| reply(200, &[("connection", "close")], "");
    let public = Server::plain_at("127.0.0.1", close).await;
    let port = public.port();
    // The same port elsewhere: what rebinding aims at.
    let listener = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let asked = AtomicUsize::new(0);
    let settings = named(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => vec![address("127.0.0.1")],
        1 => vec![address("127.0.0.2")],
        2 => vec![address("127.0.0.2"), address("::1"), address("127.0.0.1"), address("169.254.169.254")],
        3 => vec![address("::ffff:127.0.0.2")],
        _ => vec![address("::127.0.0.1"), address("0.0.0.0"), address("10.0.0.1")],
    });
    let (client, rules) = (Client::new(settings), rules(&[&format!("http://rebind.test:{port}")]));
    for answered in [true, false, true, false, false] {
        let answer = send(&client, &rules, get(format!("http://rebind.test:{port}/"))).await;
        match answer {
            Ok(_) => assert!(answered),
            Err(failure) => {
                assert!(failure.is_denied() && !answered, "{failure}");
                assert!(failure.message.contains("no public address"), "{failure}");
            }
        }
    }
    assert_eq!(public.connections(), 2);
    assert_eq!(listener.accept().map(drop).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn the_machines_own_names_are_judged_too() {
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let client = Client::new(Settings { names: Names::Machine, ..settings() });
    let (granted, url) =
        (format!("http://localhost:{}", server.port()), format!("http://localhost:{}/", server.port()));
    let (code, message) = code(send(&client, &strict(&[&granted]), get(&url)).await);
    assert_eq!((code.as_str(), server.connections()), ("denied", 0), "{message}");
    assert_eq!(send(&client, &rules(&[&granted]), get(&url)).await.unwrap().status, 200);
}
