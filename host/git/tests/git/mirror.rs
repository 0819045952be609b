//! Fetching and reading.

use crate::fixture::{EXECUTABLE, FILE, LINK, Place, SUBMODULE, git};
use git::{Error, Kind, Mirror, Remote};
use model::CommitId;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

#[test]
fn locks_of_a_killed_fetch_are_broken() {
    let place = Place::new();
    place.commit("main", "one", &[("a", FILE, "1")]);
    let gone = place.commit("gone", "two", &[("a", FILE, "2")]);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    git(mirror.directory(), &["pack-refs", "--all"]);
    let head = place.commit("main", "three", &[("a", FILE, "3")]);
    let side = place.commit("team/side", "four", &[("b", FILE, "4")]);
    place.remote.find_reference("refs/heads/gone").unwrap().delete().unwrap();
    place.remote.reference("refs/tags/v1", git2::Oid::from_str(&gone.0).unwrap(), false, "").unwrap();
    fs::create_dir_all(mirror.directory().join("refs/heads/team")).unwrap();
    fs::create_dir_all(mirror.directory().join("refs/tags")).unwrap();
    for lock in
        ["refs/heads/main.lock", "refs/heads/team/side.lock", "refs/tags/v1.lock", "packed-refs.lock", "HEAD.lock"]
    {
        fs::write(mirror.directory().join(lock), "").unwrap();
    }
    mirror.fetch().unwrap();
    for (name, expected) in [("main", Some(head)), ("team/side", Some(side)), ("v1", Some(gone)), ("gone", None)] {
        assert_eq!(mirror.resolve(name).unwrap(), expected, "{name}");
    }
}

