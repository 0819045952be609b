//! Folders that are kept from one run to the next, by key. The scope of an entry is the host's to say: the repository, the
//! platform and the branch. It never changes an entry that has its name, and never gives one run what an untrusted one wrote.
//!
//! | path | what |
//! |---|---|
//! | `SCOPE/BRANCH/KEY-PATHS.json` | an entry: its key, its paths, when, how large, the digest of its archive |
//! | `SCOPE/BRANCH/KEY-PATHS.tar` | its archive |
//!
//! Scope, branch, key and paths are in names by their digests, so no name of anybody's becomes a path.

use model::{Blame, Digest, Failure, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long an entry is kept that nobody took.
const UNUSED: Duration = Duration::from_secs(14 * 24 * 3600);
/// Bytes of all entries of a host; beyond it the least recently used go first.
const ROOM: u64 = 32 << 30;
/// Entries that are looked through for a prefix.
const MOST: usize = 4096;

/// The entries of a host.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// What a run may see and change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The repository, and the machine's platform.
    pub(crate) place: String,
    /// The run's own branch, where it has one.
    pub(crate) branch: Option<String>,
    /// The branch whose entries everybody sees.
    pub(crate) default: Option<String>,
    /// Whether it may save.
    pub(crate) trusted: bool,
}

/// An entry as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) paths: Vec<String>,
    pub(crate) branch: String,
    pub(crate) at: Timestamp,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}

impl Scope {
    /// The branches whose entries it sees, the nearest first.
    fn branches(&self) -> Vec<&str> {
        let own = self.branch.as_deref().filter(|_| self.trusted);
        let mut all: Vec<&str> = own.into_iter().chain(self.default.as_deref()).collect();
        all.dedup();
        all
    }
}

impl Cache {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn folder(&self, place: &str, branch: &str) -> PathBuf {
        self.root.join(Digest::of(place).hex()).join(Digest::of(branch).hex())
    }

    fn stem(key: &str, paths: &[String]) -> String {
        format!("{}-{}", Digest::of(key).hex(), paths_hex(paths))
    }

