//! A folder as a destination: a file an object, with its owners in a book of the folder's own. It stands for a cluster where
//! there is none, and is the place of rendered manifests. Files are healthy once they are there; nothing runs in a folder.

mod owners;
mod place;

use crate::destination::{Change, Deletion, Destination, Failure, FailureKind, Wanted, Write};
use async_trait::async_trait;
use notify::{EventKind, RecursiveMode, Watcher as _};
use owners::Owners;
use planner::application::Extent;
use planner::desired::Marks;
use planner::health::{Health, Status};
use planner::live::{Live, LiveObject, Reading};
use planner::object::{GroupKind, ObjectKey};
use planner::owner::ApplicationName;
use planner::scope::Scopes;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The folder of the destination's own, where its book is.
const OWN: &str = ".tidegate";
/// The largest file that is read, in bytes: more than any object of Kubernetes may have.
const LARGEST: u64 = 4 << 20;

/// A folder.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    owners: Mutex<Owners>,
    changed: watch::Sender<u64>,
    /// Tells of changes as long as it lives; absent where the machine has no more of them to give.
    watcher: Mutex<Option<notify::RecommendedWatcher>>,
}

impl Directory {
    /// Opens a folder, which is made where it is not there yet.
    ///
    /// # Errors
    /// `Unreachable`, with what the file system says.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let failed = |e: io::Error| unreachable(root, &e);
        fs::create_dir_all(root.join(OWN).join("new")).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let owners = {
            let _held = lock(&root).map_err(failed)?;
            Owners::open(&root.join(OWN)).map_err(failed)?
        };
        let (changed, _) = watch::channel(0);
        let watcher = watcher(&root, changed.clone());
        let inner = Inner { root, owners: Mutex::new(owners), changed, watcher: Mutex::new(watcher) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where the file of an object is, relative to the folder.
    pub fn place_of(key: &ObjectKey) -> PathBuf {
        place::of(key)
    }

    /// Whether changes by others are told; else somebody has to look now and then.
    pub fn is_watched(&self) -> bool {
        self.inner.watcher.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|e| Err(Failure::new(FailureKind::Unreachable, format!("it panicked: {e}"))))
    }
}

#[async_trait]
impl Destination for Directory {
    fn nature(&self) -> (Extent, Marks) {
        (Extent::Whole, Marks::Unwritten)
    }

    async fn scopes(&self) -> Result<Arc<Scopes>, Failure> {
        Ok(Arc::new(Scopes::without_discovery()))
    }

    async fn live(&self, wanted: &Wanted<'_>) -> Live {
        let (application, keys) = (wanted.application.clone(), wanted.keys.clone());
        let of_all = |why: String| {
            let mut live = Live::default();
            for key in wanted.keys {
                live.read(key.kind().clone(), Reading::Unreadable(why.clone()));
            }
            live
        };
        let read = self.blocking(move |inner| inner.live(&application, keys)).await;
        read.unwrap_or_else(|failure| of_all(failure.message))
    }

    async fn read(&self, key: &ObjectKey, _: &str) -> Result<Option<LiveObject>, Failure> {
        let key = key.clone();
        self.blocking(move |inner| {
            let mut owners = inner.owners();
            let failed = |e: io::Error| unreachable(&inner.root.join(place::of(&key)), &e);
            owners.catch_up().map_err(failed)?;
            let manifest = inner.read(&key).map_err(failed)?;
            Ok(manifest.map(|manifest| inner.object(&key, manifest, owners.of(&key))))
        })
        .await
    }

    async fn predict(&self, change: &Change<'_>) -> Result<Value, Failure> {
        Ok(change.manifest.clone())
    }

    async fn write(&self, change: &Change<'_>) -> Result<LiveObject, Failure> {
        let (application, key) = (change.application.clone(), change.key.clone());
        let (manifest, write) = (change.manifest.clone(), change.write);
        self.blocking(move |inner| inner.write(&application, &key, &manifest, write)).await
    }

    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure> {
        let (application, key) = (deletion.application.clone(), deletion.key.clone());
        self.blocking(move |inner| inner.delete(&application, &key)).await
    }

    fn changes(&self, _: &ApplicationName) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }
}

