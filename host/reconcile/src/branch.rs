//! A branch of a Git repository as a destination: the place of rendered manifests. A folder of the host's own holds its files, so the
//! same book of owners and the same drift as for any folder; what a wave of a sync wrote there is pushed as one commit before
//! anybody is told how it stands.

use async_trait::async_trait;
use cluster::{Change, Deletion, Destination, Directory, Failure, FailureKind, Wanted};
use git::{Folders, Kind, Mirror, NewCommit, Snapshot};
use model::CommitId;
use planner::application::Extent;
use planner::desired::Marks;
use planner::live::{Live, LiveObject, Reading};
use planner::object::ObjectKey;
use planner::owner::ApplicationName;
use planner::scope::Scopes;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// How often the branch may move under a push.
const RACES: u32 = 5;
/// Files of the branch, at most.
const FILES: usize = 200_000;
/// The largest file that is read, in bytes.
const LARGEST: usize = 4 << 20;
/// The folder of the destination's own.
const OWN: &str = ".tidegate";

/// A branch.
pub struct Branch {
    directory: Directory,
    place: Arc<Place>,
    /// One at a time levels the folder and the branch.
    levelling: tokio::sync::Mutex<()>,
}

struct Place {
    mirror: Mirror,
    branch: String,
    folder: PathBuf,
    /// What was written and is not pushed yet.
    unpushed: Mutex<Unpushed>,
}

#[derive(Clone, Default)]
struct Unpushed {
    paths: BTreeSet<String>,
    applications: BTreeSet<String>,
}

impl std::fmt::Debug for Branch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Branch").field("branch", &self.place.branch).field("folder", &self.place.folder).finish()
    }
}

impl Branch {
    /// Of a repository, by this folder of the host's own, which is made where it is not there yet. Whatever was written there and
    /// never pushed is forgotten: the branch has the last word. Blocking.
    ///
    /// # Errors
    /// `Unreachable`, with what the file system says.
    pub fn open(mirror: Mirror, branch: &str, folder: &Path) -> Result<Self, Failure> {
        let directory = Directory::open(folder)?;
        let folder = folder.canonicalize().map_err(|e| unreachable(format!("{}: {e}", folder.display())))?;
        let _ = fs::remove_file(mark(&folder));
        let place = Place { mirror, branch: branch.to_owned(), folder, unpushed: Mutex::default() };
        Ok(Self { directory, place: Arc::new(place), levelling: tokio::sync::Mutex::default() })
    }

    /// Pushes what was written, and takes over what others pushed.
    async fn level(&self) -> Result<(), Failure> {
        let _one = self.levelling.lock().await;
        let place = self.place.clone();
        let levelled = tokio::task::spawn_blocking(move || place.level()).await;
        levelled.unwrap_or_else(|e| Err(unreachable(format!("it panicked: {e}"))))
    }

    fn note(&self, application: &ApplicationName, key: &ObjectKey) {
        let path = Directory::place_of(key).to_string_lossy().into_owned();
        let mut unpushed = self.place.unpushed();
        unpushed.paths.insert(path);
        unpushed.applications.insert(application.0.clone());
    }
}

#[async_trait]
impl Destination for Branch {
    fn nature(&self) -> (Extent, Marks) {
        self.directory.nature()
    }

    async fn scopes(&self) -> Result<Arc<Scopes>, Failure> {
        self.directory.scopes().await
    }

    async fn live(&self, wanted: &Wanted<'_>) -> Live {
        if let Err(failure) = self.level().await {
            let mut live = Live::default();
            for key in wanted.keys {
                live.read(key.kind().clone(), Reading::Unreadable(failure.message.clone()));
            }
            return live;
        }
        self.directory.live(wanted).await
    }

    async fn read(&self, key: &ObjectKey, version: &str) -> Result<Option<LiveObject>, Failure> {
        self.directory.read(key, version).await
    }

    async fn predict(&self, change: &Change<'_>) -> Result<Value, Failure> {
        self.directory.predict(change).await
    }

    async fn write(&self, change: &Change<'_>) -> Result<LiveObject, Failure> {
        if let Some(why) = self.refuses(change.key) {
            return Err(Failure::new(FailureKind::Forbidden, why));
        }
        self.note(change.application, change.key);
        self.directory.write(change).await
    }

    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure> {
        self.note(deletion.application, deletion.key);
        self.directory.delete(deletion).await
    }

    /// Whoever can read the repository would read a Secret, for ever.
    fn refuses(&self, key: &ObjectKey) -> Option<String> {
        let text = "a Secret is not written into a branch of Git, where its content would stay for ever: commit it sealed, or leave it out";
        key.is("", "Secret").then(|| text.to_owned())
    }

    async fn settle(&self) -> Result<(), Failure> {
        self.level().await
    }

    fn changes(&self, application: &ApplicationName) -> watch::Receiver<u64> {
        self.directory.changes(application)
    }
}

