//! The state folder: where everything of a host lies, and who may execute runs in it.

use model::{Blame, Failure};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

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
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
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
