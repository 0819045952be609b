//! The person's own repository as the one that applications are of: read at a commit straight from Git's objects, or as a
//! folder before there is a commit. It fetches nothing.

use super::address::Ours;
use git::{Folders, Snapshot, WorkTree};
use model::{Blame, CommitId, Failure};
use reconcile::{Files, Folder, Repositories, Source};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where `HEAD` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    Commit(CommitId),
    /// The files as they are.
    Folder,
}

/// A work tree's repository, opened.
pub struct Opened {
    tree: Mutex<WorkTree>,
    root: PathBuf,
    git: PathBuf,
    /// What failures call it.
    name: String,
    branch: Option<String>,
    folders: Folders,
    commits: Mutex<HashMap<CommitId, Vec<Arc<dyn Files>>>>,
    turn: AtomicUsize,
}

impl Opened {
    pub fn new(tree: WorkTree, name: &str) -> Self {
        Self {
            root: tree.root().to_owned(),
            git: tree.git_folder().to_owned(),
            name: name.to_owned(),
            branch: tree.branch(),
            folders: Folders::default(),
            commits: Mutex::default(),
            turn: AtomicUsize::new(0),
            tree: Mutex::new(tree),
        }
    }

    /// The files of a point. Several hands get several openings of it, as one is read by one hand at a time.
    pub fn files(&self, point: &Point) -> Result<Arc<dyn Files>, Failure> {
        let Point::Commit(commit) = point else { return Ok(Arc::new(Folder::open(&self.root)?)) };
        let hands = std::thread::available_parallelism().map_or(2, usize::from);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % hands;
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = commits.entry(commit.clone()).or_default();
        if let Some(files) = opened.get(turn) {
            return Ok(files.clone());
        }
        let files = Snapshot::of_repository(&self.git, commit, &self.folders).map_err(|e| e.failure())?;
        let files: Arc<dyn Files> = Arc::new(files);
        opened.push(files.clone());
        Ok(files)
    }

    fn resolve(&self, revision: &str) -> Result<CommitId, Failure> {
        let tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        tree.resolve(revision).map_err(|e| e.failure())?.ok_or_else(|| {
            let message = format!("this clone has no branch, tag or commit `{revision}`");
            Failure::new(Blame::User, "not-found", message).hint("`git fetch --tags origin` may bring it")
        })
    }
}

/// The repository with `HEAD` at a point.
pub struct Local {
    pub opened: Arc<Opened>,
    pub ours: Arc<Ours>,
    pub head: Point,
}

impl Local {
    /// The files at a revision; `HEAD` and the branch that is checked out are the point.
    pub fn at(&self, revision: &str) -> Result<Source, Failure> {
        let is_head = matches!(revision, "" | "HEAD") || self.opened.branch.as_deref() == Some(revision);
        let point = if is_head { self.head.clone() } else { Point::Commit(self.opened.resolve(revision)?) };
        let commit = match &point {
            Point::Commit(commit) => commit.0.clone(),
            Point::Folder => String::new(),
        };
        let files = self.opened.files(&point)?;
        Ok(Source { name: "main".to_owned(), repository: self.opened.name.clone(), commit, files })
    }
}

impl Repositories for Local {
    fn name(&self, address: &str) -> Option<String> {
        self.ours.contains(address).then(|| self.opened.name.clone())
    }

    fn open(&self, address: &str, revision: &str) -> Result<Option<Source>, Failure> {
        if self.ours.contains(address) { self.at(revision).map(Some) } else { Ok(None) }
    }
}
