//! Real children in real jails, through the stand-alone shim. Needs root or user namespaces, and Landlock.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "jail/builder.rs"]
mod builder;
#[path = "jail/delegated.rs"]
mod delegated;
#[path = "jail/profile.rs"]
mod profile;
#[path = "jail/proxy.rs"]
mod proxy;
#[path = "jail/room.rs"]
mod room;
#[path = "jail/stranger.rs"]
mod stranger;

use jail::{Cause, Channel, Command, Error, Event, Input, Network, Output, Shim, State, Strictness};
use room::*;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn output_status_and_signals_arrive() {
    let room = Room::new();
    let (output, error, ending) = room.run(&room.shell("echo out; echo err >&2; exit 7"));
    assert_eq!((output.as_str(), error.as_str(), ending), ("out\n", "err\n", exited(7)));
    let (.., ending) = room.run(&room.shell("kill -9 $$"));
    assert_eq!((ending.cause, ending.status, ending.signal), (Cause::Signalled, None, Some(9)));
    let (output, ..) = room.run(&room.shell("head -c 1000000 /dev/zero | tr '\\0' x"));
    assert_eq!(output.len(), 1_000_000);
}

#[test]
fn a_missing_program_is_told() {
    let room = Room::new();
    let command = Command::new("/usr/bin/no-such-program", room.workspace());
    // It is found out after the child counts as begun, or before `start` looks: either way it is said.
    let message = match start(&room.child(), &command) {
        Err(Error::NotStarted(message)) => message,
        Err(error) => panic!("{error}"),
        Ok(mut child) => {
            let (.., ending) = finish(&mut child);
            assert_eq!(ending.cause, Cause::NotStarted);
            assert!(matches!(ending.error(), Some(Error::NotStarted(_))), "{ending:?}");
            ending.message.unwrap()
        }
    };
    assert!(message.contains("no-such-program"), "{message}");
}

#[test]
fn whose_fault_it_is_that_a_child_did_not_begin() {
    let room = Room::new();
    std::fs::write(room.workspace().join("script"), "#!/no/such/interpreter\n").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(room.workspace().join("script"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/etc", room.workspace().join("out")).unwrap();
    let true_ = jail::resolve("true").unwrap();
    let with = |change: fn(&mut Command)| {
        let mut command = Command::new(&true_, room.workspace());
        change(&mut command);
        command
    };
    for (what, command, code) in [
        ("directory", with(|c| c.directory = "none".into()), "invalid"),
        ("file as directory", with(|c| c.directory = "script".into()), "invalid"),
        ("input", with(|c| c.input = Input::File("none".into())), "invalid"),
        ("output", with(|c| c.standard_output = Output::File("none/x".into())), "invalid"),
        ("interpreter", with(|c| c.program = "/workspace/script".into()), "invalid"),
        ("grant", with(|c| c.read = vec!["/no/such/grant".into()]), "invalid"),
        ("directory link", with(|c| c.directory = "out".into()), "denied"),
        ("input link", with(|c| c.input = Input::File("out/passwd".into())), "denied"),
        ("output link", with(|c| c.standard_error = Output::File("out".into())), "denied"),
    ] {
        let error = match start(&room.folder.path().join(format!("child-{}", fresh())), &command) {
            Err(error) => error,
            Ok(mut child) => finish(&mut child).2.error().unwrap(),
        };
        let failure = model::Failure::from(error);
        assert_eq!((failure.code.as_str(), failure.blame), (code, model::Blame::User), "{what}: {failure:?}");
    }
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let room = Room::new();
    let mut command = Command::new(jail::resolve("env").unwrap(), room.workspace());
    command.environment.insert("GIVEN".into(), "a b".into());
    let (output, _, ending) = room.run(&command);
    let mut lines: Vec<_> = output.lines().collect();
    lines.sort_unstable();
    let path = format!("PATH={}", jail::SEARCH_PATH);
    assert_eq!(lines, ["GIVEN=a b", "HOME=/tmp/home", &path, "TMPDIR=/tmp"]);
    assert_eq!(ending, exited(0));
    let spec = std::fs::read_to_string(room.folder.path().join("old-0").join("spec.json"));
    assert!(!spec.unwrap_or_default().contains("a b"), "values are not stored");
}

#[test]
fn the_child_has_no_privileges_and_no_inherited_descriptors() {
    let room = Room::new();
    let script = "grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|SigBlk|SigIgn|Uid):' /proc/self/status; ls /proc/self/fd; \
                  ulimit -c; cat /proc/1/cmdline >/dev/null; ls / | tr '\\n' ' '; pwd";
    let (output, error, _) = room.run(&room.shell(script));
    for line in
        ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "SigBlk:\t0000000000000000"]
    {
        assert!(output.contains(line), "{line} in {output}");
    }
    // The two signals behind the first 31 belong to the C library, which lets nobody touch them.
    let ignored = output.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0, "{output}");
    if rustix::process::geteuid().is_root() {
        assert!(output.contains("Uid:\t65534\t65534\t65534\t65534"), "{output}");
        assert!(output.contains("CapBnd:\t0000000000000000"), "{output}");
    }
    // 0, 1, 2 and the folder that ls itself opened.
    assert!(output.contains("\n0\n1\n2\n3\n0\n"), "{output}");
    for absent in ["home", "root", "run", "mnt", "srv", "sys"] {
        assert!(!output.split([' ', '\n']).any(|name| name == absent), "{absent} in {output}");
    }
    assert!(output.ends_with("/workspace\n"), "{output}{error}");
}

