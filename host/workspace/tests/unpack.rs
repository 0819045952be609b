//! What comes out of archives that the machine's own `tar` made, and of hostile ones that no `tar` makes.

use model::Failure;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use workspace::Workspace;

const GIB: u64 = 1 << 30;

/// A workspace, and beside it a file that is none of its business.
struct World {
    root: TempDir,
    files: Workspace,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("inside")).expect("a folder");
        fs::create_dir(root.path().join("outside")).expect("a folder");
        fs::write(root.path().join("outside/file"), b"outside").expect("a file");
        let files = Workspace::open(&root.path().join("inside")).expect("it is there");
        Self { root, files }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join("inside").join(path)
    }

    fn unpack(&self, archive: &[u8]) -> Result<u32, Failure> {
        fs::write(self.path("in.tar"), archive).expect("a file");
        self.files.unpack("in.tar", "to", &|| false)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path("to").join(path)).expect("a file")
    }

    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!(fs::read(self.root.path().join("outside/file")).expect("a file"), b"outside");
        assert_eq!(fs::read_dir(self.root.path().join("outside")).expect("a folder").count(), 1);
        assert_eq!(fs::read_dir(self.root.path()).expect("a folder").count(), 2);
    }

    /// That an archive is refused, why, and that nothing outside the folder came of it.
    #[track_caller]
    fn refuses(&self, archive: &[u8], code: &str, says: &str) {
        let failure = self.unpack(archive).expect_err(says);
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(failure.message.contains(says), "{failure:?} does not say {says}");
        self.is_untouched();
    }
}

/// One entry, as a hostile hand writes it.
struct Made {
    name: Vec<u8>,
    kind: u8,
    link: Vec<u8>,
    mode: u32,
    size: u64,
    content: Vec<u8>,
}

fn made(name: &str, kind: u8) -> Made {
    let (name, link) = (name.as_bytes().to_vec(), Vec::new());
    Made { name, kind, link, mode: 0o644, size: 0, content: Vec::new() }
}

fn file(name: &str, content: &[u8]) -> Made {
    Made { content: content.to_vec(), size: content.len() as u64, ..made(name, b'0') }
}

fn folder(name: &str) -> Made {
    made(name, b'5')
}

fn link(name: &str, to: &str) -> Made {
    Made { link: to.as_bytes().to_vec(), ..made(name, b'2') }
}

fn hard(name: &str, to: &str) -> Made {
    Made { link: to.as_bytes().to_vec(), ..made(name, b'1') }
}

/// A POSIX extended header.
fn pax(kind: u8, records: &[(&str, &str)]) -> Made {
    let mut content = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        content += &format!("{length}{rest}");
    }
    Made { kind, ..file("pax", content.as_bytes()) }
}

impl Made {
    fn write(&self, into: &mut Vec<u8>) {
        let mut header = [0; 512];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, format!("{:07o}\0{:07o}\0{:07o}\0", self.mode, 0, 0).as_bytes());
        if self.size < 1 << 33 {
            put(124, format!("{:011o}\0", self.size).as_bytes());
        } else {
            put(124, &[0x80]);
            put(128, &self.size.to_be_bytes());
        }
        put(136, format!("{:011o}\0", 0).as_bytes());
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, &self.link[..self.link.len().min(100)]);
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        into.extend_from_slice(&header);
        into.extend_from_slice(&self.content);
        into.resize(into.len().next_multiple_of(512), 0);
    }
}

/// Without the end.
fn open_archive(entries: &[Made]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut bytes));
    bytes
}

