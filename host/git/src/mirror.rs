//! The bare mirror of one remote on this machine: a cheap handle that several threads and processes may hold. It
//! owns its objects, so that what was fetched stays readable while the remote is gone. Reading never fetches.

use crate::error::Error;
use crate::library;
use crate::litter;
use crate::name;
use crate::remote::Remote;
use git2::{ErrorCode, Oid, Repository, RepositoryInitOptions, RepositoryOpenFlags};
use model::CommitId;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A new mirror's HEAD until the remote's is learnt.
const NO_HEAD: &str = "refs/heads/tidegate-unborn";
/// Open repositories kept for the next operation: one for each reader that a small machine runs at once. Each costs
/// some file descriptors and mapped packs.
const KEPT: usize = 8;

/// The mirror of one remote.
#[derive(Clone)]
pub struct Mirror {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    remote: Remote,
    /// Open handles, each with what it was opened on: what was made anew since is opened anew.
    idle: Mutex<Vec<(Version, Repository)>>,
}

/// What an open handle never looks at again: the inode of the objects' folder, and inode and time of the file with
/// a shallow history's boundary.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    objects: u64,
    shallow: Option<(u64, i64, i64)>,
}

/// A repository handle on loan from the mirror.
pub(crate) struct Loan<'m> {
    inner: &'m Inner,
    version: Version,
    repository: Option<Repository>,
}

impl Deref for Loan<'_> {
    type Target = Repository;
    fn deref(&self) -> &Repository {
        // Empty only while `drop` runs.
        self.repository.as_ref().expect("a loan holds its repository until it is dropped")
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let (Some(repository), Ok(mut idle)) = (self.repository.take(), self.inner.idle.lock())
            && idle.len() < KEPT
        {
            idle.push((self.version, repository));
        }
    }
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").field("directory", &self.inner.directory).field("url", &self.url()).finish()
    }
}

