//! Reading and changing files beneath one folder.

use crate::path::{check, split};
use model::{Blame, Failure};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a name in a folder is; anything that is neither folder nor link counts as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, or something that `read` refuses.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
}

/// A folder of a step. Holds it open, so that it stays the same one whatever is renamed.
#[derive(Debug)]
pub struct Workspace {
    root: OwnedFd,
}

/// Deepest folder that is removed: each level holds a descriptor.
const DEEPEST: usize = 512;
/// The kernel answers EAGAIN when somebody renames folders while it looks a path up.
const TRIES: u32 = 128;

impl Workspace {
    /// Opens a folder that exists.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, folder, flags, Mode::empty());
        let missing = |e: Errno| {
            let message = format!("the step's files in {} cannot be used: {}", folder.display(), io::Error::from(e));
            Failure::new(Blame::Host, "unavailable", message)
        };
        Ok(Self { root: root.map_err(missing)? })
    }

    /// Another folder in the place of the workspace's root.
    pub(crate) fn from_fd(root: OwnedFd) -> Self {
        Self { root }
    }

    /// Opens a path that the kernel never lets out of the root, not even for a moment.
    pub(crate) fn beneath(&self, path: impl AsRef<[u8]>, flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = path.as_ref();
        let path: &[u8] = if path.is_empty() { b"." } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
        for _ in 0..TRIES {
            match openat2(&self.root, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// A regular file for reading; `None` where there is nothing. Errors: `invalid` for anything else and for a link
    /// that leaves the workspace.
    pub fn open_file(&self, path: &str) -> Result<Option<File>, Failure> {
        check(path)?;
        // Not blocking: opening a FIFO would wait for a writer.
        let file = match self.beneath(path, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(e) => return Err(explain("read", path, e)),
        };
        let kind = fstat(&file).map_err(|e| explain("read", path, e))?;
        if FileType::from_raw_mode(kind.st_mode) == FileType::RegularFile {
            return Ok(Some(file));
        }
        Err(Failure::invalid(format!("`{path}` is no regular file")))
    }

    /// A file's content; `None` where there is nothing. Errors: those of [`Workspace::open_file`], and `too-large`.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = self.open_file(path)? else { return Ok(None) };
        let mut content = Vec::new();
        // One byte more tells a file that is too large, also where it grows meanwhile.
        let read = file.take(limit as u64 + 1).read_to_end(&mut content);
        read.map_err(|e| failed("read", path, &e))?;
        if content.len() > limit {
            let message = format!("`{path}` is larger than {limit} bytes");
            return Err(Failure::new(Blame::Plugin, "too-large", message).hint("store it as an artifact instead"));
        }
        Ok(Some(content))
    }

    /// A folder's entries in byte order; `None` where there is nothing. Errors: `invalid` for no folder and for names
    /// that are no UTF-8, `too-large` beyond `most`.
    pub fn entries(&self, path: &str, most: usize) -> Result<Option<Vec<(String, EntryKind)>>, Failure> {
        check(path)?;
        let folder = match self.beneath(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR) => return Err(Failure::invalid(format!("`{path}` is no folder"))),
            Err(e) => return Err(explain("list", path, e)),
        };
        let mut found = Vec::new();
        for entry in Dir::read_from(&folder).map_err(|e| explain("list", path, e))? {
            let entry = entry.map_err(|e| explain("list", path, e))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(name) = name.to_str() else {
                return Err(Failure::invalid(format!("`{path}` holds a name that is no UTF-8: {name:?}")));
            };
            let kind = match entry.file_type() {
                FileType::Directory => EntryKind::Directory,
                FileType::Symlink => EntryKind::Link,
                _ => EntryKind::File,
            };
            if found.len() == most {
                return Err(Failure::new(Blame::Plugin, "too-large", format!("`{path}` has more than {most} entries")));
            }
            found.push((name.to_owned(), kind));
        }
        found.sort_by(|a: &(String, EntryKind), b| a.0.cmp(&b.0));
        Ok(Some(found))
    }

    /// Writes a file whole, with the folders above it. A link at the name is replaced, not followed.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<(), Failure> {
        self.create_file(path, &mut |file| file.write_all(content))
    }

    /// The same with content from elsewhere: nobody sees the file before `fill` returned.
    pub fn create_file(&self, path: &str, fill: &mut dyn FnMut(&mut File) -> io::Result<()>) -> Result<(), Failure> {
        self.create(path, |file| fill(file).map_err(|e| failed("write", path, &e)))
    }

    /// The same for content that answers something, or fails in its own words.
    pub(crate) fn create<T>(
        &self,
        path: &str,
        fill: impl FnOnce(&mut File) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (parent, name) = split(path)?;
        let folder = self.make_folders(parent)?;
        let temporary = temporary_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, &temporary, flags, Mode::from_raw_mode(0o644));
        let mut file = File::from(file.map_err(|e| explain("write", path, e))?);
        let named = |answer| match renameat(&folder, &temporary, &folder, name) {
            Ok(()) => Ok(answer),
            Err(Errno::ISDIR) => Err(Failure::invalid(format!("`{path}` is a folder"))),
            Err(e) => Err(explain("write", path, e)),
        };
        fill(&mut file).and_then(named).inspect_err(|_| {
            let _ = unlinkat(&folder, &temporary, AtFlags::empty());
        })
    }

    /// The folder of this path, made where it is missing, name by name.
    pub(crate) fn make_folders(&self, path: &str) -> Result<OwnedFd, Failure> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut folder = self.beneath("", flags).map_err(|e| explain("write", path, e))?;
        let mut at = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !at.is_empty() {
                at.push('/');
            }
            at.push_str(name);
            match mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(explain("create the folder", &at, e)),
            }
            // From the root each time: a link to another folder of the workspace is fine, one out of it is not.
            folder = self.beneath(&at, flags).map_err(|e| match e {
                Errno::NOTDIR => Failure::invalid(format!("`{at}` is no folder")),
                e => explain("write", &at, e),
            })?;
        }
        Ok(folder)
    }

    /// Removes a file, a link, or a folder with all it holds. No error where there is nothing.
    pub fn remove(&self, path: &str) -> Result<(), Failure> {
        let (parent, name) = split(path)?;
        match self.beneath(parent, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(folder) => remove_at(&folder, name.as_ref(), 0).map_err(|e| explain("remove", path, e)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(e) => Err(explain("remove", path, e)),
        }
    }
}