fn archive(entries: &[Made]) -> Vec<u8> {
    let mut bytes = open_archive(entries);
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(content: impl Read) -> Vec<u8> {
    let mut zipped = Vec::new();
    flate2::read::GzEncoder::new(content, flate2::Compression::fast()).read_to_end(&mut zipped).expect("gzip");
    zipped
}

#[track_caller]
fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().expect("the command is installed");
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// Whether this is a mount namespace of its own, where nobody else sees a mount and nothing is left of it; else the
/// test is run once more in one, which needs no root.
fn alone(test: &str) -> bool {
    const TOLD: &str = "WORKSPACE_TEST_ALONE";
    if std::env::var_os(TOLD).is_some() {
        return true;
    }
    let mut again = Command::new("unshare");
    again.args(["--map-root-user", "--mount"]).arg(std::env::current_exe().expect("this program"));
    run(again.args(["--exact", test, "--nocapture"]).env(TOLD, "1"));
    false
}

#[test]
fn all_formats_that_tar_writes() {
    let source = tempfile::tempdir().expect("a folder");
    let at = |path: &str| source.path().join(path);
    let long = format!("{}/{}", "d".repeat(99), "f".repeat(90));
    for (path, content) in [("a/run", "#!/bin/sh\n"), ("a/b/data", "x"), ("é ü", "utf"), (&long, "long")] {
        fs::create_dir_all(at(path).parent().expect("a parent")).expect("folders");
        fs::write(at(path), content).expect("a file");
    }
    fs::write(at("big"), vec![7; 300_000]).expect("a file");
    fs::set_permissions(at("a/run"), Permissions::from_mode(0o6755)).expect("a mode");
    fs::set_permissions(at("a"), Permissions::from_mode(0o500)).expect("a mode");
    fs::hard_link(at("big"), at("twin")).expect("a link");
    symlink("a/run", at("link")).expect("a link");
    symlink("/absent/elsewhere", at("dangling")).expect("a link");
    for format in ["v7", "oldgnu", "gnu", "ustar", "pax"] {
        // v7 has no long names and no 155 bytes before them.
        let without = if format == "v7" { vec![format!("--exclude={}", "d".repeat(99))] } else { vec![] };
        for zip in [&[][..], &["-z"]] {
            let world = World::new();
            let mut tar = Command::new("tar");
            tar.args([&format!("--format={format}"), "--owner=1234", "--group=1234", "-cf"]).arg(world.path("in.tar"));
            run(tar.args(zip).args(&without).arg("-C").arg(source.path()).arg("."));
            let entries = world.files.unpack("in.tar", "to/deeper", &|| false).expect(format);
            let listed = run(Command::new("tar").arg("-tf").arg(world.path("in.tar")));
            assert_eq!(entries as usize, String::from_utf8(listed).expect("text").lines().count(), "{format}");
            let to = world.path("to/deeper");
            let mut diff = Command::new("diff");
            diff.args(["-r", "--no-dereference"])
                .arg(format!("--exclude={}", if without.is_empty() { "-" } else { "d*" }));
            run(diff.arg(source.path()).arg(&to));
            let meta = |path: &str| fs::symlink_metadata(to.join(path)).expect("it is there");
            assert_eq!(meta("a/run").permissions().mode() & 0o7777, 0o755, "executable, and nothing more");
            assert_eq!(meta("a/b/data").permissions().mode() & 0o7777, 0o644);
            assert_eq!(meta("a").permissions().mode() & 0o7777, 0o755);
            assert_ne!(meta("a/run").uid(), 1234);
            assert_eq!(fs::read_link(to.join("dangling")).expect("a link"), Path::new("/absent/elsewhere"));
            assert_eq!(meta("big").ino(), meta("twin").ino(), "still one file");
        }
    }
}

#[test]
fn git_archives() {
    let repository = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=x", "-c", "user.email=x@x"];
        run(Command::new("git").arg("-C").arg(repository.path()).args(who).args(args))
    };
    git(&["init", "-q"]);
    fs::write(repository.path().join("file"), b"committed").expect("a file");
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    // With a global header that has the commit.
    let archive = git(&["archive", "HEAD"]);
    let world = World::new();
    assert_eq!(world.unpack(&archive).expect("unpacked"), 1);
    assert_eq!(world.read("file"), "committed");
}

