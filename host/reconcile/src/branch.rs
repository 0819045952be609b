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
    unpushed: Mutex<Unpushed>,
}

/// What was written and is not pushed yet.
#[derive(Default)]
struct Unpushed {
    /// Paths that somebody is writing at this moment, once for each who does. They are neither pushed nor taken over.
    writing: Vec<String>,
    written: Written,
}

/// Paths that were written, and by whom.
#[derive(Default)]
struct Written {
    paths: BTreeSet<String>,
    applications: BTreeSet<String>,
}

impl Unpushed {
    fn contains(&self, path: &str) -> bool {
        self.written.paths.contains(path) || self.writing.iter().any(|writing| writing == path)
    }

    fn add(&mut self, written: Written) {
        self.written.paths.extend(written.paths);
        self.written.applications.extend(written.applications);
    }
}

/// A write that is under way. What it wrote counts as written only once it has ended: whoever pushes before that must not think that
/// this path is done with.
struct Writing {
    place: Arc<Place>,
    path: String,
    application: String,
}

impl Writing {
    fn new(place: &Arc<Place>, application: &ApplicationName, key: &ObjectKey) -> Self {
        let path = Directory::place_of(key).to_string_lossy().into_owned();
        place.unpushed().writing.push(path.clone());
        Self { place: place.clone(), path, application: application.0.clone() }
    }
}

impl Drop for Writing {
    /// Also where it failed: what is there by now, nobody knows.
    fn drop(&mut self) {
        let mut unpushed = self.place.unpushed();
        if let Some(at) = unpushed.writing.iter().position(|path| *path == self.path) {
            unpushed.writing.swap_remove(at);
        }
        unpushed.written.paths.insert(std::mem::take(&mut self.path));
        unpushed.written.applications.insert(std::mem::take(&mut self.application));
    }
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
        let _writing = Writing::new(&self.place, change.application, change.key);
        self.directory.write(change).await
    }

    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure> {
        let _writing = Writing::new(&self.place, deletion.application, deletion.key);
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
        // Taken, not looked at: what is written from here on, to the same paths as well, is for the next time.
        let written = std::mem::take(&mut self.unpushed().written);
        if !written.paths.is_empty() {
            if let Err(failure) = self.push(&written) {
                self.unpushed().add(written);
                return Err(failure);
            }
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
    fn push(&self, written: &Written) -> Result<(), Failure> {
        for _ in 0..RACES {
            let failed = |e: git::Error| unreachable(e.failure().message);
            let mut transaction = self.mirror.begin(&self.branch).map_err(failed)?;
            for path in &written.paths {
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
            let names = written.applications.iter().cloned().collect::<Vec<_>>().join(", ");
            let files = if changed.len() == 1 { "1 object".to_owned() } else { format!("{} objects", changed.len()) };
            let trailers = written.applications.iter().map(|name| ("Tidegate-Application".to_owned(), name.clone()));
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

    /// Makes the folder what a commit holds, but for what is not pushed yet. That is asked for each file in the moment in which it
    /// is put there or goes, and nobody begins to write meanwhile.
    fn take_over(&self, tip: &CommitId) -> Result<(), Failure> {
        let failed = |e: std::io::Error| unreachable(format!("{}: {e}", self.folder.display()));
        let git = |e: git::Error| unreachable(e.failure().message);
        let snapshot = self.mirror.snapshot(tip, &Folders::default()).map_err(git)?;
        let mut files = BTreeMap::new();
        list(&snapshot, "", &mut files).map_err(git)?;
        for (path, id) in &files {
            let content = snapshot.content(path, *id, LARGEST).map_err(git)?;
            let target = self.folder.join(path);
            if fs::read(&target).is_ok_and(|there| there == content) {
                continue;
            }
            fs::create_dir_all(target.parent().unwrap_or(&self.folder)).map_err(failed)?;
            let mut file = tempfile::NamedTempFile::new_in(self.folder.join(OWN).join("new")).map_err(failed)?;
            std::io::Write::write_all(&mut file, &content).map_err(failed)?;
            let unpushed = self.unpushed();
            if !unpushed.contains(path) {
                file.persist(&target).map_err(|e| failed(e.error))?;
            }
        }
        self.remove_others("", &files).map_err(failed)
    }

    fn remove_others(&self, at: &str, files: &BTreeMap<String, git::ObjectId>) -> std::io::Result<()> {
        for entry in fs::read_dir(self.folder.join(at))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if at.is_empty() { name } else { format!("{at}/{name}") };
            if path == OWN {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.remove_others(&path, files)?;
                // One that still holds something stays.
                let _ = fs::remove_dir(entry.path());
            } else if !files.contains_key(&path) {
                let unpushed = self.unpushed();
                if !unpushed.contains(&path) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
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

/// Where the commit stands that the folder was last made of.
fn mark(folder: &Path) -> PathBuf {
    folder.join(OWN).join("commit")
}

fn unreachable(message: String) -> Failure {
    Failure::new(FailureKind::Unreachable, message)
}

#[cfg(test)]
mod tests;
