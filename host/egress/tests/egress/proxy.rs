//! The proxy that an operator names, and those that the machine names.

use crate::kit::{Authority, Got, Server, code, get, named, reply, rules, send, settings, strict, with};
use egress::{Authorities, Client, Proxy, Settings};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A proxy that opens every tunnel to one port of 127.0.0.1, and what it was asked.
async fn tunnelling(to: u16, status: &'static str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let server = Server::raw("127.0.0.1", move |mut stream: TcpStream, _: Arc<Mutex<Vec<Got>>>| {
        let told = Arc::clone(&told);
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            told.lock().unwrap().push(String::from_utf8(head).unwrap());
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
            if status.starts_with("200") {
                let mut onward = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
            }
        }
    })
    .await;
    (server, asked)
}

/// Settings with a proxy, and no name that leads anywhere.
fn through(proxy: &Server, authority: &Authority) -> Settings {
    let authorization = Some("Basic aHVudGVyMg==".to_owned());
    Settings {
        proxy: Some(Proxy { host: "127.0.0.1".to_owned(), port: proxy.port(), authorization }),
        authorities: Authorities::Only(vec![authority.file()]),
        ..named(|_| Vec::new())
    }
}

#[tokio::test]
async fn every_request_goes_through_the_proxy_by_name() {
    let authority = Authority::new();
    let secure = Server::tls(authority.acceptor(&["api.test"], &["h2"]), |_| reply(200, &[], "secure")).await;
    let plain = Server::plain(|_| reply(200, &[], "plain")).await;
    for (server, url, place, body) in [
        (&secure, "https://api.test/", "api.test:443", &b"secure"[..]),
        (&plain, "http://api.test/", "api.test:80", b"plain"),
        (&plain, "http://api.test:8080/", "api.test:8080", b"plain"),
    ] {
        let (proxy, asked) = tunnelling(server.port(), "200 OK").await;
        let client = Client::new(through(&proxy, &authority));
        let rules = strict(&["api.test", "http://api.test", "http://api.test:8080"]);
        assert_eq!(send(&client, &rules, with(get(url), "x-own", "1")).await.unwrap().body, body);
        let head =
            format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: Basic aHVudGVyMg==\r\n\r\n");
        assert_eq!(*asked.lock().unwrap(), [head]);
        let got = server.got().pop().unwrap();
        assert!(!got.headers().contains_key("proxy-authorization"));
        // What is not granted does not get as far as the proxy.
        for denied in ["https://b.test/", "http://127.0.0.1/", "https://2130706433/"] {
            assert_eq!(code(send(&client, &rules, get(denied)).await).0, "denied", "{denied}");
        }
        assert_eq!(proxy.connections(), 1);
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_without_its_password() {
    let authority = Authority::new();
    for status in ["403 Forbidden", "407 Proxy Authentication Required", "502 hunter2"] {
        let (proxy, _) = tunnelling(1, status).await;
        let client = Client::new(through(&proxy, &authority));
        let (code, message) = code(send(&client, &strict(&["api.test"]), get("https://api.test/")).await);
        assert_eq!(code, "unavailable");
        assert!(message.contains(&format!("the proxy `127.0.0.1:{}`", proxy.port())), "{message}");
        assert!(!message.contains("aHVudGVyMg") && !message.contains("hunter2"), "{message}");
        assert!(!format!("{client:?}").contains("aHVudGVyMg"));
    }
}

#[tokio::test]
async fn the_machines_proxy_variables_count_for_nothing() {
    const NAMES: [&str; 6] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let authority = Authority::new();
    if std::env::var_os("EGRESS_ALONE").is_none() {
        // In a process that has them from its start.
        let (proxy, asked) = tunnelling(1, "200 OK").await;
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "proxy::the_machines_proxy_variables_count_for_nothing", "--nocapture"]);
        child.envs(NAMES.map(|name| (name, format!("http://127.0.0.1:{}", proxy.port())))).env("EGRESS_ALONE", "1");
        let ended = child.kill_on_drop(true).output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!((proxy.connections(), asked.lock().unwrap().len()), (0, 0));
        return;
    }
    assert!(NAMES.iter().all(|name| std::env::var_os(name).is_some()));
    let secure = Server::tls(authority.acceptor(&["api.test"], &["h2"]), |_| reply(200, &[], "")).await;
    let plain = Server::plain(|_| reply(200, &[], "")).await;
    let client = Client::new(Settings { authorities: Authorities::Only(vec![authority.file()]), ..settings() });
    for origin in [format!("https://api.test:{}", secure.port()), format!("http://api.test:{}", plain.port())] {
        assert_eq!(send(&client, &rules(&[&origin]), get(format!("{origin}/"))).await.unwrap().status, 200);
    }
}