#[test]
fn input_comes_from_bytes_and_files() {
    let room = Room::new();
    let mut command = Command::new(jail::resolve("cat").unwrap(), room.workspace());
    assert_eq!(room.run(&command).0, "");
    let bytes: Vec<u8> = (0..200_000).map(|n| b'a' + (n % 26) as u8).collect();
    command.input = Input::Bytes(bytes.clone());
    assert_eq!(room.run(&command).0.as_bytes(), bytes);
    std::fs::write(room.workspace().join("in"), "from a file").unwrap();
    command.input = Input::File("in".into());
    assert_eq!(room.run(&command).0, "from a file");
}

#[test]
fn outputs_go_to_files_or_nowhere() {
    let room = Room::new();
    let mut command = room.shell("echo out; echo err >&2");
    std::fs::write(room.workspace().join("both"), "a longer text from before").unwrap();
    std::fs::hard_link(room.workspace().join("both"), room.folder.path().join("kept")).unwrap();
    command.standard_output = Output::File("both".into());
    command.standard_error = Output::File("both".into());
    assert_eq!(room.run(&command), (String::new(), String::new(), exited(0)));
    assert_eq!(std::fs::read_to_string(room.workspace().join("both")).unwrap(), "out\nerr\n");
    let other = std::fs::read_to_string(room.folder.path().join("kept")).unwrap();
    assert_eq!(other, "a longer text from before", "another name of the old file is not touched");
    command.standard_output = Output::Discard;
    command.standard_error = Output::Keep;
    assert_eq!(room.run(&command), (String::new(), "err\n".into(), exited(0)));
}

#[test]
fn links_out_of_the_workspace_are_refused() {
    let room = Room::new();
    let secret = room.folder.path().join("secret");
    std::fs::write(&secret, "untouched").unwrap();
    std::os::unix::fs::symlink(&secret, room.workspace().join("link")).unwrap();
    std::os::unix::fs::symlink(room.folder.path(), room.workspace().join("up")).unwrap();
    for path in ["link", "up/secret"] {
        for change in [
            (|command, path| command.input = Input::File(path)) as fn(&mut Command, String),
            |command, path| command.standard_output = Output::File(path),
            |command, path| command.standard_error = Output::File(path),
        ] {
            let mut command = room.shell("cat; echo overwritten; echo overwritten >&2");
            change(&mut command, path.into());
            let result = start(&room.folder.path().join(format!("child-{}", fresh())), &command);
            assert!(matches!(result, Err(Error::Refused(_))), "{result:?}");
        }
    }
    let mut command = room.shell("pwd");
    command.directory = "up".into();
    assert_eq!(room.run(&command).2.cause, Cause::NotStarted);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "untouched");
}