    /// The entry with this key and these paths, else the newest whose key begins with a prefix, with its archive. Blocking.
    pub(crate) fn find(
        &self,
        scope: &Scope,
        key: &str,
        prefixes: &[String],
        paths: &[String],
    ) -> Result<Option<(Entry, PathBuf)>, Failure> {
        for branch in scope.branches() {
            let stem = self.folder(&scope.place, branch).join(Self::stem(key, paths));
            if let Some(entry) = read(&stem.with_extension("json")) {
                return Ok(Some((entry, stem.with_extension("tar"))));
            }
        }
        for prefix in prefixes {
            for branch in scope.branches() {
                let folder = self.folder(&scope.place, branch);
                if let Some(found) = newest(&folder, prefix, &paths_hex(paths)) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// What is at the very place where an entry would be saved.
    pub(crate) fn existing(&self, scope: &Scope, key: &str, paths: &[String]) -> Option<Entry> {
        let branch = scope.branch.as_deref()?;
        read(&self.folder(&scope.place, branch).join(Self::stem(key, paths)).with_extension("json"))
    }

    /// Notes that an entry was of use.
    pub(crate) fn touch(archive: &Path) {
        // An entry whose time cannot be set is dropped a little early.
        let _ = File::open(archive).and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Makes an archive an entry, unless there is one; the archive is moved away in either case. Blocking.
    pub(crate) fn save(&self, scope: &Scope, entry: &Entry, archive: &Path) -> Result<(), Failure> {
        let folder = self.folder(&scope.place, &entry.branch);
        let stem = folder.join(Self::stem(&entry.key, &entry.paths));
        let (description, content) = (stem.with_extension("json"), stem.with_extension("tar"));
        let save = || -> io::Result<()> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            if description.exists() {
                return fs::remove_file(archive);
            }
            // The content first: what has a description is complete.
            fs::rename(archive, &content)?;
            let draft = description.with_extension(format!("json.{}", std::process::id()));
            fs::write(&draft, serde_json::to_vec(entry)?)?;
            fs::rename(draft, &description)
        };
        save().map_err(|e| unusable(&self.root, &e))
    }

    /// Drops what nobody took for long, and beyond the room for all the least recently used; answers how many. Blocking.
    pub(crate) fn retain(&self, now: SystemTime) -> Result<usize, Failure> {
        let mut all = Vec::new();
        for place in folders(&self.root) {
            for branch in folders(&place) {
                for file in files(&branch) {
                    let Ok(meta) = fs::metadata(&file) else { continue };
                    let used = meta.modified().unwrap_or(now);
                    match file.extension().and_then(|e| e.to_str()) {
                        Some("tar") => all.push((used, meta.len(), file)),
                        // What a crash left between two renames.
                        Some("json") if file.with_extension("tar").exists() => {}
                        _ if now.duration_since(used).is_ok_and(|age| age > UNUSED) => drop(fs::remove_file(&file)),
                        _ => {}
                    }
                }
            }
        }
        // The most recently used first.
        all.sort_by_key(|entry| std::cmp::Reverse(entry.0));
        let (mut used_bytes, mut removed) = (0_u64, 0);
        for (used, size, file) in all {
            used_bytes = used_bytes.saturating_add(size);
            let stale = now.duration_since(used).is_ok_and(|age| age > UNUSED);
            if stale || used_bytes > ROOM {
                // The description first: an entry without content is none, content without a description is litter.
                let _ = fs::remove_file(file.with_extension("json"));
                let _ = fs::remove_file(&file);
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn paths_hex(paths: &[String]) -> String {
    let mut sorted: Vec<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
    sorted.sort_unstable();
    Digest::of_parts(sorted).hex().to_owned()
}

/// The newest entry of a folder with these paths whose key begins so.
fn newest(folder: &Path, prefix: &str, paths: &str) -> Option<(Entry, PathBuf)> {
    let ending = format!("-{paths}.json");
    let named = files(folder).into_iter().filter(|file| file.to_string_lossy().ends_with(&ending)).take(MOST);
    let entries = named.filter_map(|file| Some((read(&file)?, file.with_extension("tar"))));
    entries.filter(|(entry, _)| entry.key.starts_with(prefix)).max_by_key(|(entry, _)| entry.at)
}

fn read(description: &Path) -> Option<Entry> {
    let entry = serde_json::from_slice(&fs::read(description).ok()?).ok()?;
    description.with_extension("tar").is_file().then_some(entry)
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn files(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

fn unusable(root: &Path, e: &io::Error) -> Failure {
    Failure::new(Blame::Host, "unavailable", format!("the cache in {} cannot be used: {e}", root.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Cache, Entry, Scope};
    use model::{Digest, Timestamp};
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    fn scope(branch: &str, trusted: bool) -> Scope {
        Scope {
            place: "app linux".to_owned(),
            branch: Some(branch.to_owned()),
            default: Some("main".to_owned()),
            trusted,
        }
    }

    fn paths() -> Vec<String> {
        vec!["target".to_owned()]
    }

    fn save(cache: &Cache, folder: &Path, branch: &str, key: &str, at: i64) {
        let archive = folder.join("draft");
        std::fs::write(&archive, key).unwrap();
        let digest = Digest::of(key);
        let (key, branch) = (key.to_owned(), branch.to_owned());
        let entry = Entry { key, paths: paths(), branch: branch.clone(), at: Timestamp(at), size: 1, digest };
        cache.save(&scope(&branch, true), &entry, &archive).unwrap();
    }

    fn found(cache: &Cache, scope: &Scope, key: &str, prefixes: &[&str]) -> Option<String> {
        let prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        let found: Option<(Entry, PathBuf)> = cache.find(scope, key, &prefixes, &paths()).unwrap();
        found.map(|(entry, archive)| {
            assert_eq!(std::fs::read_to_string(archive).unwrap(), entry.key);
            format!("{} of {}", entry.key, entry.branch)
        })
    }

    #[test]
    fn the_own_branch_comes_first_and_others_are_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        save(&cache, folder.path(), "main", "rust-1", 1);
        save(&cache, folder.path(), "main", "rust-2", 2);
        save(&cache, folder.path(), "feature", "rust-1", 3);
        save(&cache, folder.path(), "other", "rust-9", 9);
        let feature = scope("feature", true);
        assert_eq!(found(&cache, &feature, "rust-1", &[]).as_deref(), Some("rust-1 of feature"));
        assert_eq!(found(&cache, &feature, "rust-2", &[]).as_deref(), Some("rust-2 of main"));
        assert_eq!(found(&cache, &feature, "rust-9", &[]), None);
        assert_eq!(found(&cache, &feature, "rust-9", &["go-", "rust-"]).as_deref(), Some("rust-1 of feature"));
        assert_eq!(
            found(&cache, &scope("new", true), "x", &["rust-"]).as_deref(),
            Some("rust-2 of main"),
            "the newest"
        );
        // A change from outside sees what the default branch has, whatever its branch is called.
        assert_eq!(found(&cache, &scope("feature", false), "rust-1", &[]).as_deref(), Some("rust-1 of main"));
        let elsewhere = Scope { place: "other linux".to_owned(), ..feature.clone() };
        assert_eq!(found(&cache, &elsewhere, "rust-1", &["rust-"]), None);
        assert!(cache.find(&feature, "rust-1", &[], &["src".to_owned()]).unwrap().is_none(), "other paths");
    }

    #[test]
    fn an_entry_never_changes_and_goes_when_nobody_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        save(&cache, folder.path(), "main", "k", 1);
        save(&cache, folder.path(), "main", "k", 2);
        assert_eq!(cache.existing(&scope("main", true), "k", &paths()).unwrap().at, Timestamp(1));
        assert!(!folder.path().join("draft").exists());
        assert_eq!(cache.retain(SystemTime::now()).unwrap(), 0);
        assert_eq!(cache.retain(SystemTime::now() + Duration::from_secs(15 * 24 * 3600)).unwrap(), 1);
        assert_eq!(found(&cache, &scope("main", true), "k", &[]), None);
    }
}
