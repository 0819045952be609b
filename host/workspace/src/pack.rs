//! Packing. It never packs half a file: one that does not have the same length and time before and after is an error.

use crate::Workspace;
use crate::gather::{Gathered, Kind, Source, changed, check_cancelled, gather, join};
use crate::header::{BLOCK, Header, padding};
use crate::packing::{Packed, Packing};
use crate::path;
use crate::stream::{self, Blocks};
use crate::tree::explain;
use model::Failure;
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use tar::EntryType;

impl Workspace {
    /// Packs into a file of the workspace, which is replaced where it exists and has its name only when it is whole.
    /// The same files give the same bytes on any machine. Errors: `not-found` (a source), `invalid` (a special file, a
    /// link that leaves the workspace, a file that changes meanwhile), `too-large`, `exhausted`, `cancelled`.
    pub fn pack(&self, packing: &Packing, to: &str, cancelled: &dyn Fn() -> bool) -> Result<Packed, Failure> {
        self.pack_with(packing, to, cancelled, stream::workers())
    }

    /// The same with a number of threads; the bytes do not depend on it.
    pub(crate) fn pack_with(
        &self,
        packing: &Packing,
        to: &str,
        cancelled: &dyn Fn() -> bool,
        workers: usize,
    ) -> Result<Packed, Failure> {
        packing.check()?;
        path::split(to)?;
        // Before the file is begun, which is in the workspace as well.
        let gathered = gather(self, packing, to, cancelled)?;
        let entries = u32::try_from(gathered.entries.len()).map_err(|e| Failure::internal(e.to_string()))?;
        let mut archive = Archive { files: self, packing, gathered: &gathered, folder: None, cancelled };
        let written = self
            .create(to, |file| stream::write(file, to, packing.compression, workers, |blocks| archive.write(blocks)))?;
        Ok(Packed { digest: written.digest, size: written.size, content_digest: written.content_digest, entries })
    }
}

struct Archive<'a> {
    files: &'a Workspace,
    packing: &'a Packing,
    gathered: &'a Gathered,
    /// The folder of the entry before, which the next one is mostly in.
    folder: Option<(usize, OwnedFd)>,
    cancelled: &'a dyn Fn() -> bool,
}

impl Archive<'_> {
    fn write(&mut self, blocks: &mut Blocks) -> Result<(), Failure> {
        let mut header = Vec::with_capacity(4 * BLOCK);
        for (path, entry) in &self.gathered.entries {
            check_cancelled(self.cancelled)?;
            let item = &self.packing.items[entry.item];
            let mut said = Header {
                path,
                link: b"",
                kind: EntryType::Regular,
                mode: 0,
                user: item.user,
                group: item.group,
                modified: self.packing.modified.unwrap_or(0),
                size: 0,
            };
            header.clear();
            match &entry.kind {
                Kind::Folder => {
                    (said.kind, said.mode) = (EntryType::Directory, item.folder_mode());
                    Header { path: &join(path, b""), ..said }.write(&mut header);
                    blocks.add(&header)?;
                }
                Kind::Link(source) => {
                    let link = self.link(source)?;
                    (said.kind, said.mode) = (EntryType::Symlink, 0o777);
                    Header { link: &link, ..said }.write(&mut header);
                    blocks.add(&header)?;
                }
                Kind::File(source) => {
                    let (file, found) = self.open(source)?;
                    said.mode = item.file_mode(found.st_mode & 0o111 != 0);
                    said.size = u64::try_from(found.st_size).unwrap_or_default();
                    if self.packing.modified.is_none() {
                        said.modified = u64::try_from(found.st_mtime).unwrap_or(0);
                    }
                    said.write(&mut header);
                    blocks.add(&header)?;
                    self.content(blocks, source, &file, &found)?;
                }
            }
        }
        // Two empty blocks are the end.
        blocks.add(&[0; 2 * BLOCK])
    }

    fn content(&self, blocks: &mut Blocks, source: &Source, file: &File, before: &Stat) -> Result<(), Failure> {
        let path = self.path(source);
        let size = u64::try_from(before.st_size).unwrap_or_default();
        let between = || check_cancelled(self.cancelled);
        let read = blocks.add_file(file, size, &path, between)?;
        let after = fstat(file).map_err(|e| explain("pack", &String::from_utf8_lossy(&path), e))?;
        let seen = |found: &Stat| (found.st_size, found.st_mtime, found.st_mtime_nsec);
        if read != size || seen(before) != seen(&after) {
            return Err(changed(&path));
        }
        blocks.add(&[0; BLOCK][..padding(size)])
    }

    /// An open regular file.
    fn open(&mut self, source: &Source) -> Result<(File, Stat), Failure> {
        // Not blocking: opening a FIFO would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(self.folder(source)?, &*source.name, flags, Mode::empty());
        let file = File::from(file.map_err(|e| self.explain(source, e))?);
        let found = fstat(&file).map_err(|e| self.explain(source, e))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(changed(&self.path(source)));
        }
        Ok((file, found))
    }

    /// Where a symbolic link leads, as it is written in it.
    fn link(&mut self, source: &Source) -> Result<Vec<u8>, Failure> {
        let link = readlinkat(self.folder(source)?, &*source.name, Vec::new());
        link.map(std::ffi::CString::into_bytes).map_err(|e| self.explain(source, e))
    }

    fn folder(&mut self, source: &Source) -> Result<&OwnedFd, Failure> {
        let open = match self.folder.take() {
            Some((at, open)) if at == source.folder => open,
            _ => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let open = self.files.beneath(&self.gathered.folders[source.folder], flags);
                open.map_err(|e| self.explain(source, e))?
            }
        };
        Ok(&self.folder.insert((source.folder, open)).1)
    }

    fn path(&self, source: &Source) -> Vec<u8> {
        join(&self.gathered.folders[source.folder], &source.name)
    }

    /// It was there, and of this kind, a moment ago.
    fn explain(&self, source: &Source, e: Errno) -> Failure {
        let path = self.path(source);
        match e {
            // LOOP is a link in a file's place, INVAL a file in a link's.
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::INVAL | Errno::NXIO => changed(&path),
            e => explain("pack", &String::from_utf8_lossy(&path), e),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Compression, Item, Packing, Workspace};

    /// Blocks of many kinds, so that each thread meets another order of them.
    #[test]
    fn the_bytes_do_not_depend_on_the_threads() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Workspace::open(folder.path()).expect("it is there");
        let mut state = 1_u32;
        for name in 0..12 {
            let mut content = Vec::new();
            for _ in 0..200_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let random = state.to_be_bytes();
                content.extend_from_slice(if name % 3 == 0 {
                    &random
                } else {
                    &b"abcdefgh"[..usize::from(random[0] % 8)]
                });
            }
            files.write(&format!("tree/{name}"), &content).expect("a file");
        }
        let item = Item { source: "tree".to_owned(), target: String::new(), user: 0, group: 0, mode: None };
        for compression in [Compression::None, Compression::Gzip] {
            let packing = Packing { items: vec![item.clone()], exclude: vec![], modified: Some(0), compression };
            let pack = |workers| files.pack_with(&packing, "out", &|| false, workers).expect("packed");
            let packed = pack(1);
            for workers in [1, 2, 2, 3, 8, 8] {
                assert_eq!(pack(workers), packed, "{workers} threads, {compression:?}");
            }
        }
    }
}
