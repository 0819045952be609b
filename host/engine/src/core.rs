//! What all attempts of a host share.

use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::state::StateFolder;
use crate::vault::Vault;
use artifact::Blobs;
use git::Mirror;
use jail::Shim;
use model::{Digest, Failure};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use store::Journal;

/// The parts of a host.
pub(crate) struct Core {
    pub(crate) state: StateFolder,
    pub(crate) journal: Arc<Journal>,
    pub(crate) settings: Settings,
    pub(crate) shelf: Shelf,
    pub(crate) blobs: Blobs,
    pub(crate) shim: Shim,
    pub(crate) vault: Arc<Vault>,
    mirrors: Mutex<HashMap<String, Mirror>>,
    programs: Mutex<HashMap<(PathBuf, u64, SystemTime), Digest>>,
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
        let vault = Arc::new(Vault::new(settings.credentials.clone(), &settings.base));
        Self {
            state,
            journal,
            settings,
            shelf,
            blobs,
            shim,
            vault,
            mirrors: Mutex::default(),
            programs: Mutex::default(),
        }
    }

    /// The digest of a program, computed once as long as its file stays the same. Blocking.
    pub(crate) fn program_digest(&self, path: &Path) -> Option<Digest> {
        let meta = std::fs::metadata(path).ok()?;
        let key = (path.to_owned(), meta.len(), meta.modified().ok()?);
        if let Some(known) = self.programs.lock().ok()?.get(&key) {
            return Some(known.clone());
        }
        let digest = Digest::of_reader(File::open(path).ok()?).ok()?;
        self.programs.lock().ok()?.insert(key, digest.clone());
        Some(digest)
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