impl Place {
    fn unpushed(&self) -> std::sync::MutexGuard<'_, Unpushed> {
        self.unpushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self) -> Result<(), Failure> {
        let git = |e: git::Error| unreachable(e.failure().message);
        let unpushed = self.unpushed().clone();
        if !unpushed.paths.is_empty() {
            self.push(&unpushed)?;
            let mut left = self.unpushed();
            left.paths.retain(|path| !unpushed.paths.contains(path));
            if left.paths.is_empty() {
                left.applications.clear();
            }
            drop(left);
            // For a remote that is a folder the mirror learns of the commit by the next fetch alone.
            self.mirror.fetch().map_err(git)?;
        }
        let tip = self.mirror.resolve(&format!("refs/heads/{}", self.branch)).map_err(git)?.ok_or_else(|| {
            unreachable(format!(
                "its repository has no branch `{0}`; make an empty one: git switch --orphan {0} && git commit --allow-empty -m Begin && git push origin {0}",
                self.branch
            ))
        })?;
        if fs::read_to_string(mark(&self.folder)).is_ok_and(|known| known == tip.as_str()) {
            return Ok(());
        }
        self.take_over(&tip)?;
        fs::write(mark(&self.folder), tip.as_str()).map_err(|e| unreachable(e.to_string()))
    }

    /// Commits what was written onto the newest head; somebody who was faster is no reason to lose anything of theirs.
    fn push(&self, unpushed: &Unpushed) -> Result<(), Failure> {
        for _ in 0..RACES {
            let failed = |e: git::Error| unreachable(e.failure().message);
            let mut transaction = self.mirror.begin(&self.branch).map_err(failed)?;
            for path in &unpushed.paths {
                match fs::read(self.folder.join(path)) {
                    Ok(content) => transaction.put(path, content).map_err(failed)?,
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => transaction.remove(path).map_err(failed)?,
                    Err(e) => return Err(unreachable(format!("{path}: {e}"))),
                }
            }
            let changed = transaction.changed();
            if changed.is_empty() {
                return Ok(());
            }
            let names = unpushed.applications.iter().cloned().collect::<Vec<_>>().join(", ");
            let files = if changed.len() == 1 { "1 object".to_owned() } else { format!("{} objects", changed.len()) };
            let trailers = unpushed.applications.iter().map(|name| ("Tidegate-Application".to_owned(), name.clone()));
            let pushed = transaction.push(NewCommit {
                subject: &format!("Sync {names}: {files}"),
                body: "",
                trailers: trailers.collect(),
                name: "Tidegate",
                email: "tidegate@localhost",
                time: crate::keeper::now(),
            });
            match pushed {
                Err(git::Error::Moved { .. }) => {}
                other => return other.map(drop).map_err(failed),
            }
        }
        Err(unreachable(format!("the branch `{}` moved {RACES} times while it was pushed to", self.branch)))
    }

    /// Makes the folder what a commit holds, but for what is not pushed yet.
    fn take_over(&self, tip: &CommitId) -> Result<(), Failure> {
        let failed = |e: std::io::Error| unreachable(format!("{}: {e}", self.folder.display()));
        let git = |e: git::Error| unreachable(e.failure().message);
        let snapshot = self.mirror.snapshot(tip, &Folders::default()).map_err(git)?;
        let mut files = BTreeMap::new();
        list(&snapshot, "", &mut files).map_err(git)?;
        let unpushed = self.unpushed().paths.clone();
        for (path, id) in files.iter().filter(|(path, _)| !unpushed.contains(*path)) {
            let content = snapshot.content(path, *id, LARGEST).map_err(git)?;
            let target = self.folder.join(path);
            if fs::read(&target).is_ok_and(|there| there == content) {
                continue;
            }
            fs::create_dir_all(target.parent().unwrap_or(&self.folder)).map_err(failed)?;
            let mut file = tempfile::NamedTempFile::new_in(self.folder.join(OWN).join("new")).map_err(failed)?;
            std::io::Write::write_all(&mut file, &content).map_err(failed)?;
            file.persist(&target).map_err(|e| failed(e.error))?;
        }
        remove_others(&self.folder, "", &|path| files.contains_key(path) || unpushed.contains(path)).map_err(failed)
    }
}

/// The files of a commit by their paths. Links and submodules are nobody's objects.
fn list(snapshot: &Snapshot, at: &str, files: &mut BTreeMap<String, git::ObjectId>) -> Result<(), git::Error> {
    let Some((Kind::Directory, id)) = snapshot.look(at)? else { return Ok(()) };
    for (name, kind) in snapshot.entries(at, id)? {
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        if path == OWN {
            continue;
        }
        match kind {
            Kind::Directory => list(snapshot, &path, files)?,
            Kind::File | Kind::Executable => {
                if files.len() >= FILES {
                    let what = format!("the branch at `{path}`");
                    return Err(git::Error::TooLarge {
                        what,
                        size: FILES as u64 + 1,
                        limit: FILES as u64,
                        unit: "files",
                    });
                }
                if let Some((_, id)) = snapshot.look(&path)? {
                    files.insert(path, id);
                }
            }
            Kind::Link | Kind::Submodule => {}
        }
    }
    Ok(())
}

fn remove_others(root: &Path, at: &str, keep: &dyn Fn(&str) -> bool) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(at))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        if path == OWN {
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_others(root, &path, keep)?;
            // One that still holds something stays.
            let _ = fs::remove_dir(entry.path());
        } else if !keep(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Where the commit stands that the folder was last made of.
fn mark(folder: &Path) -> PathBuf {
    folder.join(OWN).join("commit")
}

fn unreachable(message: String) -> Failure {
    Failure::new(FailureKind::Unreachable, message)
}