#[test]
fn names_that_lead_out() {
    let world = World::new();
    let absolute = world.root.path().join("outside/new").display().to_string();
    for name in ["../outside/new", "a/../../../outside/new", "..", "a/..", "./../x", &absolute, "/", "a/\u{0}b"] {
        // The header's field ends at a NUL, an extended header's value does not.
        let archive = archive(&[pax(b'x', &[("path", name)]), file("x", b"bad")]);
        world.refuses(&archive, "invalid", "leads out of the folder, or is no path");
    }
    world.refuses(&archive(&[file("../outside/file", b"bad")]), "invalid", "\"../outside/file\"");
    world.refuses(&archive(&[folder("../outside/new")]), "invalid", "leads out");
    world.refuses(&archive(&[link("../outside/new", "x")]), "invalid", "leads out");
    world.refuses(&archive(&[file(".", b"")]), "invalid", "has no name");
    world.refuses(&archive(&[link("./", "x")]), "invalid", "has no name");
    let long = vec!["n".repeat(200); 21].join("/");
    world.refuses(&archive(&[pax(b'x', &[("path", &long)]), file("x", b"bad")]), "invalid", "is no path");
    world.refuses(&archive(&[pax(b'x', &[("path", &"n".repeat(256))]), file("x", b"bad")]), "invalid", "nnn");
    let mut long_name = Made { kind: b'L', ..file("././@LongLink", b"../outside/file\0") };
    world.refuses(&archive(&[long_name, file("x", b"bad")]), "invalid", "leads out");
    long_name = Made { kind: b'L', size: 2 << 20, ..file("././@LongLink", &vec![b'a'; 2 << 20]) };
    world.refuses(&archive(&[long_name, file("x", b"bad")]), "too-large", "an extended header of 2097152 bytes");
}

#[test]
fn links_that_lead_out() {
    let outside = |world: &World| world.root.path().join("outside").display().to_string();
    let world = World::new();
    for to in ["../../outside", &outside(&world), "../.."] {
        let world = World::new();
        let to = if to.starts_with('/') { outside(&world) } else { to.to_owned() };
        for through in [file("out/file", b"bad"), folder("out/new"), link("out/new", "x"), file("out/new/deep", b"bad")]
        {
            let what = archive(&[link("out", &to), through]);
            world.refuses(&what, "invalid", "leads out of the folder that is unpacked into, by a link");
            fs::remove_file(world.path("to/out")).expect("the link itself is made");
        }
        world.refuses(
            &archive(&[link("out", &to), hard("new", "out/file")]),
            "invalid",
            "leads out of the folder, by a link",
        );
    }
    // Out of the folder is out, even where it is within the workspace.
    fs::create_dir(world.path("beside")).expect("a folder");
    world.refuses(&archive(&[link("out", "../beside"), file("out/file", b"bad")]), "invalid", "leads out");
    assert_eq!(fs::read_dir(world.path("beside")).expect("a folder").count(), 0);
    // A chain, a link that was there before, and one that leads to itself.
    let chain = [link("one", "two"), link("two", ".."), file("one/in.tar", b"bad")];
    world.refuses(&archive(&chain), "invalid", "leads out");
    symlink("../../outside", world.path("to/before")).expect("a link");
    world.refuses(&archive(&[file("before/file", b"bad")]), "invalid", "leads out");
    world.refuses(&archive(&[link("self", "self"), file("self/x", b"bad")]), "invalid", "leads out");
    // The name itself is replaced, whatever it led to.
    assert_eq!(world.unpack(&archive(&[link("x", "../../outside/file"), file("x", b"mine")])).expect("unpacked"), 2);
    assert_eq!(world.read("x"), "mine");
    assert_eq!(world.unpack(&archive(&[folder("before"), file("before/file", b"mine")])).expect("unpacked"), 2);
    assert_eq!(world.read("before/file"), "mine");
    // One to another folder within is fine, or nothing above says anything.
    let fine = [folder("real"), link("alias", "real"), file("alias/file", b"within")];
    assert_eq!(world.unpack(&archive(&fine)).expect("unpacked"), 3);
    assert_eq!(world.read("real/file"), "within");
    // And so it is after the link leads elsewhere, though its folder was open a moment ago.
    let turned = [
        folder("other"),
        file("alias/first", b"1"),
        link("alias", "other"),
        file("alias/second", b"2"),
        link("alias", "../../outside"),
    ];
    assert_eq!(world.unpack(&archive(&turned)).expect("unpacked"), 5);
    assert_eq!((world.read("real/first"), world.read("other/second")), ("1".to_owned(), "2".to_owned()));
    world.refuses(&archive(&[file("alias/file", b"bad")]), "invalid", "leads out");
}

