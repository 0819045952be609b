//! What goes into an archive, and that the same files always give the same bytes. The machine's own `tar`, `gzip` and
//! `skopeo` have to agree.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use workspace::{Compression, Item, Packed, Packing, Workspace};

struct World {
    folder: TempDir,
    files: Workspace,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Workspace::open(folder.path()).expect("it is there");
        Self { folder, files }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str, content: &[u8]) -> &Self {
        fs::create_dir_all(self.path(path).parent().expect("a parent")).expect("folders");
        fs::write(self.path(path), content).expect("a file");
        self
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), Permissions::from_mode(mode)).expect("a mode");
    }

    fn pack(&self, packing: &Packing) -> Result<Packed, model::Failure> {
        self.files.pack(packing, "out.tar", &|| false)
    }

    /// What `tar` lists of the archive that was packed last.
    fn listed(&self) -> Vec<String> {
        let out = run(Command::new("tar").env("TZ", "UTC").args(["--full-time", "-tvf"]).arg(self.path("out.tar")));
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        String::from_utf8(out).expect("text").lines().map(words).collect()
    }

    /// The names alone.
    fn names(&self) -> Vec<String> {
        let out = run(Command::new("tar").arg("-tf").arg(self.path("out.tar")));
        String::from_utf8(out).expect("text").lines().map(str::to_owned).collect()
    }
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

fn item(source: &str, target: &str) -> Item {
    Item { source: source.to_owned(), target: target.to_owned(), user: 0, group: 0, mode: None }
}

fn packing(items: Vec<Item>) -> Packing {
    Packing { items, exclude: Vec::new(), modified: Some(1_700_000_000), compression: Compression::None }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// Text that compresses, but does not repeat.
fn text(size: usize) -> Vec<u8> {
    (0_u64..).flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761) % 10_007).into_bytes()).take(size).collect()
}

#[test]
fn owners_modes_and_times_are_those_that_were_asked_for() {
    let world = World::new();
    world.file("app/bin/run", b"#!/bin/sh\n").file("app/etc/conf", b"x=1\n").file("lone", b"");
    world.mode("app/bin/run", 0o4711);
    world.mode("app/etc/conf", 0o600);
    world.mode("app", 0o700);
    symlink("../etc/conf", world.path("app/bin/link")).expect("a link");
    let mut owned = item("app", "srv/app");
    (owned.user, owned.group) = (1000, 3_000_000);
    let mut fixed = item("lone", "srv/secret");
    fixed.mode = Some(0o440);
    let mut tight = item("app/etc", "tight");
    tight.mode = Some(0o640);
    let packed = world.pack(&packing(vec![owned, fixed, tight])).expect("packed");
    assert_eq!(
        world.listed(),
        [
            "drwxr-xr-x 1000/3000000 0 2023-11-14 22:13:20 srv/",
            "drwxr-xr-x 1000/3000000 0 2023-11-14 22:13:20 srv/app/",
            "drwxr-xr-x 1000/3000000 0 2023-11-14 22:13:20 srv/app/bin/",
            "lrwxrwxrwx 1000/3000000 0 2023-11-14 22:13:20 srv/app/bin/link -> ../etc/conf",
            "-rwxr-xr-x 1000/3000000 10 2023-11-14 22:13:20 srv/app/bin/run",
            "drwxr-xr-x 1000/3000000 0 2023-11-14 22:13:20 srv/app/etc/",
            "-rw-r--r-- 1000/3000000 4 2023-11-14 22:13:20 srv/app/etc/conf",
            "-r--r----- 0/0 0 2023-11-14 22:13:20 srv/secret",
            "drwxr-x--- 0/0 0 2023-11-14 22:13:20 tight/",
            "-rw-r----- 0/0 4 2023-11-14 22:13:20 tight/conf",
        ]
    );
    let archive = fs::read(world.path("out.tar")).expect("an archive");
    assert_eq!(packed.digest.as_str(), digest(&archive));
    assert_eq!((packed.size, packed.entries), (archive.len() as u64, 10));
    assert_eq!(packed.content_digest, packed.digest);
    let (summary, size) = world.files.summarise("out.tar").expect("a file").expect("it is there");
    assert_eq!((summary, size), (packed.digest, packed.size));
}

