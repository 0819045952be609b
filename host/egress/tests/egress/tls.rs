//! Whose certificates are believed.

use crate::kit::{Authority, Server, client, get, reply, rules, send, settings, strict};
use egress::{Authorities, Client, Settings};

#[tokio::test]
async fn a_server_must_prove_its_name() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let client = client(&authority);
    let ours = Server::tls(authority.acceptor(&["api.test", "127.0.0.1"], &["h2"]), |_| reply(200, &[], "")).await;
    let theirs = Server::tls(stranger.acceptor(&["api.test"], &["h2"]), |_| reply(200, &[], "")).await;
    for (server, name, says) in [
        (&ours, "api.test", None),
        (&ours, "API.test.", None),
        (&ours, "b.test", Some("not valid for name")),
        (&theirs, "api.test", Some("UnknownIssuer")),
    ] {
        let rules = rules(&[&format!("{}:{}", name.to_lowercase().trim_end_matches('.'), server.port())]);
        let answer = send(&client, &rules, get(format!("https://{name}:{}/", server.port()))).await;
        let Some(says) = says else {
            assert_eq!(answer.unwrap().status, 200);
            continue;
        };
        let failure = answer.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", false));
        assert!(failure.message.contains(says), "{failure}");
    }
    assert_eq!((ours.got().len(), theirs.got().len()), (2, 0));
    // An address is proven like a name.
    let granted = strict(&[&format!("127.0.0.1:{}", ours.port())]);
    assert_eq!(send(&client, &granted, get(format!("https://0x7f.1:{}/", ours.port()))).await.unwrap().status, 200);
}

#[tokio::test]
async fn plain_http_is_no_answer_to_tls() {
    let authority = Authority::new();
    let server = Server::plain(|_| reply(200, &[], "")).await;
    let url = format!("https://api.test:{}/?token=1", server.port());
    let failure =
        send(&client(&authority), &rules(&[&format!("api.test:{}", server.port())]), get(url)).await.unwrap_err();
    assert_eq!(failure.code, "unavailable");
    assert!(!failure.message.contains("token"), "{failure}");
}

#[tokio::test]
async fn certificates_are_read_by_the_first_who_needs_them() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("later.pem");
    let client = Client::new(Settings { authorities: Authorities::Only(vec![file.clone()]), ..settings() });
    let plain = Server::plain(|_| reply(200, &[], "")).await;
    let secure = Server::tls(authority.acceptor(&["api.test"], &["h2"]), |_| reply(200, &[], "")).await;
    let (a, b) = (format!("http://api.test:{}", plain.port()), format!("api.test:{}", secure.port()));
    let rules = rules(&[&a, &b]);
    assert_eq!(send(&client, &rules, get(format!("{a}/"))).await.unwrap().status, 200);
    for content in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let failure = send(&client, &rules, get(format!("https://{b}/"))).await.unwrap_err();
        assert_eq!(failure.code, "invalid", "{content:?} {failure}");
        assert!(failure.message.contains("later.pem"), "{failure}");
    }
    // What failed is tried again.
    std::fs::copy(authority.file(), &file).unwrap();
    assert_eq!(send(&client, &rules, get(format!("https://{b}/"))).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_machines_own_authorities_can_be_joined_by_others() {
    let authority = Authority::new();
    let server = Server::tls(authority.acceptor(&["api.test"], &["h2"]), |_| reply(200, &[], "")).await;
    let rules = rules(&[&format!("api.test:{}", server.port())]);
    let url = format!("https://api.test:{}/", server.port());
    let with = |authorities| Client::new(Settings { authorities, ..settings() });
    let both = with(Authorities::MachineAnd(vec![authority.file()]));
    assert_eq!(send(&both, &rules, get(&url)).await.unwrap().status, 200);
    let failure = send(&with(Authorities::Machine), &rules, get(&url)).await.unwrap_err();
    assert_eq!(failure.code, "unavailable", "{failure}");
}