#[test]
fn reads_what_the_remote_has() {
    let place = Place::new();
    let other = "1".repeat(40);
    let base = place.commit(
        "main",
        "base",
        &[
            ("a.txt", FILE, "one"),
            ("dir/run.sh", EXECUTABLE, "#!/bin/sh"),
            ("dir/link", LINK, "../../etc/passwd"),
            ("dir.txt", FILE, "sorts before dir/ in Git"),
            ("sub", SUBMODULE, &other),
            ("gone", FILE, "x"),
        ],
    );
    let head = place.commit(
        "main",
        "head\n\nTidegate-Run: 7\n",
        &[("a.txt", FILE, "two"), ("dir/run.sh", FILE, "#!/bin/sh"), ("dir/new/x", FILE, "x"), ("gone", FILE, "")],
    );
    let side = place.commit("side", "side", &[("s", FILE, "s")]);
    git(&place.path("remote.git"), &["-c", "user.name=A", "-c", "user.email=a@b", "tag", "-am", "v1", "v1", &base.0]);

    let mirror = place.mirror();
    assert_eq!(mirror.default_branch().unwrap(), None);
    mirror.fetch().unwrap();
    assert_eq!(mirror.default_branch().unwrap().as_deref(), Some("main"));
    for (name, commit) in [
        ("main", &head),
        ("HEAD", &head),
        ("refs/heads/main", &head),
        ("v1", &base),
        ("refs/tags/v1", &base),
        (base.as_str(), &base),
        ("side", &side),
    ] {
        assert_eq!(mirror.resolve(name).unwrap().as_ref(), Some(commit), "{name}");
    }
    for name in ["nothing", &"a".repeat(40), &base.0[..12]] {
        assert_eq!(mirror.resolve(name).unwrap(), None, "{name}");
    }
    for bad in ["-x", "a..b", "", "main^", "main:a.txt", "refs/heads/a b"] {
        assert_eq!(mirror.resolve(bad).unwrap_err().failure().code, "invalid", "{bad:?}");
    }

    let kinds =
        |path| mirror.entries(&base, path).unwrap().unwrap().into_iter().map(|(_, kind)| kind).collect::<Vec<_>>();
    assert_eq!(kinds(""), [Kind::File, Kind::Directory, Kind::File, Kind::File, Kind::Submodule]);
    assert_eq!(kinds("dir"), [Kind::Link, Kind::Executable]);
    assert_eq!(mirror.read(&base, "a.txt/x", 9).unwrap(), None);
    assert_eq!(mirror.read(&base, "dir/link/passwd", 9).unwrap(), None);
    assert!(mirror.read(&base, "../a", 9).is_err());

    assert_eq!(mirror.read(&base, "a.txt", 3).unwrap().as_deref(), Some(b"one".as_slice()));
    assert_eq!(mirror.read(&head, "a.txt", 3).unwrap().as_deref(), Some(b"two".as_slice()));
    assert_eq!(mirror.read(&base, "dir/link", 99).unwrap().as_deref(), Some(b"../../etc/passwd".as_slice()));
    assert_eq!(mirror.read(&head, "gone", 9).unwrap(), None);
    assert_eq!(mirror.read(&base, "a.txt", 2).unwrap_err().failure().code, "too-large");
    assert_eq!(mirror.read(&base, "dir", 9).unwrap_err().failure().code, "invalid");
    assert_eq!(mirror.read(&base, "sub", 9).unwrap_err().failure().code, "invalid");
    assert_eq!(mirror.read(&CommitId("a".repeat(40)), "a", 9).unwrap_err().failure().code, "not-found");

    let names = |path| mirror.entries(&base, path).unwrap().unwrap().into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    assert_eq!(names(""), ["a.txt", "dir", "dir.txt", "gone", "sub"]);
    assert_eq!(names("dir"), ["link", "run.sh"]);
    assert_eq!(mirror.entries(&base, "none").unwrap(), None);
    assert!(mirror.entries(&base, "a.txt").is_err());

    let changed = mirror.changed_paths(&base, &head, 10).unwrap();
    assert_eq!(changed, ["a.txt", "dir/new/x", "dir/run.sh", "gone"]);
    let told = git(&place.path("remote.git"), &["diff", "--name-only", "--no-renames", &base.0, &head.0]);
    assert_eq!(changed, told.lines().collect::<Vec<_>>());
    assert_eq!(mirror.changed_paths(&base, &head, 3).unwrap_err().failure().code, "too-large");
    assert!(mirror.changed_paths(&base, &base, 0).unwrap().is_empty());

    let tree = git(&place.path("remote.git"), &["rev-parse", &format!("{}:dir", base.0)]);
    assert_eq!(mirror.tree_digest(&base, "dir").unwrap().as_deref(), Some(tree.trim()));
    assert_eq!(mirror.tree_digest(&base, "none").unwrap(), None);

    assert_eq!(mirror.merge_base(&base, &head).unwrap().as_ref(), Some(&base));
    assert_eq!(mirror.merge_base(&side, &head).unwrap(), None);
    assert!(mirror.is_ancestor(&base, &head).unwrap() && mirror.is_ancestor(&head, &head).unwrap());
    assert!(!mirror.is_ancestor(&head, &base).unwrap());
    assert_eq!(mirror.find_trailers(&head, &[("Tidegate-Run", "7")], 10).unwrap().as_ref(), Some(&head));
    assert_eq!(mirror.find_trailers(&base, &[("Tidegate-Run", "7")], 10).unwrap(), None);
    let mail = "ann@example.com".to_owned();
    assert_eq!(mirror.committers(Some(&base), &head).unwrap(), [(mail.clone(), mail)]);
    assert!(mirror.committers(Some(&head), &head).unwrap().is_empty());
    let commit = mirror.commit(&head).unwrap();
    assert_eq!((commit.subject.as_str(), commit.author.as_str()), ("head", "Ann <ann@example.com>"));

    git(mirror.directory(), &["fsck", "--full", "--strict"]);
    assert!(!mirror.directory().join("hooks").exists());
}

