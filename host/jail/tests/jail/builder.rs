//! Image builders in their jail: that buildah works there, and what an evil Dockerfile gets out of it.

use crate::room::*;
use jail::{Command, Ending, Network, Profile};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

fn builder(room: &Room, script: &str) -> Command {
    Command { profile: Profile::Builder, ..room.shell(script) }
}

/// Builds `Dockerfile` and writes the image to `out` in the layout of OCI.
fn build(room: &Room) -> (String, String, Ending) {
    let found = jail::resolve("buildah").is_some();
    assert!(found, "this test needs buildah: `apt-get install buildah`");
    let buildah = "buildah --storage-driver vfs --root /workspace/.s/root --runroot /tmp/run";
    let script = format!(
        "{buildah} build --isolation chroot -t made -f Dockerfile . && \
         {buildah} push localhost/made oci:/workspace/out:latest"
    );
    room.run(&builder(room, &script))
}

/// The configuration of the one image in `out`.
fn configuration(room: &Room) -> serde_json::Value {
    let read = |path: &Path| serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).unwrap()).unwrap();
    let out = room.workspace().join("out");
    let blob = |digest: &serde_json::Value| {
        read(&out.join("blobs/sha256").join(digest.as_str().unwrap().strip_prefix("sha256:").unwrap()))
    };
    let manifest = blob(&read(&out.join("index.json"))["manifests"][0]["digest"]);
    blob(&manifest["config"]["digest"])
}

