//! The repositories of a host's configuration, each commit opened once.

use crate::job::{MAIN, Source};
use crate::sources::Repositories;
use git::{Folders, Mirror};
use manifest::HostConfig;
use model::{Blame, CommitId, Failure};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Gives the mirror of a configured repository.
pub type Mirrors = dyn Fn(&str) -> Result<Mirror, Failure> + Send + Sync;

/// Commits of a repository that are kept open: those of its branches that are deployed. Each costs some file descriptors.
const OPEN: usize = 16;

/// The repositories of a configuration as they were at their last fetch.
pub struct Configured {
    config: HostConfig,
    mirrors: Box<Mirrors>,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    folders: HashMap<String, Folders>,
    /// Of each repository, the newest used last.
    commits: HashMap<String, VecDeque<(CommitId, Source)>>,
}

impl Configured {
    /// Reads by these mirrors. Contacts nobody.
    pub fn new(config: HostConfig, mirrors: Box<Mirrors>) -> Self {
        Self { config, mirrors, opened: Mutex::default() }
    }

    /// The mirror of a configured repository. Blocking.
    pub fn mirror(&self, repository: &str) -> Result<Mirror, Failure> {
        (self.mirrors)(repository)
    }

    /// The files of a configured repository at a revision. Errors: `no-such-revision`, and those of the mirror.
    pub fn at(&self, repository: &str, revision: &str) -> Result<Source, Failure> {
        let mirror = (self.mirrors)(repository)?;
        let found = mirror.resolve(revision).map_err(|e| e.failure())?;
        let commit = found.ok_or_else(|| {
            let message = format!("the repository `{repository}` has no branch, tag or commit `{revision}`");
            Failure::new(Blame::User, "no-such-revision", message)
                .hint("ranges of versions are not resolved by this version")
        })?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.commits.entry(repository.to_owned()).or_default();
        if let Some(at) = known.iter().position(|(id, _)| *id == commit)
            && let Some((id, source)) = known.remove(at)
        {
            known.push_back((id, source.clone()));
            return Ok(source);
        }
        let folders = opened.folders.entry(repository.to_owned()).or_default().clone();
        let snapshot = mirror.snapshot(&commit, &folders).map_err(|e| e.failure())?;
        let source = Source {
            name: MAIN.to_owned(),
            repository: repository.to_owned(),
            commit: commit.0.clone(),
            files: Arc::new(snapshot),
        };
        let known = opened.commits.entry(repository.to_owned()).or_default();
        known.push_back((commit, source.clone()));
        if known.len() > OPEN {
            known.pop_front();
        }
        Ok(source)
    }
}

impl Repositories for Configured {
    fn name(&self, address: &str) -> Option<String> {
        manifest::repository_of(address, &self.config).map(str::to_owned)
    }

    fn open(&self, address: &str, revision: &str) -> Result<Option<Source>, Failure> {
        match manifest::repository_of(address, &self.config) {
            Some(repository) => self.at(repository, revision).map(Some),
            None => Ok(None),
        }
    }
}
