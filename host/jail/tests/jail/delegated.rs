//! Children outside the jail, by the operator's word.

use crate::room::*;
use jail::{Command, Error, Network, Profile, Strictness};

fn delegated(room: &Room, script: &str) -> Command {
    Command { profile: Profile::Delegated, network: Network::All, ..room.shell(script) }
}

#[test]
fn it_runs_as_the_host_at_the_hosts_own_paths_and_says_so() {
    let room = Room::new();
    std::fs::create_dir(room.workspace().join("sub")).unwrap();
    std::fs::write(room.workspace().join("sub/in"), "input").unwrap();
    let mut command = delegated(&room, "pwd; id -u; cat in; touch made; ls /proc/$PPID >/dev/null && echo sees");
    command.directory = "sub".into();
    let mut child = room.start(&command);
    let (output, error, ending) = finish(&mut child);
    assert_eq!(ending, exited(0), "{error}");
    let here = room.workspace().join("sub");
    assert_eq!(output, format!("{}\n{}\ninputsees\n", here.display(), rustix::process::geteuid().as_raw()));
    assert!(here.join("made").exists());
    let degraded = child.degraded().unwrap();
    assert_eq!(degraded.first().unwrap(), "it runs outside the jail: the operator granted `profile: delegated`");
    let lacks_groups = !jail::detect().memory_group || !jail::detect().process_group;
    assert!(degraded.len() == 1 || lacks_groups, "{degraded:?}");
}

#[test]
fn it_has_the_hosts_network_whatever_was_asked_for() {
    let room = Room::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let mut command = delegated(&room, &format!("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached'"));
    command.network = Network::None;
    let mut child = room.start(&command);
    assert_eq!(finish(&mut child).0, "reached\n");
    let said = child.degraded().unwrap();
    assert!(said.iter().any(|line| line.contains("a delegated child has no network of its own")), "{said:?}");
}

#[test]
fn a_required_jail_refuses_it() {
    let room = Room::new();
    let mut command = delegated(&room, "echo here");
    command.strictness = Strictness::Required;
    let refused = start(&room.child(), &command);
    assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("outside the jail")), "{refused:?}");
    assert!(!room.child().exists());
}

#[test]
fn its_temporary_folder_goes_with_it() {
    let room = Room::new();
    let (output, ..) = room.run(&delegated(&room, "touch $HOME/x $TMPDIR/y; echo $TMPDIR"));
    let folder = std::path::Path::new(output.trim());
    assert!(folder.is_absolute() && !folder.exists(), "{output}");
}

#[test]
fn a_path_of_the_workspace_is_its_path_there() {
    let room = Room::new();
    let mut command = delegated(&room, "echo \"$1 $2 $PLACE $TEXT\"; echo x > \"$PLACE\"");
    command.arguments.extend(["sh", "/workspace/a", "-I/workspace/b"].map(String::from));
    command.environment.insert("PLACE".into(), "/workspace/out".into());
    command.environment.insert("TEXT".into(), "/workspaces".into());
    let (output, error, ending) = room.run(&command);
    assert_eq!(ending, exited(0), "{error}");
    let here = room.workspace().display().to_string();
    assert_eq!(output, format!("{here}/a -I/workspace/b {here}/out /workspaces\n"));
    assert!(room.workspace().join("out").exists());
    // With a root of its own the child finds it where everybody says it is.
    let strict = Command { profile: Profile::Strict, network: Network::None, ..command };
    assert_eq!(room.run(&strict).0, "/workspace/a -I/workspace/b /workspace/out /workspaces\n");
}
