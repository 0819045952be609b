//! Edits that become one commit, pushed whole or not at all. Dropping it forgets them; it never redoes an edit on a
//! newer head by itself, since only whoever made the edits knows what they mean there.

use crate::edit::{Edits, Now};
use crate::error::Error;
use crate::kind::Kind;
use crate::local::{self, Move};
use crate::message::NewCommit;
use crate::mirror::Mirror;
use crate::name;
use crate::push::{self, Expected};
use crate::read;
use crate::remote::Place;
use crate::wire;
use git2::{Oid, Repository, Tree};
use model::CommitId;

/// Edits on top of one head.
pub struct Transaction {
    mirror: Mirror,
    /// Where objects are written: the remote itself where it is a folder, or else the mirror.
    repository: Repository,
    branch: String,
    head: CommitId,
    at: Oid,
    edits: Edits,
    pushed: bool,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Transaction");
        shown.field("mirror", &self.mirror).field("branch", &self.branch).field("head", &self.head);
        shown.field("changed", &self.changed()).field("pushed", &self.pushed).finish()
    }
}

impl Mirror {
    /// Begins edits on the newest head of a branch: one connection, which brings what is missing. For a remote that
    /// is a folder nothing is copied, and the mirror learns of the new commit by the next `fetch`.
    pub fn begin(&self, branch: &str) -> Result<Transaction, Error> {
        let full = name::branch(branch)?;
        let (repository, tip) = match self.remote().place() {
            Place::Path(path) => {
                let remote = local::open(self, &path)?;
                let tip = local::tip(&remote, &full).map_err(|e| local::broken(self, "reached", e))?;
                (remote, tip)
            }
            Place::Network => {
                let repository = self.open_repository()?;
                let tip = wire::fetch_one(&repository, self.remote(), &full)?;
                (repository, tip)
            }
        };
        let at = tip.ok_or_else(|| Error::NoReference { url: self.url(), name: branch.to_owned() })?;
        Ok(Transaction {
            mirror: self.clone(),
            repository,
            branch: branch.to_owned(),
            head: name::id(at),
            at,
            edits: Edits::default(),
            pushed: false,
        })
    }
}

impl Transaction {
    /// The commit that the edits are made on.
    pub fn head(&self) -> &CommitId {
        &self.head
    }

    /// A file's content or a link's target as the edits leave it.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        name::check_path(path)?;
        let tree = self.tree()?;
        match self.edits.now(&self.repository, &tree, path).map_err(|e| self.gone(e))? {
            None => Ok(None),
            Some(Now::Put(content, _)) if content.len() > limit => Err(read::too_large(path, content.len(), limit)),
            Some(Now::Put(content, _)) => Ok(Some(content.to_vec())),
            Some(Now::Head((oid, kind))) if kind.is_file() || kind == Kind::Link => {
                let content = read::blob(&self.mirror, &self.repository, path, oid, limit);
                content.map(Some).map_err(|e| self.gone(e))
            }
            Some(Now::Head(_) | Now::Folder) => Err(Error::path(path, "it is a folder or a submodule, not a file")),
        }
    }

    /// Writes a file whole. Its mode stays; a new one is a regular file. `Path` where it or a name before it is a
    /// link, a submodule, or a folder where a file would have to be.
    pub fn put(&mut self, path: &str, content: Vec<u8>) -> Result<(), Error> {
        self.check_open()?;
        let tree = self.repository.find_commit(self.at).and_then(|c| c.tree()).map_err(|e| self.failed(e))?;
        self.edits.put(&self.repository, &tree, path, content)
    }

    /// Removes a file or a link. No error where there is none; `Path` for a folder or a submodule.
    pub fn remove(&mut self, path: &str) -> Result<(), Error> {
        self.check_open()?;
        let tree = self.repository.find_commit(self.at).and_then(|c| c.tree()).map_err(|e| self.failed(e))?;
        self.edits.remove(&self.repository, &tree, path)
    }

    /// The paths that differ from the head, in byte order. A file that was put with the content it had is none.
    pub fn changed(&self) -> Vec<String> {
        self.edits.changed()
    }

    /// Commits and moves the branch, if it is still at `head`; `Moved` otherwise, with nothing pushed.
    pub fn push(&mut self, commit: NewCommit<'_>) -> Result<CommitId, Error> {
        let oid = self.commit(&commit)?;
        let branch = self.branch.clone();
        let moved = match self.mirror.remote().place() {
            Place::Path(_) => local::advance(&self.mirror, &self.repository, &branch, Some(self.at), oid)?,
            Place::Network => push::push(&self.mirror, &self.repository, &branch, Expected::At(self.at), oid)?,
        };
        self.settle(&branch, moved, oid)
    }

    /// Commits and moves another branch there, a proposal's: it is made, or replaced whatever it holds, if it stays
    /// where it is seen when the push begins.
    pub fn push_to(&mut self, branch: &str, commit: NewCommit<'_>) -> Result<CommitId, Error> {
        let full = name::branch(branch)?;
        if branch == self.branch {
            let why = "it is the branch that the proposal is for";
            return Err(Error::Name { what: "proposal branch", name: branch.to_owned(), why });
        }
        let oid = self.commit(&commit)?;
        let moved = match self.mirror.remote().place() {
            Place::Path(_) => {
                let seen = local::tip(&self.repository, &full).map_err(|e| self.failed(e))?;
                local::advance(&self.mirror, &self.repository, branch, seen, oid)?
            }
            Place::Network => push::push(&self.mirror, &self.repository, branch, Expected::AsSeen, oid)?,
        };
        self.settle(branch, moved, oid)
    }

    /// Writes the commit's objects. Nobody sees them before a branch is moved there.
    fn commit(&self, commit: &NewCommit<'_>) -> Result<Oid, Error> {
        self.check_open()?;
        let (text, who) = (commit.text()?, commit.signature()?);
        if self.changed().is_empty() {
            return Err(Error::NothingToCommit);
        }
        let write = || {
            let parent = self.repository.find_commit(self.at)?;
            let tree = self.repository.find_tree(self.edits.write(&self.repository, parent.tree_id())?)?;
            self.repository.commit(None, &who, &who, &text, &tree, &[&parent])
        };
        write().map_err(|e| self.failed(e))
    }

    fn settle(&mut self, branch: &str, moved: Move, commit: Oid) -> Result<CommitId, Error> {
        match moved {
            Move::Done => {
                self.pushed = true;
                Ok(name::id(commit))
            }
            Move::Lost { expected, actual } => Err(Error::Moved {
                branch: branch.to_owned(),
                expected: expected.map(name::id),
                actual: actual.map(name::id),
            }),
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.pushed { Err(Error::AlreadyPushed) } else { Ok(()) }
    }

    fn tree(&self) -> Result<Tree<'_>, Error> {
        self.repository.find_commit(self.at).and_then(|commit| commit.tree()).map_err(|e| self.failed(e))
    }

    fn failed(&self, e: git2::Error) -> Error {
        match self.mirror.remote().place() {
            Place::Path(_) => local::broken(&self.mirror, "used", e),
            Place::Network => self.mirror.git("use the mirror", e),
        }
    }

    /// A path remote may vanish while a transaction reads from it.
    fn gone(&self, error: Error) -> Error {
        match error {
            Error::Git { source, .. } => self.failed(source),
            other => other,
        }
    }
}
