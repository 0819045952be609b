//! Children whose network is a proxy, against real servers on this machine.

use crate::room::*;
use jail::{Command, Network, Profile, ProxyRules, State};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

/// A server that answers what it was told, after an end of speech or of a head. It serves until the test ends.
struct Server {
    port: u16,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let (mut heard, mut byte) = (Vec::new(), [0]);
                    while !heard.ends_with(b"\r\n\r\n") && matches!(client.read(&mut byte), Ok(1)) {
                        heard.push(byte[0]);
                    }
                    let body = [b"heard ", heard.as_slice()].concat();
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    let _ = client.write_all(&[head.as_bytes(), &body].concat());
                });
            }
        });
        Self { port }
    }
}

fn rules(allow: &[String], private: &[&str]) -> Network {
    let private = private.iter().map(|text| (*text).to_owned()).collect();
    Network::Proxy(ProxyRules { allow: allow.to_vec(), private })
}

/// Speaks to a port of the child's own loopback.
fn speak(room: &Room, port: u16, text: &str, network: &Network) -> Command {
    let script = format!("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && printf \"{text}\" >&3 && cat <&3'");
    Command { network: network.clone(), ..room.shell(&script) }
}

fn connect(room: &Room, place: &str, network: &Network) -> String {
    room.run(&speak(room, 3128, &format!("CONNECT {place} HTTP/1.1\\r\\n\\r\\nhello\\r\\n\\r\\n"), network)).0
}

#[test]
fn a_child_reaches_what_its_rules_name_and_nothing_else() {
    if !jail::detect().network_namespace {
        panic!("this test needs network namespaces: run it as root, or where user namespaces are allowed");
    }
    let room = Room::new();
    let (allowed, other) = (Server::new(), Server::new());
    let name = format!("localhost:{}", allowed.port);
    let network = rules(std::slice::from_ref(&name), &["127.0.0.0/8", "::1"]);
    let said = connect(&room, &name, &network);
    assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("heard hello\r\n\r\n"), "{said}");

    for place in [format!("localhost:{}", other.port), format!("127.0.0.1:{}", allowed.port), "example.com:443".into()]
    {
        let mut child = room.start(&speak(&room, 3128, &format!("CONNECT {place} HTTP/1.1\\r\\n\\r\\n"), &network));
        let (said, ..) = finish(&mut child);
        let grant = format!("process: {{ network: {{ proxy: [\"{place}\"] }} }}");
        assert!(said.starts_with("HTTP/1.1 403 ") && said.contains(&grant), "{said}");
        let refused = child.refused();
        assert!(refused.len() == 1 && refused[0].contains(&grant), "{refused:?}");
        std::fs::rename(room.child(), room.folder.path().join(format!("proxied-{}", fresh()))).unwrap();
    }
    // Past the proxy there is nothing.
    let (said, _, ending) = room.run(&speak(&room, allowed.port, "hello\\r\\n\\r\\n", &network));
    assert!(said.is_empty() && ending.status != Some(0), "{said}");
    let outside = "exec bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'";
    let (_, error, _) = room.run(&Command { network, ..room.shell(outside) });
    assert!(error.contains("unreachable"), "{error}");
}

#[test]
fn a_name_that_leads_to_a_private_address_is_refused() {
    let room = Room::new();
    let server = Server::new();
    let name = format!("localhost:{}", server.port);
    let said = connect(&room, &name, &rules(std::slice::from_ref(&name), &["10.0.0.0/8"]));
    assert!(said.starts_with("HTTP/1.1 403 ") && said.contains("no public address"), "{said}");
}

#[test]
fn a_loopback_address_is_forwarded_as_it_is() {
    let room = Room::new();
    let server = Server::new();
    let network = rules(&[format!("127.0.0.1:{}", server.port)], &[]);
    let (said, error, _) = room.run(&speak(&room, server.port, "hello\\r\\n\\r\\n", &network));
    assert!(said.ends_with("heard hello\r\n\r\n"), "{said}{error}");
    // Through the proxy too, for programs that use one for every address.
    let said = connect(&room, &format!("127.0.0.1:{}", server.port), &network);
    assert!(said.ends_with("heard hello\r\n\r\n"), "{said}");
}

#[test]
fn a_program_finds_the_proxy_by_its_environment() {
    let room = Room::new();
    let server = Server::new();
    let place = format!("localhost:{}", server.port);
    let python = format!("import urllib.request as u; print(u.urlopen(\"http://{place}/a?b\").read().decode())");
    for profile in [Profile::Strict, Profile::Builder] {
        let network = rules(std::slice::from_ref(&place), &["127.0.0.0/8", "::1"]);
        let command = Command { network, profile, ..room.shell(&format!("exec python3 -I -c '{python}'")) };
        let (output, error, ending) = room.run(&command);
        assert_eq!(ending, exited(0), "{profile:?}: {error}");
        assert!(output.starts_with("heard GET /a?b HTTP/1.1\r\nHost: localhost:"), "{output}");
        assert!(output.contains("Connection: close\r\n"), "{output}");
    }
    let mut command = Command::new(jail::resolve("env").unwrap(), room.workspace());
    command.network = rules(&[], &[]);
    command.environment.insert("HTTPS_PROXY".into(), "http://mine".into());
    let (output, ..) = room.run(&command);
    for line in ["http_proxy=http://127.0.0.1:3128", "ALL_PROXY=http://127.0.0.1:3128", "HTTPS_PROXY=http://mine"] {
        assert!(output.lines().any(|one| one == line), "{line} in {output}");
    }
    assert!(!output.to_lowercase().contains("no_proxy"), "{output}");
}

