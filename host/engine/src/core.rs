//! What all attempts of a host share.

use crate::applications::Applications;
use crate::cache::Cache;
use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::state::StateFolder;
use crate::vault::Vault;
use artifact::{Blobs, Keyring};
use git::Mirror;
use jail::Shim;
use model::{Blame, Digest, Failure};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
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
    pub(crate) client: egress::Client,
    pub(crate) cache: Cache,
    pub(crate) applications: OnceLock<Arc<dyn Applications>>,
    /// One run at a time is created.
    pub(crate) creating: tokio::sync::Mutex<()>,
    keyring: OnceLock<Arc<Keyring>>,
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
        let cache = Cache::new(state.folder("kept"));
        Self {
            state,
            journal,
            settings,
            shelf,
            blobs,
            shim,
            vault,
            client: egress::Client::new(egress::Settings::default()),
            cache,
            applications: OnceLock::new(),
            creating: tokio::sync::Mutex::default(),
            keyring: OnceLock::new(),
            mirrors: Mutex::default(),
            programs: Mutex::default(),
        }
    }

    /// The keys of what is kept encrypted: those of the configuration, or the machine's own. Blocking; read at the first
    /// use. The second value is true where the machine has just made its own.
    pub(crate) fn keyring(&self) -> Result<(Arc<Keyring>, bool), Failure> {
        if let Some(known) = self.keyring.get() {
            return Ok((known.clone(), false));
        }
        let folder = self.state.folder("keys");
        let (ring, made) = if self.settings.encryption.is_empty() {
            Keyring::own(&folder)?
        } else {
            let mut keys = Vec::new();
            for key in &self.settings.encryption {
                let secret = crate::vault::read(&key.secret, &self.settings.base).map_err(|why| {
                    let message = format!("the encryption key `{}` cannot be read: {why}", key.id);
                    Failure::new(Blame::User, "unavailable", message)
                })?;
                keys.push((key.id.clone(), secret.into_bytes()));
            }
            (Keyring::configured(keys)?.with_own(&folder)?, false)
        };
        // Of two that come at once, one is kept; both are the same.
        Ok((self.keyring.get_or_init(|| Arc::new(ring)).clone(), made))
    }

    /// The files that hold secrets by the configuration, each where it really is.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let keys = self.settings.encryption.iter();
        let keys = keys.filter_map(|key| crate::vault::file(&key.secret, &self.settings.base));
        let all = self.vault.files().chain(keys).chain(self.settings.kubeconfigs.iter().cloned());
        all.filter_map(|path| path.canonicalize().ok()).collect()
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
