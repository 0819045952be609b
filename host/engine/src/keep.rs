//! What a host throws away: artifacts of runs that ended long ago, components that nobody names any more, folders of runs
//! that are over. What a run needs that has not ended is never touched, however old it is.

use crate::core::aside;
use crate::engine::Engine;
use crate::pinned::Pinned;
use model::Failure;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How often it is worth a look.
const PAUSE: Duration = Duration::from_secs(3600);
/// What is younger may be named by a record that is being written, by another process too.
const YOUNG: Duration = Duration::from_secs(24 * 3600);
/// The file whose time says when the last look was.
const STAMP: &str = "collected";

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Artifacts.
    pub artifacts: usize,
    /// Components of plugins.
    pub components: usize,
    /// Folders of runs.
    pub folders: usize,
    /// Entries of the cache.
    pub entries: usize,
}

impl Engine {
    /// Throws away what `spec.artifacts.keep` no longer keeps, unless that was done within the hour. Needs the right to
    /// execute runs. Errors: `unavailable`; what is left is for the next time.
    pub async fn collect_sometimes(&self) -> Result<Option<Collected>, Failure> {
        let stamp = self.core.state.root().join(STAMP);
        let recent = fs::metadata(&stamp).and_then(|meta| meta.modified());
        if recent.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < PAUSE)) {
            return Ok(None);
        }
        fs::write(&stamp, "").map_err(|e| crate::state::unusable(self.core.state.root(), &e))?;
        self.collect(SystemTime::now()).await.map(Some)
    }

    /// The same now, for this moment.
    pub async fn collect(&self, now: SystemTime) -> Result<Collected, Failure> {
        let core = self.core.clone();
        aside(move || {
            let reader = core.journal.reader()?;
            let millis = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_millis());
            let keep = core.settings.artifacts.keep_millis;
            let before = i64::try_from(millis.saturating_sub(keep.into())).unwrap_or(i64::MAX);
            let wanted = reader.wanted_artifacts(model::Timestamp(before))?;
            let young = now.checked_sub(YOUNG).unwrap_or(SystemTime::UNIX_EPOCH);
            let artifacts = core.blobs.retain(|digest| wanted.contains(digest.as_str()), young)?;
            let open = reader.open_runs()?;
            let mut named: BTreeSet<String> = BTreeSet::new();
            for run in &open {
                // A run that cannot be read names nobody knows what.
                let Ok(pinned) = serde_json::from_value::<Pinned>(run.run.pinned.clone()) else {
                    return Ok(Collected { artifacts, ..Collected::default() });
                };
                named.extend(pinned.steps.values().map(|step| step.digest.hex().to_owned()));
            }
            named.extend(core.shelf.lock().plugins.values().map(|locked| locked.digest.hex().to_owned()));
            let components = core.shelf.library().retain(|hex| named.contains(hex), young);
            let components = components.map_err(|e| crate::state::unusable(core.state.root(), &e))?;
            let open: BTreeSet<&str> = open.iter().map(|run| run.run.id.as_str()).collect();
            let folders = sweep(&core.state.root().join("runs"), |name| open.contains(name), young);
            let entries = core.cache.retain(now)?;
            Ok(Collected { artifacts, components, folders, entries })
        })
        .await
    }
}

/// Removes the folders whose name is not kept and that are older than a moment; answers how many. What cannot be removed is
/// only space.
fn sweep(folder: &Path, kept: impl Fn(&str) -> bool, older_than: SystemTime) -> usize {
    let mut removed = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let old = entry.metadata().and_then(|meta| meta.modified()).is_ok_and(|at| at < older_than);
        if old && name.to_str().is_some_and(|name| !kept(name)) && fs::remove_dir_all(entry.path()).is_ok() {
            removed += 1;
        }
    }
    removed
}
