//! Writes one commit's files into an empty folder: bytes as the blobs have them, no filters, no `.git`, links
//! written and never followed. libgit2's checkout is not used: it honours `.gitattributes` and configuration.

use crate::changes::DEEPEST;
use crate::error::Error;
use crate::kind::Kind;
use crate::mirror::Mirror;
use crate::name;
use git2::{Odb, Oid, Repository};
use model::CommitId;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Most entries of one checkout. A tree of a few objects can name the same folders 10^10 times over.
const ENTRIES: u64 = 1_000_000;
/// Most bytes of one checkout, for the same reason: 16 GiB.
const BYTES: u64 = 16 << 30;

/// Largest file: 1 GiB. Each is in memory once while it is written.
const FILE_BYTES: u64 = 1 << 30;
/// Longest target of a link: what the system takes for a path.
const LINK_BYTES: u64 = 4096;

impl Mirror {
    /// Writes a commit's files into a folder that exists and is empty. Submodules become empty folders. A name that
    /// is not safe on disk (`.git`, `..`) refuses the whole commit; what was written until then stays.
    pub fn checkout(&self, commit: &CommitId, directory: &Path) -> Result<(), Error> {
        let real = fs::symlink_metadata(directory).map_err(|e| Error::io("check out into", directory, e))?;
        let mut entries = fs::read_dir(directory).map_err(|e| Error::io("check out into", directory, e))?;
        if !real.is_dir() || entries.next().is_some() {
            let source = io::ErrorKind::DirectoryNotEmpty.into();
            return Err(Error::io("check out into", directory, source));
        }
        let repository = self.repository()?;
        let root = self.tree(&repository, commit)?.id();
        let odb = repository.odb().map_err(|e| self.git("open the mirror", e))?;
        let mut writer = Writer { mirror: self, repository: &repository, odb, entries: 0, bytes: 0 };
        let mut at = directory.to_owned();
        writer.folder(root, &mut at, &mut Vec::new(), 0)
    }
}

struct Writer<'a> {
    mirror: &'a Mirror,
    repository: &'a Repository,
    odb: Odb<'a>,
    entries: u64,
    bytes: u64,
}

impl Writer<'_> {
    fn folder(&mut self, tree: Oid, at: &mut PathBuf, path: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(refused(path, &format!("folders are nested deeper than {DEEPEST}")));
        }
        let tree = self.repository.find_tree(tree).map_err(|e| self.mirror.git("read a folder", e))?;
        for entry in &tree {
            let (name, length) = (entry.name_bytes(), path.len());
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            name::check_entry(name).map_err(|why| refused(path, why))?;
            self.entries += 1;
            if self.entries > ENTRIES {
                return Err(too_large("the number of files", self.entries, ENTRIES, "entries"));
            }
            at.push(OsStr::from_bytes(name));
            // Nothing is opened or entered that was there before: `mkdir`, `symlink` and O_EXCL refuse an existing
            // name, so a tree that names a link and a folder alike cannot lead out of the checkout.
            match Kind::of_mode(entry.filemode_raw()) {
                Some(Kind::Directory) => {
                    make_folder(at)?;
                    self.folder(entry.id(), at, path, depth + 1)?;
                }
                Some(Kind::Submodule) => make_folder(at)?,
                Some(Kind::File) => self.file(entry.id(), at, path, 0o644)?,
                Some(Kind::Executable) => self.file(entry.id(), at, path, 0o755)?,
                Some(Kind::Link) => self.link(entry.id(), at, path)?,
                None => return Err(refused(path, "the repository gives it a mode that Git does not know")),
            }
            at.pop();
            path.truncate(length);
        }
        Ok(())
    }

    /// Loads an object that is not above the limit; a larger one is never loaded.
    fn blob(&mut self, oid: Oid, path: &[u8], limit: u64) -> Result<git2::OdbObject<'_>, Error> {
        let damaged = |e: git2::Error| refused(path, &format!("its object cannot be read: {}", e.message()));
        let (size, _) = self.odb.read_header(oid).map_err(damaged)?;
        if size as u64 > limit {
            let what = format!("`{}`", String::from_utf8_lossy(path).escape_debug());
            return Err(too_large(&what, size as u64, limit, "bytes"));
        }
        self.bytes += size as u64;
        if self.bytes > BYTES {
            return Err(too_large("the checkout", self.bytes, BYTES, "bytes"));
        }
        self.odb.read(oid).map_err(damaged)
    }

    fn file(&mut self, oid: Oid, at: &Path, path: &[u8], mode: u32) -> Result<(), Error> {
        let blob = self.blob(oid, path, FILE_BYTES)?;
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(at)?;
            file.write_all(blob.data())
        };
        write().map_err(|e| Error::io("write", at, e))
    }

    fn link(&mut self, oid: Oid, at: &Path, path: &[u8]) -> Result<(), Error> {
        let blob = self.blob(oid, path, LINK_BYTES)?;
        if blob.data().is_empty() || blob.data().contains(&0) {
            return Err(refused(path, "the link's target is empty or holds a NUL"));
        }
        std::os::unix::fs::symlink(OsStr::from_bytes(blob.data()), at).map_err(|e| Error::io("link", at, e))
    }
}

fn make_folder(at: &Path) -> Result<(), Error> {
    DirBuilder::new().create(at).map_err(|e| Error::io("create", at, e))
}

fn refused(path: &[u8], why: &str) -> Error {
    Error::path(String::from_utf8_lossy(path).escape_debug().to_string(), why)
}

fn too_large(what: &str, size: u64, limit: u64, unit: &'static str) -> Error {
    Error::TooLarge { what: what.to_owned(), size, limit, unit }
}
