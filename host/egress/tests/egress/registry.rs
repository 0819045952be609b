//! A blob into a real registry and out of it again, as a plugin for images does it.

use crate::kit::{code, get, request, rules, send, settings, value, with};
use egress::{Body, Client};
use std::io::{Read, Seek, Write};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Debian's `docker-registry` in a folder of its own, at a free port.
struct Registry {
    port: u16,
    _folder: tempfile::TempDir,
    _child: Child,
}

impl Registry {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.yml");
        let content = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {}/blobs }} }}\nhttp: {{ addr: 127.0.0.1:0 }}\n",
            folder.path().display()
        );
        std::fs::write(&config, content).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("Debian's package `docker-registry`");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the registry ended");
                if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
                    break rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
                }
            }
        })
        .await
        .expect("the registry does not listen");
        // Its log is read on, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { port, _folder: folder, _child: child }
    }
}

#[tokio::test]
async fn a_large_blob_goes_into_a_registry_and_comes_back() {
    const SIZE: usize = 40 << 20;
    let registry = Registry::start().await;
    let origin = format!("http://registry.test:{}", registry.port);
    let (rules, client) = (rules(&[&origin]), Client::new(settings()));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..SIZE).map(|at| (at ^ (at >> 9)) as u8).collect();
    file.write_all(&content).unwrap();
    let summed = Command::new("sha256sum").arg(file.path()).output().await.unwrap();
    let digest = format!("sha256:{}", &String::from_utf8(summed.stdout).unwrap()[..64]);

    let begun = send(&client, &rules, request("POST", format!("{origin}/v2/app/blobs/uploads/"), Body::Nothing)).await;
    let begun = begun.unwrap();
    assert_eq!(begun.status, 202);
    let place = value(&begun, "location").unwrap();
    assert!(place.starts_with(&format!("{origin}/v2/app/blobs/uploads/")), "{place}");
    let put = request("PUT", format!("{place}&digest={digest}"), Body::File(file.reopen().unwrap()));
    let put = send(&client, &rules, with(put, "content-type", "application/octet-stream")).await.unwrap();
    assert_eq!((put.status, value(&put, "docker-content-digest")), (201, Some(digest.as_str())));

    let blob = format!("{origin}/v2/app/blobs/{digest}");
    let head = send(&client, &rules, request("HEAD", &blob, Body::Nothing)).await.unwrap();
    assert_eq!((head.status, value(&head, "content-length")), (200, Some(SIZE.to_string().as_str())));
    assert_eq!(code(send(&client, &rules, get(&blob)).await).0, "too-large");
    let mut saved = tempfile::tempfile().unwrap();
    let mut fetch = get(&blob);
    fetch.save = Some(saved.try_clone().unwrap());
    assert_eq!(send(&client, &rules, fetch).await.unwrap().saved, SIZE as u64);
    let mut back = Vec::new();
    saved.rewind().unwrap();
    saved.read_to_end(&mut back).unwrap();
    assert!(back == content, "it came back changed");
}