#[test]
fn follows_forced_deleted_and_renamed_branches() {
    let place = Place::new();
    let first = place.commit("main", "first", &[("a", FILE, "1")]);
    place.commit("topic", "topic", &[("a", FILE, "2")]);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    // `topic` becomes a folder of branches, `main` is replaced by an unrelated history.
    place.remote.find_reference("refs/heads/topic").unwrap().delete().unwrap();
    place.commit("topic/one", "one", &[("a", FILE, "3")]);
    place.remote.find_reference("refs/heads/main").unwrap().delete().unwrap();
    let forced = place.commit("main", "forced", &[("b", FILE, "4")]);
    place.remote.set_head("refs/heads/topic/one").unwrap();
    mirror.fetch().unwrap();
    assert_eq!(mirror.resolve("topic").unwrap(), None);
    assert_eq!(mirror.resolve("main").unwrap(), Some(forced));
    assert_eq!(mirror.default_branch().unwrap().as_deref(), Some("topic/one"));
    assert_eq!(mirror.read(&first, "a", 9).unwrap().as_deref(), Some(b"1".as_slice()), "what was fetched stays");
    git(mirror.directory(), &["fsck", "--full"]);
}

#[test]
fn thousands_of_branches_are_one_file() {
    let place = Place::new();
    let first = place.commit("main", "one", &[("a", FILE, "1")]);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    git(&place.path("remote.git"), &["-c", "user.name=A", "-c", "user.email=a@b", "tag", "-am", "v1", "v1", &first.0]);
    let head = place.commit("main", "two", &[("a", FILE, "2")]);
    let oid = git2::Oid::from_str(&first.0).unwrap();
    for n in 0..600 {
        place.remote.reference(&format!("refs/heads/team-{}/b{n}", n % 7), oid, true, "").unwrap();
    }
    mirror.fetch().unwrap();
    let listed = |folder: &Path| git(folder, &["for-each-ref", "refs/heads", "refs/tags"]);
    assert_eq!(listed(mirror.directory()), listed(&place.path("remote.git")));
    assert!(!mirror.directory().join("refs/heads/team-1").exists(), "no file each");
    assert_eq!(mirror.resolve("main").unwrap().as_ref(), Some(&head));
    assert_eq!(mirror.resolve("v1").unwrap().as_ref(), Some(&first));
    // They change, go and come like any other.
    place.remote.find_reference("refs/heads/team-1/b1").unwrap().delete().unwrap();
    place.commit("team-2/b2", "three", &[("a", FILE, "3")]);
    place.remote.reference("refs/heads/team-1/b1/below", oid, true, "").unwrap();
    for n in 0..501 {
        place.remote.reference(&format!("refs/tags/t{n}"), oid, true, "").unwrap();
    }
    mirror.fetch().unwrap();
    assert_eq!(listed(mirror.directory()), listed(&place.path("remote.git")));
    git(mirror.directory(), &["fsck", "--full", "--strict"]);
}