#[test]
fn the_host_is_out_of_reach() {
    let room = Room::new();
    let secret = tempfile::NamedTempFile::new_in("/tmp").unwrap();
    std::fs::write(&secret, "secret").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = room.folder.path().join("socket");
    let _unix = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let python = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])";
    for script in [
        "ls /root".to_owned(),
        "ls /home".to_owned(),
        "ls /run".to_owned(),
        format!("cat {}", secret.path().display()),
        format!("ls {}", room.folder.path().display()),
        "cat /etc/shadow".to_owned(),
        "touch /usr/x".to_owned(),
        "touch /etc/x".to_owned(),
        "touch /x".to_owned(),
        "cat /proc/1/environ".to_owned(),
        "mount -t tmpfs none /tmp".to_owned(),
        "exec 3</dev/kmsg".to_owned(),
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"),
        format!("python3 -c '{python}' {}", socket.display()),
    ] {
        let (output, error, ending) = room.run(&room.shell(&script));
        assert!(ending.cause == Cause::Exited && ending.status != Some(0), "{script}: {ending:?} {output}{error}");
        assert_eq!(output, "", "{script}");
    }
    // The guard, not the tool: the same works where it is granted.
    let mut command = room.shell(&format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"));
    command.network = Network::All;
    let (_, error, ending) = room.run(&command);
    assert_eq!(ending, exited(0), "{error}");
    let (_, error, ending) = room.run(&room.shell("touch /tmp/a $HOME/b && touch /dev/shm/c && echo x > /dev/null"));
    assert_eq!(ending, exited(0), "{error}");
}

#[test]
fn the_workspace_is_writable_or_not() {
    let room = Room::new();
    let mut command = room.shell("echo made > new");
    assert_eq!(room.run(&command).2, exited(0));
    assert_eq!(std::fs::read_to_string(room.workspace().join("new")).unwrap(), "made\n");
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(room.workspace().join("new")).unwrap().uid();
    assert_eq!(owner, rustix::process::geteuid().as_raw(), "given back");
    command.workspace_writable = false;
    command.arguments = vec!["-c".into(), "cat new; echo again > new || rm new || touch other".into()];
    let (output, _, ending) = room.run(&command);
    assert_eq!(output, "made\n");
    assert_ne!(ending.status, Some(0));
    assert_eq!(std::fs::read_to_string(room.workspace().join("new")).unwrap(), "made\n");
}

#[test]
fn grants_open_exactly_their_paths() {
    let room = Room::new();
    for name in ["readable", "writable", "neither"] {
        let folder = room.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("file"), name).unwrap();
        // The owners of granted paths stay, so the folder lets others in.
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let at = room.folder.path().display();
    let mut command = room.shell(&format!(
        "cat {at}/readable/file {at}/writable/file; touch {at}/writable/new && echo written; \
         touch {at}/readable/new || echo refused; cat {at}/neither/file || echo hidden"
    ));
    command.read = vec![room.folder.path().join("readable")];
    command.write = vec![room.folder.path().join("writable")];
    let (output, error, _) = room.run(&command);
    assert_eq!(output, "readablewritablewritten\nrefused\nhidden\n", "{error}");
    assert!(room.folder.path().join("writable/new").exists());
}

#[test]
fn a_daemon_ends_with_the_program() {
    let room = Room::new();
    let word = format!("98765{}", std::process::id());
    let script = format!("(setsid sleep {word} >/dev/null 2>&1 &) ; setsid sleep {word} & echo begun");
    let mut child = room.start(&room.shell(&script));
    let (output, _, ending) = finish(&mut child);
    assert_eq!((output.as_str(), ending), ("begun\n", exited(0)));
    assert!(!exists(&word), "a process outlived its child");
}

