//! Garbage collection. It never removes what a writer touches at that moment.

use crate::Blobs;
use crate::failure::{self, Doing};
use crate::shelf::Shelf;
use model::{Digest, Failure};
use std::fs::{self, DirEntry, File};
use std::io;
use std::time::SystemTime;

impl Blobs {
    /// Removes the blobs, plain and sealed, that `keep` does not want and that were last put before `older_than`, and
    /// the litter of writers that were killed before; answers how many blobs. Whoever puts content and names it in a
    /// record has from the one to the other as long as `older_than` lies back. Errors: `unavailable`; then some may be
    /// gone.
    pub fn retain(&self, keep: impl Fn(&Digest) -> bool, older_than: SystemTime) -> Result<usize, Failure> {
        let mut removed = 0;
        for shelf in [&self.plain, &self.sealed] {
            removed += clear(shelf, &keep, older_than)?;
        }
        self.clear_drafts(older_than).map_err(failure::of(Doing::Sweep, &self.drafts))?;
        Ok(removed)
    }

    /// Removes the drafts that nobody writes any more.
    fn clear_drafts(&self, older_than: SystemTime) -> io::Result<()> {
        for draft in fs::read_dir(&self.drafts)? {
            let path = draft?.path();
            // Gone meanwhile: its writer has named or dropped it.
            let Ok(file) = File::open(&path) else { continue };
            if file.metadata()?.modified()? < older_than && file.try_lock().is_ok() {
                gone(fs::remove_file(&path))?;
            }
        }
        Ok(())
    }
}

/// Clears all folders of one kind of blob.
fn clear(shelf: &Shelf, keep: &impl Fn(&Digest) -> bool, older_than: SystemTime) -> Result<usize, Failure> {
    let mut removed = 0;
    for bucket in fs::read_dir(&shelf.root).map_err(failure::of(Doing::Sweep, &shelf.root))? {
        let bucket = bucket.map_err(failure::of(Doing::Sweep, &shelf.root))?;
        if bucket.file_type().is_ok_and(|kind| kind.is_dir()) {
            let swept = sweep(&bucket, keep, older_than);
            removed += swept.map_err(failure::of(Doing::Sweep, &bucket.path()))?;
        }
    }
    Ok(removed)
}

/// Clears one folder of blobs while no writer is in it.
fn sweep(bucket: &DirEntry, keep: impl Fn(&Digest) -> bool, older_than: SystemTime) -> io::Result<usize> {
    let folder = File::open(bucket.path())?;
    folder.lock()?;
    let mut removed = 0;
    for blob in fs::read_dir(bucket.path())? {
        let blob = blob?;
        let text = format!("sha256:{}{}", bucket.file_name().display(), blob.file_name().display());
        // Whatever else lies there is not this crate's.
        let Ok(digest) = Digest::parse(&text) else { continue };
        if blob.metadata()?.modified()? < older_than && !keep(&digest) {
            fs::remove_file(blob.path())?;
            removed += 1;
        }
    }
    if removed > 0 {
        folder.sync_all()?;
    }
    Ok(removed)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