/// Everything that must not show in the bytes, differently each time.
#[test]
fn the_same_files_give_the_same_bytes() {
    let content = text(3 << 20);
    let names: Vec<String> = (0..40).map(|n| format!("tree/{}/{}", n % 7, n * 37 % 40)).collect();
    let make = |order: &mut dyn Iterator<Item = &String>, umask: u32, owner: u32, time: u64| {
        let world = World::new();
        for name in order {
            world.file(name, &content[..name.len() * 997]);
            let executable = name.ends_with('3');
            world.mode(name, if executable { 0o777 & !umask } else { 0o666 & !umask });
            // Only root may; for others the owner is the same twice.
            let _ = std::os::unix::fs::chown(world.path(name), Some(owner), Some(owner));
        }
        world.file("tree/big", &content);
        symlink("big", world.path("tree/to big")).expect("a link");
        for name in &names {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
            File::open(world.path(name)).expect("a file").set_modified(at).expect("its time");
        }
        world
    };
    let one = make(&mut names.iter(), 0o022, 0, 1_000_000_000);
    let other = make(&mut names.iter().rev(), 0o077, 4242, 1_600_000_000);
    for compression in [Compression::None, Compression::Gzip] {
        let packing = Packing { compression, ..packing(vec![item("tree", "")]) };
        let packed = [&one, &other, &one].map(|world| world.pack(&packing).expect("packed"));
        assert_eq!(packed[0], packed[1], "{compression:?}");
        assert_eq!(packed[0], packed[2], "{compression:?}");
    }
    fs::write(other.path("tree/3/3"), b"another").expect("a file");
    let packing = packing(vec![item("tree", "")]);
    assert_ne!(one.pack(&packing).expect("packed"), other.pack(&packing).expect("packed"), "content does show");
}

/// A change here changes the digest of every image that is ever built again: it is a decision, not an accident.
#[test]
fn the_bytes_stay_the_same_from_version_to_version() {
    let world = World::new();
    world.file("a/b", &text(700_000)).file("a/empty", b"").file(&format!("a/{}", "n".repeat(150)), b"long");
    let packing = Packing { compression: Compression::Gzip, ..packing(vec![item("a", "x")]) };
    let packed = world.pack(&packing).expect("packed");
    let digests = (packed.content_digest.as_str(), packed.digest.as_str());
    assert_eq!(
        digests,
        (
            "sha256:8624b8b0bdc08eb3da64c71b830c6d8e09899f235288a4f9cdb2014036928334",
            "sha256:080340c37aaddf1850929f8cff7c4414db58d2d158e4ffc34ea9322290a2fad4"
        )
    );
}