#[test]
fn an_interrupt_lets_finish_and_then_kills() {
    let room = Room::new();
    let mut command = room.shell("trap 'echo bye; exit 3' INT; echo ready; while :; do sleep 0.01; done");
    let mut child = room.start(&command);
    hear(&mut child, "ready");
    child.interrupt().unwrap();
    let (output, _, ending) = finish(&mut child);
    assert_eq!(output, "bye\n");
    assert_eq!((ending.cause, ending.status), (Cause::Cancelled, Some(3)));
    child.interrupt().unwrap();
    child.kill().unwrap();
    std::fs::rename(room.child(), room.folder.path().join("first")).unwrap();

    command = room.shell("trap '' INT; echo ready; while :; do sleep 0.01; done");
    command.grace_millis = 200;
    let mut child = room.start(&command);
    hear(&mut child, "ready");
    let begun = Instant::now();
    child.interrupt().unwrap();
    let (.., ending) = finish(&mut child);
    assert_eq!((ending.cause, ending.signal), (Cause::Cancelled, Some(9)));
    assert!(begun.elapsed() >= Duration::from_millis(200), "it has its grace");
}

#[test]
fn a_kill_waits_until_all_is_gone() {
    let room = Room::new();
    let word = format!("87654{}", std::process::id());
    let mut child = room.start(&room.shell(&format!("setsid sleep {word} & echo ready; sleep {word}")));
    hear(&mut child, "ready");
    eventually("the child runs", || exists(&word));
    child.kill().unwrap();
    assert!(!exists(&word));
    assert!(matches!(child.state().unwrap(), State::Ended(ending) if ending.cause == Cause::Cancelled));
}

#[test]
fn time_runs_out() {
    let room = Room::new();
    let mut command = room.shell("trap '' INT; while :; do sleep 0.01; done");
    (command.timeout_millis, command.grace_millis) = (Some(100), 100);
    let (.., ending) = room.run(&command);
    assert_eq!((ending.cause, ending.signal), (Cause::TimedOut, Some(9)));
    command = room.shell("exec sleep 60");
    command.timeout_millis = Some(50);
    let (.., ending) = room.run(&command);
    assert_eq!((ending.cause, ending.signal), (Cause::TimedOut, Some(2)), "without a handler the interrupt suffices");
}

#[test]
fn a_flood_of_output_is_cut() {
    let room = Room::new();
    let mut command = room.shell("yes");
    command.limits.output_bytes = 1 << 20;
    let (output, _, ending) = room.run(&command);
    assert_eq!(output.len(), 1 << 20);
    assert_eq!((ending.cause, ending.status), (Cause::OutputLimit, None));
}

#[test]
fn who_floods_may_put_things_in_order_first() {
    let room = Room::new();
    let line = "x".repeat(4000);
    let script = format!("trap 'echo saved > saved; exit 3' INT; while :; do echo {line}; done");
    let mut command = room.shell(&script);
    command.limits.output_bytes = 1 << 20;
    let (output, _, ending) = room.run(&command);
    assert_eq!(output.len(), 1 << 20);
    // Some of what it said is missing, however it ended.
    assert_eq!((ending.cause, ending.status), (Cause::OutputLimit, None));
    assert_eq!(std::fs::read_to_string(room.workspace().join("saved")).unwrap(), "saved\n");
}

#[test]
fn no_signal_is_blocked_for_the_program_itself() {
    let room = Room::new();
    // Without a shell in between, which clears what it inherited before it begins another program.
    let mut command = Command::new(jail::resolve("grep").unwrap(), room.workspace());
    command.arguments = vec!["-E".into(), "^Sig(Blk|Pnd)".into(), "/proc/self/status".into()];
    let (output, error, _) = room.run(&command);
    assert_eq!(output, "SigPnd:\t0000000000000000\nSigBlk:\t0000000000000000\n", "{error}");
}

