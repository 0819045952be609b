//! A folder of files that are named by a digest, and how one gets its name: whole, durable, and never while
//! [`retain`](crate::Blobs::retain) clears its bucket. It never looks into a file; whoever asks says what counts as
//! kept.

use crate::failure::{self, Doing};
use model::{Digest, Failure};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::NamedTempFile;

/// One kind of blob: `ab/cdef…` below `root`.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) root: PathBuf,
}

/// Whether a file that has the name is what would be put there, as far as that is cheap to tell.
pub(crate) type IsSame<'a> = &'a dyn Fn(&File) -> bool;

impl Shelf {
    /// Where a blob is, or would be.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let (head, tail) = digest.hex().split_at(2);
        self.root.join(head).join(tail)
    }

    /// A blob's file; `None` where it is not kept.
    pub(crate) fn open(&self, digest: &Digest) -> Result<Option<File>, Failure> {
        let path = self.path(digest);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failure::of(Doing::Read, &path)(e)),
        }
    }

    /// Gives a complete draft its name. Whoever was quicker with the same wins; anything else that has the name was
    /// torn by a broken disk or sealed with an older key, and is replaced.
    pub(crate) fn name(&self, draft: NamedTempFile, digest: &Digest, is_same: IsSame<'_>) -> Result<(), Failure> {
        let path = self.path(digest);
        let name = || {
            draft.as_file().sync_all()?;
            let folder = self.bucket(&path)?;
            folder.lock_shared()?;
            match File::open(&path) {
                Ok(there) if is_same(&there) => refresh(&there)?,
                _ => drop(draft.persist(&path)?),
            }
            self.sync_bucket(&folder)
        };
        name().map_err(failure::of(Doing::Write, &self.root))
    }

    /// Whether the same is kept, durably and with its time set to now, as if it had just been written.
    pub(crate) fn is_kept(&self, digest: &Digest, is_same: IsSame<'_>) -> Result<bool, Failure> {
        let path = self.path(digest);
        let keep = || -> io::Result<bool> {
            let folder = File::open(path.parent().unwrap_or(&self.root))?;
            folder.lock_shared()?;
            let there = File::open(&path)?;
            if !is_same(&there) {
                return Ok(false);
            }
            refresh(&there)?;
            // Another writer may have named it a moment ago, and not come this far.
            self.sync_bucket(&folder)?;
            Ok(true)
        };
        match keep() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            kept => kept.map_err(failure::of(Doing::Write, &self.root)),
        }
    }

    /// The folder of a blob, made where it is missing.
    fn bucket(&self, path: &Path) -> io::Result<File> {
        let folder = path.parent().unwrap_or(&self.root);
        make_folder(folder)?;
        File::open(folder)
    }

    /// A name is durable only once its folder is, and that folder's name.
    fn sync_bucket(&self, folder: &File) -> io::Result<()> {
        folder.sync_all()?;
        sync(&self.root)
    }
}

/// Sets a blob's time to now: garbage collection leaves what is young.
fn refresh(file: &File) -> io::Result<()> {
    file.set_modified(SystemTime::now())
}

/// Makes a folder and those above it, for their owner alone.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
