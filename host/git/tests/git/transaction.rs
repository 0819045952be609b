//! Edits, and pushes to a remote that is a folder.

use crate::fixture::{EXECUTABLE, FILE, LINK, Place, SUBMODULE, check_count, count, git, message};
use git::{Error, NewCommit};
use std::fs;

fn place() -> Place {
    let place = Place::new();
    place.commit(
        "main",
        "base",
        &[
            ("run.sh", EXECUTABLE, "old"),
            ("link", LINK, "dir"),
            ("dir/a", FILE, "a"),
            ("dir/b", FILE, "b"),
            ("sub", SUBMODULE, &"1".repeat(40)),
        ],
    );
    place
}

#[test]
fn one_commit_with_all_edits() {
    let place = place();
    let mirror = place.mirror();
    let mut edits = mirror.begin("main").unwrap();
    let head = edits.head().clone();
    edits.put("run.sh", b"new".to_vec()).unwrap();
    edits.put("new/deep/file", b"x".to_vec()).unwrap();
    edits.put("dir/a", b"a".to_vec()).unwrap();
    edits.remove("dir/b").unwrap();
    edits.remove("none").unwrap();
    edits.remove("none/of/these").unwrap();
    assert_eq!(edits.read("run.sh", 9).unwrap().as_deref(), Some(b"new".as_slice()));
    assert_eq!(edits.read("dir/b", 9).unwrap(), None);
    assert_eq!(edits.read("link", 9).unwrap().as_deref(), Some(b"dir".as_slice()));
    assert_eq!(edits.read("run.sh", 2).unwrap_err().failure().code, "too-large");
    assert_eq!(edits.changed(), ["dir/b", "new/deep/file", "run.sh"]);
    let commit = NewCommit {
        body: "Why.\n\nMore.",
        trailers: vec![("Tidegate-Run".into(), "01".into()), ("Traceparent".into(), "00-ab".into())],
        ..message("promote")
    };
    let pushed = edits.push(commit).unwrap();
    assert!(matches!(edits.push(message("again")), Err(Error::AlreadyPushed)));
    assert!(matches!(edits.put("x", vec![]), Err(Error::AlreadyPushed)));

    let remote = place.path("remote.git");
    git(&remote, &["fsck", "--full", "--strict"]);
    assert_eq!(git(&remote, &["rev-parse", "main", "main^"]), format!("{pushed}\n{head}\n"));
    let modes = git(&remote, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(modes, "100644 dir/a\n120000 link\n100644 new/deep/file\n100755 run.sh\n160000 sub\n");
    let trailers = git(&remote, &["log", "-1", "--format=%an %ae %at|%s|%(trailers:only,separator=%x2C)", "main"]);
    let told = "Tidegate tidegate@example.com 1763902622|promote|Tidegate-Run: 01,Traceparent: 00-ab";
    assert_eq!(trailers.trim(), told);
    mirror.fetch().unwrap();
    assert_eq!(mirror.find_trailers(&pushed, &[("Tidegate-Run", "01")], 5).unwrap(), Some(pushed));
}

#[test]
fn edits_that_cannot_be() {
    let place = place();
    let mut edits = place.mirror().begin("main").unwrap();
    for path in ["link", "link/x", "run.sh/x", "dir", "sub", "sub/x", ".git/config", "dir/.GIT/x", "../x", "/x", ""] {
        let error = edits.put(path, b"x".to_vec()).unwrap_err();
        assert_eq!(error.failure().code, "invalid", "{path:?}: {error}");
    }
    for path in ["dir", "sub", "../x"] {
        assert_eq!(edits.remove(path).unwrap_err().failure().code, "invalid", "{path:?}");
    }
    edits.put("fresh", b"x".to_vec()).unwrap();
    assert!(edits.put("fresh/x", b"x".to_vec()).is_err());
    edits.put("folder/x", b"x".to_vec()).unwrap();
    assert!(edits.put("folder", b"x".to_vec()).is_err());
    for bad in [message("two\nlines"), NewCommit { trailers: vec![("K".into(), "a\nB: c".into())], ..message("s") }] {
        assert_eq!(edits.push(bad).unwrap_err().failure().code, "invalid");
    }
}

#[test]
fn files_and_folders_change_places() {
    let place = place();
    let mut edits = place.mirror().begin("main").unwrap();
    edits.remove("run.sh").unwrap();
    edits.put("run.sh/inner", b"1".to_vec()).unwrap();
    edits.remove("dir/a").unwrap();
    edits.remove("dir/b").unwrap();
    edits.put("dir", b"2".to_vec()).unwrap();
    edits.remove("link").unwrap();
    edits.put("link", b"3".to_vec()).unwrap();
    edits.push(message("swap")).unwrap();
    let remote = place.path("remote.git");
    git(&remote, &["fsck", "--full", "--strict"]);
    let modes = git(&remote, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(modes, "100644 dir\n100644 link\n100644 run.sh/inner\n160000 sub\n");
}

#[test]
fn nothing_to_commit() {
    let place = place();
    let mut edits = place.mirror().begin("main").unwrap();
    assert!(matches!(edits.push(message("empty")), Err(Error::NothingToCommit)));
    edits.put("dir/a", b"a".to_vec()).unwrap();
    edits.put("x", b"x".to_vec()).unwrap();
    edits.remove("x").unwrap();
    assert!(edits.changed().is_empty());
    assert!(matches!(edits.push(message("same")), Err(Error::NothingToCommit)));
    for path in ["dir/a", "dir/b", "link", "run.sh"] {
        edits.remove(path).unwrap();
    }
    edits.push(message("all but the submodule")).unwrap();
    git(&place.path("remote.git"), &["fsck", "--full", "--strict"]);
}

#[test]
fn the_last_file_may_go() {
    let place = Place::new();
    place.commit("main", "m", &[("only/file", FILE, "1")]);
    let mut edits = place.mirror().begin("main").unwrap();
    edits.remove("only/file").unwrap();
    edits.push(message("empty")).unwrap();
    assert_eq!(git(&place.path("remote.git"), &["ls-tree", "main"]), "");
    git(&place.path("remote.git"), &["fsck", "--full", "--strict"]);
}

#[test]
fn a_lost_race_is_moved_and_leaves_the_branch() {
    let place = place();
    let mirror = place.mirror();
    let mut edits = mirror.begin("main").unwrap();
    edits.put("mine", b"1".to_vec()).unwrap();
    let theirs = place.commit("main", "theirs", &[("theirs", FILE, "2")]);
    match edits.push(message("mine")) {
        Err(error @ Error::Moved { .. }) => {
            assert_eq!(error.failure().code, "moved");
            let Error::Moved { expected, actual, .. } = error else { return };
            assert_eq!((expected.as_ref(), actual.as_ref()), (Some(edits.head()), Some(&theirs)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(git(&place.path("remote.git"), &["rev-parse", "main"]).trim(), theirs.0);
    place.remote.find_reference("refs/heads/main").unwrap().delete().unwrap();
    assert!(matches!(edits.push(message("mine")), Err(Error::Moved { actual: None, .. })));
}

#[test]
fn a_proposals_branch_is_made_and_replaced() {
    let place = place();
    let mirror = place.mirror();
    let mut pushed = Vec::new();
    for content in ["1", "2"] {
        let mut edits = mirror.begin("main").unwrap();
        edits.put("x", content.into()).unwrap();
        assert_eq!(edits.push_to("main", message("p")).unwrap_err().failure().code, "invalid");
        assert_eq!(edits.push_to("-x", message("p")).unwrap_err().failure().code, "invalid");
        pushed.push((edits.push_to("promote/prod", message("p")).unwrap(), edits.head().clone()));
    }
    let remote = place.path("remote.git");
    let (commit, head) = &pushed[1];
    assert_eq!(
        git(&remote, &["rev-parse", "promote/prod", "promote/prod^", "main"]),
        format!("{commit}\n{head}\n{head}\n")
    );
    assert!(mirror.begin("promote").is_err());
}

#[test]
fn a_checked_out_branch_is_refused() {
    let place = place();
    git(place.folder.path(), &["clone", "-q", "remote.git", "work"]);
    let work = place.path("work");
    let mirror = place.mirror_of(&work);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    let failure = edits.push(message("x")).unwrap_err().failure();
    assert_eq!(failure.code, "denied");
    assert!(failure.hint.is_some());
    edits.push_to("other", message("x")).unwrap();
    git(&work, &["worktree", "add", "-q", "../second", "other"]);
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"2".to_vec()).unwrap();
    assert!(matches!(edits.push_to("other", message("x")), Err(Error::CheckedOut { .. })));
    git(&work, &["config", "receive.denyCurrentBranch", "ignore"]);
    edits.push(message("x")).unwrap();
}

#[test]
fn a_remote_that_vanishes_under_a_transaction() {
    let place = place();
    let mirror = place.mirror();
    let mut edits = mirror.begin("main").unwrap();
    edits.put("x", b"1".to_vec()).unwrap();
    fs::rename(place.path("remote.git"), place.path("gone.git")).unwrap();
    let failure = edits.push(message("x")).unwrap_err().failure();
    assert_eq!((failure.code.as_str(), failure.retryable), ("unavailable", true), "{failure:?}");
    assert!(failure.message.contains("remote.git"), "{failure:?}");
    fs::rename(place.path("gone.git"), place.path("remote.git")).unwrap();
    edits.push(message("x")).unwrap();
}

#[test]
fn every_edit_of_many_writers_is_there_once() {
    let place = Place::new();
    place.commit("main", "base", &[("counter", FILE, "0\n")]);
    std::thread::scope(|scope| {
        for writer in 0..16 {
            let mirror = place.mirror();
            scope.spawn(move || (0..5).for_each(|n| drop(count(&mirror, &format!("w{writer}-{n}")))));
        }
    });
    let all: Vec<String> = (0..16).flat_map(|w| (0..5).map(move |n| format!("w{w}-{n}"))).collect();
    check_count(&place.path("remote.git"), &all);
}

/// A process that was killed while it moved the branch leaves the branch's own lock behind, and its name in the queue's.
#[test]
fn a_lock_that_a_killed_push_left_is_broken_and_nobody_elses() {
    let place = place();
    let mirror = place.mirror();
    let remote = place.path("remote.git");
    fs::write(remote.join("refs/heads/main.lock"), "").unwrap();
    let push = || {
        let mut edits = mirror.begin("main").unwrap();
        edits.put("dir/a", b"new".to_vec()).unwrap();
        edits.push(message("promote"))
    };
    let refused = push().unwrap_err().failure();
    assert!(refused.message.contains("the lock `refs/heads/main.lock` in it stays"), "{}", refused.message);
    fs::write(remote.join("tidegate.lock"), "refs/heads/other\nrefs/heads/main\n").unwrap();
    let pushed = push().unwrap();
    assert_eq!(git(&remote, &["rev-parse", "main"]).trim(), pushed.as_str());
    assert_eq!(fs::read_to_string(remote.join("tidegate.lock")).unwrap(), "refs/heads/other\n");
}