/// Removes one name of an open folder; never follows a link.
fn remove_at(folder: &OwnedFd, name: &std::ffi::OsStr, depth: usize) -> Result<(), Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(e) => return Err(e),
    }
    if depth > DEEPEST {
        return Err(Errno::NAMETOOLONG);
    }
    let kind = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(kind.st_mode) != FileType::Directory {
        return Err(Errno::PERM);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = openat(folder, name, flags, Mode::empty())?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let child = entry.file_name().to_bytes();
        if !matches!(child, b"." | b"..") {
            use std::os::unix::ffi::OsStrExt as _;
            remove_at(&inner, std::ffi::OsStr::from_bytes(child), depth + 1)?;
        }
    }
    match unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(".tidegate-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The kernel's answer to a path of the workspace.
pub(crate) fn explain(doing: &str, path: &str, e: Errno) -> Failure {
    match e {
        Errno::XDEV | Errno::LOOP => Failure::invalid(format!("`{path}` leads out of the workspace, by a link")),
        e => failed(doing, path, &e.into()),
    }
}

/// The system's answer in the host's words.
pub(crate) fn failed(doing: &str, path: &str, e: &io::Error) -> Failure {
    let message = format!("cannot {doing} `{path}`: {e}");
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(Blame::Upstream, "exhausted", message)
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Failure::invalid(message),
        _ => Failure::new(Blame::Host, "unavailable", message),
    }
}
