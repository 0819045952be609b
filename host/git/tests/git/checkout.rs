//! Checkouts of honest and hostile trees.

use crate::fixture::{EXECUTABLE, FILE, LINK, Place, RawEntry, SUBMODULE};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

#[test]
fn writes_bytes_modes_and_links_as_they_are() {
    let place = Place::new();
    let head = place.commit(
        "main",
        "m",
        &[
            (".gitattributes", FILE, "* text eol=crlf ident\n*.big filter=lfs\n"),
            ("lines", FILE, "a\nb $Id$\n"),
            ("x.big", FILE, "big"),
            ("bin/run", EXECUTABLE, "#!/bin/sh\n"),
            ("out", LINK, "/etc/passwd"),
            ("up", LINK, "../../.."),
            ("loop", LINK, "loop"),
            ("module", SUBMODULE, &"1".repeat(40)),
            ("Case", FILE, "1"),
            ("case", FILE, "2"),
            ("spa ce/ü/-rf", FILE, "3"),
            ("dev-disk\\x2duuid.mount", FILE, "4"),
            (".github/x", FILE, "5"),
        ],
    );
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let out = tempfile::tempdir().unwrap();
    mirror.checkout(&head, out.path()).unwrap();
    let read = |path: &str| fs::read_to_string(out.path().join(path)).unwrap();
    let mode = |path: &str| fs::metadata(out.path().join(path)).unwrap().permissions().mode();
    assert_eq!(read("lines"), "a\nb $Id$\n");
    assert_eq!(read("x.big"), "big");
    assert_eq!(mode("bin/run") & 0o100, 0o100);
    assert_eq!(mode("lines") & 0o111, 0);
    assert_eq!(fs::read_link(out.path().join("out")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::read_link(out.path().join("up")).unwrap(), Path::new("../../.."));
    assert_eq!(fs::read_link(out.path().join("loop")).unwrap(), Path::new("loop"));
    assert!(out.path().join("module").is_dir());
    assert_eq!((read("Case"), read("case")), ("1".into(), "2".into()));
    assert_eq!(read("spa ce/ü/-rf"), "3");
    assert_eq!(read("dev-disk\\x2duuid.mount"), "4");
    assert!(!out.path().join(".git").exists());
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 13);
    assert!(mirror.checkout(&head, out.path()).is_err(), "the folder is not empty any more");
}

#[test]
fn hostile_trees_are_refused_and_stay_inside() {
    let place = Place::new();
    let victim = tempfile::tempdir().unwrap();
    let blob = place.remote.blob(b"owned").unwrap();
    let target = place.remote.blob(victim.path().as_os_str().as_bytes()).unwrap();
    let target_file = place.remote.blob(victim.path().join("passwd").as_os_str().as_bytes()).unwrap();
    let inner = place.raw_tree(&[("100644", b"passwd", blob)]);
    let empty = place.remote.blob(b"").unwrap();
    let mirror = place.mirror();
    let hostile: [(&str, Vec<RawEntry<'_>>); 10] = [
        ("dot-git", vec![("40000", b".git", inner)]),
        ("dot-git-case", vec![("40000", b".GIT", inner)]),
        ("dot-git-hfs", vec![("40000", ".g\u{200c}it".as_bytes(), inner)]),
        ("dot-git-ntfs", vec![("40000", b"git~1", inner)]),
        ("dot-dot", vec![("40000", b"..", inner)]),
        ("slash", vec![("100644", b"../x", blob)]),
        ("backslash", vec![("100644", b"..\\x", blob)]),
        ("link-then-folder", vec![("120000", b"a", target), ("40000", b"a", inner)]),
        ("link-then-file", vec![("120000", b"a", target_file), ("100644", b"a", blob)]),
        ("empty-link", vec![("120000", b"a", empty)]),
    ];
    for (branch, entries) in &hostile {
        let tree = place.raw_tree(entries);
        let commit = place.commit_tree(branch, "m", tree);
        // libgit2 may refuse to read such a tree at all, which is as good.
        let fetched = mirror.fetch_reference(&format!("refs/heads/{branch}"));
        let out = tempfile::tempdir().unwrap();
        let inside = out.path().join("deep");
        fs::create_dir(&inside).unwrap();
        let done = fetched.and_then(|_| mirror.checkout(&commit, &inside));
        assert!(done.is_err(), "{branch} was checked out");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "{branch} left its folder");
        assert_eq!(fs::read_dir(victim.path()).unwrap().count(), 0, "{branch} followed a link");
    }
}

