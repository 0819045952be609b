//! Hosts that are not root: a shim of another user, begun by a test that is root. A test that is not root is one already.

use crate::room::*;
use jail::{Command, Profile};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Stdio;

/// A user of nobody's on this machine.
const USER: u32 = 54_321;

/// A room of the stranger's, with a shim that it may run.
struct Abroad {
    room: Room,
    shim: std::path::PathBuf,
}

impl Abroad {
    fn new() -> Option<Self> {
        if !is_root() {
            eprintln!("skipped: the other tests already run as a user who is not root");
            return None;
        }
        // Below a folder that everybody may walk to, wherever this is built.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let room = Room { folder };
        std::fs::create_dir(room.workspace()).unwrap();
        let shim = room.folder.path().join("shim");
        // Not written by this process: a child that another test begins meanwhile would keep it open for writing, and busy.
        let copied = std::process::Command::new("install").args(["-m", "755", SHIM]).arg(&shim).status().unwrap();
        assert!(copied.success());
        for path in [room.folder.path(), &room.workspace()] {
            chown(path, Some(USER), Some(USER)).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { room, shim })
    }

    /// Runs a command to its end under a host of the stranger's. With a range, the machine gives the stranger ids: in the
    /// files that this host alone sees, in a mount namespace of its own.
    fn run(&self, command: &Command, range: Option<&str>) -> (String, String, jail::Ending, Vec<String>) {
        let place = self.room.folder.path();
        let mut script = String::from("set -e\n");
        if let Some(range) = range {
            // The helpers only serve users who have a name.
            let users = std::fs::read_to_string("/etc/passwd").unwrap();
            let users = format!("{users}\nstranger:x:{USER}:{USER}::/:/bin/sh\n");
            let ranges = format!("stranger:{range}\n");
            for (name, text) in [("/etc/subuid", &ranges), ("/etc/subgid", &ranges), ("/etc/passwd", &users)] {
                assert!(Path::new(name).exists(), "this test needs {name}: `apt-get install uidmap`");
                let file = place.join(Path::new(name).file_name().unwrap());
                std::fs::write(&file, text).unwrap();
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
                script += &format!("mount --bind '{}' {name}\n", file.display());
            }
        }
        script += &format!("exec setpriv --reuid {USER} --regid {USER} --clear-groups \"$@\"");
        let mut host = std::process::Command::new("unshare");
        host.args(["-m", "sh", "-c", &script, "sh"]).arg(&self.shim).arg("start").arg(self.room.child());
        let mut host = host.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = host.stdin.take().unwrap();
        input.write_all(serde_json::to_string(command).unwrap().as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
        let mut line = String::new();
        BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        let mut child = jail::attach(&self.room.child()).unwrap().unwrap();
        let degraded = child.degraded().unwrap();
        let (output, error, ending) = finish(&mut child);
        drop(input);
        host.wait().unwrap();
        std::fs::rename(self.room.child(), place.join(format!("old-{}", fresh()))).unwrap();
        (output, error, ending, degraded)
    }
}

#[test]
fn a_stranger_has_namespaces_of_its_own() {
    let Some(abroad) = Abroad::new() else { return };
    for profile in [Profile::Strict, Profile::Builder, Profile::Delegated] {
        let script = "id -u; cat /proc/self/uid_map | tr -s ' '; touch made; cat /etc/shadow || echo hidden; ls / | tr '\\n' ' '";
        let command = Command { profile, ..abroad.room.shell(script) };
        let (output, error, ending, degraded) = abroad.run(&command, None);
        assert_eq!(ending, exited(0), "{profile:?}: {error}");
        let user = if profile == Profile::Builder { 0 } else { USER };
        assert!(output.starts_with(&format!("{user}\n")) && output.contains("hidden"), "{profile:?}: {output}");
        let made = std::fs::metadata(abroad.room.workspace().join("made")).unwrap();
        assert_eq!((made.uid(), made.gid()), (USER, USER));
        let alone = degraded.iter().any(|line| line.contains("one user inside"));
        assert_eq!(alone, profile == Profile::Builder, "{degraded:?}");
        std::fs::remove_file(abroad.room.workspace().join("made")).unwrap();
    }
}

#[test]
fn a_stranger_with_ids_of_its_own_builds_with_several_users() {
    let Some(abroad) = Abroad::new() else { return };
    let helpers = jail::resolve("newuidmap").is_some();
    assert!(helpers, "this test needs newuidmap: `apt-get install uidmap`");
    let script = "id -u; touch a && chown 5:6 a && mkdir d && chown 65535:65535 d && chmod 700 d && stat -c %u:%g a; \
                  mount -o remount,bind,rw /usr && echo opened; mount -t tmpfs none /tmp && echo mounted";
    let command = Command { profile: Profile::Builder, ..abroad.room.shell(script) };
    let (output, error, ending, degraded) = abroad.run(&command, Some("700000:65536"));
    assert_eq!(ending, exited(0), "{error}");
    assert_eq!(output, "0\n5:6\nmounted\n", "{error}");
    assert!(!degraded.iter().any(|line| line.contains("one user inside")), "{degraded:?}");
    for name in ["a", "d"] {
        let entry = std::fs::metadata(abroad.room.workspace().join(name)).unwrap();
        assert_eq!((entry.uid(), entry.gid()), (USER, USER), "{name} came back");
    }
}

#[test]
fn a_stranger_has_a_proxy() {
    let Some(abroad) = Abroad::new() else { return };
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let served = std::thread::spawn(move || server.accept().unwrap().0.write_all(b"reached").unwrap());
    let script = format!("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3'");
    let allow = vec![format!("127.0.0.1:{port}")];
    let network = jail::Network::Proxy(jail::ProxyRules { allow, private: Vec::new() });
    let command = Command { network, ..abroad.room.shell(&script) };
    let (output, error, ..) = abroad.run(&command, None);
    assert_eq!(output, "reached", "{error}");
    served.join().unwrap();
}

/// With a range as root does; with a single user an image whose files have a single owner.
#[test]
fn a_stranger_builds_images() {
    let Some(abroad) = Abroad::new() else { return };
    assert!(jail::resolve("buildah").is_some(), "this test needs buildah: `apt-get install buildah`");
    let workspace = abroad.room.workspace();
    std::fs::write(workspace.join("hello"), "hello").unwrap();
    for (range, owner) in [(Some("700000:65536"), "--chown=5:6 "), (None, "")] {
        let dockerfile = format!("FROM scratch\nCOPY {owner}hello /hello\nLABEL a=b\n");
        std::fs::write(workspace.join("Dockerfile"), dockerfile).unwrap();
        let buildah = "buildah --storage-driver vfs --root /workspace/.s/root --runroot /tmp/run";
        let script = format!(
            "{buildah} build --isolation chroot -t made -f Dockerfile . && \
             {buildah} push localhost/made oci:/workspace/out:latest"
        );
        let command = Command { profile: Profile::Builder, ..abroad.room.shell(&script) };
        let (output, error, ending, _) = abroad.run(&command, range);
        assert_eq!(ending, exited(0), "{range:?}: {output}{error}");
        assert!(workspace.join("out/index.json").exists());
        std::fs::remove_dir_all(workspace.join("out")).unwrap();
        std::fs::remove_dir_all(workspace.join(".s")).unwrap();
    }
}
