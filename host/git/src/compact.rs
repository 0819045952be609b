//! Keeps the packs of a mirror few: every fetch adds one, and a look for an object asks them all. Only with the fetch lock
//! held. Never drops an object, also not one that nothing refers to: what was fetched stays readable.

use crate::mirror::Mirror;
use git2::{Oid, Repository};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// From more small packs than this on they are made one.
const PACKS: usize = 50;
/// Packs of 256 MiB and more stay as they are: writing them again costs minutes and wins nothing.
const LARGE: u64 = 256 << 20;
/// Small packs are joined up to so many bytes at once, smallest first, so that no fetch waits for minutes: 512 MiB.
const AT_ONCE: u64 = 512 << 20;

impl Mirror {
    /// Makes one pack of many small ones. Concurrent readers, of other processes too, go on: the new pack is complete and
    /// flushed before an old one is gone, an open file outlives its name, and who looks for a pack that is gone looks at the
    /// folder again.
    pub(crate) fn compact(&self, repository: &Repository) -> io::Result<()> {
        let folder = self.directory().join("objects/pack");
        // It names packs one by one; only a person's `git` makes one.
        if folder.join("multi-pack-index").exists() {
            return Ok(());
        }
        let before = packs(&folder)?;
        let mut small: Vec<(u64, &PathBuf)> = Vec::new();
        for pack in &before {
            let size = fs::metadata(pack)?.len();
            if size < LARGE && !pack.with_extension("keep").exists() {
                small.push((size, pack));
            }
        }
        if small.len() <= PACKS {
            return Ok(());
        }
        small.sort();
        let mut room = AT_ONCE;
        small.retain(|(size, _)| {
            let fits = *size <= room;
            room -= if fits { *size } else { 0 };
            fits
        });
        let mut objects = BTreeSet::new();
        for (_, pack) in &small {
            objects.extend(listed(pack)?);
        }
        write(repository, &objects)?;
        for fresh in packs(&folder)?.difference(&before) {
            // Others write packs meanwhile: it is the one that has everything.
            if objects.is_subset(&listed(fresh)?) {
                return small.iter().try_for_each(|(_, pack)| drop_pack(pack));
            }
        }
        Ok(())
    }
}

/// The packs of a folder that have an index.
fn packs(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "pack") && path.with_extension("idx").exists() {
            found.insert(path);
        }
    }
    Ok(found)
}

/// The objects of a pack, by its index: version 2 of Git's format, which is all that libgit2 and today's Git write.
fn listed(pack: &Path) -> io::Result<BTreeSet<Oid>> {
    let path = pack.with_extension("idx");
    let index = fs::read(&path)?;
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is no index", path.display()));
    if !index.starts_with(b"\xfftOc\0\0\0\x02") {
        return Err(damaged());
    }
    // Behind the head stand 256 running sums, the last of which is the number of objects.
    let count = index.get(8 + 255 * 4..8 + 256 * 4).and_then(|bytes| bytes.try_into().ok());
    let count = u32::from_be_bytes(count.ok_or_else(damaged)?) as usize;
    let ids = index.get(8 + 256 * 4..8 + 256 * 4 + count * 20).ok_or_else(damaged)?;
    ids.chunks(20).map(|id| Oid::from_bytes(id).map_err(|_| damaged())).collect()
}

fn write(repository: &Repository, objects: &BTreeSet<Oid>) -> io::Result<()> {
    let mut builder = repository.packbuilder().map_err(io::Error::other)?;
    for object in objects {
        builder.insert_object(*object, None).map_err(io::Error::other)?;
    }
    let odb = repository.odb().map_err(io::Error::other)?;
    let mut writer = odb.packwriter().map_err(io::Error::other)?;
    let mut failed = None;
    let packed = builder.foreach(|bytes| {
        failed = writer.write_all(bytes).err();
        failed.is_none()
    });
    if let Some(e) = failed {
        return Err(e);
    }
    packed.map_err(io::Error::other)?;
    writer.commit().map(drop).map_err(io::Error::other)
}

/// The index first: without it nobody begins to use the pack.
fn drop_pack(pack: &Path) -> io::Result<()> {
    for end in ["idx", "rev", "bitmap", "pack"] {
        match fs::remove_file(pack.with_extension(end)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
