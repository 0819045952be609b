//! What all attempts of a host share.

use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::state::StateFolder;
use artifact::Blobs;
use git::Mirror;
use jail::Shim;
use model::Failure;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use store::Journal;

/// The parts of a host.
pub(crate) struct Core {
    pub(crate) state: StateFolder,
    pub(crate) journal: Arc<Journal>,
    pub(crate) settings: Settings,
    pub(crate) shelf: Shelf,
    pub(crate) blobs: Blobs,
    pub(crate) shim: Shim,
    mirrors: Mutex<HashMap<String, Mirror>>,
}

impl Core {
    pub(crate) fn new(
        state: StateFolder,
        journal: Arc<Journal>,
        settings: Settings,
        shelf: Shelf,
        blobs: Blobs,
        shim: Shim,
    ) -> Self {
        Self { state, journal, settings, shelf, blobs, shim, mirrors: Mutex::default() }
    }

    /// The mirror of a configured repository. Blocking; contacts nobody.
    pub(crate) fn mirror(&self, name: &str) -> Result<Mirror, Failure> {
        if let Some(found) = self.mirrors.lock().ok().and_then(|mirrors| mirrors.get(name).cloned()) {
            return Ok(found);
        }
        let remote = self.settings.repository(name)?.clone();
        let folder = self.state.folder("mirrors").join(format!("{name}.git"));
        let mirror = Mirror::open(&folder, remote).map_err(|e| e.failure())?;
        if let Ok(mut mirrors) = self.mirrors.lock() {
            mirrors.insert(name.to_owned(), mirror.clone());
        }
        Ok(mirror)
    }
}

/// Runs blocking work aside.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(e) => Err(Failure::internal(format!("a worker of the host panicked: {e}"))),
    }
}