#[test]
fn a_link_is_no_way_into_a_checkout() {
    let place = Place::new();
    let head = place.commit("main", "m", &[("a", FILE, "1")]);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    assert!(mirror.checkout(&head, &folder.path().join("link")).is_err());
    assert!(mirror.checkout(&head, &folder.path().join("none")).is_err());
}

#[test]
fn a_tree_that_nests_without_end_is_refused() {
    let place = Place::new();
    let blob = place.remote.blob(b"x").unwrap();
    let mut tree = place.raw_tree(&[("100644", b"x", blob)]);
    for _ in 0..2000 {
        tree = place.raw_tree(&[("40000", b"d", tree)]);
    }
    let base = place.commit("base", "b", &[("a", FILE, "1")]);
    let head = place.commit_tree("main", "m", tree);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let out = tempfile::tempdir().unwrap();
    assert_eq!(mirror.checkout(&head, out.path()).unwrap_err().failure().code, "invalid");
    assert_eq!(mirror.changed_paths(&base, &head, 10).unwrap_err().failure().code, "invalid");
}

#[test]
fn trees_that_multiply_without_a_file_are_refused() {
    let place = Place::new();
    let base = place.commit("base", "b", &[("a", FILE, "1")]);
    let names: Vec<Vec<u8>> = (0..10).map(|n| vec![b'0' + n]).collect();
    let mut tree = place.raw_tree(&[]);
    for _ in 0..10 {
        let entries: Vec<RawEntry<'_>> = names.iter().map(|name| ("40000", name.as_slice(), tree)).collect();
        tree = place.raw_tree(&entries);
    }
    let head = place.commit_tree("main", "m", tree);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    for (a, b) in [(&base, &head), (&head, &base)] {
        let failure = mirror.changed_paths(a, b, 10).unwrap_err().failure();
        assert_eq!(failure.code, "too-large", "{failure:?}");
    }
}

/// A loose object whose header claims a size that its content does not have.
fn claim_size(repository: &Path, id: &str, size: u64) {
    let text = format!("blob {size}\0x");
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in text.bytes() {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    let length = text.len() as u16;
    // One stored block of zlib, and its checksum.
    let mut bytes = vec![0x78, 0x01, 0x01];
    bytes.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
    bytes.extend(text.bytes());
    bytes.extend((b << 16 | a).to_be_bytes());
    let folder = repository.join("objects").join(&id[..2]);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(&id[2..]), bytes).unwrap();
}

#[test]
fn what_is_too_large_for_a_file_or_a_link_is_never_loaded() {
    let place = Place::new();
    let mirror = place.mirror();
    let repository = git2::Repository::open_bare(mirror.directory()).unwrap();
    let huge = "f00d".repeat(10);
    claim_size(mirror.directory(), &huge, (1 << 30) + 1);
    let long = repository.blob(&[b'x'; 4097]).unwrap();
    let who = git2::Signature::now("Ann", "ann@example.com").unwrap();
    for (mode, blob, told) in [
        (0o100_644, git2::Oid::from_str(&huge).unwrap(), "1073741825 of at most"),
        (0o120_000, long, "4097 of at most"),
    ] {
        let mut builder = repository.treebuilder(None).unwrap();
        builder.insert("big", blob, mode).unwrap();
        let tree = repository.find_tree(builder.write().unwrap()).unwrap();
        let commit = repository.commit(None, &who, &who, "m", &tree, &[]).unwrap();
        let out = tempfile::tempdir().unwrap();
        let failure = mirror.checkout(&model::CommitId(commit.to_string()), out.path()).unwrap_err().failure();
        assert_eq!(failure.code, "too-large", "{failure:?}");
        assert!(failure.message.contains("`big`") && failure.message.contains(told), "{failure:?}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }
}

#[test]
fn thousands_of_files() {
    let place = Place::new();
    let names: Vec<String> = (0..5000).map(|n| format!("d{}/f{n}", n % 70)).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), FILE, name.as_str())).collect();
    let head = place.commit("main", "m", &files);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let out = tempfile::tempdir().unwrap();
    mirror.checkout(&head, out.path()).unwrap();
    assert!(names.iter().all(|name| fs::read_to_string(out.path().join(name)).is_ok_and(|text| text == *name)));
}
