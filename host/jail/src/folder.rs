//! A child's folder: the files by which a host and a shim agree, and what they say together. It never starts anything.
//!
//! | file | who | when |
//! |---|---|---|
//! | `spec.json` | host | before the shim begins; created once |
//! | `lock` | host, then shim | taken by the host that begins a shim, held for the shim's life |
//! | `control` | shim | a FIFO for the host's requests, before `started` |
//! | `reserve` | shim | before `started`; room for `exit` on a full disk, removed with it |
//! | `started` | shim | before the program begins |
//! | `stdout`, `stderr` | shim | as the child writes |
//! | `refused` | shim's proxy | as the child asks for places that it does not get |
//! | `exit` | shim | when all output is kept and every process is gone |

use crate::Error;
use crate::command::Command;
use crate::ending::Ending;
use model::Digest;
use rustix::fs::{FlockOperation, flock};
use rustix::process::Pid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The file that keeps room for the ending.
const RESERVE: &str = "reserve";
/// An ending and the log of a shim's last moments fit, whatever the size of a block.
const RESERVED_BYTES: usize = 16 * 1024;

/// What a folder says about its child.
#[derive(Debug)]
pub enum Status {
    /// No host ever asked for a child here, or none got so far that one could have begun.
    Nothing,
    /// A shim has it.
    Running,
    /// It ended.
    Ended(Ending),
    /// It had begun, and its shim is gone without an ending.
    Lost,
}

/// The stored command: everything but the values of the environment and the input, which may be secrets, and a salted
/// digest over all of it, by which a different command is told apart.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    salt: String,
    seal: Digest,
    /// Without environment values and input bytes.
    pub command: Command,
}

impl Spec {
    /// Seals a command with fresh randomness.
    pub fn new(command: &Command) -> io::Result<Self> {
        let mut random = [0_u8; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let salt = Digest::of(random).hex().to_owned();
        Ok(Self { seal: seal(&salt, command)?, salt, command: shown(command) })
    }

    /// Whether it was made from a command like this one, whatever the values of its environment and the bytes of its input.
    pub fn is_like(&self, command: &Command) -> bool {
        self.command == shown(command)
    }

    /// Whether it was made from this command.
    pub fn is_of(&self, command: &Command) -> io::Result<bool> {
        Ok(seal(&self.salt, command)? == self.seal)
    }
}

/// A command without what may be secret.
fn shown(command: &Command) -> Command {
    let mut shown = command.clone();
    shown.environment.values_mut().for_each(String::clear);
    if let crate::Input::Bytes(bytes) = &mut shown.input {
        bytes.clear();
    }
    shown
}

fn seal(salt: &str, command: &Command) -> io::Result<Digest> {
    let text = serde_json::to_vec(command)?;
    Ok(Digest::of_parts([salt.as_bytes(), text.as_slice()]))
}

/// What the shim notes before the program begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The shim.
    pub shim: i32,
    /// The first process of the jail. When it is gone, so is every other.
    pub init: i32,
    /// When `init` began, in ticks since the machine's start: process ids come again.
    pub init_ticks: u64,
    /// Which start of the machine.
    pub boot: String,
    /// Guards that this child goes without.
    pub degraded: Vec<String>,
    /// Control groups to remove afterwards.
    pub control_groups: Vec<PathBuf>,
    /// Folders to remove afterwards.
    pub temporary: Vec<PathBuf>,
}

