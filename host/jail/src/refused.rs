//! The places that a child wanted and did not get, noted by its proxy in the child's folder for the host to log. It never
//! holds more than a child could say in earnest.

use crate::folder::Folder;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Mutex;

/// The file in the child's folder.
const FILE: &str = "refused";
/// The most lines, each at most `LINE` bytes: 64 KiB altogether, whatever a child asks for.
const LINES: usize = 127;
const LINE: usize = 500;
const MORE: &str = "and other places, which are too many to list";

/// The list, as its one writer has it.
pub struct Refused {
    file: File,
    told: Mutex<HashSet<String>>,
}

impl Refused {
    /// Opens it before the privileges for that are gone.
    pub fn open(folder: &Folder) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(folder.file(FILE))?;
        Ok(Self { file, told: Mutex::default() })
    }

    /// Notes a refusal once. A disk that is full loses it: the child was told anyway.
    pub fn note(&self, message: &str) {
        let mut line: String = message.chars().filter(|c| !c.is_control()).collect();
        while line.len() > LINE {
            line.pop();
        }
        let Ok(mut told) = self.told.lock() else { return };
        if told.len() > LINES || told.contains(&line) {
            return;
        }
        if told.len() == LINES {
            line = MORE.to_owned();
        }
        let _ = (&self.file).write_all(format!("{line}\n").as_bytes());
        told.insert(line);
    }
}

/// What was noted so far.
pub fn read(folder: &Folder) -> Vec<String> {
    let text = std::fs::read_to_string(folder.file(FILE)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_short_whatever_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        assert!(read(&folder).is_empty());
        let refused = Refused::open(&folder).unwrap();
        refused.note("a\nb");
        refused.note("a\nb");
        refused.note(&"x".repeat(10_000));
        let lines = read(&folder);
        assert_eq!((lines.len(), lines[0].as_str(), lines[1].len()), (2, "ab", LINE));
        (0..1000).for_each(|n| refused.note(&n.to_string()));
        let lines = read(&folder);
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines.last().unwrap(), MORE);
    }
}
