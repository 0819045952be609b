//! The same against a server, from several threads and several processes.

use crate::fixture::{FILE, Place, check_count, count, git, message};
use crate::git_http::GitHttp;
use git::{Credential, Error, Mirror, Remote, Secret};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const WORKER: &str = "TIDEGATE_GIT_TEST_WORKER";

fn open(place: &Place, url: &str, password: Option<&str>) -> Mirror {
    let credential = password.map(|secret| Credential::Password { username: "ci".into(), secret: Secret::new(secret) });
    let remote = Remote::parse(url, Path::new("/")).unwrap().with_credential(credential);
    Mirror::open(&place.path("mirrors/http.git"), remote).unwrap()
}

fn counter() -> Place {
    let place = Place::new();
    place.commit("main", "base", &[("counter", FILE, "0\n")]);
    place
}

#[test]
fn fetches_and_pushes_with_a_password() {
    let place = counter();
    let server = GitHttp::with_password(place.folder.path(), "ci", "hunter2").unwrap();
    let mirror = open(&place, &server.url("remote.git"), Some("hunter2"));
    mirror.fetch().unwrap();
    assert_eq!(mirror.default_branch().unwrap().as_deref(), Some("main"));
    let pushed = count(&mirror, "one");
    mirror.fetch().unwrap();
    assert_eq!(mirror.resolve("main").unwrap().as_ref(), Some(&pushed));
    // A large push goes in chunks.
    let mut edits = mirror.begin("main").unwrap();
    let noise: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    edits.put("noise", noise.clone()).unwrap();
    let pushed = edits.push(message("noise")).unwrap();
    assert_eq!(mirror.read(&pushed, "noise", 4_000_000).unwrap(), Some(noise));
    assert_eq!(mirror.begin("none").unwrap_err().failure().code, "not-found");
    git(&place.path("remote.git"), &["fsck", "--full", "--strict"]);
    git(mirror.directory(), &["fsck", "--full", "--strict"]);
    let config = fs::read_to_string(mirror.directory().join("config")).unwrap();
    assert!(!config.contains("hunter2") && !config.contains("127.0.0.1"), "{config}");
}

#[test]
fn a_killed_transfer_stops_no_later_one() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let mirror = open(&place, &server.url("remote.git"), None);
    mirror.fetch().unwrap();
    place.commit("main", "next", &[("counter", FILE, "1\n")]);
    fs::write(mirror.directory().join("shallow.lock"), "").unwrap();
    mirror.fetch().unwrap();
    let head = mirror.resolve("main").unwrap().unwrap();
    assert_eq!(mirror.read(&head, "counter", 9).unwrap().as_deref(), Some(b"1\n".as_slice()));
}

#[test]
fn who_may_not_is_told_so_without_the_secret() {
    let place = counter();
    let server = GitHttp::with_password(place.folder.path(), "ci", "right").unwrap();
    for password in [None, Some("wrong-hunter2")] {
        let mirror = open(&place, &server.url("remote.git"), password);
        for error in [mirror.fetch().unwrap_err(), mirror.begin("main").unwrap_err()] {
            let failure = error.failure();
            assert_eq!(failure.code, "denied", "{failure:?}");
            assert!(!format!("{error:?} {failure:?} {mirror:?}").contains("hunter2"));
        }
    }
    assert!(server.take_log().len() < 20, "no asking for ever");
}

#[test]
fn a_credential_does_not_follow_a_redirect_elsewhere() {
    let place = counter();
    let thief = GitHttp::with_password(place.folder.path(), "ci", "hunter2").unwrap();
    let server = GitHttp::with_password(place.folder.path(), "ci", "hunter2").unwrap();
    server.redirect(Some(thief.url("").trim_end_matches('/').to_owned()));
    let mirror = open(&place, &server.url("remote.git"), Some("hunter2"));
    assert_eq!(mirror.fetch().unwrap_err().failure().code, "denied");
    let seen = thief.take_log();
    assert!(!seen.is_empty() && seen.iter().all(|(_, authorized)| !authorized), "{seen:?}");
}

#[test]
fn what_is_not_there_is_unavailable() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let failure = open(&place, &server.url("none.git"), None).fetch().unwrap_err().failure();
    assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", true), "{failure:?}");
    assert!(failure.message.contains("none.git"), "{failure:?}");
    let mirror = open(&place, &server.url("remote.git"), None);
    mirror.fetch().unwrap();
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    drop(server);
    for error in [mirror.fetch().unwrap_err(), edits.push(message("x")).unwrap_err()] {
        assert_eq!(error.failure().code, "unavailable", "{error}");
    }
    assert!(mirror.resolve("main").unwrap().is_some());
}

#[test]
fn beginning_on_what_is_known_is_one_request() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let mirror = open(&place, &server.url("remote.git"), None);
    count(&mirror, "one");
    server.take_log();
    mirror.begin("main").unwrap();
    let log = server.take_log();
    assert_eq!(log.len(), 1, "{log:?}");
    place.commit("main", "more", &[("y", FILE, "1")]);
    mirror.begin("main").unwrap();
    let log = server.take_log();
    assert_eq!(log.len(), 2, "{log:?}");
}

