//! The state folder: where everything of a host lies, and who may execute runs in it.

use model::{Blame, Failure};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A state folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StateFolder {
    root: PathBuf,
}

/// The right to execute runs in a state folder, held by one process until it is dropped.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateFolder {
    /// Opens or makes the folder, for its owner alone.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.map_err(|e| unusable(root, &e))?;
        let root = fs::canonicalize(root).map_err(|e| unusable(root, &e))?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// One folder of it, by purpose: `mirrors`, `artifacts`, `plugins`, `cache`.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of one attempt of a step.
    pub fn attempt(&self, run: &str, step: &str, attempt: u32) -> PathBuf {
        self.root.join("runs").join(run).join(format!("{}-{attempt}", file_name(step)))
    }

    /// The folder of a run's attempts.
    pub fn run(&self, run: &str) -> PathBuf {
        self.root.join("runs").join(run)
    }

    /// Takes the right to execute. Error: `unavailable`, with the process that has it.
    pub fn lock(&self) -> Result<StateLock, Failure> {
        let path = self.root.join("lock");
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(|e| unusable(&self.root, &e))?;
        let mut waited = Duration::ZERO;
        let mut owner = String::new();
        let taken = loop {
            let taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
            owner.clear();
            let _ = file.rewind().and_then(|()| file.read_to_string(&mut owner));
            // A process that is killed while it starts another one leaves the lock with that, until the other is itself.
            if taken != Err(rustix::io::Errno::WOULDBLOCK) || !is_gone(owner.trim()) || waited >= ORPHANED {
                break taken;
            }
            std::thread::sleep(STEP);
            waited += STEP;
        };
        match taken {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let owner = if owner.trim().is_empty() {
                    "another process".into()
                } else {
                    format!("process {}", owner.trim())
                };
                let message = format!("{owner} executes runs in the state folder {}", self.root.display());
                return Err(Failure::new(Blame::Upstream, "unavailable", message)
                    .hint("wait until it is done, or give this one a folder of its own with `--state`"));
            }
            Err(e) => return Err(unusable(&self.root, &e.into())),
        }
        let note = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        note.map_err(|e| unusable(&self.root, &e))?;
        Ok(StateLock { _file: file })
    }
}

/// How long a lock is waited for whose owner is no more.
const ORPHANED: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const STEP: Duration = Duration::from_millis(5);

/// Whether a process is surely no more, by its id as it is written into the lock.
fn is_gone(process: &str) -> bool {
    process.bytes().all(|byte| byte.is_ascii_digit())
        && !process.is_empty()
        && Path::new("/proc/self").exists()
        && !Path::new("/proc").join(process).exists()
}

/// A step's key as a file name: `image[amd64]` as it is, a `/` as `%2f`. Keys are short and hold no NUL.
fn file_name(key: &str) -> String {
    key.replace('%', "%25").replace('/', "%2f")
}

pub(crate) fn unusable(root: &Path, e: &io::Error) -> Failure {
    let message = format!("the state folder {} cannot be used: {e}", root.display());
    let hint = match e.kind() {
        io::ErrorKind::StorageFull => "free some space, then go on with `tidegate runs resume`",
        _ => "check its owner and mode, or name another folder with `--state`",
    };
    Failure::new(Blame::Upstream, "unavailable", message).hint(hint)
}
