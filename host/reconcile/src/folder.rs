//! A folder's files as Git would have them: the kernel looks each path up beneath the open folder and follows no link, so
//! nothing outside of it is ever read.

use crate::answer::Answer;
use crate::files::{Content, Files, Listing};
use git::{Kind, ObjectId};
use model::{Blame, Failure};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, RawMode, ResolveFlags, fstat, openat, openat2, readlinkat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Git's own folder, and what it is called in a linked work tree: never a part of what is versioned.
const GIT: &str = ".git";

/// A folder, held open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    root: OwnedFd,
    /// Folders within that were found to be no other repository's work tree: most files share a few of them.
    own: Mutex<HashSet<String>>,
}

impl Folder {
    /// Opens a folder. Errors: `not-found`, `invalid` where it is none, `unavailable`.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty()).map_err(|e| {
            let code = match e {
                Errno::NOENT => "not-found",
                Errno::NOTDIR => "invalid",
                _ => "unavailable",
            };
            Failure::new(Blame::User, code, format!("{}: {}", path.display(), io::Error::from(e)))
        })?;
        Ok(Self { path: path.to_owned(), root, own: Mutex::default() })
    }

    /// Opens what is at a path; `None` where nothing is, which is so below files and links.
    fn open_at(&self, path: &str, flags: OFlags) -> Result<Option<OwnedFd>, Failure> {
        if path.split('/').any(|name| name == GIT) || self.is_foreign(path) {
            return Ok(None);
        }
        let path = if path.is_empty() { "." } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
            Err(e) => Err(self.failed(path, e)),
        }
    }

    /// The kind of what is at a path, and a handle on it. What Git cannot hold is nothing to it.
    fn find(&self, path: &str) -> Result<Option<(Kind, OwnedFd)>, Failure> {
        // A link as the last name is opened itself.
        let Some(found) = self.open_at(path, OFlags::PATH | OFlags::NOFOLLOW)? else { return Ok(None) };
        let mode = fstat(&found).map_err(|e| self.failed(path, e))?.st_mode;
        let kind = kind(mode).map(|kind| match kind {
            Kind::Directory if !path.is_empty() && self.is_submodule(path) => Kind::Submodule,
            kind => kind,
        });
        Ok(kind.map(|kind| (kind, found)))
    }

    /// Whether a path lies within the work tree of another repository: nothing there is a file of this one.
    fn is_foreign(&self, path: &str) -> bool {
        let above = path.rmatch_indices('/').map(|(at, _)| &path[..at]);
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in above {
            // What is known of a folder holds for those above it.
            if own.contains(folder) {
                break;
            }
            if self.is_submodule(folder) {
                return true;
            }
        }
        if let Some((folder, _)) = path.rsplit_once('/') {
            own.insert(folder.to_owned());
        }
        false
    }

    /// Whether a folder is the work tree of another repository.
    fn is_submodule(&self, path: &str) -> bool {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat2(&self.root, format!("{path}/{GIT}"), flags, Mode::empty(), resolve).is_ok()
    }

    fn failed(&self, path: &str, e: Errno) -> Failure {
        let place = self.path.join(path);
        Failure::new(Blame::User, "unavailable", format!("{}: {}", place.display(), io::Error::from(e)))
    }
}

/// The kind by a mode's type and its owner's right to execute, as Git takes a file in.
fn kind(mode: RawMode) -> Option<Kind> {
    match FileType::from_raw_mode(mode) {
        FileType::Directory => Some(Kind::Directory),
        FileType::Symlink => Some(Kind::Link),
        FileType::RegularFile if mode & 0o100 != 0 => Some(Kind::Executable),
        FileType::RegularFile => Some(Kind::File),
        _ => None,
    }
}

impl Files for Folder {
    fn look(&self, path: &str) -> Result<Option<Kind>, Failure> {
        Ok(self.find(path)?.map(|(kind, _)| kind))
    }

    fn read(&self, path: &str, most: usize) -> Result<Content, Failure> {
        let (kind, found) = match self.find(path)? {
            Some((kind @ (Kind::File | Kind::Executable | Kind::Link), found)) => (kind, found),
            other => return Ok(Content::None(other.map(|(kind, _)| kind))),
        };
        let bytes = if kind == Kind::Link {
            readlinkat(&found, "", Vec::new()).map_err(|e| self.failed(path, e))?.into_bytes()
        } else {
            // Not blocking: somebody may have put a FIFO there meanwhile.
            let Some(file) = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)? else {
                return Ok(Content::None(None));
            };
            let mut bytes = Vec::new();
            // One byte more tells a file that is too large.
            let read = File::from(file).take(most as u64 + 1).read_to_end(&mut bytes);
            read.map_err(|e| {
                Failure::new(Blame::User, "unavailable", format!("{}: {e}", self.path.join(path).display()))
            })?;
            bytes
        };
        if bytes.len() > most {
            return Ok(Content::TooLarge(Answer::Is(kind)));
        }
        let answer = Answer::File(kind, ObjectId::of_file(&bytes));
        Ok(Content::Bytes(bytes, answer))
    }

    fn list(&self, path: &str) -> Result<Listing, Failure> {
        match self.find(path)? {
            Some((Kind::Directory, _)) => {}
            other => return Ok(Listing::None(other.map(|(kind, _)| kind))),
        }
        let Some(folder) = self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)? else {
            return Ok(Listing::None(None));
        };
        let mut entries = Vec::new();
        for entry in Dir::read_from(&folder).map_err(|e| self.failed(path, e))? {
            let entry = entry.map_err(|e| self.failed(path, e))?;
            let name = entry.file_name();
            if [&b"."[..], b"..", GIT.as_bytes()].contains(&name.to_bytes()) {
                continue;
            }
            let Ok(name) = name.to_str() else {
                return Err(Failure::invalid(format!("`{path}` holds a name that is no UTF-8: {name:?}")));
            };
            let place = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            // The kind as a look would tell it; what is gone meanwhile is not listed.
            if let Some((kind, _)) = self.find(&place)? {
                entries.push((name.to_owned(), kind));
            }
        }
        entries.sort();
        Ok(Listing::Entries(entries))
    }
}
