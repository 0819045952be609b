//! The folder, and how content comes into it: through a draft that is complete and on the disk before it has its name.
//! It never changes a blob that has one.
//!
//! | path | what |
//! |---|---|
//! | `sha256/ab/cdef…` | the blob `sha256:abcdef…` |
//! | `sealed/ab/cdef…` | the same content encrypted, which is another thing: see [`crate::Keyring`] |
//! | `draft/…` | content that is being written, locked by its writer; without a lock, a crash's litter |
//!
//! A writer holds the shared lock of the folder `sha256/ab` while it names a blob, [`retain`](Blobs::retain) the
//! exclusive one while it clears it: a blob is never removed between "it is there already" and its new time.

use crate::failure::{self, Doing};
use crate::shelf::{self, Shelf};
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes copied at a time.
pub(crate) const CHUNK: usize = 64 << 10;

/// A folder of blobs. Several threads and processes may use it at once. All calls block.
#[derive(Clone, Debug)]
pub struct Blobs {
    pub(crate) plain: Shelf,
    pub(crate) sealed: Shelf,
    pub(crate) drafts: PathBuf,
}

impl Blobs {
    /// Opens the folder, and makes it for its owner alone where it is missing. Errors: `unavailable`, `exhausted`.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let shelf = |name| Shelf { root: folder.join(name) };
        let blobs = Self { plain: shelf("sha256"), sealed: shelf("sealed"), drafts: folder.join("draft") };
        for made in [&blobs.plain.root, &blobs.sealed.root, &blobs.drafts] {
            shelf::make_folder(made).map_err(failure::of(Doing::Open, made))?;
        }
        shelf::sync(folder).map_err(failure::of(Doing::Open, folder))?;
        Ok(blobs)
    }

    /// Keeps bytes; writes nothing where they are kept already. Durable once it returns. Errors: `unavailable`,
    /// `exhausted`.
    pub fn put(&self, content: &[u8]) -> Result<Digest, Failure> {
        let digest = Digest::of(content);
        if !self.plain.is_kept(&digest, &is_of_size(content.len() as u64))? {
            self.put_reader(content, u64::MAX)?;
        }
        Ok(digest)
    }

    /// Keeps a whole regular file, wherever it was read up to; answers its digest and size in bytes. Errors: those of
    /// [`put_reader`](Blobs::put_reader), and `invalid` for anything but a regular file.
    pub fn put_file(&self, file: File, limit: u64) -> Result<(Digest, u64), Failure> {
        self.put_reader(whole(file, limit)?, limit)
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
            draft.write_all(read).map_err(failure::of(Doing::Write, &self.drafts))?;
        }
        let digest = finish(hash)?;
        if !self.plain.is_kept(&digest, &is_of_size(size))? {
            self.plain.name(draft, &digest, &is_of_size(size))?;
        }
        Ok((digest, size))
    }

    /// A new, locked file for its owner alone, on the same file system as the blobs.
    pub(crate) fn draft(&self) -> Result<NamedTempFile, Failure> {
        let make = || {
            let mut builder = tempfile::Builder::new();
            let draft = builder.permissions(Permissions::from_mode(0o600)).tempfile_in(&self.drafts)?;
            draft.as_file().lock()?;
            Ok(draft)
        };
        make().map_err(failure::of(Doing::Write, &self.drafts))
    }
}

/// A plain blob of another size was torn by a broken disk: putting it again heals it.
fn is_of_size(size: u64) -> impl Fn(&File) -> bool {
    move |file| file.metadata().is_ok_and(|meta| meta.len() == size)
}

/// A regular file of at most `limit` bytes, from its beginning.
pub(crate) fn whole(mut file: File, limit: u64) -> Result<File, Failure> {
    let meta = file.metadata().map_err(|e| failure::source(&e))?;
    if !meta.is_file() {
        return Err(Failure::invalid("only a regular file can be stored as an artifact"));
    }
    if meta.len() > limit {
        return Err(failure::too_large(meta.len(), limit));
    }
    file.rewind().map_err(|e| failure::source(&e))?;
    Ok(file)
}

/// What was hashed, in the host's words.
pub(crate) fn finish(hash: Sha256) -> Result<Digest, Failure> {
    let text = format!("sha256:{}", hex::encode(hash.finalize()));
    Digest::parse(&text).map_err(|e| Failure::internal(e.to_string()))
}
