//! Repositories made with libgit2, and the `git` program as an independent witness.

use git::{Mirror, NewCommit, Remote};
use git2::{IndexEntry, IndexTime, ObjectType, Oid, Repository, RepositoryInitOptions, Signature};
use model::{CommitId, Timestamp};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const FILE: u32 = 0o100_644;
pub const EXECUTABLE: u32 = 0o100_755;
pub const LINK: u32 = 0o120_000;
pub const SUBMODULE: u32 = 0o160_000;

/// Mode, name and object of a tree entry.
pub type RawEntry<'a> = (&'a str, &'a [u8], Oid);

/// A folder with a bare repository `remote.git`, whose HEAD is `main`.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub remote: Repository,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head("main").external_template(false);
        let remote = Repository::init_opts(folder.path().join("remote.git"), &options).unwrap();
        Self { folder, remote }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn mirror(&self) -> Mirror {
        self.mirror_of(&self.path("remote.git"))
    }

    pub fn mirror_of(&self, remote: &Path) -> Mirror {
        let remote = Remote::parse(remote.to_str().unwrap(), Path::new("/")).unwrap();
        Mirror::open(&self.path("mirrors/m.git"), remote).unwrap()
    }

    /// Commits files on top of a branch, which is made where it is missing. Empty content removes.
    pub fn commit(&self, branch: &str, message: &str, files: &[(&str, u32, &str)]) -> CommitId {
        let full = format!("refs/heads/{branch}");
        let parent = self.remote.find_reference(&full).ok().map(|r| r.peel_to_commit().unwrap());
        let mut index = git2::Index::new().unwrap();
        if let Some(parent) = &parent {
            index.read_tree(&parent.tree().unwrap()).unwrap();
        }
        for (path, mode, content) in files {
            if content.is_empty() {
                index.remove(Path::new(path), 0).unwrap();
                continue;
            }
            let id = if *mode == SUBMODULE {
                Oid::from_str(content).unwrap()
            } else {
                self.remote.blob(content.as_bytes()).unwrap()
            };
            let zero = IndexTime::new(0, 0);
            let entry = IndexEntry {
                ctime: zero,
                mtime: zero,
                dev: 0,
                ino: 0,
                mode: *mode,
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
        let tree = index.write_tree_to(&self.remote).unwrap();
        self.commit_tree(branch, message, tree)
    }

    /// Commits a tree as it is.
    pub fn commit_tree(&self, branch: &str, message: &str, tree: Oid) -> CommitId {
        let full = format!("refs/heads/{branch}");
        let parent = self.remote.find_reference(&full).ok().map(|r| r.peel_to_commit().unwrap());
        let who = Signature::new("Ann", "ann@example.com", &git2::Time::new(1_700_000_000, 0)).unwrap();
        let tree = self.remote.find_tree(tree).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let oid = self.remote.commit(Some(&full), &who, &who, message, &tree, &parents).unwrap();
        CommitId(oid.to_string())
    }

    /// Writes a tree object that no honest Git would.
    pub fn raw_tree(&self, entries: &[RawEntry<'_>]) -> Oid {
        let mut bytes = Vec::new();
        for (mode, name, oid) in entries {
            bytes.extend_from_slice(format!("{mode} ").as_bytes());
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(oid.as_bytes());
        }
        self.remote.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap()
    }
}

/// Runs the `git` program, and answers what it prints.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

pub fn message(subject: &str) -> NewCommit<'_> {
    NewCommit {
        subject,
        body: "",
        trailers: vec![("Tidegate-Run".to_owned(), subject.replace(' ', "-"))],
        name: "Tidegate",
        email: "tidegate@example.com",
        time: Timestamp(1_763_902_622_042),
    }
}

/// Adds one to the number in `counter` and a file of its own, over and over until nobody was first.
pub fn count(mirror: &Mirror, edit: &str) -> CommitId {
    for _ in 0..10_000 {
        let mut edits = mirror.begin("main").unwrap();
        let number = edits.read("counter", 100).unwrap().unwrap();
        let number: u32 = String::from_utf8(number).unwrap().trim().parse().unwrap();
        edits.put("counter", format!("{}\n", number + 1).into_bytes()).unwrap();
        edits.put(&format!("edits/{edit}"), edit.as_bytes().to_vec()).unwrap();
        match edits.push(message(edit)) {
            Ok(commit) => return commit,
            Err(git::Error::Moved { .. }) => {}
            Err(e) => panic!("{edit}: {e} {e:?}"),
        }
    }
    panic!("{edit} was never first");
}

/// Every edit is in the history once, and the counter says so too.
pub fn check_count(remote: &Path, edits: &[String]) {
    git(remote, &["fsck", "--full", "--strict"]);
    let log = git(remote, &["log", "--format=%(trailers:key=Tidegate-Run,valueonly,separator=)", "main"]);
    let mut found: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    found.sort_unstable();
    let mut expected: Vec<&str> = edits.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(git(remote, &["show", "main:counter"]).trim(), edits.len().to_string());
    assert_eq!(git(remote, &["ls-tree", "--name-only", "main", "edits/"]).lines().count(), edits.len());
}