#[test]
fn a_success_whose_answer_is_lost_is_a_success() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let mirror = open(&place, &server.url("remote.git"), None);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    server.lose_answers(1);
    let pushed = edits.push(message("x")).unwrap();
    assert_eq!(git(&place.path("remote.git"), &["rev-parse", "main"]).trim(), pushed.0);
    // Somebody goes on from there before the branch is looked at again: the hook stands for them.
    let theirs = "#!/bin/sh\nwhile read old new ref; do\n  tree=$(git rev-parse $new^{tree})\n  \
                  next=$(echo theirs | git -c user.name=T -c user.email=t@t commit-tree $tree -p $new)\n  \
                  git update-ref $ref $next\ndone\n";
    hook(&place, "post-receive", theirs);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"2".to_vec()).unwrap();
    server.lose_answers(1);
    let pushed = edits.push(message("y")).unwrap();
    assert_eq!(git(&place.path("remote.git"), &["rev-parse", "main^"]).trim(), pushed.0);
}

fn hook(place: &Place, name: &str, text: &str) {
    let path = place.path("remote.git/hooks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_hook_that_declines_is_heard() {
    let place = counter();
    hook(&place, "pre-receive", "#!/bin/sh\necho 'no pushes on Fridays' >&2\nexit 1\n");
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let mirror = open(&place, &server.url("remote.git"), None);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    let error = edits.push(message("x")).unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }), "{error:?}");
    assert!(error.to_string().contains("no pushes on Fridays"), "{error}");
    assert_eq!(error.failure().code, "denied");
}

#[test]
fn a_lost_race_is_moved() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let mirror = open(&place, &server.url("remote.git"), None);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    let theirs = place.commit("main", "theirs", &[("y", FILE, "1")]);
    let error = edits.push(message("x")).unwrap_err();
    assert!(matches!(&error, Error::Moved { actual, .. } if actual.as_ref() == Some(&theirs)), "{error:?}");
    assert_eq!(git(&place.path("remote.git"), &["rev-parse", "main"]).trim(), theirs.0);
    // The race that only the server can see: the branch moves between its offer and the push.
    let theirs = "#!/bin/sh\nwhile read old new ref; do\n  unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY\n  \
                  unset GIT_ALTERNATE_OBJECT_DIRECTORIES\n  tree=$(git rev-parse $old^{tree})\n  \
                  next=$(echo theirs | git -c user.name=T -c user.email=t@t commit-tree $tree -p $old)\n  \
                  git update-ref $ref $next\ndone\n";
    hook(&place, "pre-receive", theirs);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    let error = edits.push(message("x")).unwrap_err();
    assert!(matches!(&error, Error::Moved { .. }), "{error:?}");
    assert!(git(&place.path("remote.git"), &["log", "--format=%s", "main"]).starts_with("theirs\ntheirs\n"));
    // A server that says so in words of its own: that the branch moved is what counts.
    hook(&place, "pre-receive", &format!("{theirs}echo 'somebody else is first' >&2\nexit 1\n"));
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    let error = edits.push(message("x")).unwrap_err();
    assert!(matches!(&error, Error::Moved { .. }), "{error:?}");
}

#[test]
fn a_proposals_branch_is_made_and_replaced() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let mirror = open(&place, &server.url("remote.git"), None);
    for content in ["1", "2"] {
        let mut edits = mirror.begin("main").unwrap();
        edits.put("x", content.into()).unwrap();
        let pushed = edits.push_to("promote/prod", message("p")).unwrap();
        let told = git(&place.path("remote.git"), &["rev-parse", "promote/prod", "promote/prod^"]);
        assert_eq!(told, format!("{pushed}\n{}\n", edits.head()));
    }
}

/// Run by the test below in processes of their own.
#[test]
fn worker() {
    let Ok(task) = std::env::var(WORKER) else { return };
    let mut words = task.split(' ');
    let (url, directory, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let edits: usize = words.next().unwrap().parse().unwrap();
    let remote = Remote::parse(url, Path::new("/")).unwrap();
    let mirror = Mirror::open(Path::new(directory), remote).unwrap();
    (0..edits).for_each(|n| drop(count(&mirror, &format!("{name}-{n}"))));
}

#[test]
fn every_edit_of_many_processes_is_there_once() {
    let place = counter();
    let server = GitHttp::serve(place.folder.path()).unwrap();
    let writers = std::env::var("TIDEGATE_GIT_WRITERS").map_or(10, |n| n.parse().unwrap());
    let children: Vec<_> = (0..writers)
        .map(|w| {
            let mirror = place.path("mirrors/shared.git");
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "http::worker", "--nocapture"])
                .env(WORKER, format!("{} {} p{w} 3", server.url("remote.git"), mirror.display()))
                .output_later()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let all: Vec<String> = (0..writers).flat_map(|w| (0..3).map(move |n| format!("p{w}-{n}"))).collect();
    check_count(&place.path("remote.git"), &all);
    git(&place.path("mirrors/shared.git"), &["fsck", "--full", "--strict"]);
}

trait Later {
    fn output_later(&mut self) -> std::process::Child;
}

impl Later for Command {
    fn output_later(&mut self) -> std::process::Child {
        self.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    }
}
