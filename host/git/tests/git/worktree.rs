//! A person's own checkout, looked at and never changed.

use git::WorkTree;
use std::fs;
use std::path::Path;
use std::process::Command;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn open(folder: &Path) -> WorkTree {
    WorkTree::discover(folder).unwrap().unwrap()
}

#[test]
fn revisions_remotes_and_what_is_uncommitted() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    git(folder, &["init", "-q", "-b", "main"]);
    let tree = open(folder);
    assert_eq!((tree.remotes().unwrap(), tree.default_branch().as_deref()), (vec![], Some("main")));
    assert_eq!(tree.resolve("main").unwrap(), None);
    fs::write(folder.join("a"), "1").unwrap();
    git(folder, &["add", "."]);
    git(folder, &["commit", "-qm", "one"]);
    let first = git(folder, &["rev-parse", "HEAD"]);
    git(folder, &["tag", "-a", "v1", "-m", "v1"]);
    git(folder, &["tag", "main"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", "two"]);
    let second = git(folder, &["rev-parse", "HEAD"]);
    git(folder, &["update-ref", "refs/remotes/origin/far", &first]);
    git(folder, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    git(folder, &["remote", "add", "origin", "https://git.example.com/x"]);
    let tree = open(folder);
    assert_eq!(tree.remotes().unwrap(), ["https://git.example.com/x"]);
    assert_eq!(tree.default_branch().as_deref(), Some("trunk"));
    let resolved = |revision: &str| tree.resolve(revision).unwrap().map(|id| id.0);
    for (revision, commit) in [
        // A branch before a tag of its name.
        ("main", &second),
        ("refs/tags/main", &first),
        ("v1", &first),
        ("far", &first),
        (&first[..9], &first),
        (first.as_str(), &first),
    ] {
        assert_eq!(resolved(revision).as_ref(), Some(commit), "{revision}");
    }
    for none in ["", "HEAD~1", "-x", "gone", "a..b", &first[..6], "@{-1}", "refs/heads/gone", "12345678"] {
        assert_eq!(resolved(none), None, "{none}");
    }
    let head = tree.head().unwrap().unwrap();
    assert_eq!(tree.parent(&head.id).unwrap().unwrap().0, first);
    assert_eq!(tree.parent(&tree.resolve("v1").unwrap().unwrap()).unwrap(), None);
    assert_eq!(tree.uncommitted().unwrap(), 0);
    fs::write(folder.join("a"), "2").unwrap();
    fs::create_dir_all(folder.join("new/er")).unwrap();
    fs::write(folder.join("new/er/b"), "2").unwrap();
    fs::write(folder.join(".gitignore"), "/state/\n*.log\n").unwrap();
    fs::write(folder.join("x.log"), "2").unwrap();
    let tree = open(folder);
    assert_eq!(tree.uncommitted().unwrap(), 3);
    let ignored = |path: &str| tree.ignores(path).unwrap();
    assert!(ignored("state/") && ignored("new/y.log") && !ignored("new/state/") && !ignored("state.yaml"));
}

#[test]
fn a_shallow_clone_ends_where_its_commits_end() {
    let place = tempfile::tempdir().unwrap();
    let (origin, clone) = (place.path().join("origin"), place.path().join("clone"));
    fs::create_dir(&origin).unwrap();
    git(&origin, &["init", "-q", "-b", "main"]);
    for subject in ["one", "two"] {
        git(&origin, &["commit", "-q", "--allow-empty", "-m", subject]);
    }
    let url = format!("file://{}", origin.display());
    git(place.path(), &["clone", "-q", "--depth", "1", &url, clone.to_str().unwrap()]);
    let tree = open(&clone);
    let head = tree.head().unwrap().unwrap();
    assert_eq!((head.subject.as_str(), tree.parent(&head.id).unwrap()), ("two", None));
}