#[test]
fn many_packs_become_one_under_living_readers() {
    let place = Place::new();
    let mut commits = vec![place.commit("main", "0", &[("a", FILE, "0")])];
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let packs = || {
        let names = fs::read_dir(mirror.directory().join("objects/pack")).unwrap().map(|e| e.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|end| end == "pack")).count()
    };
    // One commit that nothing refers to any more, and readers that know the folder as it is: one with open packs, one
    // that has opened none yet, and another program.
    commits.push(place.commit("gone", "gone", &[("a", FILE, "gone")]));
    mirror.fetch().unwrap();
    place.remote.find_reference("refs/heads/gone").unwrap().delete().unwrap();
    let mut n = 0;
    while packs() < 50 {
        n += 1;
        commits.push(place.commit("main", "m", &[("a", FILE, &n.to_string())]));
        mirror.fetch().unwrap();
        assert!(n < 60, "{} packs", packs());
    }
    let oid = |commit: &CommitId| git2::Oid::from_str(&commit.0).unwrap();
    let [busy, idle] = [0, 1].map(|_| git2::Repository::open_bare(mirror.directory()).unwrap());
    busy.find_commit(oid(&commits[0])).unwrap();
    idle.odb().unwrap().refresh().unwrap();
    let mut other = std::process::Command::new("git");
    other.arg("-C").arg(mirror.directory()).args(["cat-file", "--batch-check"]);
    let mut other = other.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let (mut ask, mut answers) = (other.stdin.take().unwrap(), BufReader::new(other.stdout.take().unwrap()));
    let mut asked = |commit: &CommitId| {
        writeln!(ask, "{commit}").unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert!(line.contains(" commit "), "{line}");
    };
    asked(&commits[0]);

    let known = commits.clone();
    commits.push(place.commit("main", "last", &[("a", FILE, "last")]));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // Once more after the fetch at least.
                for last in [false, true] {
                    while !done.load(std::sync::atomic::Ordering::SeqCst) || last {
                        known.iter().for_each(|commit| assert!(mirror.read(commit, "a", 9).unwrap().is_some()));
                        if last {
                            break;
                        }
                    }
                }
            });
        }
        let fetched = mirror.fetch();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        fetched.unwrap();
    });
    assert_eq!(packs(), 1);
    for commit in &commits {
        let found = [&busy, &idle].map(|reader| reader.find_commit(oid(commit)).unwrap().tree().unwrap().len());
        assert_eq!(found, [1, 1]);
        asked(commit);
        assert!(mirror.read(commit, "a", 9).unwrap().is_some());
    }
    drop(ask);
    assert!(other.wait().unwrap().success());
    git(mirror.directory(), &["fsck", "--full", "--strict"]);
}

#[test]
fn what_the_killed_left_is_swept_after_a_day() {
    let place = Place::new();
    place.commit("main", "0", &[("a", FILE, "0")]);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let litter = |name: &str| {
        [
            mirror.directory().join(format!("objects/pack/pack_git2_{name}")),
            mirror.directory().join(format!("objects/tmp_object_git2_{name}")),
            place.path(&format!("mirrors/.mirror-{name}")),
        ]
    };
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    for (name, age) in [("old", day + day / 24), ("new", day - day / 24)] {
        let [pack, object, folder] = litter(name);
        fs::write(&pack, "x").unwrap();
        fs::write(&object, "x").unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("HEAD"), "x").unwrap();
        for path in [pack, object, folder] {
            fs::File::open(path).unwrap().set_modified(std::time::SystemTime::now() - age).unwrap();
        }
    }
    mirror.fetch().unwrap();
    assert!(litter("old").iter().all(|path| !path.exists()));
    assert!(litter("new").iter().all(|path| path.exists()));
    git(mirror.directory(), &["fsck", "--full", "--strict"]);
}

#[test]
fn a_tag_does_not_take_a_branchs_place() {
    let place = Place::new();
    let main = place.commit("main", "main", &[("a", FILE, "1")]);
    let evil = place.commit("evil", "evil", &[("a", FILE, "2")]);
    place.remote.reference("refs/tags/main", git2::Oid::from_str(&evil.0).unwrap(), true, "").unwrap();
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    assert_eq!(mirror.resolve("main").unwrap(), Some(main));
    assert_eq!(mirror.resolve("refs/tags/main").unwrap(), Some(evil));
}

#[test]
fn fetches_one_reference_of_a_change_request() {
    let place = Place::new();
    place.commit("main", "main", &[("a", FILE, "1")]);
    let change = place.commit("fork", "change", &[("a", FILE, "2")]);
    let oid = git2::Oid::from_str(&change.0).unwrap();
    place.remote.reference("refs/pull/7/head", oid, true, "").unwrap();
    place.remote.find_reference("refs/heads/fork").unwrap().delete().unwrap();
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    assert!(mirror.commit(&change).is_err());
    assert_eq!(mirror.fetch_reference("refs/pull/7/head").unwrap().as_ref(), Some(&change));
    assert_eq!(mirror.read(&change, "a", 9).unwrap().as_deref(), Some(b"2".as_slice()));
    assert_eq!(mirror.fetch_reference("refs/pull/8/head").unwrap(), None);
    assert!(mirror.fetch_reference("main").is_err());
}