/// A root file system of a shell and a few tools of this machine, with their libraries, as `rootfs.tar` in the workspace.
fn pack_tools(room: &Room) {
    let root = room.folder.path().join("rootfs");
    let copy = |from: &Path| {
        let to = root.join(from.strip_prefix("/").unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    };
    for name in ["sh", "cat", "id", "ls", "touch", "chown", "mount", "mknod", "env"] {
        let path = jail::resolve(name).unwrap();
        let told = std::process::Command::new("ldd").arg(&path).output().unwrap();
        for word in String::from_utf8_lossy(&told.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
            copy(Path::new(word));
        }
        copy(&Path::new("/bin").join(name));
    }
    std::fs::create_dir(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n").unwrap();
    std::fs::write(root.join("etc/group"), "root:x:0:\napp:x:1000:\n").unwrap();
    let mut tar = std::process::Command::new("tar");
    tar.arg("-C").arg(&root).args(["--owner=0", "--group=0", "-cf"]).arg(room.workspace().join("rootfs.tar")).arg(".");
    assert!(tar.status().unwrap().success());
}

/// Everything below a folder that does not belong to this test's user.
fn strangers(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        let entry = std::fs::symlink_metadata(&path).unwrap();
        if entry.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        if entry.uid() != rustix::process::geteuid().as_raw() || entry.gid() != rustix::process::getegid().as_raw() {
            found.push(path);
        }
    }
    found
}

#[test]
fn buildah_builds_an_image_from_nothing() {
    let room = Room::new();
    std::fs::write(room.workspace().join("hello"), "hello").unwrap();
    std::fs::write(room.workspace().join("Dockerfile"), "FROM scratch\nCOPY hello /hello\nLABEL a=b\n").unwrap();
    let (output, error, ending) = build(&room);
    assert_eq!(ending, exited(0), "{output}{error}");
    assert_eq!(configuration(&room)["config"]["Labels"]["a"], "b");
    assert!(strangers(&room.workspace()).is_empty());
}

#[test]
fn buildah_runs_commands_of_several_users_in_stages() {
    let room = Room::new();
    pack_tools(&room);
    let dockerfile = "FROM scratch AS base\n\
                      ADD rootfs.tar /\n\
                      FROM base AS build\n\
                      RUN echo built > /result; touch /owned; chown app:app /owned; id\n\
                      USER app\n\
                      RUN id; echo more >> /owned\n\
                      FROM base\n\
                      COPY --from=build /result /result\n\
                      COPY --from=build /owned /owned\n\
                      RUN cat /result; ls -l /owned\n\
                      ENTRYPOINT [\"/bin/cat\",\"/result\"]\n";
    std::fs::write(room.workspace().join("Dockerfile"), dockerfile).unwrap();
    let (output, error, ending) = build(&room);
    assert_eq!(ending, exited(0), "{output}{error}");
    for line in ["uid=0(root) gid=0(root)", "uid=1000(app) gid=1000(app)", "\nbuilt\n", "app app 5"] {
        assert!(output.contains(line), "{line} in {output}{error}");
    }
    assert_eq!(configuration(&room)["config"]["Entrypoint"][0], "/bin/cat");
    let left = strangers(&room.workspace());
    assert!(left.is_empty(), "what the image's users own came back: {left:?}");
}

#[test]
fn an_evil_dockerfile_stays_inside() {
    let room = Room::new();
    pack_tools(&room);
    let secret = room.folder.path().join("secret");
    std::fs::write(&secret, "the host's secret").unwrap();
    std::os::unix::fs::symlink(&secret, room.workspace().join("link")).unwrap();
    let up = "../".repeat(12);
    let place = secret.display();
    // Each tries one way out; all are known to fail inside, so the build goes on.
    let dockerfile = format!(
        "FROM scratch\n\
         ADD rootfs.tar /\n\
         RUN cat /{up}{place} && echo escaped-1; cat /proc/1/root{place} && echo escaped-2; :\n\
         RUN mount -t tmpfs none /etc && echo escaped-3; mount -o remount,rw /sys && echo escaped-4; :\n\
         RUN mknod /disk b 8 0 && echo escaped-5; mknod /kmsg c 1 11 && echo escaped-6; :\n\
         RUN echo x > /proc/sys/kernel/core_pattern && echo escaped-7; echo b > /proc/sysrq-trigger && echo escaped-8; :\n\
         RUN ls /workspace && echo escaped-9; cat /proc/1/environ && echo escaped-10; :\n\
         RUN cat /proc/[0-9]*/comm\n\
         COPY link /stolen\n"
    );
    std::fs::write(room.workspace().join("Dockerfile"), dockerfile).unwrap();
    let (output, error, ending) = build(&room);
    // Its steps are printed too.
    let said = output.lines().filter(|line| !line.starts_with("STEP "));
    assert!(!said.clone().any(|line| line.contains("escaped") || line.contains("secret")), "{output}");
    assert!(!ending.is_success() && error.contains("link"), "the copy of what a link leads to: {error}");
    let me = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert!(said.clone().any(|line| line == "buildah") && !said.clone().any(|line| line == me.trim()), "{output}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "the host's secret");
}

/// Past buildah: what somebody gets who broke out of the container, and is root of the jail.
#[test]
fn root_of_the_jail_is_nobody_outside() {
    let room = Room::new();
    let secret = room.folder.path().join("secret");
    std::fs::write(&secret, "the host's secret").unwrap();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let me = std::process::id();
    for script in [
        format!("cat {}", secret.display()),
        format!("ls {}", room.folder.path().display()),
        "cat /etc/shadow".into(),
        "ls /root /home /run".into(),
        "touch /usr/x".into(),
        "touch /etc/x".into(),
        "touch /x".into(),
        "chown 0:0 /etc/hosts".into(),
        "chmod 777 /usr".into(),
        "mknod /tmp/disk b 8 0".into(),
        "echo x > /proc/sys/kernel/core_pattern".into(),
        "echo b > /proc/sysrq-trigger".into(),
        "cat /proc/1/environ".into(),
        "ls /proc/1/root/".into(),
        "ls /proc/1/fd".into(),
        "kill -9 1; sleep 0.01; kill -0 1 && exit 1".into(),
        format!("ls -d /proc/{me}/root && test $(readlink /proc/{me}/exe)"),
        "nsenter -t 1 -m true".into(),
        "nsenter -t 1 -n true".into(),
        "nsenter -t 1 -p true".into(),
        "unshare -p true && mount -t proc none /proc".into(),
        "mount -t cgroup none /tmp".into(),
        "mount -t cgroup2 none /tmp".into(),
        "mount -t securityfs none /tmp".into(),
        "hostname evil".into(),
        "ip link add dummy0 type dummy".into(),
        "exec 3</dev/kmsg".into(),
        "echo 1000 > /proc/1/oom_score_adj".into(),
        "date -s 2001-01-01".into(),
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"),
    ] {
        let (output, error, ending) = room.run(&builder(&room, &script));
        assert!(
            ending.cause == jail::Cause::Exited && ending.status != Some(0),
            "{script}: {ending:?} {output}{error}"
        );
        assert!(!output.contains("secret"), "{script}: {output}");
    }
    // The guard, not the tool: inside, it is root.
    let script = "id -u; mkdir /tmp/m && mount -t tmpfs none /tmp/m && touch /tmp/m/x && chown 0:0 /tmp/m/x && echo mounted; \
                  grep NoNewPrivs /proc/self/status; find /sys ! -type d | wc -l; ls / | tr '\\n' ' '";
    let (output, error, ending) = room.run(&builder(&room, script));
    assert_eq!(ending, exited(0), "{error}");
    assert!(output.starts_with("0\nmounted\nNoNewPrivs:\t1\n0\n"), "{output}{error}");
    for absent in ["home", "root", "run", "mnt", "srv"] {
        assert!(!output.split([' ', '\n']).any(|name| name == absent), "{absent} in {output}");
    }
}

#[test]
fn other_users_inside_are_others_outside_and_leave_nothing_behind() {
    let room = Room::new();
    let script = "touch a && chown 5:6 a && mkdir d && touch d/b && chgrp 7 d/b && chown 65535:65535 d && chmod 700 d && \
                  cp /bin/true set && chmod 4755 set && stat -c '%u:%g' a d && cat /proc/self/uid_map | wc -l";
    let (output, error, ending) = room.run(&builder(&room, script));
    if !is_root() && !output.contains("5:6") {
        eprintln!("skipped: this user has no other users to map ({error})");
        return;
    }
    assert_eq!(ending, exited(0), "{error}");
    assert_eq!(output, "5:6\n65535:65535\n2\n");
    assert!(strangers(&room.workspace()).is_empty());
    let mode = std::fs::metadata(room.workspace().join("set")).unwrap().mode();
    assert_eq!(mode & 0o6000, 0, "no program of the child's is left set-uid for the host's user");
}

#[test]
fn abstract_sockets_of_the_host_are_out_of_reach_with_the_whole_network() {
    let room = Room::new();
    let name = format!("tidegate-test-{}-{}", std::process::id(), fresh());
    use std::os::linux::net::SocketAddrExt as _;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _daemon = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let python =
        format!("import socket; s=socket.socket(socket.AF_UNIX); s.connect(\"\\0{name}\"); print(\"reached\")");
    let mut command = builder(&room, &format!("exec python3 -I -c '{python}'"));
    command.network = Network::All;
    if jail::detect().landlock.is_some_and(|abi| abi >= 6) {
        assert_eq!(room.run(&command).0, "");
    }
    command.profile = Profile::Delegated;
    let (output, error, _) = room.run(&command);
    assert_eq!(output, "reached\n", "the guard, not the tool: {error}");
}

#[test]
fn grants_hidden_paths_and_homes_are_as_in_strict() {
    use std::os::unix::fs::PermissionsExt as _;
    let room = Room::new();
    let at = |name: &str| room.folder.path().join(name);
    for name in ["readable", "writable"] {
        std::fs::create_dir(at(name)).unwrap();
        std::fs::write(at(name).join("file"), name).unwrap();
        std::fs::write(at(name).join("key"), "the key").unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let place = room.folder.path().display();
    let script = format!(
        "cat {place}/readable/file; touch {place}/writable/new && echo written; touch {place}/readable/new || echo refused; \
         cat {place}/readable/key; umount {place}/readable/key; cat {place}/readable/key; touch $HOME/a $TMPDIR/b; echo $HOME"
    );
    let mut command = builder(&room, &script);
    (command.read, command.write) = (vec![at("readable")], vec![at("writable")]);
    command.hidden = vec![at("readable/key")];
    let (output, error, ending) = room.run(&command);
    assert_eq!(output, "readablewritten\nrefused\n/tmp/home\n", "{error}{ending:?}");
    assert!(at("writable/new").exists());
}

#[test]
fn a_killed_builder_leaves_the_workspace_to_the_host() {
    let room = Room::new();
    let mut child = room.start(&builder(&room, "touch a; chown 5:5 a; echo ready; sleep 60"));
    hear(&mut child, "ready");
    kill(&shim_pid(&room.child()));
    assert!(matches!(child.wait(LONG), Err(jail::Error::Lost(_))));
    assert!(jail::attach(&room.child()).unwrap().is_some());
    let left = strangers(&room.workspace());
    assert!(left.is_empty() || !is_root(), "{left:?}");
}
