//! Confidential content: kept encrypted, named by the digest of what it is. It never writes content to the disk that is
//! not encrypted, and never mixes it with plain blobs of the same content.
//!
//! The name tells a reader of the disk no more than the journal does, which has the same digest. It does let somebody
//! who guesses the whole content see that he guessed right; a plan that holds one good secret cannot be guessed.

use crate::blobs::{CHUNK, whole};
use crate::failure::{self, Doing};
use crate::seal::{self, Broken, Opened};
use crate::{Blobs, Keyring};
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use zeroize::Zeroizing;

impl Blobs {
    /// [`put`](Blobs::put) for confidential content. Content that is kept under an older key is sealed again with the
    /// newest.
    pub fn put_sealed(&self, content: &[u8], keys: &Keyring) -> Result<Digest, Failure> {
        let (digest, size) = (Digest::of(content), content.len() as u64);
        if !self.sealed.is_kept(&digest, &|file| seal::is_current(file, &digest, size, keys))? {
            self.put_reader_sealed(content, u64::MAX, keys)?;
        }
        Ok(digest)
    }

    /// [`put_file`](Blobs::put_file) for confidential content.
    pub fn put_file_sealed(&self, file: File, limit: u64, keys: &Keyring) -> Result<(Digest, u64), Failure> {
        self.put_reader_sealed(whole(file, limit)?, limit, keys)
    }

    /// [`put_reader`](Blobs::put_reader) for confidential content; answers digest and size of the content, not of what
    /// is on the disk.
    pub fn put_reader_sealed(&self, from: impl Read, limit: u64, keys: &Keyring) -> Result<(Digest, u64), Failure> {
        let mut draft = self.draft()?;
        let write_failed = |e| failure::of(Doing::Write, &self.drafts)(e);
        let (digest, size) = seal::seal(from, draft.as_file_mut(), limit, keys, write_failed)?;
        let is_current = |file: &File| seal::is_current(file, &digest, size, keys);
        if !self.sealed.is_kept(&digest, &is_current)? {
            self.sealed.name(draft, &digest, &is_current)?;
        }
        Ok((digest, size))
    }

    /// The size of confidential content in bytes; `None` where it is not kept. Needs no key, and is not authenticated.
    pub fn size_sealed(&self, digest: &Digest) -> Result<Option<u64>, Failure> {
        let Some(file) = self.sealed.open(digest)? else { return Ok(None) };
        seal::size(&file).map(Some).map_err(|e| self.broken(digest, e))
    }

    /// [`read`](Blobs::read) for confidential content; only the chunks that it lies in are decrypted. What it answers
    /// is authentic. Errors: `not-found`; `unavailable` where the key is not in the ring; `invalid`, with the digest,
    /// where the blob was damaged on disk.
    pub fn read_sealed(&self, digest: &Digest, offset: u64, length: u32, keys: &Keyring) -> Result<Vec<u8>, Failure> {
        let file = self.sealed.open(digest)?.ok_or_else(|| failure::missing(digest))?;
        let read = || -> Result<Vec<u8>, Broken> {
            let opened = Opened::new(&file, digest, keys)?;
            let end = opened.size.min(offset.saturating_add(u64::from(length)));
            let (mut content, mut chunk) = (Vec::new(), Zeroizing::new(Vec::with_capacity(CHUNK * 2)));
            let mut at = offset;
            while at < end {
                let index = u32::try_from(at / CHUNK as u64).map_err(|_| Broken::Damaged)?;
                opened.chunk(index, &mut chunk)?;
                let start = u64::from(index) * CHUNK as u64;
                let part = |place: u64| usize::try_from(place - start).unwrap_or(CHUNK).min(chunk.len());
                content.extend_from_slice(&chunk[part(at)..part(end)]);
                at = start + CHUNK as u64;
            }
            Ok(content)
        };
        read().map_err(|e| self.broken(digest, e))
    }

    /// [`get`](Blobs::get) for confidential content. Errors: also `unavailable` where the key is not in the ring.
    pub fn get_sealed(&self, digest: &Digest, limit: u64, keys: &Keyring) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = self.sealed.open(digest)? else { return Ok(None) };
        let opened = Opened::new(&file, digest, keys).map_err(|e| self.broken(digest, e))?;
        if opened.size > limit {
            return Err(failure::too_large(opened.size, limit));
        }
        // Of its full capacity at once: a buffer that grew would leave copies behind.
        let size = usize::try_from(opened.size).map_err(|e| Failure::internal(e.to_string()))?;
        let mut content = Vec::with_capacity(size);
        self.decrypt(digest, &opened, &mut content)?;
        Ok(Some(content))
    }

    /// [`copy_to`](Blobs::copy_to) for confidential content. Whatever it hands on is authentic, also where it then
    /// meets damage and fails. Errors: also `unavailable` where the key is not in the ring.
    pub fn copy_sealed_to(&self, digest: &Digest, to: &mut impl Write, keys: &Keyring) -> Result<u64, Failure> {
        let file = self.sealed.open(digest)?.ok_or_else(|| failure::missing(digest))?;
        let opened = Opened::new(&file, digest, keys).map_err(|e| self.broken(digest, e))?;
        self.decrypt(digest, &opened, to)?;
        Ok(opened.size)
    }

    /// All chunks in order. That they are of this digest is authenticated; it is compared all the same, since memory
    /// breaks as well.
    fn decrypt(&self, digest: &Digest, opened: &Opened<'_>, to: &mut impl Write) -> Result<(), Failure> {
        let (mut hash, mut chunk) = (Sha256::new(), Zeroizing::new(Vec::with_capacity(CHUNK * 2)));
        for index in 0..opened.chunks() {
            opened.chunk(index, &mut chunk).map_err(|e| self.broken(digest, e))?;
            hash.update(&*chunk);
            to.write_all(&chunk).map_err(|e| failure::sink(&e))?;
        }
        if hex::encode(hash.finalize()) == digest.hex() { Ok(()) } else { Err(self.broken(digest, Broken::Damaged)) }
    }

    fn broken(&self, digest: &Digest, why: Broken) -> Failure {
        let path = self.sealed.path(digest);
        match why {
            Broken::Io(e) => failure::of(Doing::Read, &path)(e),
            Broken::Damaged => failure::damaged(digest, &path).hint(
                "if an encryption key's secret was changed under its id, put the old one back; \
                 else remove the file, and run the step again that stored it",
            ),
            Broken::Failed(failure) => failure,
        }
    }
}
