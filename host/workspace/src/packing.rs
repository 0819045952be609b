//! What is asked of an archive, and what comes out; the records of the WIT interface `archive`. It checks what can be
//! checked without looking at a file.

use crate::path;
use model::{Digest, Failure};

/// Most items and most excluded paths.
const MOST: usize = 1024;
/// The last second of the year 9999, the latest that RFC 3339 can say.
const LATEST: u64 = 253_402_300_799;

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), always with the same parameters.
    Gzip,
}

/// A file, link or folder with all that it holds, and where it goes.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its path in the workspace; empty for all of it.
    pub source: String,
    /// Its path in the archive; empty puts what a folder holds at the archive's root.
    pub target: String,
    /// The owner's user id.
    pub user: u32,
    /// The owner's group id.
    pub group: u32,
    /// The permission bits for files; absent keeps whether a file is executable.
    pub mode: Option<u32>,
}

impl Item {
    /// The permission bits of a file.
    pub(crate) fn file_mode(&self, executable: bool) -> u32 {
        self.mode.unwrap_or(if executable { 0o755 } else { 0o644 })
    }

    /// The permission bits of a folder: whoever may read it may enter it.
    pub(crate) fn folder_mode(&self) -> u32 {
        self.mode.map_or(0o755, |mode| (mode & 0o777) | ((mode & 0o444) >> 2))
    }
}

/// How to pack.
#[derive(Clone, Debug)]
pub struct Packing {
    /// What goes in. Where two have one path, the later one counts, as if each were copied over those before; a folder
    /// that only a target's path mentions has the owner of the first item that mentions it.
    pub items: Vec<Item>,
    /// Paths in the workspace that stay out, with all below them.
    pub exclude: Vec<String>,
    /// The time of every entry, in seconds since 1970; absent keeps each file's own, and the archive is as reproducible as
    /// those are.
    pub modified: Option<u64>,
    /// How the whole is compressed.
    pub compression: Compression,
}

impl Packing {
    /// Refuses what no workspace could make good.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        for (what, count) in [("items", self.items.len()), ("excluded paths", self.exclude.len())] {
            if count > MOST {
                return Err(Failure::invalid(format!("{count} {what} are too many to pack, {MOST} are allowed")));
            }
        }
        if let Some(time) = self.modified.filter(|time| *time > LATEST) {
            return Err(Failure::invalid(format!("the time {time} lies after the year 9999")));
        }
        for item in &self.items {
            path::check(&item.source)?;
            path::check(&item.target)?;
            if let Some(mode) = item.mode.filter(|mode| *mode > 0o7777) {
                return Err(Failure::invalid(format!("{mode:#o} are no permission bits")));
            }
        }
        self.exclude.iter().try_for_each(|path| path::check(path))
    }
}

/// An archive that was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The digest of the archive as it is.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of the archive before compression; the same as `digest` where there is none.
    pub content_digest: Digest,
    /// How many entries it has.
    pub entries: u32,
}
