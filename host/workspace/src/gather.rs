//! Which entries an archive gets: the walk over the workspace. It only lists folders; no file is opened here, and what
//! a hostile child changes afterwards is met where the entry is packed.

use crate::packing::{Item, Packing};
use crate::path::{LONGEST, split};
use crate::tree::explain;
use crate::{EntryKind, Workspace};
use model::{Blame, Failure};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, fstat, statat};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::os::fd::OwnedFd;

/// Most entries of an archive, packed or unpacked.
pub(crate) const MOST: u32 = 1 << 20;

/// One entry; its path is the key that it lies under.
pub(crate) struct Entry {
    /// Which item it belongs to: owner and mode come from there.
    pub(crate) item: usize,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// Nothing of it but owner and mode is packed, so it need not exist.
    Folder,
    File(Source),
    Link(Source),
}

/// Where an entry's content is.
pub(crate) struct Source {
    /// Which of the folders that were gathered.
    pub(crate) folder: usize,
    pub(crate) name: Box<[u8]>,
}

/// All entries in byte order of their paths, each after its folder.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
    /// Paths of folders in the workspace.
    pub(crate) folders: Vec<Vec<u8>>,
}

/// A folder wherever links lead to it: device and inode.
type Identity = (u64, u64);

/// Names that stay out, by the folder that they are in.
#[derive(Default)]
struct Skipped(HashMap<Identity, Vec<Box<[u8]>>>);

impl Skipped {
    fn has(&self, folder: Identity, name: &[u8]) -> bool {
        self.0.get(&folder).is_some_and(|names| names.iter().any(|skipped| **skipped == *name))
    }
}

/// Lists what an archive gets. `to` is where it is written: that stays out.
pub(crate) fn gather(
    files: &Workspace,
    packing: &Packing,
    to: &str,
    cancelled: &dyn Fn() -> bool,
) -> Result<Gathered, Failure> {
    let mut skipped = Skipped::default();
    let out = || packing.exclude.iter().map(String::as_str).chain([to]);
    for path in out().filter(|path| !path.is_empty()) {
        let (parent, name) = split(path)?;
        // What is not there need not be kept out.
        if let Ok(folder) = files.beneath(parent, OFlags::RDONLY | OFlags::DIRECTORY) {
            let folder = identity(&folder).map_err(|e| explain("pack", path, e))?;
            skipped.0.entry(folder).or_default().push(name.as_bytes().into());
        }
    }
    let mut walk = Walk { files, skipped, gathered: Gathered::default(), cancelled };
    for (index, item) in packing.items.iter().enumerate() {
        if !out().any(|out| is_below(&item.source, out)) {
            walk.item(index, item)?;
        }
    }
    Ok(walk.gathered)
}

struct Walk<'a> {
    files: &'a Workspace,
    skipped: Skipped,
    gathered: Gathered,
    cancelled: &'a dyn Fn() -> bool,
}

