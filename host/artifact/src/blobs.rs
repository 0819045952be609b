//! The folder, and how content comes into it: through a draft that is complete and on the disk before it has its name.
//! It never changes a blob that has one.
//!
//! | path | what |
//! |---|---|
//! | `sha256/ab/cdef…` | the blob `sha256:abcdef…` |
//! | `draft/…` | content that is being written, locked by its writer; without a lock, a crash's litter |
//!
//! A writer holds the shared lock of the folder `sha256/ab` while it names a blob, [`retain`](Blobs::retain) the
//! exclusive one while it clears it: a blob is never removed between "it is there already" and its new time.

use crate::failure::{self, Doing};
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::NamedTempFile;

/// Bytes copied at a time.
pub(crate) const CHUNK: usize = 64 << 10;

/// A folder of blobs. Several threads and processes may use it at once. All calls block.
#[derive(Clone, Debug)]
pub struct Blobs {
    pub(crate) sha256: PathBuf,
    pub(crate) drafts: PathBuf,
}

impl Blobs {
    /// Opens the folder, and makes it for its owner alone where it is missing. Errors: `unavailable`, `exhausted`.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let blobs = Self { sha256: folder.join("sha256"), drafts: folder.join("draft") };
        for made in [&blobs.sha256, &blobs.drafts] {
            make_folder(made).map_err(failure::of(Doing::Open, made))?;
        }
        sync(folder).map_err(failure::of(Doing::Open, folder))?;
        Ok(blobs)
    }

    /// Where a blob is, or would be.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let (head, tail) = digest.hex().split_at(2);
        self.sha256.join(head).join(tail)
    }

    /// Keeps bytes; writes nothing where they are kept already. Durable once it returns. Errors: `unavailable`,
    /// `exhausted`.
    pub fn put(&self, content: &[u8]) -> Result<Digest, Failure> {
        let digest = Digest::of(content);
        if !self.is_kept(&digest, content.len() as u64)? {
            self.put_reader(content, u64::MAX)?;
        }
        Ok(digest)
    }

    /// Keeps a whole regular file, wherever it was read up to; answers its digest and size in bytes. Errors: those of
    /// [`put_reader`](Blobs::put_reader), and `invalid` for anything but a regular file.
    pub fn put_file(&self, mut file: File, limit: u64) -> Result<(Digest, u64), Failure> {
        let meta = file.metadata().map_err(|e| failure::source(&e))?;
        if !meta.is_file() {
            return Err(Failure::invalid("only a regular file can be stored as an artifact"));
        }
        if meta.len() > limit {
            return Err(failure::too_large(meta.len(), limit));
        }
        file.rewind().map_err(|e| failure::source(&e))?;
        self.put_reader(file, limit)
    }

    /// Keeps a stream of at most `limit` bytes; answers its digest and size in bytes. Durable once it returns. Errors:
    /// `too-large`, `exhausted` where the disk is full, `unavailable` where the folder or the stream cannot be used; a
    /// [`Failure`] that the stream's own error holds is handed on.
    pub fn put_reader(&self, mut from: impl Read, limit: u64) -> Result<(Digest, u64), Failure> {
        let mut draft = self.draft()?;
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(failure::source(&e)),
            };
            size += read.len() as u64;
            if size > limit {
                return Err(failure::too_large(size, limit));
            }
            hash.update(read);
            draft.write_all(read).map_err(failure::of(Doing::Write, &self.sha256))?;
        }
        let text = format!("sha256:{}", hex::encode(hash.finalize()));
        let digest = Digest::parse(&text).map_err(|e| Failure::internal(e.to_string()))?;
        if !self.is_kept(&digest, size)? {
            self.name(draft, &digest, size)?;
        }
        Ok((digest, size))
    }

    /// A new, locked file for its owner alone, on the same file system as the blobs.
    fn draft(&self) -> Result<NamedTempFile, Failure> {
        let make = || {
            let mut builder = tempfile::Builder::new();
            let draft = builder.permissions(Permissions::from_mode(0o600)).tempfile_in(&self.drafts)?;
            draft.as_file().lock()?;
            Ok(draft)
        };
        make().map_err(failure::of(Doing::Write, &self.sha256))
    }

    /// Gives a complete draft its name. Whoever was quicker with equal content wins; both are content.
    fn name(&self, draft: NamedTempFile, digest: &Digest, size: u64) -> Result<(), Failure> {
        let path = self.path(digest);
        let name = || {
            draft.as_file().sync_all()?;
            let folder = self.bucket(&path)?;
            folder.lock_shared()?;
            // A blob of another size was torn by a broken disk: this heals it.
            if fs::metadata(&path).is_ok_and(|meta| meta.len() == size) {
                refresh(&path)?;
            } else {
                draft.persist(&path)?;
            }
            self.sync_bucket(&folder)
        };
        name().map_err(failure::of(Doing::Write, &self.sha256))
    }

    /// Whether a blob of this size is kept, durably and with its time set to now, as if it had just been written.
    fn is_kept(&self, digest: &Digest, size: u64) -> Result<bool, Failure> {
        let path = self.path(digest);
        let keep = || -> io::Result<bool> {
            let folder = File::open(path.parent().unwrap_or(&self.sha256))?;
            folder.lock_shared()?;
            if fs::metadata(&path)?.len() != size {
                return Ok(false);
            }
            refresh(&path)?;
            // Another writer may have named it a moment ago, and not come this far.
            self.sync_bucket(&folder)?;
            Ok(true)
        };
        match keep() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            kept => kept.map_err(failure::of(Doing::Write, &self.sha256)),
        }
    }

    /// The folder of a blob, made where it is missing.
    fn bucket(&self, path: &Path) -> io::Result<File> {
        let folder = path.parent().unwrap_or(&self.sha256);
        make_folder(folder)?;
        File::open(folder)
    }

    /// A name is durable only once its folder is, and that folder's name.
    fn sync_bucket(&self, folder: &File) -> io::Result<()> {
        folder.sync_all()?;
        sync(&self.sha256)
    }
}

/// Sets a blob's time to now: garbage collection leaves what is young.
fn refresh(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