#[test]
fn what_vanishes_is_named() {
    let place = Place::new();
    let head = place.commit("main", "main", &[("a", FILE, "1")]);
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    fs::rename(place.path("remote.git"), place.path("elsewhere.git")).unwrap();
    for error in [mirror.fetch().unwrap_err(), mirror.begin("main").unwrap_err()] {
        let failure = error.failure();
        assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", true), "{failure:?}");
        assert!(failure.message.contains("remote.git"), "{failure:?}");
    }
    assert_eq!(mirror.read(&head, "a", 9).unwrap().as_deref(), Some(b"1".as_slice()));
    fs::rename(place.path("elsewhere.git"), place.path("remote.git")).unwrap();
    mirror.fetch().unwrap();

    fs::remove_dir_all(mirror.directory()).unwrap();
    for error in [mirror.fetch().unwrap_err(), mirror.read(&head, "a", 9).unwrap_err()] {
        assert!(matches!(error, Error::Mirror { .. }), "{error}");
        assert!(error.to_string().contains("m.git"), "{error}");
    }
    // Opened again it is made again; an old handle sees the new folder.
    place.mirror().fetch().unwrap();
    assert_eq!(mirror.read(&head, "a", 9).unwrap().as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_folder_that_is_no_mirror_is_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.path("mirrors/m.git")).unwrap();
    fs::write(place.path("mirrors/m.git/precious"), "x").unwrap();
    let remote = Remote::parse("remote.git", place.folder.path()).unwrap();
    assert!(Mirror::open(&place.path("mirrors/m.git"), remote).is_err());
    assert!(place.path("mirrors/m.git/precious").exists());
}

#[test]
fn many_at_once_open_and_fetch_one_mirror() {
    let place = Place::new();
    let head = place.commit("main", "main", &[("a", FILE, "1")]);
    for n in 0..20 {
        place.commit(&format!("b{n}"), "b", &[("a", FILE, &n.to_string())]);
    }
    let (directory, remote) = (place.path("mirrors/m.git"), place.path("remote.git"));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let remote = Remote::parse(remote.to_str().unwrap(), Path::new("/")).unwrap();
                let mirror = Mirror::open(&directory, remote).unwrap();
                mirror.fetch().unwrap();
                assert_eq!(mirror.resolve("main").unwrap().as_ref(), Some(&head));
                assert_eq!(mirror.read(&head, "a", 9).unwrap().as_deref(), Some(b"1".as_slice()));
            });
        }
    });
    git(&place.path("mirrors/m.git"), &["fsck", "--full", "--strict"]);
    let left: Vec<_> = fs::read_dir(place.path("mirrors")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["m.git"]);
}

#[test]
fn mirrors_a_shallow_clone_and_its_deepening() {
    let place = Place::new();
    for n in 1..=5 {
        place.commit("main", &format!("c{n}"), &[("a", FILE, &n.to_string())]);
    }
    let from = format!("file://{}", place.path("remote.git").display());
    git(place.folder.path(), &["clone", "-q", "--depth", "2", &from, "shallow"]);
    let mirror = place.mirror_of(&place.path("shallow"));
    mirror.fetch().unwrap();
    let head = mirror.resolve("main").unwrap().unwrap();
    assert_eq!(mirror.find_trailers(&head, &[("None", "x")], 100).unwrap(), None, "the walk ends at the boundary");
    assert_eq!(git(mirror.directory(), &["rev-list", "--count", "main"]).trim(), "2");
    git(&place.path("shallow"), &["fetch", "-q", "--unshallow"]);
    mirror.fetch().unwrap();
    assert_eq!(git(mirror.directory(), &["rev-list", "--count", "main"]).trim(), "5");
    git(mirror.directory(), &["fsck", "--full"]);
}

