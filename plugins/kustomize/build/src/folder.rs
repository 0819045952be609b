//! [`Files`] over a folder on disk, for tests, the conformance run and native tools. Not part of a component.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{Entry, Files, Kind};

/// A folder on disk as the root of a build. Reads nothing outside of it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// `None` where a part of the way is a link: the trait does not follow those.
    fn place(&self, path: &str) -> io::Result<Option<PathBuf>> {
        let mut place = self.root.clone();
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            if parts.peek().is_some() && fs::symlink_metadata(&place)?.is_symlink() {
                return Ok(None);
            }
        }
        Ok(Some(place))
    }

    fn kind(metadata: &fs::Metadata) -> Kind {
        if metadata.is_symlink() {
            Kind::Link
        } else if metadata.is_dir() {
            Kind::Directory
        } else {
            Kind::File
        }
    }
}

/// Nothing there is an answer, not an error.
fn absent<T>(path: &str, result: io::Result<Option<T>>) -> Result<Option<T>> {
    result.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(Error::new(ErrorKind::Host, format!("{path}: {error}"))),
    })
}

impl Files for Folder {
    fn look(&self, path: &str) -> Result<Option<Kind>> {
        let look = || {
            let Some(place) = self.place(path)? else { return Ok(None) };
            Ok(Some(Self::kind(&fs::symlink_metadata(place)?)))
        };
        absent(path, look())
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let read = || {
            let Some(place) = self.place(path)? else { return Ok(None) };
            if fs::symlink_metadata(&place)?.is_symlink() {
                return Ok(Some(fs::read_link(place)?.into_os_string().into_encoded_bytes()));
            }
            fs::read(place).map(Some)
        };
        absent(path, read())
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>> {
        let list = || {
            let Some(place) = self.place(path)? else { return Ok(None) };
            let mut entries = Vec::new();
            for entry in fs::read_dir(place)? {
                let entry = entry?;
                let Some(name) = OsStr::to_str(&entry.file_name()).map(str::to_owned) else { continue };
                entries.push(Entry { name, kind: Self::kind(&fs::symlink_metadata(entry.path())?) });
            }
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Some(entries))
        };
        absent(path, list())
    }
}