/// A small file system in memory, for a child's folder on a disk that is full. Only root can mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(room: &Room) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can mount the small disk that this test fills");
            return None;
        }
        let path = room.folder.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let mut mount = std::process::Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs"]).arg(&path).status().unwrap();
        assert!(done.success());
        Some(Self(path))
    }

    fn child(&self) -> PathBuf {
        self.0.join("child")
    }

    /// Writes until nothing fits.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        let error = loop {
            if let Err(error) = file.write_all(&[1]) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_output_fills_ends_the_child_if_root() {
    let room = Room::new();
    let Some(disk) = SmallDisk::new(&room) else { return };
    let mut child = start(&disk.child(), &room.shell("head -c 4000000 /dev/zero; exit 0")).unwrap();
    let (output, _, ending) = finish(&mut child);
    assert!(output.len() < 512 << 10);
    assert_eq!((ending.cause, ending.status), (Cause::OutputLost, None), "{ending:?}");
    let message = ending.message.unwrap();
    assert!(message.starts_with("the output could not be written: No space left on device"), "{message}");
    assert!(!disk.child().join("reserve").exists());
}

#[test]
fn a_disk_that_others_fill_leaves_room_for_the_ending_if_root() {
    let room = Room::new();
    let Some(disk) = SmallDisk::new(&room) else { return };
    let script = "echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 7";
    let mut child = start(&disk.child(), &room.shell(script)).unwrap();
    hear(&mut child, "ready");
    disk.fill();
    std::fs::write(room.workspace().join("go"), "").unwrap();
    assert_eq!(finish(&mut child).2, exited(7));
    assert!(!disk.child().join("reserve").exists());
}

#[test]
fn a_hoard_of_memory_a_crowd_and_a_big_file_are_stopped() {
    let room = Room::new();
    let mut command = room.shell("exec python3 -c 'b = bytearray(1 << 30); print(len(b))'");
    command.limits.memory_bytes = 128 << 20;
    let (output, _, ending) = room.run(&command);
    assert_eq!(output, "");
    let groups = jail::detect().memory_group;
    assert!(if groups { ending.cause == Cause::OutOfMemory } else { !ending.is_success() }, "{ending:?}");

    let mut command = room.shell("i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; echo all");
    command.limits.processes = 20;
    let (output, error, _) = room.run(&command);
    assert!(!output.contains("all"), "{error}");

    let mut command = room.shell("head -c 2000000 /dev/zero > big");
    command.limits.file_bytes = 1_000_000;
    assert_ne!(room.run(&command).2.status, Some(0));
    assert_eq!(std::fs::metadata(room.workspace().join("big")).unwrap().len(), 1_000_000);
}

#[test]
fn a_second_handle_gets_everything_again() {
    let room = Room::new();
    assert!(jail::attach(&room.child()).unwrap().is_none());
    let command = room.shell("echo one; read line < fifo; echo two; exit 5");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        room.workspace().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o666),
        0,
    )
    .unwrap();
    let mut first = room.start(&command);
    hear(&mut first, "one");
    let mut second = room.start(&command);
    hear(&mut second, "one");
    assert_eq!(first.wait(Duration::from_millis(1)).unwrap(), None);
    std::fs::OpenOptions::new().write(true).open(room.workspace().join("fifo")).unwrap().write_all(b"go\n").unwrap();
    assert_eq!(finish(&mut first), ("two\n".into(), String::new(), exited(5)));
    let mut third = jail::attach(&room.child()).unwrap().unwrap();
    assert_eq!(finish(&mut third), ("one\ntwo\n".into(), String::new(), exited(5)));
    assert_eq!(third.wait(LONG).unwrap(), Some(Event::Ended(exited(5))), "asked again, the answer is the same");
    assert_eq!(third.read(Channel::StandardOutput, 10).unwrap(), b"");
}

