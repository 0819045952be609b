//! Unpacking. It never follows a link out of the folder, never writes through a file that is there (a name gets a new
//! file), and makes nothing but folders, files and links. A symbolic link is made wherever it leads: nothing of the
//! host follows it out, least of all an entry that comes after it.

use crate::Workspace;
use crate::entries::{Entries, Entry, Kind, Limits};
use crate::gather::MOST;
use crate::path::check;
use crate::tree::failed;
use flate2::bufread::MultiGzDecoder;
use model::{Blame, Failure};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, linkat, mkdirat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

/// Bytes copied at a time.
const BUFFER: usize = 128 << 10;
/// How often a name is cleared for an entry, where a child makes it again each time.
const TRIES: u32 = 16;
const LIMITS: Limits = Limits { bytes: 16 << 30, entries: MOST };

impl Workspace {
    /// Unpacks a tar archive, plain or gzip, into a folder, over what is there; answers how many entries it had. What
    /// was unpacked before an error stays. Errors: `not-found`; `invalid` for what is no such archive, is damaged, has
    /// a device or sparse file, or an entry that leads out of the folder; `too-large` beyond 16 GiB or 1,048,576
    /// entries; `exhausted`, `cancelled`.
    pub fn unpack(&self, source: &str, to: &str, cancelled: &dyn Fn() -> bool) -> Result<u32, Failure> {
        self.unpack_within(source, to, LIMITS, false, cancelled)
    }

    /// The same, and gives each file the time that the archive says.
    pub fn unpack_with_times(&self, source: &str, to: &str, cancelled: &dyn Fn() -> bool) -> Result<u32, Failure> {
        self.unpack_within(source, to, LIMITS, true, cancelled)
    }

    pub(crate) fn unpack_within(
        &self,
        source: &str,
        to: &str,
        limits: Limits,
        times: bool,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<u32, Failure> {
        check(to)?;
        let missing =
            || Failure::new(Blame::Plugin, "not-found", format!("`{source}` is not there, so it cannot be unpacked"));
        let mut file = BufReader::with_capacity(BUFFER, self.open_file(source)?.ok_or_else(missing)?);
        let gzip = match file.fill_buf().map_err(|e| failed("read", source, &e))? {
            [0x1f, 0x8b, ..] => true,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Err(unknown(source, "zstd")),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => return Err(unknown(source, "xz")),
            [b'B', b'Z', b'h', ..] => return Err(unknown(source, "bzip2")),
            [] => return Err(Failure::invalid(format!("`{source}` is empty"))),
            _ => false,
        };
        let into = Into { root: Self::from_fd(self.make_folders(to)?), to, times, folder: None };
        if gzip {
            into.all(Entries::new(MultiGzDecoder::new(file), limits, cancelled))
        } else {
            into.all(Entries::new(file, limits, cancelled))
        }
    }
}

fn unknown(source: &str, format: &str) -> Failure {
    Failure::invalid(format!("`{source}` is compressed with {format}, which is not unpacked"))
        .hint("compress it with gzip, or not at all")
}

/// The folder that is unpacked into.
struct Into<'a> {
    root: Workspace,
    /// Its path, for messages.
    to: &'a str,
    /// Whether files get the times that the archive says.
    times: bool,
    /// The folder of the entry before, which the next one is mostly in. Only the last one, so that it never outlives a
    /// link that it was reached by: what takes that link's place is in a folder above.
    folder: Option<(Vec<u8>, OwnedFd)>,
}

