//! Reading a tar archive: its entries one after the other, from a stream that nobody has checked. It writes nothing,
//! keeps no more than one entry's names in memory, and takes no header's word for how much that is.

use crate::gather::check_cancelled;
use crate::header::{BLOCK, padding};
use crate::path::LONGEST;
use model::{Blame, Failure};
use std::io::{self, Read};
use tar::EntryType;

/// Longest record of extended names, in bytes. Those that matter are paths; the rest are attributes, which are dropped.
const LONGEST_RECORD: u64 = 1 << 20;
/// Most headers that say more about one entry.
const MOST_EXTENSIONS: u32 = 16;

/// What an archive may cost.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of the archive before compression.
    pub(crate) bytes: u64,
    pub(crate) entries: u32,
}

/// One entry. Its content, if it has one, is read before the next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Plain names with `/` between them; empty for the archive's root.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File {
        executable: bool,
        /// In seconds since 1970.
        modified: u64,
    },
    /// Where it leads, as it is written.
    SymbolicLink(Vec<u8>),
    /// The path of another entry, as plain names.
    HardLink(Vec<u8>),
}

/// The entries of a stream.
pub(crate) struct Entries<'a, R> {
    from: R,
    limits: Limits,
    /// Bytes that were read.
    read: u64,
    /// Content of the entry at hand that was not read yet, and what it is filled up with.
    content: u64,
    padding: usize,
    pub(crate) count: u32,
    cancelled: &'a dyn Fn() -> bool,
}

/// What other headers say about the entry that follows.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<'a, R: Read> Entries<'a, R> {
    pub(crate) fn new(from: R, limits: Limits, cancelled: &'a dyn Fn() -> bool) -> Self {
        Self { from, limits, read: 0, content: 0, padding: 0, count: 0, cancelled }
    }

    /// The next entry; `None` at the archive's end, when all of the stream was read.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Failure> {
        check_cancelled(self.cancelled)?;
        self.skip_content()?;
        let (mut said, mut gnu, mut extensions) = (Extension::default(), Extension::default(), 0);
        loop {
            let Some(header) = self.header()? else {
                if extensions > 0 {
                    return Err(damaged("it ends where an entry should follow"));
                }
                self.drain()?;
                return Ok(None);
            };
            let size = header.entry_size().map_err(|_| damaged("a header has a bad length"))?;
            match header.entry_type() {
                EntryType::XHeader => pax(&self.record(size)?, &mut said)?,
                EntryType::XGlobalHeader => {
                    let mut all = Extension::default();
                    pax(&self.record(size)?, &mut all)?;
                    if all.path.is_some() || all.link.is_some() || all.size.is_some() {
                        return Err(Failure::invalid("the archive has one path or length for several entries"));
                    }
                }
                EntryType::GNULongName => gnu.path = Some(text(self.record(size)?)),
                EntryType::GNULongLink => gnu.link = Some(text(self.record(size)?)),
                _ => {
                    said.path = said.path.or(gnu.path);
                    said.link = said.link.or(gnu.link);
                    return self.entry(&header, said.size.unwrap_or(size), said).map(Some);
                }
            }
            extensions += 1;
            if extensions > MOST_EXTENSIONS {
                return Err(Failure::invalid("the archive has too many headers for one entry"));
            }
        }
    }

    fn entry(&mut self, header: &tar::Header, size: u64, said: Extension) -> Result<Entry, Failure> {
        self.count += 1;
        if self.count > self.limits.entries {
            return Err(too_large(format!("more than {} entries", self.limits.entries)));
        }
        let path = said.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = said.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned)).unwrap_or_default();
        let shown = shown(&path);
        let plain = plain(&path).ok_or_else(|| {
            Failure::invalid(format!("the archive's entry {shown} leads out of the folder, or is no path"))
        })?;
        let no_content = |kind| match size {
            0 => Ok(kind),
            // Readers disagree about whether it is there, so what follows could be read in two ways.
            _ => Err(Failure::invalid(format!("the archive's entry {shown} is no file, and has content"))),
        };
        let kind = match header.entry_type() {
            // Before POSIX, a folder was a file with a `/` at its end.
            EntryType::Regular if path.ends_with(b"/") => no_content(Kind::Folder)?,
            EntryType::Regular | EntryType::Continuous => {
                let mode = header.mode().map_err(|_| damaged("a header has bad permission bits"))?;
                Kind::File { executable: mode & 0o111 != 0, modified: header.mtime().unwrap_or(0) }
            }
            EntryType::Directory => no_content(Kind::Folder)?,
            EntryType::Symlink => {
                if link.is_empty() || link.len() > LONGEST || link.contains(&0) {
                    return Err(Failure::invalid(format!("the archive's link {shown} leads nowhere")));
                }
                no_content(Kind::SymbolicLink(link))?
            }
            EntryType::Link => {
                let to = self::plain(&link).filter(|to| !to.is_empty());
                let to = to.ok_or_else(|| {
                    let link = self::shown(&link);
                    Failure::invalid(format!("the archive's hard link {shown} leads out of the folder, to {link}"))
                })?;
                no_content(Kind::HardLink(to))?
            }
            other => {
                let what = match other {
                    EntryType::Char | EntryType::Block => "a device".to_owned(),
                    EntryType::Fifo => "a named pipe".to_owned(),
                    EntryType::GNUSparse => "a sparse file".to_owned(),
                    other => format!("of the unknown kind {:?}", char::from(other.as_byte())),
                };
                return Err(Failure::invalid(format!("the archive's entry {shown} is {what}, which is not unpacked")));
            }
        };
        if plain.is_empty() && kind != Kind::Folder {
            return Err(Failure::invalid(format!("the archive's entry {shown} has no name")));
        }
        if size > self.limits.bytes.saturating_sub(self.read) {
            return Err(self.too_many_bytes());
        }
        (self.content, self.padding) = (size, padding(size));
        Ok(Entry { path: plain, kind })
    }

    /// Reads some of the entry's content; 0 at its end.
    pub(crate) fn content(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let most = usize::try_from(self.content).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        check_cancelled(self.cancelled)?;
        let read = self.some(&mut buffer[..most])?;
        if read == 0 {
            return Err(damaged("it ends within a file"));
        }
        self.content -= read as u64;
        Ok(read)
    }

    fn skip_content(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 8 * BLOCK];
        while self.content(&mut buffer)? > 0 {}
        let padding = std::mem::take(&mut self.padding);
        if self.whole(&mut buffer[..padding])? { Ok(()) } else { Err(damaged("it ends after a file")) }
    }

    /// The next header, whose checksum is right; `None` for the empty block that ends the archive.
    fn header(&mut self) -> Result<Option<tar::Header>, Failure> {
        let mut header = tar::Header::new_old();
        if !self.whole(header.as_mut_bytes())? {
            return Err(damaged("it ends without the mark of its end"));
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let bytes = header.as_bytes();
        // The checksum itself counts as spaces.
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        let sum = sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]);
        match header.cksum() {
            Ok(said) if said == sum => Ok(Some(header)),
            _ if self.read == BLOCK as u64 => Err(Failure::invalid("the file is no tar archive")),
            _ => Err(damaged("a header's checksum is wrong")),
        }
    }

    /// The content of a header that says more about the next.
    fn record(&mut self, size: u64) -> Result<Vec<u8>, Failure> {
        if size > LONGEST_RECORD {
            return Err(too_large(format!("an extended header of {size} bytes, where {LONGEST_RECORD} are allowed")));
        }
        let size = usize::try_from(size).map_err(|e| Failure::internal(e.to_string()))?;
        let mut record = vec![0; size + padding(size as u64)];
        if !self.whole(&mut record)? {
            return Err(damaged("it ends within an extended header"));
        }
        record.truncate(size);
        Ok(record)
    }

    /// Reads what follows the archive's end, so that a damaged or endless stream shows.
    fn drain(&mut self) -> Result<(), Failure> {
        let mut buffer = [0; 8 * BLOCK];
        while self.some(&mut buffer)? > 0 {
            check_cancelled(self.cancelled)?;
        }
        Ok(())
    }

    /// Fills the buffer; false where the stream ends before.
    fn whole(&mut self, buffer: &mut [u8]) -> Result<bool, Failure> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.some(&mut buffer[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(damaged("it ends too early")),
                read => filled += read,
            }
        }
        Ok(true)
    }

    fn some(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        loop {
            match self.from.read(buffer) {
                Ok(read) => {
                    self.read += read as u64;
                    return if self.read > self.limits.bytes { Err(self.too_many_bytes()) } else { Ok(read) };
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(match e.kind() {
                        io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
                        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                            damaged("its compression is broken")
                        }
                        _ => Failure::new(Blame::Host, "unavailable", format!("the archive cannot be read: {e}")),
                    });
                }
            }
        }
    }

    fn too_many_bytes(&self) -> Failure {
        too_large(format!("more than {} bytes", self.limits.bytes))
    }
}