#[test]
fn the_proxy_lives_and_ends_with_its_child() {
    let room = Room::new();
    let server = Server::new();
    let place = format!("127.0.0.1:{}", server.port);
    let inner = format!("exec 3<>/dev/tcp/127.0.0.1/{} && printf \"late\\r\\n\\r\\n\" >&3 && cat <&3", server.port);
    let script =
        format!("echo one; while [ ! -e go ]; do sleep 0.01; done; bash -c '{inner}'; echo; echo done; sleep 60");
    let mut command = room.shell(&script);
    command.network = rules(&[place], &[]);
    let mut host = std::process::Command::new(SHIM);
    let mut host = host.arg("start").arg(room.child()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = host.stdin.take().unwrap();
    input.write_all(serde_json::to_string(&command).unwrap().as_bytes()).unwrap();
    input.write_all(b"\n").unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    host.kill().unwrap();
    host.wait().unwrap();
    let mut child = jail::attach(&room.child()).unwrap().unwrap();
    hear(&mut child, "one");
    std::fs::write(room.workspace().join("go"), "").unwrap();
    hear(&mut child, "heard late\r\n\r\n\ndone");
    let shim = shim_pid(&room.child());
    let family: Vec<_> = children(&shim);
    assert_eq!(family.len(), 2, "the first process of the jail and the proxy: {family:?}");
    child.kill().unwrap();
    assert_eq!(child.state().unwrap(), State::Ended(finish(&mut child).2));
    eventually("the shim and its proxy are gone", || {
        family.iter().chain([&shim]).all(|pid| !std::path::Path::new("/proc").join(pid).exists())
    });
}

#[test]
fn the_proxy_dies_with_a_killed_shim() {
    let room = Room::new();
    let mut command = room.shell("echo ready; sleep 60");
    command.network = rules(&[], &[]);
    let mut child = room.start(&command);
    hear(&mut child, "ready");
    let shim = shim_pid(&room.child());
    let family = children(&shim);
    assert_eq!(family.len(), 2);
    kill(&shim);
    assert!(matches!(child.wait(LONG), Err(jail::Error::Lost(_))));
    eventually("all are gone", || family.iter().all(|pid| !is_there(pid)));
    assert!(jail::attach(&room.child()).unwrap().is_some(), "it cleans up as well");
}

/// A process that is more than a body to be reaped.
fn is_there(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The processes directly below one.
fn children(parent: &str) -> Vec<String> {
    let below = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1).map(|word| word == parent))
            == Some(true)
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    all.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()) && below(pid)).collect()
}

#[test]
fn what_the_proxy_cannot_understand_is_answered() {
    let room = Room::new();
    let network = rules(&["localhost:1".to_owned()], &["127.0.0.0/8", "::1"]);
    for (text, status) in [
        ("GET / HTTP/1.1\\r\\n\\r\\n", "400"),
        ("CONNECT localhost:1 HTTP/1.1\\r\\n\\r\\n", "502"),
        ("GET http://localhost/ HTTP/1.1\\r\\n\\r\\n", "403"),
    ] {
        let (said, ..) = room.run(&speak(&room, 3128, text, &network));
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{text}: {said}");
    }
    let flood = "exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; head -c 20000 /dev/zero | tr \"\\\\0\" x >&3; cat <&3'";
    let (said, error, _) = room.run(&Command { network, ..room.shell(flood) });
    assert!(said.starts_with("HTTP/1.1 431 "), "{said}{error}");
}

#[test]
fn many_connections_at_once_are_served_in_turn() {
    let room = Room::new();
    let server = Server::new();
    let network = rules(&[format!("127.0.0.1:{}", server.port)], &[]);
    let python = format!(
        "import socket\n\
         many = [socket.create_connection((\"127.0.0.1\", {port})) for _ in range(300)]\n\
         for one in many: one.sendall(b\"hello\\r\\n\\r\\n\")\n\
         def read(one):\n \
             with one: return one.makefile(\"rb\").read()\n\
         print(sum(b\"heard hello\" in read(one) for one in many))",
        port = server.port
    );
    let (output, error, _) = room.run(&Command { network, ..room.shell(&format!("exec python3 -I -c '{python}'")) });
    assert_eq!(output, "300\n", "{error}");
}