#[test]
fn gzip_is_one_member_that_gzip_and_tar_take() {
    for size in [0, 1, 1000, (256 << 10) - 1024 - 512, (256 << 10) - 1024, 256 << 10, 2_000_000] {
        let world = World::new();
        world.file("dir/file", &text(size));
        let packed = world.pack(&packing(vec![item("dir", "")])).expect("packed");
        let plain = fs::read(world.path("out.tar")).expect("an archive");
        let zipped = Packing { compression: Compression::Gzip, ..packing(vec![item("dir", "")]) };
        let zipped = world.pack(&zipped).expect("packed");
        assert_eq!(zipped.content_digest, packed.digest, "{size}");
        let archive = fs::read(world.path("out.tar")).expect("an archive");
        assert_eq!(zipped.digest.as_str(), digest(&archive));
        assert_eq!(zipped.size, archive.len() as u64);
        assert_eq!(archive[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
        let unzipped = run(Command::new("gzip").args(["-dc"]).stdin(File::open(world.path("out.tar")).expect("there")));
        assert!(unzipped == plain, "{size}: gzip sees something else");
        // One member alone reads all of it, which several members would not.
        let mut first = flate2::read::GzDecoder::new(&archive[..]);
        assert_eq!(std::io::copy(&mut first, &mut std::io::sink()).expect("gzip"), plain.len() as u64);
        let mut tar = Command::new("tar");
        let listed = tar.arg("-tzf").arg(world.path("out.tar")).output().expect("tar");
        assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
    }
}

#[test]
fn long_names_and_links_and_what_is_no_text() {
    let world = World::new();
    let lengths = [99, 100, 101, 155, 156, 255];
    for length in lengths {
        world.file(&format!("tree/{}", "n".repeat(length)), b"x");
        symlink("l".repeat(length), world.path(&format!("tree/link{length}"))).expect("a link");
    }
    let deep = vec!["d".repeat(200); 15].join("/");
    world.file(&format!("tree/{deep}/leaf"), b"deep");
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9 \n\x1b");
    fs::write(world.path("tree").join(odd), b"latin").expect("a file");
    world.pack(&packing(vec![item("tree", "")])).expect("packed");
    run(Command::new("mkdir").arg(world.path("by-tar")));
    run(Command::new("tar").arg("-xf").arg(world.path("out.tar")).arg("-C").arg(world.path("by-tar")));
    run(Command::new("diff").args(["-r", "--no-dereference"]).arg(world.path("tree")).arg(world.path("by-tar")));
    assert_eq!(world.names().len(), 2 * lengths.len() + 15 + 2);
}

#[test]
fn hard_links_are_files_of_their_own() {
    let world = World::new();
    world.file("tree/one", b"shared");
    fs::hard_link(world.path("tree/one"), world.path("tree/two")).expect("a link");
    world.pack(&packing(vec![item("tree", "")])).expect("packed");
    let sizes = world.listed();
    assert!(sizes.iter().all(|line| line.starts_with("-rw-r--r-- 0/0 6 ")), "{sizes:?}");
}

#[test]
fn later_items_count_and_folders_join() {
    let world = World::new();
    world.file("a/same", b"first").file("a/only-a", b"").file("a/sub/x", b"").file("b/same", b"second!");
    world.file("b/sub", b"a file now").file("c/deep", b"");
    let mut last = item("c", "only-a");
    last.user = 7;
    world.pack(&packing(vec![item("a", ""), item("b", ""), last])).expect("packed");
    assert_eq!(world.names(), ["only-a/", "only-a/deep", "same", "sub"]);
    let listed = world.listed();
    assert!(listed[0].starts_with("drwxr-xr-x 7/0"), "{listed:?}");
    assert!(listed[2].starts_with("-rw-r--r-- 0/0 7 "), "{listed:?}");
    // A parent folder comes once, with the owner of whoever needs it first, unless an item is that folder.
    let mut first = item("a/same", "p/q/one");
    first.user = 1;
    let mut folder = item("c", "p");
    folder.user = 3;
    world.pack(&packing(vec![first, folder, item("b/same", "p/q/two")])).expect("packed");
    assert_eq!(world.names(), ["p/", "p/deep", "p/q/", "p/q/one", "p/q/two"]);
    let owners: Vec<_> =
        world.listed().iter().map(|line| line.split(' ').nth(1).expect("an owner").to_owned()).collect();
    assert_eq!(owners, ["3/0", "3/0", "1/0", "1/0", "0/0"]);
}

#[test]
fn entries_are_in_byte_order_of_their_paths() {
    let world = World::new();
    for name in ["a/z", "a-b", "a.b", "a0", "B", "é", "a/b/c"] {
        world.file(&format!("tree/{name}"), b"");
    }
    world.pack(&packing(vec![item("tree", "")])).expect("packed");
    let out = run(Command::new("tar").args(["--quoting-style=literal", "-tf"]).arg(world.path("out.tar")));
    let names: Vec<_> = std::str::from_utf8(&out).expect("text").lines().collect();
    assert_eq!(names, ["B", "a/", "a-b", "a.b", "a/b/", "a/b/c", "a/z", "a0", "é"]);
}

#[test]
fn what_is_excluded_stays_out_whatever_it_is_called() {
    let world = World::new();
    world.file("src/keep", b"").file("src/drop", b"").file("src/target/x/y", b"").file("src/targeted", b"");
    symlink("src", world.path("alias")).expect("a link");
    let with = |source: &str, exclude: &[&str]| {
        let exclude = exclude.iter().map(|path| (*path).to_owned()).collect();
        world.pack(&Packing { exclude, ..packing(vec![item(source, "")]) }).expect("packed");
        world.names()
    };
    assert_eq!(with("src", &["src/drop", "src/target", "src/absent", "no/such/folder"]), ["keep", "targeted"]);
    assert_eq!(with("src", &["alias/drop", "alias/target"]), ["keep", "targeted"], "named through a link");
    assert_eq!(with("src/target", &["src"]), [""; 0], "below what is excluded");
    assert_eq!(with("src/target", &["alias/target"]), [""; 0], "the item itself, named through a link");
    // The archive is in the folder that is packed, and was there before.
    assert_eq!(with("", &["src"]), ["alias"]);
    assert_eq!(with("", &["src"]), ["alias"]);
    let packed = world.files.pack(&packing(vec![item("src", "")]), "alias/out.tar", &|| false).expect("packed");
    assert_eq!(packed.entries, 6);
    let packed = world.files.pack(&packing(vec![item("src", "")]), "alias/out.tar", &|| false).expect("packed");
    assert_eq!(packed.entries, 6, "reached through a link, it still stays out");
}

#[test]
fn what_is_refused() {
    let world = World::new();
    world.file("file", b"x");
    let check = |packing: &Packing, code: &str, says: &str| {
        let failure = world.pack(packing).expect_err(says);
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(failure.message.contains(says), "{failure:?}");
        assert!(!world.path("out.tar").exists(), "nothing is left");
    };
    check(&packing(vec![item("absent", "x")]), "not-found", "`absent`");
    check(&packing(vec![item("absent/deeper", "x")]), "not-found", "`absent/deeper`");
    check(&packing(vec![item("file/below", "x")]), "not-found", "`file/below`");
    check(&packing(vec![item("file", "")]), "invalid", "`file` is no folder");
    for bad in ["/x", "../x", "a/../b", "a//b", "./a", "x\0"] {
        check(&packing(vec![item(bad, "x")]), "invalid", "is no path");
        check(&packing(vec![item("file", bad)]), "invalid", "is no path");
        check(&Packing { exclude: vec![bad.to_owned()], ..packing(vec![]) }, "invalid", "is no path");
    }
    let mut mode = item("file", "x");
    mode.mode = Some(0o10000);
    check(&packing(vec![mode]), "invalid", "permission bits");
    check(&Packing { modified: Some(u64::MAX), ..packing(vec![]) }, "invalid", "after the year 9999");
    check(&packing(vec![item("file", "x"); 1025]), "invalid", "1025 items");
    check(&Packing { exclude: vec!["x".to_owned(); 1025], ..packing(vec![]) }, "invalid", "1025 excluded paths");
    fs::create_dir(world.path("odd")).expect("a folder");
    run(Command::new("mkfifo").arg(world.path("odd/pipe")));
    check(&packing(vec![item("odd", "")]), "invalid", "`odd/pipe` is a named pipe");
    check(&packing(vec![item("odd/pipe", "x")]), "invalid", "`odd/pipe` is a named pipe");
    let _socket = std::os::unix::net::UnixListener::bind(world.path("odd/aaa")).expect("a socket");
    fs::remove_file(world.path("odd/pipe")).expect("a pipe");
    check(&packing(vec![item("odd", "")]), "invalid", "`odd/aaa` is a socket");
    let failure = world.files.pack(&packing(vec![item("file", "x")]), "odd", &|| false).expect_err("a folder");
    assert_eq!(failure.message, "`odd` is a folder");
    let names: Vec<_> = fs::read_dir(world.folder.path()).expect("a folder").collect();
    assert_eq!(names.len(), 2, "no temporary file is left: {names:?}");
}

#[test]
fn links_are_packed_and_never_followed_out() {
    let world = World::new();
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), b"outside").expect("a file");
    fs::create_dir(world.path("tree")).expect("a folder");
    symlink(outside.path(), world.path("tree/out")).expect("a link");
    world.pack(&packing(vec![item("tree", "")])).expect("the link alone");
    assert_eq!(world.names(), ["out"]);
    world.pack(&packing(vec![item("tree/out", "link")])).expect("the link alone");
    assert_eq!(world.names(), ["link"]);
    let failure = world.pack(&packing(vec![item("tree/out/secret", "x")])).expect_err("it leads out");
    assert_eq!((failure.code.as_str(), failure.message.contains("leads out")), ("invalid", true), "{failure:?}");
    let failure = world.files.pack(&packing(vec![item("tree", "")]), "tree/out/new", &|| false).expect_err("out");
    assert_eq!(failure.code, "invalid", "{failure:?}");
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 1);
}

