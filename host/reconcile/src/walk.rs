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
    let mut walk = Walk { files, found: Vec::new(), seen: 0 };
    walk.enter(folder, 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    files: &'a dyn Files,
    found: Vec<String>,
    seen: usize,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &str, depth: usize) -> Result<(), Failure> {
        let too_large = |what: String| Err(Failure::new(model::Blame::User, "too-large", what));
        if depth > DEEPEST {
            return too_large(format!("`{folder}` lies deeper than {DEEPEST} folders"));
        }
        let Listing::Entries(entries) = self.files.list(folder)? else { return Ok(()) };
        self.seen += entries.len();
        if self.seen > ENTRIES {
            return too_large(format!("there are more than {ENTRIES} files and folders"));
        }
        for (name, kind) in entries {
            let place = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match kind {
                Kind::Directory => self.enter(&place, depth + 1)?,
                Kind::File | Kind::Executable => self.found.push(place),
                Kind::Link | Kind::Submodule => {}
            }
        }
        Ok(())
    }
}