#[test]
fn a_detached_head_is_the_branch_at_its_commit() {
    let place = Place::new();
    place.commit("main", "main", &[("a", FILE, "1")]);
    git(place.folder.path(), &["clone", "-q", "remote.git", "work"]);
    git(&place.path("work"), &["checkout", "-q", "--detach"]);
    let mirror = place.mirror_of(&place.path("work"));
    mirror.fetch().unwrap();
    assert_eq!(mirror.default_branch().unwrap().as_deref(), Some("main"));
}

#[test]
fn an_empty_repository_has_nothing() {
    let place = Place::new();
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    assert_eq!(mirror.default_branch().unwrap(), None);
    assert_eq!(mirror.resolve("main").unwrap(), None);
    assert_eq!(mirror.begin("main").unwrap_err().failure().code, "not-found");
}

#[test]
fn the_users_configuration_rewrites_nothing() {
    // libgit2 reads HOME once, so this only says what the mirror's own view is.
    let place = Place::new();
    let mirror = place.mirror();
    let config = git2::Repository::open(mirror.directory()).unwrap().config().unwrap().snapshot().unwrap();
    let mut entries = config.entries(None).unwrap();
    while let Some(entry) = entries.next() {
        assert_eq!(entry.unwrap().level(), git2::ConfigLevel::Local);
    }
}

#[test]
fn who_wrote_files_is_told_whatever_lies_on_top() {
    let place = Place::new();
    let commit = |who: &str, parents: &[git2::Oid], files: &[(&str, &str)]| {
        let mut index = git2::Index::new().unwrap();
        for parent in parents {
            let tree = place.remote.find_commit(*parent).unwrap().tree().unwrap();
            for path in ["base/a", "shop/a", "README"] {
                if let Ok(found) = tree.get_path(Path::new(path)) {
                    put(&mut index, path, found.id());
                }
            }
        }
        for (path, content) in files {
            put(&mut index, path, place.remote.blob(content.as_bytes()).unwrap());
        }
        let tree = place.remote.find_tree(index.write_tree_to(&place.remote).unwrap()).unwrap();
        let who = git2::Signature::new(who, &format!("{who}@example.com"), &git2::Time::new(0, 0)).unwrap();
        let parents: Vec<_> = parents.iter().map(|id| place.remote.find_commit(*id).unwrap()).collect();
        let parents: Vec<_> = parents.iter().collect();
        place.remote.commit(None, &who, &who, "x", &tree, &parents).unwrap()
    };
    let first = commit("ann", &[], &[("base/a", "1"), ("shop/a", "1")]);
    let eve = commit("eve", &[first], &[("shop/a", "2")]);
    let bob = commit("bob", &[eve], &[("base/a", "2")]);
    let side = commit("sid", &[eve], &[("README", "1")]);
    // One that only brings both together wrote nothing of either; one that makes something of its own did.
    let merge = commit("max", &[side, bob], &[("base/a", "2")]);
    let evil = commit("mia", &[merge, side], &[("base/a", "3")]);
    let bot = commit("bot", &[evil], &[("README", "2")]);
    place.remote.reference("refs/heads/main", bot, true, "x").unwrap();
    let mirror = place.mirror();
    mirror.fetch().unwrap();
    let head = mirror.resolve("main").unwrap().unwrap();
    let writers = |most: usize, folder: &str| {
        let found = mirror.writers(&head, most, &|path| path.starts_with(folder)).unwrap();
        let mut names: Vec<String> = found.into_iter().map(|(author, _)| author.replace("@example.com", "")).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(writers(100, "shop/"), "ann eve");
    assert_eq!(writers(100, "base/"), "ann bob mia");
    assert_eq!(writers(100, "nothing/"), "");
    assert_eq!(writers(1, "README"), "bot");
}

fn put(index: &mut git2::Index, path: &str, id: git2::Oid) {
    let zero = git2::IndexTime::new(0, 0);
    let entry = git2::IndexEntry {
        ctime: zero,
        mtime: zero,
        dev: 0,
        ino: 0,
        mode: FILE,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    };
    index.add(&entry).unwrap();
}