impl Mirror {
    /// Opens the mirror in this folder, and makes an empty one where there is none. Does not contact the remote.
    pub fn open(directory: &Path, remote: Remote) -> Result<Self, Error> {
        library::prepare();
        remote.check()?;
        let inner = Inner { directory: directory.to_owned(), remote, idle: Mutex::new(Vec::new()) };
        let mirror = Self { inner: Arc::new(inner) };
        let empty = fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none());
        if empty {
            mirror.create()?;
        }
        mirror.repository()?;
        Ok(mirror)
    }

    /// Where the mirror is.
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// What it mirrors.
    pub(crate) fn remote(&self) -> &Remote {
        &self.inner.remote
    }

    /// Made beside its place and renamed there, so that no other process ever sees half a repository.
    fn create(&self) -> Result<(), Error> {
        let directory = self.directory();
        let parent = directory.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
        let fresh = tempfile::Builder::new()
            .prefix(litter::FRESH)
            .tempdir_in(parent)
            .map_err(|e| Error::io("create a folder in", parent, e))?;
        let mut options = RepositoryInitOptions::new();
        // No template: it could bring hooks and configuration along.
        options.bare(true).no_reinit(true).external_template(false).initial_head(NO_HEAD);
        let made = Repository::init_opts(fresh.path(), &options).map_err(|e| self.git("create the mirror", e))?;
        // Nobody reads a mirror's reflogs, and they grow with every fetch.
        made.config()
            .and_then(|mut config| config.set_bool("core.logAllRefUpdates", false))
            .map_err(|e| self.git("create the mirror", e))?;
        drop(made);
        // libgit2 brings samples of hooks along even so. Git writes none where the folder is missing.
        let hooks = fresh.path().join("hooks");
        fs::remove_dir_all(&hooks).map_err(|e| Error::io("remove", hooks, e))?;
        match fs::rename(fresh.path(), directory) {
            Ok(()) => {
                // Renamed away: there is nothing left to remove at the old name.
                let _ = fresh.keep();
                Ok(())
            }
            // Another process was first.
            Err(e) if matches!(e.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => Ok(()),
            Err(e) => Err(Error::io("create", directory, e)),
        }
    }

    /// Lends an open repository.
    pub(crate) fn repository(&self) -> Result<Loan<'_>, Error> {
        let objects = fs::metadata(self.directory().join("objects")).map_err(|e| self.unusable(&e.to_string()))?.ino();
        let shallow = fs::metadata(self.directory().join("shallow")).ok();
        let version = Version { objects, shallow: shallow.map(|file| (file.ino(), file.mtime(), file.mtime_nsec())) };
        if let Ok(mut idle) = self.inner.idle.lock() {
            idle.retain(|(opened, _)| *opened == version);
            if let Some((_, repository)) = idle.pop() {
                return Ok(Loan { inner: &self.inner, version, repository: Some(repository) });
            }
        }
        Ok(Loan { inner: &self.inner, version, repository: Some(self.open_repository()?) })
    }

    /// Opens a repository of its own, for what holds it longer than a call.
    pub(crate) fn open_repository(&self) -> Result<Repository, Error> {
        let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_DOTGIT;
        Repository::open_ext(self.directory(), flags, std::iter::empty::<&OsStr>())
            .map_err(|e| self.unusable(e.message()))
    }

    /// The remote's default branch as of the last fetch, `main`. `None` before the first one and where the remote
    /// names none.
    pub fn default_branch(&self) -> Result<Option<String>, Error> {
        let repository = self.repository()?;
        let head = repository.find_reference("HEAD").map_err(|e| self.git("read the default branch", e))?;
        let Ok(Some(target)) = head.symbolic_target() else { return Ok(None) };
        let there = repository.find_reference(target).is_ok();
        Ok(target.strip_prefix("refs/heads/").filter(|_| there).map(str::to_owned))
    }

    /// The commit that a name stands for, as of the last fetch: a commit id of 40 digits, `HEAD`, a full reference
    /// name, a branch, or else a tag. A branch goes before a tag of the same name, so that a tag cannot take a
    /// branch's place.
    pub fn resolve(&self, reference: &str) -> Result<Option<CommitId>, Error> {
        let repository = self.repository()?;
        let wanted = CommitId(reference.to_owned());
        if wanted.is_valid() && repository.find_commit(name::oid(&wanted)?).is_ok() {
            return Ok(Some(wanted));
        }
        if reference == "HEAD" {
            return self.default_branch()?.map_or(Ok(None), |branch| self.resolve(&format!("refs/heads/{branch}")));
        }
        let candidates = if reference.starts_with("refs/") {
            name::check_reference("reference", reference, reference)?;
            vec![reference.to_owned()]
        } else {
            vec![name::branch(reference)?, format!("refs/tags/{reference}")]
        };
        for full in candidates {
            match repository.find_reference(&full) {
                Ok(found) => {
                    let commit = found.peel_to_commit().map_err(|_| Error::Name {
                        what: "reference",
                        name: reference.to_owned(),
                        why: "it points at no commit",
                    })?;
                    return Ok(Some(name::id(commit.id())));
                }
                Err(e) if e.code() == ErrorCode::NotFound => {}
                Err(e) => return Err(self.git("read a reference", e)),
            }
        }
        Ok(None)
    }

    /// A commit's root tree.
    pub(crate) fn tree<'r>(&self, repository: &'r Repository, commit: &CommitId) -> Result<git2::Tree<'r>, Error> {
        self.find(repository, commit)?.tree().map_err(|e| self.git("read a commit", e))
    }

    /// A commit that must be there.
    pub(crate) fn find<'r>(&self, repository: &'r Repository, id: &CommitId) -> Result<git2::Commit<'r>, Error> {
        let oid: Oid = name::oid(id)?;
        repository.find_commit(oid).map_err(|e| match e.code() {
            ErrorCode::NotFound | ErrorCode::InvalidSpec => Error::NoCommit { url: self.url(), id: id.clone() },
            _ => self.git("read a commit", e),
        })
    }

    pub(crate) fn url(&self) -> String {
        self.inner.remote.url.clone()
    }

    pub(crate) fn git(&self, doing: &'static str, source: git2::Error) -> Error {
        Error::Git { doing, url: self.url(), source }
    }

    pub(crate) fn unusable(&self, why: &str) -> Error {
        Error::Mirror { url: self.url(), directory: self.directory().to_owned(), why: why.to_owned() }
    }
}