impl Walk<'_> {
    fn item(&mut self, index: usize, item: &Item) -> Result<(), Failure> {
        let Some((kind, source)) = self.source(item)? else { return Ok(()) };
        if item.target.is_empty() && kind != EntryKind::Directory {
            let source = &item.source;
            return Err(Failure::invalid(format!("`{source}` is no folder, so it needs a path in the archive")));
        }
        let target = item.target.as_bytes();
        self.parents(target, index)?;
        match kind {
            EntryKind::Directory if target.is_empty() => {}
            EntryKind::Directory => self.insert(target, index, Kind::Folder)?,
            EntryKind::File => self.insert(target, index, Kind::File(source))?,
            EntryKind::Link => self.insert(target, index, Kind::Link(source))?,
        }
        if kind == EntryKind::Directory {
            self.folder(index, item.source.as_bytes(), target)?;
        }
        Ok(())
    }

    /// What an item is; `None` for one that stays out.
    fn source(&mut self, item: &Item) -> Result<Option<(EntryKind, Source)>, Failure> {
        let path = &item.source;
        let here = |folder, name: &str| Source { folder, name: name.as_bytes().into() };
        if path.is_empty() {
            return Ok(Some((EntryKind::Directory, here(0, ""))));
        }
        let (parent, name) = split(path)?;
        let of = |e| match e {
            Errno::NOENT | Errno::NOTDIR => {
                Failure::new(Blame::Plugin, "not-found", format!("`{path}` is not there, so it cannot be packed"))
            }
            e => explain("pack", path, e),
        };
        let folder = self.files.beneath(parent, OFlags::RDONLY | OFlags::DIRECTORY).map_err(of)?;
        if self.skipped.has(identity(&folder).map_err(of)?, name.as_bytes()) {
            return Ok(None);
        }
        let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(of)?;
        let kind = kind(FileType::from_raw_mode(found.st_mode), path.as_bytes())?;
        self.gathered.folders.push(parent.as_bytes().to_vec());
        Ok(Some((kind, here(self.gathered.folders.len() - 1, name))))
    }

    /// All that a folder holds. A list rather than a recursion, and no descriptor kept: how deep it goes is up to a
    /// path's length alone.
    fn folder(&mut self, item: usize, source: &[u8], target: &[u8]) -> Result<(), Failure> {
        let mut open = vec![(source.to_vec(), target.to_vec())];
        while let Some((source, target)) = open.pop() {
            check_cancelled(self.cancelled)?;
            let of = |e| match e {
                Errno::NOENT | Errno::NOTDIR => changed(&source),
                e => explain("pack", &String::from_utf8_lossy(&source), e),
            };
            let folder = self.files.beneath(&source, OFlags::RDONLY | OFlags::DIRECTORY).map_err(of)?;
            let here = identity(&folder).map_err(of)?;
            self.gathered.folders.push(source.clone());
            let index = self.gathered.folders.len() - 1;
            for entry in Dir::read_from(&folder).map_err(of)? {
                let entry = entry.map_err(of)?;
                let name = entry.file_name().to_bytes();
                if matches!(name, b"." | b"..") || self.skipped.has(here, name) {
                    continue;
                }
                let from = join(&source, name);
                let mut found = entry.file_type();
                if found == FileType::Unknown {
                    let stat = statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).map_err(of)?;
                    found = FileType::from_raw_mode(stat.st_mode);
                }
                let to = join(&target, name);
                let source = Source { folder: index, name: name.into() };
                match kind(found, &from)? {
                    EntryKind::File => self.insert(&to, item, Kind::File(source))?,
                    EntryKind::Link => self.insert(&to, item, Kind::Link(source))?,
                    EntryKind::Directory => {
                        self.insert(&to, item, Kind::Folder)?;
                        open.push((from, to));
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes sure that the folders above an entry are entries. What is a folder already stays as it is.
    fn parents(&mut self, target: &[u8], item: usize) -> Result<(), Failure> {
        for (at, _) in target.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let folder = &target[..at];
            if !matches!(self.gathered.entries.get(folder), Some(Entry { kind: Kind::Folder, .. })) {
                self.insert(folder, item, Kind::Folder)?;
            }
        }
        Ok(())
    }

    /// Adds an entry over what was there, as copying would: a folder joins a folder, everything else takes its place.
    fn insert(&mut self, target: &[u8], item: usize, kind: Kind) -> Result<(), Failure> {
        if target.len() > LONGEST {
            let shown = String::from_utf8_lossy(&target[..200]);
            return Err(Failure::invalid(format!("the path in the archive that begins `{shown}` is too long")));
        }
        let entries = &mut self.gathered.entries;
        let is_folder = matches!(kind, Kind::Folder);
        let before = entries.insert(target.to_vec(), Entry { item, kind });
        if !is_folder && before.is_some_and(|entry| matches!(entry.kind, Kind::Folder)) {
            // `0` is the byte after `/`.
            let (from, to) = (join(target, b""), [target, b"0"].concat());
            let below = entries.range((Bound::Included(from), Bound::Excluded(to)));
            for path in below.map(|(path, _)| path.clone()).collect::<Vec<_>>() {
                entries.remove(&path);
            }
        }
        if entries.len() > MOST as usize {
            let message = format!("an archive has at most {MOST} entries, and this one would have more");
            return Err(Failure::new(Blame::User, "too-large", message));
        }
        Ok(())
    }
}

/// A path of two parts.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// The step is being stopped.
pub(crate) fn check_cancelled(cancelled: &dyn Fn() -> bool) -> Result<(), Failure> {
    if cancelled() { Err(Failure::new(Blame::User, "cancelled", "the step is being stopped")) } else { Ok(()) }
}

/// Somebody writes what is being packed.
pub(crate) fn changed(path: &[u8]) -> Failure {
    let path = String::from_utf8_lossy(path);
    Failure::invalid(format!("`{path}` changed while it was being packed"))
        .hint("let whatever writes it end before it is packed")
}

/// A path, or one below it.
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn identity(folder: &OwnedFd) -> Result<Identity, Errno> {
    fstat(folder).map(|found| (found.st_dev, found.st_ino))
}

fn kind(found: FileType, path: &[u8]) -> Result<EntryKind, Failure> {
    let special = match found {
        FileType::RegularFile => return Ok(EntryKind::File),
        FileType::Directory => return Ok(EntryKind::Directory),
        FileType::Symlink => return Ok(EntryKind::Link),
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    let path = String::from_utf8_lossy(path);
    Err(Failure::invalid(format!("`{path}` is {special}, which cannot be packed"))
        .hint("exclude it, or remove it before"))
}
