//! All files of a root below a folder.

use crate::files::{Files, Listing};
use git::Kind;
use model::Failure;

/// Deepest folder that is walked: far above what people make.
const DEEPEST: usize = 64;
/// Most entries of one walk. Trees of a few objects can name the same folders over and over.
const ENTRIES: usize = 1_000_000;

/// The paths of all files below a folder (`""`: all), in byte order within each folder; links and submodules are left out.
/// Errors: `too-large`, and those of the files.
pub fn walk(files: &dyn Files, folder: &str) -> Result<Vec<String>, Failure> {
    let Walked { files, unread } = walk_around(files, folder);
    unread.into_iter().next().map_or(Ok(files), |(_, failure)| Err(failure))
}

/// What a walk came by.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// The paths of files, in byte order within each folder.
    pub files: Vec<String>,
    /// Folders whose files are missing above, and why.
    pub unread: Vec<(String, Failure)>,
}

/// The same, around folders that cannot be listed: a name that is none hides its neighbours and nothing else.
pub fn walk_around(files: &dyn Files, folder: &str) -> Walked {
    let mut walk = Walk { files, found: Walked::default(), seen: 0, full: false };
    walk.enter(folder, 0);
    walk.found
}

struct Walk<'a> {
    files: &'a dyn Files,
    found: Walked,
    seen: usize,
    full: bool,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &str, depth: usize) {
        // It has been said of the first folder that was one too many.
        if self.full {
            return;
        }
        let entries = match self.entries(folder, depth) {
            Ok(entries) => entries,
            Err(failure) => {
                self.found.unread.push((folder.to_owned(), failure));
                return;
            }
        };
        for (name, kind) in entries {
            let place = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match kind {
                Kind::Directory => self.enter(&place, depth + 1),
                Kind::File | Kind::Executable => self.found.files.push(place),
                Kind::Link | Kind::Submodule => {}
            }
        }
    }

    fn entries(&mut self, folder: &str, depth: usize) -> Result<Vec<(String, Kind)>, Failure> {
        let too_large = |what: String| Err(Failure::new(model::Blame::User, "too-large", what));
        if depth > DEEPEST {
            return too_large(format!("`{folder}` lies deeper than {DEEPEST} folders"));
        }
        if self.seen > ENTRIES {
            self.full = true;
            return too_large(format!("there are more than {ENTRIES} files and folders"));
        }
        let Listing::Entries(entries) = self.files.list(folder)? else { return Ok(Vec::new()) };
        self.seen += entries.len();
        Ok(entries)
    }
}
