//! Results of renders, kept: by key a few read sets, newest first, each with its result. On disk results are encrypted,
//! since manifests may hold secrets. What is lost, damaged or forged is rendered again: nothing here is the only copy.

use crate::key::Key;
use crate::reads::ReadSet;
use artifact::{Blobs, Keyring};
use model::{Digest, Failure};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Read sets that are kept of one key: branches that take turns, and a revert.
const VARIANTS: usize = 4;
/// What is younger may be named by a key that is being written.
const YOUNG: Duration = Duration::from_secs(24 * 3600);
/// The largest result, in bytes: manifests with every character escaped.
const LARGEST: u64 = 256 << 20;

/// What a render gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Given {
    /// Objects as a YAML stream, and warnings.
    Rendering {
        /// The stream.
        manifests: String,
        /// For people.
        warnings: Vec<String>,
    },
    /// What is wrong with the files.
    Failure(Failure),
}

/// A read set and what was given for it.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) reads: Arc<ReadSet>,
    /// The digest of what was given: equal digests, equal results.
    pub(crate) result: Digest,
}

/// The same on disk.
#[derive(Serialize, Deserialize)]
struct Stored<R> {
    reads: R,
    result: Digest,
}

/// Kept results.
pub struct Kept {
    known: Mutex<HashMap<Key, Arc<Vec<Variant>>>>,
    place: Place,
}

enum Place {
    Memory(Mutex<Remembered>),
    Disk { folder: PathBuf, blobs: Blobs, keys: Arc<Keyring> },
}

/// Results in memory, of so many bytes at most.
struct Remembered {
    results: HashMap<Digest, Arc<Given>>,
    bytes: usize,
    most: usize,
}

impl Remembered {
    fn insert(&mut self, result: Digest, size: usize, given: Arc<Given>) {
        if self.bytes.saturating_add(size) > self.most {
            // All at once: what is still wanted is rendered again.
            self.results.clear();
            self.bytes = 0;
        }
        if self.results.insert(result, given).is_none() {
            self.bytes = self.bytes.saturating_add(size);
        }
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    /// As long as this process lives.
    pub fn in_memory() -> Self {
        Self::in_memory_up_to(usize::MAX)
    }

    /// As long as this process lives, and of results so many bytes at most. Which files were read for which result is kept
    /// of all: `Renders::known` knows them also where the result itself would have to be rendered again.
    pub fn in_memory_up_to(most: usize) -> Self {
        let nothing = Remembered { results: HashMap::new(), bytes: 0, most };
        Self { known: Mutex::default(), place: Place::Memory(Mutex::new(nothing)) }
    }

    /// In a folder, encrypted with the newest of these keys.
    pub fn open(folder: &Path, keys: Arc<Keyring>) -> Result<Self, Failure> {
        let blobs = Blobs::open(&folder.join("results"))?;
        Ok(Self { known: Mutex::default(), place: Place::Disk { folder: folder.join("keys"), blobs, keys } })
    }

    /// The read sets of a key, newest first.
    pub(crate) fn variants(&self, key: &Key) -> Arc<Vec<Variant>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(variants) = known.get(key) {
            return variants.clone();
        }
        let Place::Disk { folder, .. } = &self.place else { return Arc::default() };
        let read = fs::read(file(folder, key)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let stored: Vec<Stored<ReadSet>> = read.unwrap_or_default();
        let variant = |Stored { reads, result }| Variant { reads: Arc::new(reads), result };
        let variants: Arc<Vec<Variant>> = Arc::new(stored.into_iter().map(variant).collect());
        known.insert(key.clone(), variants.clone());
        variants
    }

    /// What was given; `None` where it is lost or damaged.
    pub(crate) fn given(&self, variant: &Variant) -> Option<Arc<Given>> {
        match &self.place {
            Place::Memory(results) => {
                results.lock().unwrap_or_else(PoisonError::into_inner).results.get(&variant.result).cloned()
            }
            Place::Disk { blobs, keys, .. } => {
                let text = blobs.get_sealed(&variant.result, LARGEST, keys).ok().flatten()?;
                serde_json::from_slice(&text).ok().map(Arc::new)
            }
        }
    }

    /// Keeps a result. What cannot be kept on disk is rendered again by the next process, so that is no error here.
    pub(crate) fn keep(&self, key: &Key, reads: ReadSet, given: Given) -> (Variant, Arc<Given>) {
        let text = serde_json::to_vec(&given).unwrap_or_default();
        let (result, given) = (Digest::of(&text), Arc::new(given));
        let kept = match &self.place {
            Place::Memory(results) => {
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.insert(result.clone(), text.len(), given.clone());
                true
            }
            Place::Disk { blobs, keys, .. } => blobs.put_sealed(&text, keys).is_ok(),
        };
        let variant = Variant { reads: Arc::new(reads), result };
        if kept {
            self.note(key, variant.clone());
        }
        (variant, given)
    }

    /// Removes the results that no key names any more; answers how many. What was kept within a day of this moment stays: its key may
    /// be about to be written, by another process too. Blocking. Errors: `unavailable`; what is left is for the next time.
    pub fn sweep(&self, now: SystemTime) -> Result<usize, Failure> {
        let Place::Disk { folder, blobs, .. } = &self.place else { return Ok(0) };
        let named = named(folder).map_err(|e| Failure::unavailable(format!("{}: {e}", folder.display())))?;
        blobs.retain(|digest| named.contains(digest), now.checked_sub(YOUNG).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    fn note(&self, key: &Key, variant: Variant) {
        let older = self.variants(key);
        let mut variants = vec![variant];
        variants.extend(
            older
                .iter()
                .filter(|known| known.reads != variants[0].reads)
                .take(VARIANTS - 1)
                .cloned()
                .collect::<Vec<_>>(),
        );
        if let Place::Disk { folder, .. } = &self.place {
            // Without it the next process renders once more.
            let _ = store(&file(folder, key), &variants);
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), Arc::new(variants));
    }
}

fn file(folder: &Path, key: &Key) -> PathBuf {
    let hex = key.hex();
    folder.join(hex.get(..2).unwrap_or_default()).join(hex)
}

/// The results that keys name. One whose file is damaged names none, and is rendered again.
fn named(folder: &Path) -> io::Result<HashSet<Digest>> {
    let mut named = HashSet::new();
    let buckets = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(named),
        buckets => buckets?,
    };
    for bucket in buckets {
        let bucket = bucket?.path();
        if !bucket.is_dir() {
            continue;
        }
        for key in fs::read_dir(&bucket)? {
            let text = match fs::read(key?.path()) {
                // A draft that has its name by now.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            let stored: Vec<Stored<IgnoredAny>> = serde_json::from_slice(&text).unwrap_or_default();
            named.extend(stored.into_iter().map(|stored| stored.result));
        }
    }
    Ok(named)
}

/// Whole or not at all, but not synced: after a power cut it may be missing.
fn store(path: &Path, variants: &[Variant]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)?;
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    let stored: Vec<_> = variants.iter().map(|v| Stored { reads: &*v.reads, result: v.result.clone() }).collect();
    file.write_all(&serde_json::to_vec(&stored)?)?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