/// What a child may do to a file between any two looks at it; `cancelled` is asked at each, so that the test comes in
/// between.
#[test]
fn a_file_that_changes_meanwhile_is_named() {
    let half = |file: &File| file.set_len(100_000).expect("shorter");
    let longer = |file: &File| file.write_all_at(b"more", 1 << 20).expect("longer");
    let rewritten = |file: &File| {
        file.write_all_at(b"other", 700_000).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    };
    let changes: [&dyn Fn(&File); 3] = [&half, &longer, &rewritten];
    for change in changes {
        for when in 0..6 {
            let world = World::new();
            world.file("tree/victim", &text(1 << 20));
            let victim = File::options().write(true).open(world.path("tree/victim")).expect("a file");
            let asked = Cell::new(0);
            let cancelled = || {
                if asked.get() == when {
                    change(&victim);
                }
                asked.set(asked.get() + 1);
                false
            };
            let packed = world.files.pack(&packing(vec![item("tree", "")]), "out.tar", &cancelled);
            // The first two questions come before the file is opened: then it is only another file.
            if when < 2 {
                packed.expect("packed as it was found");
                continue;
            }
            let failure = packed.expect_err("it changed");
            assert_eq!(failure.code, "invalid");
            assert_eq!(failure.message, "`tree/victim` changed while it was being packed", "question {when}");
            assert!(!world.path("out.tar").exists());
        }
    }
}