/// A value beside its place, gone if it does not get there: on a full disk even an empty file takes room that is wanted.
pub struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A child's folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Names it; it need not exist.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Creates it, for its owner only.
    pub fn create(&self) -> Result<(), Error> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(Error::io("create", &self.0))
    }

    /// Stores a value that was not there; false where one is. It is durable once somebody [asks for that](Self::settle).
    pub fn store_new(&self, name: &str, value: &impl Serialize) -> Result<bool, Error> {
        let draft = self.draft(name, value)?;
        match fs::hard_link(&draft.0, self.file(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::io("create", &self.file(name))(error)),
        }
    }

    /// Stores a value durably, replacing one.
    pub fn store(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        self.place(self.durable_draft(name, value)?, name)
    }

    /// Puts a draft in its place, durably.
    pub fn place(&self, draft: Draft, name: &str) -> Result<(), Error> {
        self.show(draft, name)?;
        self.sync()
    }

    fn show(&self, draft: Draft, name: &str) -> Result<(), Error> {
        fs::rename(&draft.0, self.file(name)).map_err(Error::io("create", &self.file(name)))?;
        std::mem::forget(draft);
        Ok(())
    }

    /// Makes the content of a file durable. Its name is so with the next durable value.
    pub fn settle(&self, name: &str) -> Result<(), Error> {
        let path = self.file(name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))
    }

    /// Takes room for a later value, which a full disk would not have. The bytes are random, since some file systems
    /// store others in no room at all.
    pub fn reserve(&self) -> Result<(), Error> {
        let path = self.file(RESERVE);
        let write = || {
            let mut bytes = vec![0; RESERVED_BYTES];
            File::open("/dev/urandom")?.read_exact(&mut bytes)?;
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(&bytes)
        };
        write().map_err(Error::io("reserve room in", &path))
    }

    /// Stores a value, if need be in the room that was taken for it, and gives that back in any case. It is there for
    /// everybody before it is durable: a disk takes as long for that as a short child lives.
    pub fn store_last(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let draft = self.draft(name, value);
        // Where there is none, none is left.
        let _ = fs::remove_file(self.file(RESERVE));
        self.show(draft.or_else(|_| self.draft(name, value))?, name)?;
        self.settle(name)?;
        self.sync()
    }

    /// Writes a value beside its place, under a name of this process's own.
    fn draft(&self, name: &str, value: &impl Serialize) -> Result<Draft, Error> {
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let draft = Draft(self.file(&format!(".{name}.{}.{count}", std::process::id())));
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft.0)?;
            file.write_all(&serde_json::to_vec(value)?)
        };
        write().map_err(Error::io("write", &draft.0))?;
        Ok(draft)
    }

    /// Writes a value beside its place, durably.
    pub fn durable_draft(&self, name: &str, value: &impl Serialize) -> Result<Draft, Error> {
        let draft = self.draft(name, value)?;
        File::open(&draft.0).and_then(|file| file.sync_all()).map_err(Error::io("write", &draft.0))?;
        Ok(draft)
    }

    fn sync(&self) -> Result<(), Error> {
        File::open(&self.0).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", &self.0))
    }

    /// Reads a stored value.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.file(name);
        match fs::read(&path) {
            Ok(bytes) => {
                let value = serde_json::from_slice(&bytes).map_err(Error::io("understand", &path))?;
                Ok(Some(value))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Takes the lock for the life of the answer; `None` where another shim has it, or another host begins one.
    pub fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.file("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(Error::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::io("lock", &path)(error)),
        }
    }

    /// Takes over the lock from the host, which handed it on as standard output. Other children of a process never get it.
    pub fn inherit_lock(&self) -> Result<File, Error> {
        let path = self.file("lock");
        let inherit = || {
            let (mine, there) = (rustix::fs::fstat(std::io::stdout())?, rustix::fs::stat(&path)?);
            if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino) {
                return Err(io::Error::other("standard output is not the lock: no host began this shim"));
            }
            let file = File::from(rustix::io::fcntl_dupfd_cloexec(std::io::stdout(), 3)?);
            // The same open file, so this only fails where the host did not have it.
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            Ok(file)
        };
        inherit().map_err(Error::io("inherit", &path))
    }

    /// The ending. A machine that lost its power before it was durable may leave an empty file, which is none.
    fn ending(&self) -> Result<Option<Ending>, Error> {
        let is_blank = fs::read(self.file("exit")).is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0));
        if is_blank { Ok(None) } else { self.load("exit") }
    }

    /// Whether a shim holds the lock. Asks with a shared one, so that several hosts may ask at once; a host that tries in that
    /// very moment looks again.
    fn is_locked(&self) -> Result<bool, Error> {
        let path = self.file("lock");
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(Error::io("open", &path))?,
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(Error::io("lock", &path)(error)),
        }
    }

    /// What the files say together. `exit` is asked before and after the lock: a shim lets go of it right after writing.
    pub fn status(&self) -> Result<Status, Error> {
        if let Some(ending) = self.ending()? {
            return Ok(Status::Ended(ending));
        }
        if self.is_locked()? {
            return Ok(Status::Running);
        }
        if let Some(ending) = self.ending()? {
            return Ok(Status::Ended(ending));
        }
        match self.load::<Started>("started")? {
            None => Ok(Status::Nothing),
            // The kernel frees a killed shim's lock a little before it kills the shim's children.
            Some(started) if is_alive(&started) => Ok(Status::Running),
            Some(_) => Ok(Status::Lost),
        }
    }
}

/// Whether the first process of a jail is still there.
fn is_alive(started: &Started) -> bool {
    started.boot == boot() && Pid::from_raw(started.init).and_then(ticks) == Some(started.init_ticks)
}

/// Which start of the machine this is.
pub fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// When a process began, in ticks since the machine's start; `None` where it is gone or only waits to be reaped.
pub fn ticks(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name in parentheses may hold anything; the state is the first field behind it, the start the twentieth.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    if ["Z", "X"].contains(fields.first()?) { None } else { fields.get(19)?.parse().ok() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_stored_command_tells_conflicts_and_keeps_no_secret() {
        let mut command = Command::new("/bin/true", "/srv");
        command.environment.insert("TOKEN".into(), "hunter2".into());
        command.input = crate::Input::Bytes(b"hunter3".to_vec());
        let spec = Spec::new(&command).unwrap();
        let text = serde_json::to_string(&spec).unwrap();
        assert!(!text.contains("hunter"), "{text}");
        assert!(spec.is_of(&command).unwrap());
        command.environment.insert("TOKEN".into(), "other".into());
        assert!(!spec.is_of(&command).unwrap());
    }

    #[test]
    fn the_files_decide() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::new(folder.path());
        assert!(matches!(folder.status().unwrap(), Status::Nothing));
        let lock = folder.lock().unwrap().unwrap();
        assert!(folder.lock().unwrap().is_none());
        assert!(matches!(folder.status().unwrap(), Status::Running));
        drop(lock);
        assert!(matches!(folder.status().unwrap(), Status::Nothing), "the shim died before it began");
        let me = rustix::process::getpid();
        let mut started = Started {
            shim: 1,
            init: me.as_raw_nonzero().get(),
            init_ticks: ticks(me).unwrap(),
            boot: boot(),
            degraded: Vec::new(),
            control_groups: Vec::new(),
            temporary: Vec::new(),
        };
        folder.store("started", &started).unwrap();
        assert!(matches!(folder.status().unwrap(), Status::Running), "its children are still being killed");
        started.init_ticks += 1;
        folder.store("started", &started).unwrap();
        assert!(matches!(folder.status().unwrap(), Status::Lost));
        fs::write(folder.file("exit"), "").unwrap();
        assert!(matches!(folder.status().unwrap(), Status::Lost), "the power went before the ending was written");
        folder.store("exit", &Ending::not_started("x".to_owned().into())).unwrap();
        assert!(matches!(folder.status().unwrap(), Status::Ended(_)));
        assert!(!folder.store_new("exit", &1).unwrap());
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with('.')), "no draft is left");
    }
}
