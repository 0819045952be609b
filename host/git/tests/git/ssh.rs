//! The same against an SSH server. libgit2 reads `HOME` once, at its start, and trusts the host keys of its
//! `.ssh/known_hosts`, so each of these tests runs again in a process of its own with a home of its own.

use crate::fixture::{FILE, Place, check_count, count, git, message};
use crate::git_ssh::GitSsh;
use git::{Credential, Error, Mirror, Remote};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

const AT_HOME: &str = "TIDEGATE_GIT_TEST_AT_HOME";
const AGENT: &str = "SSH_AUTH_SOCK";

/// A server and a repository with a counter, which the home's `known_hosts` does not know yet.
struct Scene {
    place: Place,
    server: GitSsh,
    known_hosts: PathBuf,
}

impl Scene {
    fn trust(&self, line: &str) {
        fs::write(&self.known_hosts, line).unwrap();
    }

    fn mirror(&self, name: &str, url: &str, credential: Option<Credential>) -> Mirror {
        let remote = Remote::parse(url, Path::new("/")).unwrap().with_credential(credential);
        Mirror::open(&self.place.path("mirrors").join(name), remote).unwrap()
    }

    /// A mirror that may get in.
    fn friend(&self) -> Mirror {
        self.mirror("friend.git", &self.server.url(&self.remote()), Some(key("git", self.server.key())))
    }

    fn remote(&self) -> PathBuf {
        self.place.path("remote.git")
    }
}

fn key(username: &str, private_key: PathBuf) -> Credential {
    Credential::SshKey { username: username.to_owned(), private_key }
}

/// Runs the test `name` of this module in a process with a new home.
fn at_home(name: &str, test: fn(&Scene)) {
    if std::env::var_os(AT_HOME).is_some() {
        let ssh = PathBuf::from(std::env::var_os("HOME").unwrap()).join(".ssh");
        fs::create_dir_all(&ssh).unwrap();
        let place = Place::new();
        place.commit("main", "base", &[("counter", FILE, "0\n")]);
        let server = GitSsh::serve().unwrap_or_else(|e| panic!("{e}"));
        return test(&Scene { place, server, known_hosts: ssh.join("known_hosts") });
    }
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("ssh::{name}"), "--nocapture"])
        .env(AT_HOME, "1")
        .env("HOME", home.path())
        .env(AGENT, home.path().join("agent"))
        .output()
        .unwrap();
    let (told, printed) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success() && printed.contains("1 passed"), "{told}{printed}");
}

#[test]
fn fetches_and_pushes_with_a_key() {
    at_home("fetches_and_pushes_with_a_key", |scene| {
        scene.trust(&scene.server.known_host().unwrap());
        let mirror = scene.friend();
        mirror.fetch().unwrap_or_else(|e| panic!("{e}: {}", scene.server.log()));
        assert_eq!(mirror.default_branch().unwrap().as_deref(), Some("main"));
        let pushed = count(&mirror, "one");
        mirror.fetch().unwrap();
        assert_eq!(mirror.resolve("main").unwrap().as_ref(), Some(&pushed));
        assert_eq!(git(&scene.remote(), &["rev-parse", "main"]).trim(), pushed.0);

        // A branch that moved is a lost race, and the edits are done again on what is there now.
        let mut edits = mirror.begin("main").unwrap();
        edits.put("x", b"1".to_vec()).unwrap();
        let theirs = count(&mirror, "two");
        let error = edits.push(message("x")).unwrap_err();
        assert!(matches!(&error, Error::Moved { actual, .. } if actual.as_ref() == Some(&theirs)), "{error:?}");
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let mirror = &mirror;
                scope.spawn(move || (0..2).for_each(|n| drop(count(mirror, &format!("w{writer}-{n}")))));
            }
        });
        let mut all = vec!["one".to_owned(), "two".to_owned()];
        all.extend((0..3).flat_map(|w| (0..2).map(move |n| format!("w{w}-{n}"))));
        check_count(&scene.remote(), &all);

        // Where the URL names no user, the credential does; `none.git` is told apart from a closed door.
        let plain = scene.server.url_without_user(&scene.remote());
        let named = scene.mirror("named.git", &plain, Some(key(scene.server.user(), scene.server.key())));
        named.fetch().unwrap();
        let nothing = scene.server.url(&scene.place.path("none.git"));
        let nothing = scene.mirror("none.git", &nothing, Some(key("git", scene.server.key())));
        let failure = nothing.fetch().unwrap_err().failure();
        assert_eq!(failure.code, "unavailable", "{failure:?}");
    });
}

