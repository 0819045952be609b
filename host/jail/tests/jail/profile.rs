//! What every profile promises alike, and the one thing by which they differ most: who reaches a daemon's socket.

use crate::room::*;
use jail::{Cause, Command, Ending, Profile};
use std::os::unix::fs::PermissionsExt as _;

pub const ALL: [Profile; 3] = [Profile::Strict, Profile::Builder, Profile::Delegated];

fn shell(room: &Room, profile: Profile, script: &str) -> Command {
    Command { profile, ..room.shell(script) }
}

#[test]
fn a_daemons_socket_is_only_there_for_the_delegated() {
    let room = Room::new();
    let socket = room.folder.path().join("socket");
    let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // As open as a socket can be: what keeps the child away is not its mode.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::set_permissions(room.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let python = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(\"reached\")";
    for profile in ALL {
        let script = format!("exec python3 -I -c '{python}' {}", socket.display());
        let (output, error, ending) = room.run(&shell(&room, profile, &script));
        let expected = if profile == Profile::Delegated { "reached\n" } else { "" };
        assert_eq!(output, expected, "{profile:?}: {error}{ending:?}");
    }
}

#[test]
fn nothing_is_mounted_again_with_more_rights() {
    let room = Room::new();
    std::fs::create_dir(room.folder.path().join("granted")).unwrap();
    let granted = room.folder.path().join("granted");
    std::fs::set_permissions(&granted, std::fs::Permissions::from_mode(0o777)).unwrap();
    let at = granted.display();
    for profile in [Profile::Strict, Profile::Builder] {
        let script = format!(
            "for place in /usr /workspace /etc {at} /; do mount -o remount,bind,rw $place && echo opened $place; \
             umount $place && echo removed $place; umount -l $place && echo detached $place; done; \
             mount -o remount,bind,suid,dev /workspace && echo loosened; touch /workspace/x {at}/x && echo written; \
             touch /x && echo root"
        );
        let mut command = shell(&room, profile, &script);
        command.workspace_writable = false;
        command.read = vec![granted.clone()];
        let (output, error, _) = room.run(&command);
        assert_eq!(output, "", "{profile:?}: {error}");
        assert!(!granted.join("x").exists() && !room.workspace().join("x").exists());
    }
}

#[test]
fn a_fork_that_stays_is_ended() {
    for profile in ALL {
        let room = Room::new();
        let word = format!("97531{}{}", profile as u8, std::process::id());
        let script =
            format!("(setsid sh -c 'setsid sleep {word} & setsid sleep {word}' >/dev/null 2>&1 &) ; echo begun");
        let (output, _, ending) = room.run(&shell(&room, profile, &script));
        assert_eq!((output.as_str(), ending), ("begun\n", exited(0)), "{profile:?}");
        assert!(!exists(&word), "{profile:?}: a process outlived its child");

        let script =
            format!("(setsid sh -c 'echo up; exec sleep {word}' &) ; trap '' INT; while :; do sleep 0.01; done");
        let mut child = room.start(&shell(&room, profile, &script));
        hear(&mut child, "up");
        eventually("the fork runs", || exists(&word));
        child.kill().unwrap();
        assert!(!exists(&word), "{profile:?}: a process outlived a kill");
        assert!(matches!(child.state().unwrap(), jail::State::Ended(Ending { cause: Cause::Cancelled, .. })));
    }
}

#[test]
fn interrupts_deadlines_and_output_are_the_same_for_all() {
    for profile in ALL {
        let room = Room::new();
        let mut command = shell(
            &room,
            profile,
            "trap 'echo bye; exit 3' INT; echo ready; echo err >&2; while :; do sleep 0.01; done",
        );
        let mut child = room.start(&command);
        hear(&mut child, "ready");
        child.interrupt().unwrap();
        let (output, error, ending) = finish(&mut child);
        assert!(output.ends_with("bye\n") && error.is_empty() | error.ends_with("err\n"), "{output} {error}");
        assert_eq!((ending.cause, ending.status), (Cause::Cancelled, Some(3)), "{profile:?}");
        std::fs::rename(room.child(), room.folder.path().join("first")).unwrap();
        command = shell(&room, profile, "trap '' INT; while :; do sleep 0.01; done");
        (command.timeout_millis, command.grace_millis) = (Some(100), 100);
        let (.., ending) = room.run(&command);
        assert_eq!((ending.cause, ending.signal), (Cause::TimedOut, Some(9)), "{profile:?}");
    }
}

#[test]
fn memory_processes_and_files_are_limited_for_all() {
    let groups = jail::detect();
    for profile in ALL {
        let room = Room::new();
        let mut command = shell(&room, profile, "exec python3 -I -c 'b = bytearray(1 << 30); print(len(b))'");
        command.limits.memory_bytes = 128 << 20;
        let (output, _, ending) = room.run(&command);
        assert_eq!(output, "", "{profile:?}");
        let cause = ending.cause == Cause::OutOfMemory;
        assert!(if groups.memory_group { cause } else { !ending.is_success() }, "{profile:?}: {ending:?}");

        let mut command = shell(&room, profile, "i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; echo all");
        command.limits.processes = 20;
        if groups.process_group || !(is_root() && profile == Profile::Delegated) {
            assert!(!room.run(&command).0.contains("all"), "{profile:?}");
        }

        let mut command = shell(&room, profile, "head -c 2000000 /dev/zero > big");
        command.limits.file_bytes = 1_000_000;
        assert_ne!(room.run(&command).2.status, Some(0), "{profile:?}");
        assert_eq!(std::fs::metadata(room.workspace().join("big")).unwrap().len(), 1_000_000, "{profile:?}");
    }
}

#[test]
fn the_environment_is_clean_for_all() {
    for profile in ALL {
        let room = Room::new();
        let mut command = Command::new(jail::resolve("env").unwrap(), room.workspace());
        command.profile = profile;
        command.environment.insert("GIVEN".into(), "a b".into());
        let (output, error, ending) = room.run(&command);
        assert_eq!(ending, exited(0), "{error}");
        let names: Vec<_> = output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["GIVEN", "HOME", "PATH", "TMPDIR"], "{profile:?}: {output}");
    }
}

#[test]
fn two_profiles_share_a_workspace_and_give_it_back_together() {
    use std::os::unix::fs::MetadataExt as _;
    let room = Room::new();
    std::fs::write(room.workspace().join("given"), "").unwrap();
    let wait = "echo ready; while [ ! -e go ]; do sleep 0.01; done";
    let mut strict =
        start(&room.folder.path().join("strict"), &room.shell(&format!("touch s; {wait}; echo > b"))).unwrap();
    let script = format!("touch b; chmod 666 b; {wait}; echo > s");
    let mut builder = start(&room.folder.path().join("builder"), &shell(&room, Profile::Builder, &script)).unwrap();
    hear(&mut strict, "ready");
    hear(&mut builder, "ready");
    std::fs::write(room.workspace().join("go"), "").unwrap();
    for child in [&mut strict, &mut builder] {
        let (_, error, ending) = finish(child);
        assert_eq!(ending, exited(0), "{error}");
    }
    for name in ["", "given", "s", "b"] {
        let owner = std::fs::metadata(room.workspace().join(name)).unwrap().uid();
        assert_eq!(owner, rustix::process::geteuid().as_raw(), "{name}");
    }
}
