//! The roots of one render: those of the job, and other repositories that its files name, each with what was read of it.

use crate::files::Files;
use crate::job::{Job, Source};
use crate::reads::ReadSet;
use crate::recorder::Recorder;
use model::Failure;
use plugin::Root;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A root that was asked for.
#[derive(Clone)]
struct Opened {
    repository: String,
    recorder: Arc<Recorder>,
}

/// The roots that were asked for so far; nothing for one that there is not.
pub(crate) struct Recorded {
    job: Job,
    opened: Mutex<BTreeMap<String, Option<Opened>>>,
}

impl Recorded {
    pub(crate) fn new(job: Job) -> Self {
        Self { job, opened: Mutex::default() }
    }

    /// All that was read; `None` where the same questions may have other answers though nothing changed.
    pub(crate) fn reads(&self) -> Option<ReadSet> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let root = |(name, opened): (&String, &Option<Opened>)| {
            let reads = match opened {
                Some(opened) => Some(opened.recorder.reads()?),
                None => None,
            };
            Some((name.clone(), reads))
        };
        opened.iter().map(root).collect::<Option<Vec<_>>>().map(ReadSet::new)
    }
}

impl plugin::Roots for Recorded {
    fn find(&self, name: &str) -> Result<Option<Root>, Failure> {
        // Names of roots are kept in clear, and a file may have a token in an address. Which repository it is hangs on no user.
        let name = &*manifest::without_secret(name);
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match all.get(name) {
            Some(known) => known.clone(),
            None => {
                let opened = self.job.root(name)?.map(|Source { repository, files, .. }| Opened {
                    repository,
                    recorder: Arc::new(Recorder::new(files)),
                });
                all.insert(name.to_owned(), opened.clone());
                opened
            }
        };
        Ok(opened.map(|Opened { repository, recorder }| Root { repository, source: recorder }))
    }
}

/// The files of a job's root, for asking again.
pub(crate) fn files(job: &Job, name: &str) -> Result<Option<Arc<dyn Files>>, Failure> {
    Ok(job.root(name)?.map(|source| source.files))
}