#[test]
fn who_has_no_key_is_refused() {
    at_home("who_has_no_key_is_refused", |scene| {
        scene.trust(&scene.server.known_host().unwrap());
        let url = scene.server.url(&scene.remote());
        let agent = Credential::SshAgent { username: "git".into() };
        let missing = key("git", scene.place.path("no-such-key"));
        let password = Credential::Password { username: "git".into(), secret: git::Secret::new("hunter2") };
        for (name, credential, why) in [
            ("wrong", Some(key("git", scene.server.strange_key())), "does not accept the configured credential"),
            ("none", None, "none is configured"),
            ("agent", Some(agent), ""),
            ("missing", Some(missing), ""),
            ("password", Some(password), "does not take the configured kind of credential"),
        ] {
            let mirror = scene.mirror(name, &url, credential);
            for error in [mirror.fetch().unwrap_err(), mirror.begin("main").unwrap_err()] {
                let failure = error.failure();
                println!("{name}: {failure:?}");
                assert_eq!(failure.code, "denied", "{name}: {failure:?}");
                assert!(failure.message.contains(why) && failure.hint.is_some(), "{name}: {failure:?}");
                assert!(!format!("{error:?} {failure:?}").contains("hunter2"), "{name}");
            }
        }
    });
}

#[test]
fn a_server_that_is_not_known_is_refused() {
    at_home("a_server_that_is_not_known_is_refused", |scene| {
        let mirror = scene.friend();
        // No file at all, one without the server, one with another key for it, and one that is broken.
        let strange = scene.server.impostor().unwrap();
        let other = format!("192.0.2.1 {}", strange.split_once(' ').unwrap().1);
        let broken = format!("{}192.0.2.1 ssh-ed25519 AAAA\n", scene.server.known_host().unwrap());
        for known in [None, Some(&other), Some(&strange), Some(&broken)] {
            if let Some(known) = known {
                scene.trust(known);
            }
            let error = mirror.fetch().unwrap_err();
            assert!(matches!(error, Error::Untrusted { .. }), "{known:?}: {error:?}");
            let failure = error.failure();
            assert!(failure.message.contains("~/.ssh/known_hosts"), "{failure:?}");
            assert!(failure.hint.is_some_and(|hint| hint.contains("ssh-keyscan")), "{known:?}");
        }
        assert!(!scene.server.log().contains("Accepted"), "no credential was sent: {}", scene.server.log());
        scene.trust(&scene.server.known_host().unwrap());
        mirror.fetch().unwrap();
    });
}

/// The agent of a test, by its own process id.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_agent_lends_its_keys() {
    at_home("an_agent_lends_its_keys", |scene| {
        scene.trust(&scene.server.known_host().unwrap());
        let socket = PathBuf::from(std::env::var_os(AGENT).unwrap());
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null());
        let _agent = Agent(agent.spawn().unwrap());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(std::time::Instant::now() < deadline, "the agent listens");
            std::thread::yield_now();
        }
        let added = Command::new("ssh-add").arg("-q").arg(scene.server.key()).status().unwrap();
        assert!(added.success());
        let agent = Credential::SshAgent { username: "git".into() };
        let mirror = scene.mirror("agent.git", &scene.server.url(&scene.remote()), Some(agent));
        mirror.fetch().unwrap_or_else(|e| panic!("{e}: {}", scene.server.log()));
        count(&mirror, "one");
        check_count(&scene.remote(), &["one".to_owned()]);
    });
}
