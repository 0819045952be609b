//! One commit held open for many reads: folders are read once, and are shared with the snapshots of other commits, since
//! equal folders have equal ids. It follows no link, reads nothing twice that it knows, and writes nothing.

use crate::error::Error;
use crate::kind::Kind;
use crate::mirror::Mirror;
use crate::object::ObjectId;
use crate::read::too_large;
use crate::{library, name};
use git2::{Oid, Repository};
use model::CommitId;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most entries of folders that are remembered, of all snapshots of a [`Folders`] together: about 100 MB.
const REMEMBERED: usize = 1_000_000;

/// One folder, its entries by name in byte order.
#[derive(Debug)]
struct Folder {
    entries: Vec<(String, Kind, ObjectId)>,
    /// What is wrong with a name or mode in it, which only matters to who lists it.
    wrong: Option<String>,
}

/// Folders by id, shared by the snapshots of one repository.
#[derive(Clone, Debug, Default)]
pub struct Folders(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    folders: HashMap<ObjectId, Arc<Folder>>,
    entries: usize,
}

/// A commit.
pub struct Snapshot {
    url: String,
    repository: Mutex<Repository>,
    root: ObjectId,
    folders: Folders,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("url", &self.url).field("root", &self.root).finish()
    }
}

impl Mirror {
    /// The files of a commit. Errors: `NoCommit`.
    pub fn snapshot(&self, commit: &CommitId, folders: &Folders) -> Result<Snapshot, Error> {
        let repository = self.open_repository()?;
        let root = ObjectId::of_git(self.tree(&repository, commit)?.id());
        Ok(Snapshot { url: self.url(), repository: Mutex::new(repository), root, folders: folders.clone() })
    }
}

impl Snapshot {
    /// The files of a commit of the repository that a work tree belongs to. Errors: `NoCommit`.
    pub fn of_repository(git_folder: &Path, commit: &CommitId, folders: &Folders) -> Result<Self, Error> {
        library::prepare();
        let url = git_folder.display().to_string();
        let failed = |source| Error::Git { doing: "read a commit", url: url.clone(), source };
        let repository = Repository::open_bare(git_folder).map_err(failed)?;
        let oid = name::oid(commit)?;
        let found = repository.find_commit(oid).and_then(|commit| commit.tree()).map(|tree| tree.id());
        let root = found.map_err(|_| Error::NoCommit { url: url.clone(), id: commit.clone() })?;
        Ok(Self { url, repository: Mutex::new(repository), root: ObjectId::of_git(root), folders: folders.clone() })
    }

    /// The id of all files together: equal ids, equal files.
    pub fn root(&self) -> ObjectId {
        self.root
    }

    /// What is at a path and its object's id; `""` is the root. Nothing is below a file, a link or a submodule.
    pub fn look(&self, path: &str) -> Result<Option<(Kind, ObjectId)>, Error> {
        if path.is_empty() {
            return Ok(Some((Kind::Directory, self.root)));
        }
        name::check_path(path)?;
        let mut at = (Kind::Directory, self.root);
        for name in path.split('/') {
            if at.0 != Kind::Directory {
                return Ok(None);
            }
            let folder = self.folder(at.1)?;
            match folder.find(name) {
                Some(found) => at = found,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The content of a file or link by its id. Errors: `TooLarge` above `limit` bytes, which costs no memory. `path` is
    /// for messages.
    pub fn content(&self, path: &str, id: ObjectId, limit: usize) -> Result<Vec<u8>, Error> {
        let repository = self.lock();
        let damaged = |e: git2::Error| self.damaged("read a file", e);
        let odb = repository.odb().map_err(damaged)?;
        let (size, _) = odb.read_header(id.to_git()).map_err(damaged)?;
        if size > limit {
            return Err(too_large(path, size, limit));
        }
        Ok(odb.read(id.to_git()).map_err(damaged)?.data().to_vec())
    }

    /// The entries of a folder by its id, by name in byte order. Errors: `Path` where a name is no UTF-8 or a mode is
    /// none of Git's: leaving it out would hide a file.
    pub fn entries(&self, path: &str, id: ObjectId) -> Result<Vec<(String, Kind)>, Error> {
        let folder = self.folder(id)?;
        if let Some(wrong) = &folder.wrong {
            return Err(Error::path(path, wrong.clone()));
        }
        Ok(folder.entries.iter().map(|(name, kind, _)| (name.clone(), *kind)).collect())
    }

    fn folder(&self, id: ObjectId) -> Result<Arc<Folder>, Error> {
        if let Some(folder) = self.folders.lock().folders.get(&id) {
            return Ok(folder.clone());
        }
        let folder = Arc::new(self.load(id.to_git())?);
        self.folders.remember(id, folder.clone());
        Ok(folder)
    }

    fn load(&self, oid: Oid) -> Result<Folder, Error> {
        let repository = self.lock();
        let tree = repository.find_tree(oid).map_err(|e| self.damaged("read a folder", e))?;
        let mut folder = Folder { entries: Vec::with_capacity(tree.len()), wrong: None };
        for entry in &tree {
            let shown = || String::from_utf8_lossy(entry.name_bytes()).into_owned();
            match (entry.name(), Kind::of_mode(entry.filemode_raw())) {
                (Ok(name), Some(kind)) => folder.entries.push((name.to_owned(), kind, ObjectId::of_git(entry.id()))),
                (Err(_), _) => folder.wrong = Some(format!("the name of `{}` in it is not UTF-8", shown())),
                (Ok(name), None) => {
                    folder.wrong = Some(format!("the repository gives `{name}` a mode that Git does not know"))
                }
            }
        }
        // Git sorts folders as if their names ended in `/`.
        folder.entries.sort();
        Ok(folder)
    }

    fn lock(&self) -> MutexGuard<'_, Repository> {
        // Nothing in a repository that is only read is half-made by a panic.
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self, doing: &'static str, source: git2::Error) -> Error {
        Error::Git { doing, url: self.url.clone(), source }
    }
}

impl Folder {
    fn find(&self, name: &str) -> Option<(Kind, ObjectId)> {
        let at = self.entries.binary_search_by(|(known, ..)| known.as_str().cmp(name)).ok()?;
        self.entries.get(at).map(|(_, kind, id)| (*kind, *id))
    }
}

impl Folders {
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, id: ObjectId, folder: Arc<Folder>) {
        let mut all = self.lock();
        if all.entries > REMEMBERED {
            // All at once: what is still needed is read again at the cost of a microsecond an entry.
            *all = Remembered::default();
        }
        all.entries += folder.entries.len() + 1;
        all.folders.insert(id, folder);
    }
}