impl Inner {
    fn owners(&self) -> MutexGuard<'_, Owners> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, application: &ApplicationName, mut keys: BTreeSet<ObjectKey>) -> Result<Live, Failure> {
        let mut owners = self.owners();
        owners.catch_up().map_err(|e| unreachable(&self.root, &e))?;
        keys.extend(owners.objects(application).cloned());
        let mut live = Live::default();
        let mut kinds = BTreeMap::<&GroupKind, Option<String>>::new();
        for key in &keys {
            let problem = kinds.entry(key.kind()).or_default();
            match self.read(key) {
                Ok(Some(manifest)) => live.insert(self.object(key, manifest, owners.of(key))),
                Ok(None) => {}
                Err(e) => *problem = Some(unreachable(&self.root.join(place::of(key)), &e).message),
            }
        }
        for (kind, problem) in kinds {
            live.read(kind.clone(), problem.map_or(Reading::Known, Reading::Unreadable));
        }
        Ok(live)
    }

    fn object(&self, key: &ObjectKey, manifest: Value, owner: Option<&ApplicationName>) -> LiveObject {
        let mut object = LiveObject::new(key.clone(), Arc::new(manifest));
        object.spoken = Some(Health::new(Status::Healthy, ""));
        match owner {
            Some(owner) => object.owned_by(owner.clone()),
            None => object,
        }
    }

    /// The object that is there. What somebody has made of its file counts as its content, YAML or not.
    fn read(&self, key: &ObjectKey) -> io::Result<Option<Value>> {
        let path = self.root.join(place::of(key));
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(e),
        };
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Ok(Some(Value::from("no file of an object")));
        }
        let text = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        match manifest::manifests(&text) {
            Ok(values) if values.len() == 1 => Ok(values.into_iter().next()),
            _ => Ok(Some(Value::from(text))),
        }
    }

    fn write(
        &self,
        application: &ApplicationName,
        key: &ObjectKey,
        manifest: &Value,
        write: Write,
    ) -> Result<LiveObject, Failure> {
        let path = self.root.join(place::of(key));
        let failed = |e: io::Error| unreachable(&path, &e);
        let mut owners = self.owners();
        let _held = lock(&self.root).map_err(failed)?;
        owners.catch_up().map_err(failed)?;
        if let Some(owner) = owners.of(key).filter(|owner| *owner != application) {
            let message = format!("{key} is the application `{owner}`'s");
            return Err(Failure::new(FailureKind::Conflict, message));
        }
        if write == Write::Create && path.symlink_metadata().is_ok() {
            return Err(Failure::new(FailureKind::Conflict, format!("{key} is there already")));
        }
        owners.note(key, Some(application)).map_err(failed)?;
        self.put(&path, key, &manifest::to_yaml(manifest)).map_err(failed)?;
        let manifest = self.read(key).map_err(failed)?;
        let manifest = manifest.ok_or_else(|| Failure::new(FailureKind::Conflict, format!("{key} was taken away")))?;
        Ok(self.object(key, manifest, Some(application)))
    }

    /// Whole or not at all, and for good.
    fn put(&self, path: &Path, key: &ObjectKey, text: &str) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(self.root.join(OWN).join("new"))?;
        file.write_all(text.as_bytes())?;
        let mode = if key.is("", "Secret") { 0o600 } else { 0o644 };
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        file.as_file().sync_data()?;
        if path.symlink_metadata().is_ok_and(|there| there.is_dir()) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "somebody has put a folder in its place"));
        }
        file.persist(path).map_err(|e| e.error)?;
        File::open(folder)?.sync_all()
    }

    fn delete(&self, application: &ApplicationName, key: &ObjectKey) -> Result<(), Failure> {
        let path = self.root.join(place::of(key));
        let failed = |e: io::Error| unreachable(&path, &e);
        let mut owners = self.owners();
        let _held = lock(&self.root).map_err(failed)?;
        owners.catch_up().map_err(failed)?;
        if owners.of(key) != Some(application) {
            return Ok(());
        }
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
        owners.note(key, None).map_err(failed)?;
        // Folders that hold nothing any more.
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Keeps others from writing, until the file is dropped.
fn lock(root: &Path) -> io::Result<File> {
    let path = root.join(OWN).join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    Ok(file)
}

fn unreachable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Unreachable, format!("{}: {error}", path.display()))
}

fn watcher(root: &Path, changed: watch::Sender<u64>) -> Option<notify::RecommendedWatcher> {
    let own = root.join(OWN);
    let told = move |event: notify::Result<notify::Event>| {
        // What could not be told may have been anything.
        let counts = event.map_or(true, |event| {
            !matches!(event.kind, EventKind::Access(_)) && !event.paths.iter().all(|path| path.starts_with(&own))
        });
        if counts {
            changed.send_modify(|count| *count += 1);
        }
    };
    let mut watcher = notify::recommended_watcher(told).ok()?;
    watcher.watch(root, RecursiveMode::Recursive).ok()?;
    Some(watcher)
}

#[cfg(test)]
mod tests;