#[test]
fn another_command_in_the_same_folder_conflicts() {
    let room = Room::new();
    let mut command = room.shell("echo one");
    room.start(&command);
    command.environment.insert("A".into(), "b".into());
    assert!(matches!(start(&room.child(), &command), Err(Error::Conflict(_))));
}

#[test]
fn of_racing_hosts_one_starts_it() {
    for _ in 0..5 {
        let room = Room::new();
        let command = room.shell("echo begun >> count; echo here");
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let mut child = room.start(&command);
                    assert_eq!(finish(&mut child), ("here\n".into(), String::new(), exited(0)));
                });
            }
        });
        assert_eq!(std::fs::read_to_string(room.workspace().join("count")).unwrap(), "begun\n");
    }
}

#[test]
fn the_death_of_the_host_leaves_the_child() {
    let room = Room::new();
    let command = room.shell("echo one; while [ ! -e go ]; do sleep 0.01; done; echo two");
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
    assert_eq!(child.state().unwrap(), State::Running);
    hear(&mut child, "one");
    std::fs::write(room.workspace().join("go"), "").unwrap();
    assert_eq!(finish(&mut child), ("two\n".into(), String::new(), exited(0)));
}

#[test]
fn the_death_of_the_shim_is_a_loss() {
    let room = Room::new();
    let word = format!("76543{}", std::process::id());
    let command = room.shell(&format!("echo ready; setsid sleep {word} & sleep {word}"));
    let mut child = room.start(&command);
    hear(&mut child, "ready");
    eventually("the child runs", || exists(&word));
    kill(&shim_pid(&room.child()));
    let begun = Instant::now();
    assert!(matches!(child.wait(LONG), Err(Error::Lost(_))));
    assert!(begun.elapsed() < LONG / 2);
    assert!(!exists(&word), "a process outlived its shim");
    assert_eq!(child.state().unwrap(), State::Lost);
    child.kill().unwrap();
    let again = room.start(&command);
    assert_eq!(again.state().unwrap(), State::Lost, "it is never begun again");
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(room.workspace()).unwrap().uid();
    assert_eq!(owner, rustix::process::geteuid().as_raw(), "the loan was recovered");
}

#[test]
fn a_shim_that_died_before_it_began_is_replaced() {
    let room = Room::new();
    let command = room.shell("echo here");
    let broken = Shim::new(jail::resolve("false").unwrap(), Vec::new());
    assert!(matches!(jail::start(&broken, &room.child(), &command), Err(Error::Shim(_))));
    assert!(jail::attach(&room.child()).unwrap().is_none());
    let mut child = room.start(&command);
    assert_eq!(finish(&mut child), ("here\n".into(), String::new(), exited(0)));
}

#[test]
fn the_lock_is_never_free_while_a_shim_begins() {
    let room = Room::new();
    // A shim that dies at once, after trying the lock as any other host would.
    let script = "flock -n \"$0/lock\" true && echo free >> \"$0/free\"; echo tried >> \"$0/tried\"; exit 1";
    let prober = Shim::new(jail::resolve("sh").unwrap(), vec!["-c".into(), script.into()]);
    assert!(jail::resolve("flock").is_some(), "this test needs flock: `apt-get install util-linux`");
    let command = room.shell("echo here");
    assert!(matches!(jail::start(&prober, &room.child(), &command), Err(Error::Shim(_))));
    assert!(room.child().join("tried").exists());
    assert!(!room.child().join("free").exists(), "another host could have begun a second shim");
    // It died with the lock, which is free again.
    let mut child = room.start(&command);
    assert_eq!(finish(&mut child), ("here\n".into(), String::new(), exited(0)));
}

