//! The files of a folder, by way of what can be asked of them: links are followed as long as they stay within the root.

use crate::selection::{Choice, Selection};
use tidegate::Error;
use tidegate::source::{Entry, Kind};

/// Deepest folder that is walked.
const DEEPEST: usize = 64;
/// Most files of one folder.
const MOST: usize = 20_000;

/// What can be asked.
pub trait Files {
    /// Kind and place of what a path leads to; nothing where it leads nowhere, or out.
    ///
    /// # Errors
    /// Those of the host.
    fn follow(&self, path: &str) -> Result<Option<(String, Kind)>, Error>;

    /// A file's content.
    ///
    /// # Errors
    /// Those of the host.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error>;

    /// A folder's entries in byte order of their names.
    ///
    /// # Errors
    /// Those of the host.
    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error>;
}

/// Whether the folders below belong to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// They do not.
    Flat,
    /// They do.
    Whole,
}

/// The manifests of a folder, in the order of their names, and what was passed over though it looks like one.
///
/// # Errors
/// `unsupported` for Jsonnet, `invalid` for a link that leads out or nowhere, `too-large`; those of the host.
pub fn manifests(files: &dyn Files, folder: &str, depth: Depth, selection: &Selection) -> Result<Vec<String>, Error> {
    let mut walk = Walk { files, folder, depth, selection, found: Vec::new() };
    walk.enter("", 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    files: &'a dyn Files,
    folder: &'a str,
    depth: Depth,
    selection: &'a Selection,
    found: Vec<String>,
}

impl Walk<'_> {
    /// A folder, by its path from the one that is rendered.
    fn enter(&mut self, at: &str, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(Error::new("too-large", format!("`{at}` lies deeper than {DEEPEST} folders")));
        }
        let place = join(self.folder, at);
        for Entry { name, kind } in self.files.entries(&place)?.unwrap_or_default() {
            let path = join(at, &name);
            match kind {
                Kind::Directory if self.depth == Depth::Whole => self.enter(&path, depth + 1)?,
                Kind::File | Kind::Executable | Kind::Link => self.file(&path, kind)?,
                Kind::Directory | Kind::Submodule => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, kind: Kind) -> Result<(), Error> {
        let place = join(self.folder, path);
        match self.selection.choose(path) {
            Choice::Passed => return Ok(()),
            Choice::Jsonnet => {
                return Err(Error::new("unsupported", format!("{place}: Jsonnet is not rendered"))
                    .with_hint("commit what it makes, or leave it out by `exclude`"));
            }
            Choice::Taken => {}
        }
        let target = match kind {
            Kind::Link => self.files.follow(&place)?,
            _ => Some((place.clone(), kind)),
        };
        match target {
            Some((target, Kind::File | Kind::Executable)) => {
                if self.found.len() == MOST {
                    return Err(Error::new("too-large", format!("the folder has more than {MOST} manifests")));
                }
                self.found.push(target);
            }
            // As with Argo CD, a link to a folder is no manifest, and is not entered.
            Some(_) => {}
            None => {
                return Err(Error::invalid(format!("{place}: the link leads nowhere, or out of the repository")));
            }
        }
        Ok(())
    }
}

pub(crate) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
