//! Blobs in a folder: `sha256/ab/cdef…`.

use model::{Blame, Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder of blobs. Several processes may use it at once.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
}

/// Bytes copied at a time.
const CHUNK: usize = 64 << 10;

impl Blobs {
    /// Opens the folder, and makes it for its owner alone where it is missing.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let blobs = Self { root: root.join("sha256") };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&blobs.root);
        made.map_err(|e| blobs.failed("used", &e))?;
        Ok(blobs)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let (head, tail) = digest.hex().split_at(2);
        self.root.join(head).join(tail)
    }

    /// Keeps bytes.
    pub fn put(&self, content: &[u8]) -> Result<Digest, Failure> {
        Ok(self.put_reader(content, u64::MAX)?.0)
    }

    /// Keeps a file's content; answers its digest and size.
    pub fn put_file(&self, file: File, limit: u64) -> Result<(Digest, u64), Failure> {
        self.put_reader(file, limit)
    }

    /// Keeps a stream of at most `limit` bytes; answers its digest and size. Durable once it returns. Errors:
    /// `too-large`, `exhausted` where the disk is full.
    pub fn put_reader(&self, mut from: impl Read, limit: u64) -> Result<(Digest, u64), Failure> {
        let failed = |e: io::Error| self.failed("written", &e);
        let mut file = tempfile::NamedTempFile::new_in(&self.root).map_err(failed)?;
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    return Err(Failure::new(Blame::Host, "unavailable", format!("the artifact cannot be read: {e}")));
                }
            };
            size += read.len() as u64;
            if size > limit {
                let message = format!("the artifact is larger than {limit} bytes");
                return Err(Failure::new(Blame::User, "too-large", message));
            }
            hash.update(read);
            file.write_all(read).map_err(failed)?;
        }
        let text = format!("sha256:{}", hex::encode(hash.finalize()));
        let digest = Digest::parse(&text).map_err(|e| Failure::internal(e.to_string()))?;
        let path = self.path(&digest);
        if path.exists() {
            return Ok((digest, size));
        }
        let folder = path.parent().unwrap_or(&self.root);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        // The name is durable only once its folder is.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok((digest, size))
    }

    /// A blob's size in bytes; `None` where it is not kept.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, Failure> {
        match fs::metadata(self.path(digest)) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("read", &e)),
        }
    }

    /// A blob for streaming; `None` where it is not kept. Whoever streams it checks the digest, or uses `copy_to`.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<File>, Failure> {
        match File::open(self.path(digest)) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("read", &e)),
        }
    }

    /// A part of a blob; shorter, or empty, only at its end. Errors: `not-found`.
    pub fn read(&self, digest: &Digest, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        let file = self.open_blob(digest)?.ok_or_else(|| missing(digest))?;
        let size = file.metadata().map_err(|e| self.failed("read", &e))?.len();
        let length = u64::from(length).min(size.saturating_sub(offset));
        let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut content, offset).map_err(|e| self.failed("read", &e))?;
        Ok(content)
    }

    /// Copies a whole blob and compares it with its digest. Errors: `not-found`, `invalid` where it was damaged; then
    /// what was written is not the content.
    pub fn copy_to(&self, digest: &Digest, to: &mut impl Write) -> Result<u64, Failure> {
        let mut file = self.open_blob(digest)?.ok_or_else(|| missing(digest))?;
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
        loop {
            let read = file.read(&mut buffer).map_err(|e| self.failed("read", &e))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            size += read as u64;
            let written = to.write_all(&buffer[..read]);
            written
                .map_err(|e| Failure::new(Blame::Host, "unavailable", format!("the artifact cannot be copied: {e}")))?;
        }
        if hex::encode(hash.finalize()) == digest.hex() {
            return Ok(size);
        }
        let message = format!("the artifact {} was damaged on disk: {}", digest.short(), self.path(digest).display());
        Err(Failure::new(Blame::Host, "invalid", message)
            .hint("remove the file, and run the step again that stored it"))
    }

    /// Removes what nobody names and what is older than a moment; answers how many.
    pub fn retain(&self, named: impl Fn(&Digest) -> bool, older_than: SystemTime) -> Result<usize, Failure> {
        let failed = |e: io::Error| self.failed("cleaned", &e);
        let mut removed = 0;
        for folder in fs::read_dir(&self.root).map_err(failed)?.flatten().filter(|entry| entry.path().is_dir()) {
            for entry in fs::read_dir(folder.path()).map_err(failed)?.flatten() {
                let text = format!("sha256:{}{}", folder.file_name().display(), entry.file_name().display());
                let Ok(digest) = Digest::parse(&text) else { continue };
                let old = entry.metadata().and_then(|meta| meta.modified()).is_ok_and(|time| time < older_than);
                if old && !named(&digest) && fs::remove_file(entry.path()).is_ok() {
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn failed(&self, doing: &str, e: &io::Error) -> Failure {
        let message = format!("the artifacts in {} cannot be {doing}: {e}", self.root.display());
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Failure::new(Blame::Upstream, "exhausted", message)
                    .hint("free some space, then go on with `tidegate runs resume`")
            }
            _ => Failure::new(Blame::Upstream, "unavailable", message),
        }
    }
}

fn missing(digest: &Digest) -> Failure {
    Failure::new(Blame::Host, "not-found", format!("the artifact {} is not kept", digest.short()))
}