/// The names of a path, without the parts that say nothing; `None` for one that is absolute, leads up, is too long or
/// has a NUL.
fn plain(path: &[u8]) -> Option<Vec<u8>> {
    if path.len() > LONGEST || path.starts_with(b"/") || path.contains(&0) {
        return None;
    }
    let names: Vec<&[u8]> = path.split(|b| *b == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
    if names.contains(&&b".."[..]) { None } else { Some(names.join(&b'/')) }
}

/// For a message: quoted, and not too long.
fn shown(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&path[..path.len().min(200)]))
}

/// GNU's long names end with a NUL.
fn text(mut record: Vec<u8>) -> Vec<u8> {
    record.truncate(record.iter().position(|b| *b == 0).unwrap_or(record.len()));
    record
}

/// Reads the records of a POSIX extended header, `LENGTH KEY=VALUE\n` each.
fn pax(mut records: &[u8], into: &mut Extension) -> Result<(), Failure> {
    let wrong = || damaged("an extended header is malformed");
    while !records.is_empty() {
        let space = records.iter().position(|b| *b == b' ').ok_or_else(wrong)?;
        let length: usize =
            std::str::from_utf8(&records[..space]).ok().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let record = records.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(wrong)?;
        records = &records[length..];
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(wrong)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        // An empty value takes back what was said before.
        let value = Some(value).filter(|value| !value.is_empty());
        match key {
            b"path" => into.path = value.map(<[u8]>::to_vec),
            b"linkpath" => into.link = value.map(<[u8]>::to_vec),
            b"size" => {
                let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse().ok();
                into.size = value.map(|value| number(value).ok_or_else(wrong)).transpose()?;
            }
            _ if key.starts_with(b"GNU.sparse.") => {
                return Err(Failure::invalid("the archive has a sparse file, which is not unpacked")
                    .hint("pack it without `--sparse`"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn damaged(why: &str) -> Failure {
    Failure::invalid(format!("the archive is damaged: {why}"))
}

fn too_large(what: String) -> Failure {
    Failure::new(Blame::User, "too-large", format!("the archive has {what}"))
}
