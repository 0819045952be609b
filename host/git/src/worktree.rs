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

    /// The branch that a clone begins with, as the remote `origin` said it; else the one that is checked out.
    pub fn default_branch(&self) -> Option<String> {
        let head = self.repository.find_reference("refs/remotes/origin/HEAD").ok();
        let target = head.and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
        let branch = target.and_then(|target| target.strip_prefix("refs/remotes/origin/").map(str::to_owned));
        branch.or_else(|| self.branch())
    }

    /// The addresses that the repository is fetched from, as its configuration has them: they may hold credentials, so they
    /// are for comparing, never for showing.
    pub fn remotes(&self) -> Result<Vec<String>, Error> {
        let names = self.repository.remotes().map_err(|e| failed(&self.root, e))?;
        let url = |name: &str| self.repository.find_remote(name).ok()?.url().ok().map(str::to_owned);
        Ok(names.iter().flatten().flatten().filter_map(url).collect())
    }

    /// The commit that a revision means here: a branch, a tag, a branch of `origin`, or a commit's id of seven digits at
    /// least. A branch goes before a tag of its name, as in a mirror.
    pub fn resolve(&self, revision: &str) -> Result<Option<CommitId>, Error> {
        let names = if revision.starts_with("refs/") {
            vec![revision.to_owned()]
        } else {
            ["refs/heads/", "refs/tags/", "refs/remotes/origin/"].map(|place| format!("{place}{revision}")).to_vec()
        };
        for full in names.iter().filter(|full| git2::Reference::is_valid_name(full)) {
            match self.repository.find_reference(full).and_then(|found| found.peel_to_commit()) {
                Ok(commit) => return Ok(Some(name::id(commit.id()))),
                Err(e) if e.code() == ErrorCode::NotFound => {}
                Err(source) => return Err(failed(&self.root, source)),
            }
        }
        let is_id = (7..=40).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_hexdigit());
        let found = is_id.then(|| self.repository.find_commit_by_prefix(revision).ok()).flatten();
        Ok(found.map(|commit| name::id(commit.id())))
    }

    /// A commit's first parent; `None` for the first commit, and where a shallow clone ends.
    pub fn parent(&self, id: &CommitId) -> Result<Option<CommitId>, Error> {
        let commit = self.repository.find_commit(name::oid(id)?).map_err(|e| failed(&self.root, e))?;
        let parent = commit.parent_ids().next().filter(|parent| self.repository.find_commit(*parent).is_ok());
        Ok(parent.map(name::id))
    }

    /// How many paths differ from the newest commit, or are new to it and not ignored.
    pub fn uncommitted(&self) -> Result<usize, Error> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(false).exclude_submodules(true);
        Ok(self.repository.statuses(Some(&mut options)).map_err(|e| failed(&self.root, e))?.len())
    }

    /// Whether a path is left out of commits, whatever is or is not there. A folder's ends with a slash.
    pub fn ignores(&self, path: &str) -> Result<bool, Error> {
        self.repository.is_path_ignored(path).map_err(|e| failed(&self.root, e))
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