impl Into<'_> {
    fn all(mut self, mut entries: Entries<'_, impl Read>) -> Result<u32, Failure> {
        let mut buffer = vec![0; BUFFER];
        while let Some(Entry { path, kind }) = entries.next()? {
            // The root is there already.
            if path.is_empty() {
                continue;
            }
            match kind {
                Kind::Folder => self.folder(&path)?,
                Kind::SymbolicLink(link) => {
                    self.place(&path, |folder, name| symlinkat(&link, folder, name))?;
                }
                Kind::HardLink(to) => self.hard_link(&path, &to)?,
                Kind::File { executable, modified } => {
                    let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
                    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let mut file = File::from(self.place(&path, |folder, name| openat(folder, name, flags, mode))?);
                    loop {
                        let read = entries.content(&mut buffer)?;
                        if read == 0 {
                            break;
                        }
                        let written = file.write_all(&buffer[..read]);
                        written.map_err(|e| failed("write", &self.shown(&path), &e))?;
                    }
                    if self.times {
                        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(modified));
                        let set = time.map_or(Ok(()), |time| file.set_modified(time));
                        set.map_err(|e| failed("write", &self.shown(&path), &e))?;
                    }
                }
            }
        }
        Ok(entries.count)
    }

    /// A folder joins one that is there, and takes the place of anything else.
    fn folder(&mut self, path: &[u8]) -> Result<(), Failure> {
        let mode = Mode::from_raw_mode(0o755);
        let (parent, name) = split(path);
        let folder = self.parent(path, parent)?;
        let made = match mkdirat(folder, name, mode) {
            Err(Errno::EXIST) => {
                statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map(|found| is(&found, FileType::Directory))
            }
            made => made.map(|()| true),
        };
        if made.map_err(|e| self.explain(path, e))? {
            return Ok(());
        }
        self.place(path, |folder, name| mkdirat(folder, name, mode))
    }

    /// Another name for a file of the folder.
    fn hard_link(&mut self, path: &[u8], to: &[u8]) -> Result<(), Failure> {
        let (parent, name) = split(to);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let found = self.root.beneath(parent, flags).and_then(|folder| {
            let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok((folder, found))
        });
        let wrong = |why: &str| {
            let (path, to) = (self.shown(path), String::from_utf8_lossy(to));
            Failure::invalid(format!("`{path}` is a hard link to `{to}`, which {why}"))
        };
        let (folder, found) = match found {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(wrong("is not there")),
            Err(Errno::XDEV | Errno::LOOP) => return Err(wrong("leads out of the folder, by a link")),
            Err(e) => return Err(self.explain(to, e)),
        };
        if !is(&found, FileType::RegularFile) {
            return Err(wrong("is no file"));
        }
        self.place(path, |into, as_name| {
            // Clearing the name of a file that it already names could clear its last one.
            match statat(into, as_name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(there) if (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino) => Ok(()),
                _ => linkat(&folder, name, into, as_name, AtFlags::empty()),
            }
        })
    }

    /// Makes something under a name, which is cleared first where there is something else.
    fn place<T>(&mut self, path: &[u8], make: impl Fn(&OwnedFd, &[u8]) -> Result<T, Errno>) -> Result<T, Failure> {
        let (parent, name) = split(path);
        let folder = self.parent(path, parent)?;
        for _ in 0..TRIES {
            match make(folder, name) {
                Err(Errno::EXIST) => {}
                made => return made.map_err(|e| self.explain(path, e)),
            }
            match unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) => {
                    let path = self.shown(path);
                    return Err(Failure::invalid(format!("`{path}` is a folder, and something else in the archive"))
                        .hint("remove the folder before"));
                }
                Err(e) => return Err(self.explain(path, e)),
            }
        }
        Err(self.explain(path, Errno::EXIST))
    }

    /// The folder that an entry goes into, made where it is missing.
    fn parent(&mut self, path: &[u8], parent: &[u8]) -> Result<&OwnedFd, Failure> {
        let open = match self.folder.take() {
            Some((at, open)) if at == parent => open,
            _ => self.make(parent).map_err(|e| self.explain(path, e))?,
        };
        Ok(&self.folder.insert((parent.to_vec(), open)).1)
    }

    fn make(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        match self.root.beneath(path, flags) {
            Err(Errno::NOENT) => {}
            there => return there,
        }
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            // From the root each time: a link to another folder within is fine, one out of it is not.
            let (parent, name) = split(&path[..end]);
            match mkdirat(self.root.beneath(parent, flags)?, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(e),
            }
        }
        self.root.beneath(path, flags)
    }

    /// The path in the workspace.
    fn shown(&self, path: &[u8]) -> String {
        let path = String::from_utf8_lossy(path);
        if self.to.is_empty() { path.into_owned() } else { format!("{}/{path}", self.to) }
    }

    fn explain(&self, path: &[u8], e: Errno) -> Failure {
        let shown = self.shown(path);
        match e {
            Errno::XDEV | Errno::LOOP => {
                Failure::invalid(format!("`{shown}` leads out of the folder that is unpacked into, by a link"))
            }
            Errno::NOTDIR | Errno::NOENT => Failure::invalid(format!("`{shown}` is below something that is no folder")),
            e => failed("write", &shown, &e.into()),
        }
    }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

fn is(found: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(found.st_mode) == kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;
    use std::io;

    /// Headers of empty files, and the end.
    fn files(count: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for n in 0..count {
            let mut header = tar::Header::new_ustar();
            header.set_path(format!("f{n}")).expect("a path");
            header.set_size(0);
            header.set_mode(0o644);
            header.set_cksum();
            bytes.extend_from_slice(header.as_bytes());
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    fn unpack(archive: impl Read, limits: Limits) -> Result<u32, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = File::create(folder.path().join("in.tar.gz")).expect("a file");
        io::copy(&mut GzEncoder::new(archive, Compression::fast()), &mut file).expect("an archive");
        Workspace::open(folder.path()).expect("a folder").unpack_within("in.tar.gz", "to", limits, false, &|| false)
    }

    #[test]
    fn limits_are_where_they_are_said_to_be() {
        let limits = |bytes, entries| Limits { bytes, entries };
        let size = files(5).len() as u64;
        assert_eq!(unpack(&files(5)[..], limits(size, 5)).expect("it fits"), 5);
        let failure = unpack(&files(5)[..], limits(size, 4)).expect_err("an entry too many");
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("too-large", "the archive has more than 4 entries")
        );
        let failure = unpack(&files(5)[..], limits(size - 1, 5)).expect_err("a byte too many");
        assert_eq!(failure.code, "too-large");
        assert_eq!(failure.message, format!("the archive has more than {} bytes", size - 1));
        assert_eq!((LIMITS.bytes, LIMITS.entries), (17_179_869_184, 1_048_576));
    }

    /// Small on the disk, endless when it is read: as one file, and behind the archive's end.
    #[test]
    fn a_bomb_is_stopped_by_the_limit() {
        let limits = Limits { bytes: 50 << 20, entries: 10 };
        let zeros = || io::repeat(0).take(200 << 20);
        let failure = unpack(files(1).chain(zeros()), limits).expect_err("behind the end");
        assert_eq!(failure.code, "too-large");
        let mut header = tar::Header::new_gnu();
        header.set_path("zeros").expect("a path");
        header.set_size(200 << 20);
        header.set_mode(0o644);
        header.set_cksum();
        let failure = unpack(header.as_bytes().chain(zeros()), limits).expect_err("as a file");
        assert_eq!(failure.code, "too-large");
    }
}
