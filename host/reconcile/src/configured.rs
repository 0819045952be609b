//! The repositories of a host's configuration, each commit opened once.

use crate::job::{MAIN, Source};
use crate::sources::Repositories;
use git::{Folders, Mirror};
use manifest::HostConfig;
use model::{Blame, CommitId, Failure};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives the mirror of a configured repository.
pub type Mirrors = dyn Fn(&str) -> Result<Mirror, Failure> + Send + Sync;

/// The repositories of a configuration as they were at their last fetch.
pub struct Configured {
    config: HostConfig,
    mirrors: Box<Mirrors>,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    folders: HashMap<String, Folders>,
    commits: HashMap<(String, CommitId), Source>,
}

impl Configured {
    /// Reads by these mirrors. Contacts nobody.
    pub fn new(config: HostConfig, mirrors: Box<Mirrors>) -> Self {
        Self { config, mirrors, opened: Mutex::default() }
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
        let key = (repository.to_owned(), commit);
        if let Some(source) = opened.commits.get(&key) {
            return Ok(source.clone());
        }
        let folders = opened.folders.entry(repository.to_owned()).or_default().clone();
        let (repository, commit) = key;
        let snapshot = mirror.snapshot(&commit, &folders).map_err(|e| e.failure())?;
        let source = Source {
            name: MAIN.to_owned(),
            repository: repository.clone(),
            commit: commit.0.clone(),
            files: Arc::new(snapshot),
        };
        opened.commits.insert((repository, commit), source.clone());
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
