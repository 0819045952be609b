//! A person's own checkout: what it holds now, committed or not. It never changes anything there.

use crate::error::Error;
use crate::library;
use crate::name;
use git2::{ErrorCode, Repository, Status, StatusOptions};
use model::{Commit, CommitId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A work tree.
pub struct WorkTree {
    root: PathBuf,
    repository: Repository,
}

impl std::fmt::Debug for WorkTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkTree").field("root", &self.root).finish()
    }
}

impl WorkTree {
    /// The work tree that a folder is in; `None` where it is in none.
    pub fn discover(folder: &Path) -> Result<Option<Self>, Error> {
        library::prepare();
        let repository = match Repository::discover(folder) {
            Ok(repository) => repository,
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(None),
            Err(source) => return Err(failed(folder, source)),
        };
        let Some(root) = repository.workdir().map(Path::to_owned) else { return Ok(None) };
        Ok(Some(Self { root, repository }))
    }

    /// Its topmost folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Git's own folder, where nothing is ever committed from.
    pub fn git_folder(&self) -> &Path {
        self.repository.commondir()
    }

    /// The branch that is checked out; `None` where none is.
    pub fn branch(&self) -> Option<String> {
        let head = self.repository.find_reference("HEAD").ok()?;
        let target = head.symbolic_target().ok().flatten()?.to_owned();
        target.strip_prefix("refs/heads/").map(str::to_owned)
    }

    /// The newest commit; `None` before the first.
    pub fn head(&self) -> Result<Option<Commit>, Error> {
        let commit = match self.repository.head().and_then(|head| head.peel_to_commit()) {
            Ok(commit) => commit,
            Err(e) if matches!(e.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return Ok(None),
            Err(source) => return Err(failed(&self.root, source)),
        };
        let id: CommitId = name::id(commit.id());
        let person = |who: &git2::Signature<'_>| {
            format!("{} <{}>", String::from_utf8_lossy(who.name_bytes()), String::from_utf8_lossy(who.email_bytes()))
        };
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        Ok(Some(Commit {
            short: id.short().to_owned(),
            id,
            subject: message.lines().next().unwrap_or_default().to_owned(),
            author: person(&commit.author()),
            committer: person(&commit.committer()),
        }))
    }

    /// All files that are tracked, or new and not ignored, relative to the root in byte order. Submodules are left out.
    pub fn files(&self) -> Result<Vec<String>, Error> {
        let index = self.repository.index().map_err(|e| failed(&self.root, e))?;
        let mut found = BTreeSet::new();
        for entry in index.iter() {
            // A submodule is a commit, not a file.
            if entry.mode & 0o170_000 != 0o160_000
                && let Ok(path) = String::from_utf8(entry.path)
            {
                found.insert(path);
            }
        }
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(false).exclude_submodules(true);
        let statuses = self.repository.statuses(Some(&mut options)).map_err(|e| failed(&self.root, e))?;
        for status in statuses.iter().filter(|status| status.status().contains(Status::WT_NEW)) {
            if let Ok(path) = String::from_utf8(status.path_bytes().to_vec()) {
                found.insert(path.trim_end_matches('/').to_owned());
            }
        }
        Ok(found.into_iter().filter(|path| self.root.join(path).symlink_metadata().is_ok()).collect())
    }
}

fn failed(folder: &Path, source: git2::Error) -> Error {
    Error::Git { doing: "look at the work tree", url: folder.display().to_string(), source }
}
