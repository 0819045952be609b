//! The roots of one render: those of the job, and other repositories that its files name, each with what was read of it.

use crate::files::Files;
use crate::job::{Job, Source};
use crate::reads::ReadSet;
use crate::recorder::Recorder;
use model::Failure;
use plugin::Root;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A root that was asked for.
#[derive(Clone)]
struct Opened {
    repository: String,
    recorder: Arc<Recorder>,
}

/// The roots that were asked for so far; nothing for one that there is not.
pub(crate) struct Recorded {
    job: Job,
    roots: Mutex<Roots>,
}

#[derive(Default)]
struct Roots {
    opened: BTreeMap<String, Option<Opened>>,
    /// Whether one could not be opened: it may be there the next time, though nothing that was read has changed.
    unsure: bool,
}

impl Recorded {
    pub(crate) fn new(job: Job) -> Self {
        Self { job, roots: Mutex::default() }
    }

    /// All that was read; `None` where the same questions may have other answers though nothing changed.
    pub(crate) fn reads(&self) -> Option<ReadSet> {
        let roots = self.lock();
        if roots.unsure {
            return None;
        }
        let root = |(name, opened): (&String, &Option<Opened>)| {
            let reads = match opened {
                Some(opened) => Some(opened.recorder.reads()?),
                None => None,
            };
            Some((name.clone(), reads))
        };
        roots.opened.iter().map(root).collect::<Option<Vec<_>>>().map(ReadSet::new)
    }

    fn lock(&self) -> MutexGuard<'_, Roots> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wire(opened: Option<Opened>) -> Option<Root> {
    opened.map(|Opened { repository, recorder }| Root { repository, source: recorder })
}

impl plugin::Roots for Recorded {
    fn repository(&self, name: &str) -> Option<String> {
        self.job.repository(name)
    }

    fn opened(&self, name: &str) -> Option<Option<Root>> {
        self.lock().opened.get(&*manifest::without_secret(name)).cloned().map(wire)
    }

    fn open(&self, name: &str) -> Result<Option<Root>, Failure> {
        // Names of roots are kept in clear, and a file may have a token in an address. Which repository it is hangs on no user.
        let name = &*manifest::without_secret(name);
        let found = self.job.root(name);
        let mut roots = self.lock();
        roots.unsure |= found.is_err();
        let found = found?;
        let new = |Source { repository, files, .. }| Opened { repository, recorder: Arc::new(Recorder::new(files)) };
        // Of two that open it at once the first one's record is everybody's.
        Ok(wire(roots.opened.entry(name.to_owned()).or_insert_with(|| found.map(new)).clone()))
    }
}

/// The files of a job's root, for asking again.
pub(crate) fn files(job: &Job, name: &str) -> Result<Option<Arc<dyn Files>>, Failure> {
    Ok(job.root(name)?.map(|source| source.files))
}
