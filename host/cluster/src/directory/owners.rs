//! Whose each file is: the destination's own book, since rendered manifests carry no marks. It is a log to which a line is
//! added before a file is written and after one is deleted, so that a crash leaves at most an entry without a file.

use planner::object::ObjectKey;
use planner::owner::ApplicationName;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A log this many times as long as what it says is written anew.
const SLACK: usize = 4;

/// An entry: whose an object is, or that it is nobody's any more.
#[derive(Serialize, Deserialize)]
struct Line {
    object: ObjectKey,
    application: Option<ApplicationName>,
}

/// The book, as far as it was read.
pub(crate) struct Owners {
    path: PathBuf,
    file: File,
    /// Up to where it was read, in bytes.
    read: u64,
    lines: usize,
    owners: HashMap<ObjectKey, ApplicationName>,
}

impl Owners {
    /// Opens the book in a folder, which is made where it is not there; whoever calls this holds the destination's lock.
    ///
    /// # Errors
    /// Those of the file system, and `InvalidData` for a book that is none.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("owners");
        let mut owners = Self { file: open(&path)?, path, read: 0, lines: 0, owners: HashMap::new() };
        owners.catch_up()?;
        if owners.lines > 64 && owners.lines > SLACK * owners.owners.len() {
            owners.rewrite()?;
        }
        Ok(owners)
    }

    /// Reads what others have added since. A book that is gone is an error: the folder is not what it was.
    pub(crate) fn catch_up(&mut self) -> io::Result<()> {
        if fs::metadata(&self.path)?.ino() != self.file.metadata()?.ino() {
            // Somebody has written it anew.
            (self.file, self.read, self.lines) = (open(&self.path)?, 0, 0);
            self.owners.clear();
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut reader = BufReader::new(&self.file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let length = reader.read_until(b'\n', &mut text)?;
            // A line without its end was cut by a crash: it is overwritten.
            if text.last() != Some(&b'\n') {
                return Ok(());
            }
            let line: Line = serde_json::from_slice(&text)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {e}", self.path.display())))?;
            match line.application {
                Some(application) => self.owners.insert(line.object, application),
                None => self.owners.remove(&line.object),
            };
            self.read += length as u64;
            self.lines += 1;
        }
    }

    /// Whose an object is.
    pub(crate) fn of(&self, key: &ObjectKey) -> Option<&ApplicationName> {
        self.owners.get(key)
    }

    /// The objects of an application.
    pub(crate) fn objects<'a>(&'a self, application: &'a ApplicationName) -> impl Iterator<Item = &'a ObjectKey> {
        self.owners.iter().filter(move |(_, owner)| *owner == application).map(|(key, _)| key)
    }

    /// Notes whose an object is, durably; whoever calls this holds the destination's lock, and has caught up.
    pub(crate) fn note(&mut self, key: &ObjectKey, application: Option<&ApplicationName>) -> io::Result<()> {
        if self.of(key) == application {
            return Ok(());
        }
        let line = Line { object: key.clone(), application: application.cloned() };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file.set_len(self.read)?;
        self.file.seek(SeekFrom::Start(self.read))?;
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        self.read += text.len() as u64;
        self.lines += 1;
        match line.application {
            Some(application) => self.owners.insert(line.object, application),
            None => self.owners.remove(&line.object),
        };
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for (object, application) in &self.owners {
            let line = Line { object: object.clone(), application: Some(application.clone()) };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(&text)?;
        new.as_file().sync_data()?;
        new.persist(&self.path).map_err(|e| e.error)?;
        (self.file, self.read, self.lines) = (open(&self.path)?, text.len() as u64, self.owners.len());
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::Owners;
    use planner::object::{GroupKind, ObjectKey};
    use planner::owner::ApplicationName;
    use std::io::Write as _;

    #[test]
    fn a_book_is_read_as_it_was_written_however_it_ended() {
        let folder = tempfile::TempDir::new().unwrap();
        let key = |name: &str| ObjectKey::new(GroupKind::new("", "ConfigMap"), "shop", name);
        let (one, two) = (ApplicationName::from("one"), ApplicationName::from("two"));
        let mut book = Owners::open(folder.path()).unwrap();
        let mut other = Owners::open(folder.path()).unwrap();
        book.note(&key("a"), Some(&one)).unwrap();
        book.note(&key("b"), Some(&one)).unwrap();
        other.catch_up().unwrap();
        other.note(&key("a"), Some(&two)).unwrap();
        book.catch_up().unwrap();
        assert_eq!((book.of(&key("a")), book.of(&key("b"))), (Some(&two), Some(&one)));
        // What a crash left of a line is no line.
        let path = folder.path().join("owners");
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"object\":\"/Con").unwrap();
        let mut book = Owners::open(folder.path()).unwrap();
        book.note(&key("b"), None).unwrap();
        assert_eq!(Owners::open(folder.path()).unwrap().objects(&two).cloned().collect::<Vec<_>>(), [key("a")]);
        for _ in 0..100 {
            book.note(&key("c"), Some(&one)).unwrap();
            book.note(&key("c"), None).unwrap();
        }
        let book = Owners::open(folder.path()).unwrap();
        assert_eq!((book.lines, book.of(&key("a"))), (1, Some(&two)));
        std::fs::write(&path, "no book\n").unwrap();
        assert!(Owners::open(folder.path()).is_err());
    }
}