#[test]
fn a_carried_shim_runs_out_of_memory_and_another_one_where_that_is_not_to_be() {
    let room = Room::new();
    let command = room.shell("echo here");
    let broken = || Shim::new("/no/such/shim", Vec::new());
    let carried = Shim::carried(&std::fs::read(SHIM).unwrap(), broken());
    let mut child = jail::start(&carried, &room.child(), &command).unwrap();
    assert_eq!(finish(&mut child), ("here\n".into(), String::new(), exited(0)));

    let room = Room::new();
    // It cannot be run, as nothing can be out of memory where the machine forbids it.
    let nothing = b"#!/no/such/interpreter\n";
    let unusable = Shim::carried(nothing, shim());
    let mut child = jail::start(&unusable, &room.child(), &room.shell("echo here")).unwrap();
    assert_eq!(finish(&mut child), ("here\n".into(), String::new(), exited(0)));
    let neither = Shim::carried(nothing, broken());
    assert!(jail::start(&neither, &Room::new().child(), &command).is_err());
}

#[test]
fn a_shim_that_no_host_began_gives_up() {
    let room = Room::new();
    let mut child = room.start(&room.shell("sleep 60"));
    let stray = std::process::Command::new(SHIM).arg(room.child()).stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(!stray.unwrap().success());
    assert_eq!(child.state().unwrap(), State::Running);
    child.kill().unwrap();
    assert_eq!(finish(&mut child).2.cause, Cause::Cancelled);
}

#[test]
fn hidden_paths_are_empty_for_a_child() {
    let room = Room::new();
    // Below a folder of the system that every child sees.
    let Ok(system) = tempfile::tempdir_in("/opt") else {
        eprintln!("skipped: only root can write to /opt, below which this test hides a file");
        return;
    };
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(system.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let at = |name: &str| system.path().join(name);
    std::fs::create_dir_all(at("keys/lent")).unwrap();
    for name in ["secret", "open", "keys/private", "keys/lent/one"] {
        std::fs::write(at(name), name).unwrap();
    }
    std::os::unix::fs::symlink("secret", at("alias")).unwrap();
    let place = system.path().display();
    let script = format!(
        "cd {place}; cat secret alias; echo; ls -A keys; cat open; echo; cat keys/lent/one; echo; echo x > secret; \
         touch keys/new; echo $?"
    );
    let mut command = room.shell(&script);
    let (output, ..) = room.run(&command);
    assert_eq!(output, "secretsecret\nlent\nprivate\nopen\nkeys/lent/one\n1\n", "the guard, not the tool");
    command.hidden = vec![at("secret"), at("keys"), at("no-such-file"), "/tmp/elsewhere".into()];
    let (output, error, ending) = room.run(&command);
    assert_eq!(output, "\nopen\n\n1\n", "{error}{ending:?}");
    // What is granted below a hidden folder is there; a grant of all does not uncover the file.
    command.read = vec![at("keys/lent"), "/opt".into()];
    let (output, error, ending) = room.run(&command);
    assert_eq!(output, "\nlent\nopen\nkeys/lent/one\n1\n", "{error}{ending:?}");
    assert_eq!(std::fs::read_to_string(at("secret")).unwrap(), "secret", "the host's own file is as it was");
}

#[test]
fn required_guards_are_given_or_named() {
    let room = Room::new();
    let mut command = room.shell("echo here");
    command.strictness = Strictness::Required;
    let machine = jail::detect();
    match start(&room.child(), &command) {
        Ok(child) => assert!(machine.is_complete() && child.degraded().unwrap().is_empty()),
        Err(Error::Unable(message)) => {
            assert!(!machine.is_complete(), "{message}");
            assert!(machine.missing().iter().any(|line| message.contains(line)), "{message}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_child_costs_little() {
    let room = Room::new();
    let command = Command::new(jail::resolve("true").unwrap(), room.workspace());
    let mut times: Vec<_> = (0..20)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(room.run(&command).2, exited(0));
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("/bin/true: median {:?}, best {:?}, worst {:?}", times[10], times[0], times[19]);
    // Ten times what a quiet machine needs.
    assert!(times[0] < Duration::from_millis(150), "{times:?}");
}