#[test]
fn the_folder_itself_may_not_lead_out() {
    let world = World::new();
    fs::write(world.path("in.tar"), archive(&[file("file", b"bad")])).expect("a file");
    symlink("../outside", world.path("to")).expect("a link");
    let failure = world.files.unpack("in.tar", "to", &|| false).expect_err("it leads out");
    assert_eq!(failure.code, "invalid", "{failure:?}");
    assert_eq!(world.files.unpack("in.tar", "to/below", &|| false).expect_err("it leads out").code, "invalid");
    assert_eq!(world.files.unpack("in.tar", "../x", &|| false).expect_err("it leads out").code, "invalid");
    world.is_untouched();
    symlink("../outside/file", world.path("linked.tar")).expect("a link");
    assert_eq!(world.files.unpack("linked.tar", "x", &|| false).expect_err("it leads out").code, "invalid");
    assert_eq!(world.files.unpack("absent.tar", "x", &|| false).expect_err("absent").code, "not-found");
}

#[test]
fn hard_links() {
    let world = World::new();
    let absolute = world.root.path().join("outside/file").display().to_string();
    for to in ["../outside/file", "../in.tar", "a/../../in.tar", &absolute, "", "."] {
        world.refuses(&archive(&[hard("new", to)]), "invalid", "hard link \"new\" leads out of the folder");
        assert!(!world.path("to/new").exists(), "{to}");
    }
    world.refuses(&archive(&[hard("new", "absent")]), "invalid", "`absent`, which is not there");
    world.refuses(&archive(&[folder("dir"), hard("new", "dir")]), "invalid", "`dir`, which is no file");
    world.refuses(&archive(&[link("out", "../../outside/file"), hard("new", "out")]), "invalid", "is no file");
    let content = Made { size: 3, content: b"abc".to_vec(), ..hard("new", "x") };
    world.refuses(&archive(&[file("x", b""), content]), "invalid", "is no file, and has content");
    // Writing to one name never shows under the other, nor in what was there before.
    fs::write(world.path("before"), b"before").expect("a file");
    fs::hard_link(world.path("before"), world.path("to/mine")).expect("a link");
    let entries = [file("mine", b"1"), hard("also", "mine"), hard("mine", "mine"), file("also", b"2")];
    assert_eq!(world.unpack(&archive(&entries)).expect("unpacked"), 4);
    assert_eq!((world.read("mine"), world.read("also")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(fs::read(world.path("before")).expect("a file"), b"before");
}

#[test]
fn special_files_and_unknown_kinds() {
    let world = World::new();
    for (kind, says) in
        [(b'3', "a device"), (b'4', "a device"), (b'6', "a named pipe"), (b'S', "a sparse file"), (b'M', "kind 'M'")]
    {
        world.refuses(&archive(&[made("odd", kind)]), "invalid", says);
        assert!(!world.path("to/odd").exists());
    }
    // Also as the machine's tar writes it.
    run(Command::new("truncate").args(["-s", "10M"]).arg(world.path("holes")));
    for format in ["gnu", "pax"] {
        let mut tar = Command::new("tar");
        tar.args([&format!("--format={format}"), "-S", "-cf"]).arg(world.path("in.tar")).arg("-C").arg(world.path(""));
        run(tar.arg("holes"));
        let failure = world.files.unpack("in.tar", "to", &|| false).expect_err("sparse");
        assert!(failure.message.contains("sparse file"), "{failure:?}");
    }
}

#[test]
fn one_path_several_times() {
    let world = World::new();
    let entries = [
        file("a", b"first"),
        file("a", b"second"),
        link("a", "nowhere"),
        file("a", b"third"),
        folder("a"),
        folder("./a/"),
        file("a//b", b"deep"),
    ];
    assert_eq!(world.unpack(&archive(&entries)).expect("unpacked"), 7);
    assert_eq!(world.read("a/b"), "deep");
    world.refuses(&archive(&[file("a", b"x")]), "invalid", "`to/a` is a folder, and something else");
    world.refuses(&archive(&[link("a", "x")]), "invalid", "`to/a` is a folder, and something else");
    assert_eq!(world.read("a/b"), "deep");
    world.refuses(&archive(&[file("a/b/c", b"x")]), "invalid", "below something that is no folder");
    // A file is a new one each time: whoever has the old one open keeps it.
    let mut old = File::options().read(true).open(world.path("to/a/b")).expect("a file");
    world.unpack(&archive(&[file("a/b", b"changed")])).expect("unpacked");
    let mut content = String::new();
    old.read_to_string(&mut content).expect("a file");
    assert_eq!((content.as_str(), world.read("a/b").as_str()), ("deep", "changed"));
}

#[test]
fn archives_that_are_cut_off_or_damaged() {
    let world = World::new();
    let whole = archive(&[file("a", &[1; 700]), pax(b'x', &[("path", "b")]), file("x", b"b"), link("l", "a")]);
    assert_eq!(world.unpack(&whole).expect("unpacked"), 3);
    let end = whole.len() - 1024;
    for length in (1..=end).step_by(37).chain([end, end - 512, 512, 511]) {
        world.refuses(&whole[..length], "invalid", "");
    }
    world.refuses(&whole[..end], "invalid", "it ends without the mark of its end");
    world.refuses(&whole[..512 + 100], "invalid", "it ends within a file");
    world.refuses(&open_archive(&[file("a", b""), pax(b'x', &[("path", "b")])]), "invalid", "damaged");
    world.refuses(&archive(&[file("a", b""), pax(b'x', &[("path", "b")])]), "invalid", "where an entry should follow");
    let zipped = gzip(&whole[..]);
    for length in 10..zipped.len() {
        world.refuses(&zipped[..length], "invalid", "damaged");
    }
    // All but the space that ends the checksum, which nobody looks at.
    for at in (0..512).filter(|at| *at != 155) {
        let mut bad = whole.clone();
        bad[at] ^= 0x41;
        assert_eq!(world.unpack(&bad).expect_err("a header's checksum").code, "invalid", "byte {at}");
    }
    let mut bad = zipped.clone();
    let check = bad.len() - 6;
    bad[check] ^= 1;
    world.refuses(&bad, "invalid", "damaged");
    world.refuses(b"", "invalid", "`in.tar` is empty");
    world.refuses(b"hello", "invalid", "damaged");
    world.refuses(&[b'x'; 2000], "invalid", "the file is no tar archive");
    for (name, magic) in [("zstd", &b"\x28\xb5\x2f\xfd"[..]), ("xz", b"\xfd7zXZ\0"), ("bzip2", b"BZh9")] {
        world.refuses(&[magic, &[0; 100]].concat(), "invalid", name);
    }
}

#[test]
fn extended_headers_that_lie() {
    let world = World::new();
    let raw = |content: &[u8]| archive(&[Made { kind: b'x', ..file("pax", content) }, file("x", b"bad")]);
    for bad in [
        "5",
        "x path=a\n",
        "99 path=a\n",
        "9 path=a",
        "3 \n",
        "0 path=a\n",
        "18446744073709551616 path=a\n",
        "7 path\n",
        "-9 path=a\n",
    ] {
        world.refuses(&raw(bad.as_bytes()), "invalid", "an extended header is malformed");
    }
    for size in ["x", "-1", "99999999999999999999", "1.5"] {
        world.refuses(&archive(&[pax(b'x', &[("size", size)]), file("x", b"bad")]), "invalid", "malformed");
    }
    // A header that claims to be as large as memory, or as an integer.
    for size in [GIB, 15 * GIB, u64::MAX] {
        world.refuses(
            &archive(&[Made { kind: b'x', size, ..made("pax", b'x') }]),
            "too-large",
            "an extended header of",
        );
    }
    let size = u64::MAX.to_string();
    world.refuses(
        &archive(&[pax(b'x', &[("size", &size)]), file("x", b"")]),
        "too-large",
        "more than 17179869184 bytes",
    );
    world.refuses(&archive(&[Made { size: u64::MAX, ..file("x", b"") }]), "too-large", "more than 17179869184 bytes");
    for key in ["path", "linkpath", "size"] {
        world.refuses(&archive(&[pax(b'g', &[(key, "1")]), file("x", b"")]), "invalid", "for several entries");
    }
    let many: Vec<Made> = (0..17).map(|_| pax(b'x', &[("comment", "x")])).chain([file("x", b"")]).collect();
    world.refuses(&archive(&many), "invalid", "too many headers");
    // The length that counts is the extended one; what follows is where it says.
    let hidden = archive(&[file("hidden", b"bad")]);
    let length = hidden.len().to_string();
    let entries = [pax(b'x', &[("size", &length), ("path", "shown")]), Made { size: 0, ..file("x", &hidden) }];
    assert_eq!(world.unpack(&archive(&entries)).expect("unpacked"), 1);
    assert_eq!(fs::metadata(world.path("to/shown")).expect("a file").len(), hidden.len() as u64);
    assert!(!world.path("to/hidden").exists());
    // An empty value takes back what was said.
    let entries = [pax(b'x', &[("path", "no"), ("path", "")]), file("yes", b"x")];
    world.unpack(&archive(&entries)).expect("unpacked");
    assert!(world.path("to/yes").exists() && !world.path("to/no").exists());
}

#[test]
fn what_was_executable_still_is() {
    let world = World::new();
    let modes = [(0o4755, 0o755), (0o644, 0o644), (0o7001, 0o755), (0o666, 0o644), (0o000, 0o644)];
    let entry = |(mode, _): &(u32, u32)| Made { mode: *mode, ..file(&format!("f{mode:o}"), b"") };
    world.unpack(&archive(&modes.each_ref().map(entry))).expect("unpacked");
    for (mode, kept) in modes {
        let found = fs::metadata(world.path(&format!("to/f{mode:o}"))).expect("a file");
        assert_eq!(found.permissions().mode() & 0o7777, kept, "{mode:o}");
    }
}

#[test]
fn it_is_cancelled_wherever_it_is() {
    let world = World::new();
    let archive = gzip(&archive(&[file("a", &vec![1; 1 << 20]), file("b", b""), file("c", b"")])[..]);
    fs::write(world.path("in.tar"), archive).expect("a file");
    let count = std::cell::Cell::new(0);
    let tick = |limit: u32| {
        count.set(count.get() + 1);
        count.get() == limit
    };
    world.files.unpack("in.tar", "to", &|| tick(0)).expect("unpacked");
    let all = count.replace(0);
    assert!(all > 10, "{all}");
    for at in 1..=all {
        let failure = world.files.unpack("in.tar", "to", &|| tick(at)).expect_err("cancelled");
        assert_eq!(failure.code, "cancelled");
        count.set(0);
    }
}

#[test]
fn a_full_disk_says_so() {
    if !alone("a_full_disk_says_so") {
        return;
    }
    let world = World::new();
    fs::create_dir(world.path("to")).expect("a folder");
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(world.path("to")));
    let bomb = gzip(&archive(&[file("zeros", &vec![0; 8 << 20])])[..]);
    assert!(bomb.len() < 100_000);
    world.refuses(&bomb, "exhausted", "`to/zeros`");
}

/// A folder and a link to outside change places all the time, as a hostile child could make them.
#[test]
fn a_folder_that_becomes_a_link_meanwhile() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    let world = World::new();
    fs::create_dir_all(world.path("to/folder")).expect("folders");
    symlink("../../outside", world.path("to/other")).expect("a link");
    // Two folders in turn, so that none of them stays open.
    let entries: Vec<Made> = (0..4).flat_map(|n| [file(&format!("folder/{n}"), b"in"), file("x", b"in")]).collect();
    let bytes = archive(&entries);
    let (over, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (mut met, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let _stop = Stop(&over);
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let (a, b) = (world.path("to/folder"), world.path("to/other"));
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).expect("both are there");
                swaps.fetch_add(1, Ordering::SeqCst);
            }
        });
        // On until both sides were seen often enough; never without end.
        for _ in 0..20_000 {
            if met >= 5 && refused >= 5 && swaps.load(Ordering::SeqCst) >= 1_000 {
                break;
            }
            match world.unpack(&bytes) {
                Ok(_) => met += 1,
                Err(failure) => {
                    assert!(matches!(failure.code.as_str(), "invalid" | "unavailable"), "{failure:?}");
                    refused += 1;
                }
            }
        }
    });
    world.is_untouched();
    assert!(refused > 0 && swaps.load(Ordering::SeqCst) >= 100, "{met} {refused} {swaps:?}");
}

#[test]
fn a_name_that_the_child_makes_again_is_not_followed() {
    let world = World::new();
    fs::create_dir(world.path("to")).expect("a folder");
    fs::write(world.path("in.tar"), archive(&[file("a", b"1"), file("b", b"2")])).expect("a file");
    // Before each entry, a link to outside has its name.
    let trap = || {
        for name in ["a", "b"] {
            let _ = symlink("../../outside/file", world.path("to").join(name));
        }
        false
    };
    world.files.unpack("in.tar", "to", &trap).expect("unpacked");
    world.is_untouched();
    let mut file = File::options().append(true).open(world.path("to/b")).expect("a file of its own");
    file.write_all(b"!").expect("a file");
    assert_eq!((world.read("a"), world.read("b")), ("1".to_owned(), "2!".to_owned()));
}
