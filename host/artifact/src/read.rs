//! Getting content back. Whole content is compared with its digest; parts and open files are not.

use crate::Blobs;
use crate::blobs::CHUNK;
use crate::failure::{self, Doing};
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::FileExt as _;

impl Blobs {
    /// A blob's size in bytes; `None` where it is not kept.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, Failure> {
        let Some(file) = self.open_blob(digest)? else { return Ok(None) };
        let meta = file.metadata().map_err(failure::of(Doing::Read, &self.plain.path(digest)))?;
        Ok(Some(meta.len()))
    }

    /// A blob for streaming; `None` where it is not kept. Nothing is compared with the digest; see
    /// [`copy_to`](Blobs::copy_to).
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<File>, Failure> {
        self.plain.open(digest)
    }

    /// At most `length` bytes from `offset` on: shorter, or empty, only at the blob's end. Nothing is compared with the
    /// digest. Errors: `not-found`.
    pub fn read(&self, digest: &Digest, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        let file = self.open_blob(digest)?.ok_or_else(|| failure::missing(digest))?;
        let part = || {
            let length = u64::from(length).min(file.metadata()?.len().saturating_sub(offset));
            let mut content = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut content, offset)?;
            Ok(content)
        };
        part().map_err(failure::of(Doing::Read, &self.plain.path(digest)))
    }

    /// A whole blob of at most `limit` bytes; `None` where it is not kept. Errors: `too-large`, and `invalid`, with the
    /// digest, where it was damaged on disk.
    pub fn get(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = self.open_blob(digest)? else { return Ok(None) };
        let path = self.plain.path(digest);
        let size = file.metadata().map_err(failure::of(Doing::Read, &path))?.len();
        if size > limit {
            return Err(failure::too_large(size, limit));
        }
        // Not by the size: a damaged blob could claim any.
        let mut content = Vec::new();
        file.take(limit).read_to_end(&mut content).map_err(failure::of(Doing::Read, &path))?;
        if Digest::of(&content) == *digest { Ok(Some(content)) } else { Err(failure::damaged(digest, &path)) }
    }

    /// Copies a whole blob and compares it with its digest; answers its size in bytes. Errors: `not-found`; `invalid`,
    /// with the digest, where it was damaged on disk (what was written is then not the content); a [`Failure`] that the
    /// writer's own error holds is handed on.
    pub fn copy_to(&self, digest: &Digest, to: &mut impl Write) -> Result<u64, Failure> {
        let mut file = self.open_blob(digest)?.ok_or_else(|| failure::missing(digest))?;
        let path = self.plain.path(digest);
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(failure::of(Doing::Read, &path)(e)),
            };
            hash.update(read);
            size += read.len() as u64;
            to.write_all(read).map_err(|e| failure::sink(&e))?;
        }
        if hex::encode(hash.finalize()) == digest.hex() { Ok(size) } else { Err(failure::damaged(digest, &path)) }
    }
}