#[test]
fn what_takes_another_place_meanwhile_is_named() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("file"), b"outside").expect("a file");
    let replaced = |change: &dyn Fn(&Path)| {
        let world = World::new();
        world.file("tree/sub/file", b"inside");
        let asked = Cell::new(0);
        let cancelled = || {
            // The walk asks for each of two folders; after that, entries are packed.
            if asked.replace(asked.get() + 1) == 2 {
                change(&world.path("tree/sub"));
            }
            false
        };
        let failure = world.files.pack(&packing(vec![item("tree", "")]), "out.tar", &cancelled).expect_err("changed");
        assert_eq!(failure.code, "invalid", "{failure:?}");
        failure.message
    };
    let file_for_link = replaced(&|sub| {
        fs::remove_file(sub.join("file")).expect("a file");
        symlink(outside.path().join("file"), sub.join("file")).expect("a link");
    });
    assert_eq!(file_for_link, "`tree/sub/file` changed while it was being packed");
    let folder_for_link = replaced(&|sub| {
        fs::rename(sub, sub.with_file_name("away")).expect("renamed");
        symlink(outside.path(), sub).expect("a link");
    });
    assert!(folder_for_link.contains("leads out of the workspace"), "{folder_for_link}");
    let file_for_pipe = replaced(&|sub| {
        fs::remove_file(sub.join("file")).expect("a file");
        run(Command::new("mkfifo").arg(sub.join("file")));
    });
    assert_eq!(file_for_pipe, "`tree/sub/file` changed while it was being packed");
    let gone = replaced(&|sub| fs::remove_file(sub.join("file")).expect("a file"));
    assert_eq!(gone, "`tree/sub/file` changed while it was being packed");
}

#[test]
fn it_is_cancelled_wherever_it_is() {
    let world = World::new();
    world.file("tree/a/big", &text(2 << 20)).file("tree/b/small", b"");
    let count = Cell::new(0);
    let tick = |limit: Option<u32>| {
        count.set(count.get() + 1);
        limit == Some(count.get())
    };
    let packing = Packing { compression: Compression::Gzip, ..packing(vec![item("tree", "")]) };
    world.files.pack(&packing, "all.tar", &|| tick(None)).expect("packed");
    let all = count.replace(0);
    assert!(all > 10, "{all}");
    for at in 1..=all {
        let failure = world.files.pack(&packing, "out.tar", &|| tick(Some(at))).expect_err("cancelled");
        assert_eq!(failure.code, "cancelled");
        count.set(0);
        assert!(!world.path("out.tar").exists());
    }
}

/// A full disk, which is a small file system of its own.
#[test]
fn a_full_disk_says_so() {
    if !alone("a_full_disk_says_so") {
        return;
    }
    let world = World::new();
    fs::create_dir(world.path("disk")).expect("a folder");
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(world.path("disk")));
    world.file("tree/big", &text(6 << 20));
    for compression in [Compression::None, Compression::Gzip] {
        let packing = Packing { compression, ..packing(vec![item("tree", "")]) };
        let failure = world.files.pack(&packing, "disk/out.tar", &|| false).expect_err("full");
        assert_eq!(failure.code, "exhausted", "{failure:?}");
        assert_eq!(fs::read_dir(world.path("disk")).expect("a folder").count(), 0, "the room is free again");
    }
}

