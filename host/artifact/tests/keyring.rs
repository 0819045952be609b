//! Where keys come from, and what is refused.

use artifact::{Blobs, Keyring};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

fn key(id: &str, secret: &str) -> (String, Vec<u8>) {
    (id.to_owned(), secret.as_bytes().to_vec())
}

const GOOD: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn configured_keys_are_checked() {
    let check = |keys: Vec<(String, Vec<u8>)>, why: &str| {
        let failure = Keyring::configured(keys).expect_err(why);
        assert_eq!(failure.code, "invalid");
        assert!(failure.message.contains(why), "{failure:?}");
        assert!(!failure.to_string().contains("012345"), "{failure:?}");
        failure.hint.expect("a hint")
    };
    assert!(check(vec![], "no key").contains("openssl rand -base64 32"));
    let short = check(vec![key("old", GOOD), key("new", &GOOD[1..])], "`new` has 31 bytes");
    assert!(short.contains("openssl rand -base64 32"));
    check(vec![key("same", GOOD), key("same", GOOD)], "the id `same`");
    for id in ["", "with space", "a/b", "é", &"x".repeat(65)] {
        check(vec![key(id, GOOD)], "is no id");
    }
    let ring = Keyring::configured(vec![key("2026-01", GOOD), key("2026_02.b", GOOD)]).expect("good keys");
    assert_eq!(ring.newest_id(), "2026_02.b");
    let shown = format!("{ring:?}");
    assert!(shown.contains("2026-01") && !shown.contains("0123"), "{shown}");
}

#[test]
fn a_machines_own_key_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state/keys");
    let (first, made) = Keyring::own(&state).expect("a key");
    assert!(made);
    let (second, made) = Keyring::own(&state).expect("the key");
    assert!(!made);
    assert_eq!(first.newest_id(), second.newest_id());
    let names: Vec<_> = fs::read_dir(&state).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(names, [state.join("encryption.key")]);
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&names[0]), mode(&state)), (0o600, 0o700));
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("a folder");
    let digest = blobs.put_sealed(b"plan", &first).expect("kept");
    assert_eq!(blobs.get_sealed(&digest, 10, &second).expect("the same key").as_deref(), Some(&b"plan"[..]));
    // Configured keys come later: what the machine sealed by itself stays readable, and is sealed anew when put again.
    let configured = || Keyring::configured(vec![key("new", GOOD)]).expect("a good key");
    let failure = blobs.get_sealed(&digest, 10, &configured()).expect_err("no key");
    assert_eq!(failure.code, "unavailable");
    assert!(failure.hint.is_some_and(|hint| hint.contains("encryption.key")), "the hint names the file");
    let both = configured().with_own(&state).expect("both keys");
    assert_eq!(both.newest_id(), "new");
    assert_eq!(blobs.get_sealed(&digest, 10, &both).expect("both keys").as_deref(), Some(&b"plan"[..]));
    blobs.put_sealed(b"plan", &both).expect("kept");
    assert!(blobs.get_sealed(&digest, 10, &configured()).expect("the new key").is_some());
    assert!(configured().with_own(folder.path()).is_ok(), "none was ever made there");
}

#[test]
fn a_key_file_that_is_none_or_open_to_others() {
    let folder = tempfile::tempdir().expect("a folder");
    Keyring::own(folder.path()).expect("a key");
    let path = folder.path().join("encryption.key");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
    let failure = Keyring::own(folder.path()).expect_err("others may read it");
    assert_eq!(failure.code, "invalid");
    assert!(failure.hint.is_some_and(|hint| hint.starts_with("chmod 600")));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    let good = fs::read_to_string(&path).expect("a file");
    for bad in ["", "own-1 00\n", &good[..good.len() - 1], &good.replace(' ', "\n"), &format!("{good}x")] {
        fs::write(&path, bad).expect("a file");
        assert_eq!(Keyring::own(folder.path()).expect_err("no key").code, "invalid", "{bad:?}");
    }
    fs::write(&path, good).expect("a file");
    assert!(!Keyring::own(folder.path()).expect("as before").1);
}

/// Processes, since threads of one could share more than the file; each is this test program, told by a variable.
#[test]
fn processes_that_come_at_the_same_time_get_the_same_key() {
    const TOLD: &str = "KEYRING_TEST_FOLDER";
    if let Some(folder) = std::env::var_os(TOLD) {
        let (ring, made) = Keyring::own(folder.as_ref()).expect("a key");
        println!("\nkey {} {made}", ring.newest_id());
        return;
    }
    let program = std::env::current_exe().expect("this program");
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a folder");
        let start = |_| {
            let mut command = std::process::Command::new(&program);
            command.args(["--exact", "processes_that_come_at_the_same_time_get_the_same_key", "--nocapture"]);
            command.env(TOLD, folder.path()).stdout(std::process::Stdio::piped());
            command.spawn().expect("this program")
        };
        let children: Vec<_> = (0..6).map(start).collect();
        let answers: Vec<String> = children
            .into_iter()
            .map(|child| {
                let output = child.wait_with_output().expect("its end");
                assert!(output.status.success());
                let text = String::from_utf8(output.stdout).expect("text");
                text.lines().find_map(|line| line.strip_prefix("key ")).expect("its answer").to_owned()
            })
            .collect();
        let ids: Vec<_> = answers.iter().filter_map(|answer| answer.split(' ').next()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.ends_with("true")).count(), 1, "{answers:?}");
    }
}