/// An image whose one layer is what was packed, given to the reader that docker's and podman's world shares.
#[test]
fn skopeo_takes_it_as_an_images_layer() {
    let world = World::new();
    world.file("tree/etc/hello", b"hello\n").file("tree/usr/share/text", &text(1 << 20));
    let zipped = Packing { compression: Compression::Gzip, ..packing(vec![item("tree", "")]) };
    let layer = world.pack(&zipped).expect("packed");
    let blobs = world.path("image/blobs/sha256");
    fs::create_dir_all(&blobs).expect("folders");
    let keep = |content: &[u8]| {
        let name = digest(content);
        fs::write(blobs.join(&name["sha256:".len()..]), content).expect("a blob");
        format!(r#""digest":"{name}","size":{}"#, content.len())
    };
    let layer_blob = keep(&fs::read(world.path("out.tar")).expect("a layer"));
    let diff = &layer.content_digest;
    let config = keep(
        format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff}"]}}}}"#)
            .as_bytes(),
    );
    let oci = "application/vnd.oci.image";
    let manifest = keep(
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{oci}.config.v1+json",{config}}},"layers":[{{"mediaType":"{oci}.layer.v1.tar+gzip",{layer_blob}}}]}}"#
        )
        .as_bytes(),
    );
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{oci}.manifest.v1+json",{manifest},"annotations":{{"org.opencontainers.image.ref.name":"x"}}}}]}}"#
    );
    fs::write(world.path("image/index.json"), index).expect("a file");
    fs::write(world.path("image/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a file");
    // To docker's own format, which unpacks the layer and compares it with its diff id.
    assert!(Command::new("skopeo").arg("--version").output().is_ok(), "this test needs skopeo: apt-get install skopeo");
    let mut copy = Command::new("skopeo");
    copy.args(["--insecure-policy", "copy", "-q"]).arg(format!("oci:{}:x", world.path("image").display()));
    run(copy.arg(format!("docker-archive:{}:x:latest", world.path("saved.tar").display())));
    let saved = String::from_utf8(run(Command::new("tar").arg("-tf").arg(world.path("saved.tar")))).expect("text");
    let inner = saved.lines().find(|name| name.contains(diff.hex())).expect("the layer under its diff id");
    let taken = run(Command::new("tar").arg("-xOf").arg(world.path("saved.tar")).arg(inner));
    assert_eq!(digest(&taken), diff.as_str());
}

/// Files of random names and content; what is already a folder or a file stays it.
fn trees() -> impl Strategy<Value = BTreeMap<String, (Vec<u8>, bool)>> {
    let path = prop::collection::vec("[a-c.]{0,2}[a-c]", 1..5).prop_map(|names| names.join("/"));
    let content = prop::collection::vec(any::<u8>(), 0..1500);
    prop::collection::btree_map(path, (content, any::<bool>()), 0..20).prop_map(|tree| {
        let is_folder = |path: &String, all: &BTreeMap<_, _>| {
            all.keys().any(|other: &String| other.starts_with(&format!("{path}/")))
        };
        tree.clone().into_iter().filter(|(path, _)| !is_folder(path, &tree)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_was_packed_is_unpacked(tree in trees(), gzip in any::<bool>()) {
        let world = World::new();
        fs::create_dir(world.path("tree")).expect("a folder");
        for (name, (content, executable)) in &tree {
            world.file(&format!("tree/{name}"), content);
            world.mode(&format!("tree/{name}"), if *executable { 0o755 } else { 0o644 });
        }
        let compression = if gzip { Compression::Gzip } else { Compression::None };
        let packing = Packing { compression, ..packing(vec![item("tree", "")]) };
        let packed = world.pack(&packing).expect("packed");
        let entries = world.files.unpack("out.tar", "again", &|| false).expect("unpacked");
        prop_assert_eq!(entries, packed.entries);
        for (name, (content, executable)) in &tree {
            let path = world.path("again").join(name);
            prop_assert_eq!(&fs::read(&path).expect("a file"), content);
            prop_assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o111 != 0, *executable);
        }
        let again = Packing { compression, ..self::packing(vec![item("again", "")]) };
        prop_assert_eq!(world.pack(&again).expect("packed"), packed);
    }
}

#[test]
fn summaries() {
    let world = World::new();
    let content = text(200_001);
    world.file("dir/file", &content);
    let (found, size) = world.files.summarise("dir/file").expect("a file").expect("it is there");
    assert_eq!((found.as_str(), size), (digest(&content).as_str(), 200_001));
    assert_eq!(world.files.summarise("absent").expect("nothing wrong"), None);
    assert_eq!(world.files.summarise("dir").expect_err("a folder").code, "invalid");
    symlink("/etc/passwd", world.path("out")).expect("a link");
    assert_eq!(world.files.summarise("out").expect_err("it leads out").code, "invalid");
    let mut empty = File::create(world.path("empty")).expect("a file");
    empty.flush().expect("a file");
    let (found, size) = world.files.summarise("empty").expect("a file").expect("it is there");
    assert_eq!((found.as_str(), size), (digest(b"").as_str(), 0));
}
