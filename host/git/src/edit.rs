//! Edits on top of a commit's tree: what they make of each path, and the tree that results. Opens only the folders
//! that an edit is in, so a large repository costs no more than a small one.

use crate::error::Error;
use crate::kind::Kind;
use crate::name;
use crate::read::{self, Entry};
use git2::{ObjectType, Oid, Repository, Tree};
use std::collections::BTreeMap;

/// The edits so far, by path.
#[derive(Default)]
pub(crate) struct Edits {
    by_path: BTreeMap<String, Edit>,
}

struct Edit {
    /// What the head has there.
    before: Option<Entry>,
    /// What is to be there; `None` removes.
    after: Option<(Vec<u8>, Entry)>,
}

/// What is at a path, edits counted in.
pub(crate) enum Now<'e> {
    /// The head's entry, untouched.
    Head(Entry),
    /// A file that was put.
    Put(&'e [u8], Kind),
    /// A folder, of the head or by an edit within.
    Folder,
}

impl Now<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Head((_, kind)) | Self::Put(_, kind) => *kind,
            Self::Folder => Kind::Directory,
        }
    }
}

/// A change to one path below the folder at hand: the rest of the path, and the entry to be there.
type Change<'e> = (&'e str, Option<Entry>);

impl Edits {
    /// What is at a path.
    pub(crate) fn now(&self, repository: &Repository, head: &Tree<'_>, path: &str) -> Result<Option<Now<'_>>, Error> {
        if path.is_empty() {
            return Ok(Some(Now::Folder));
        }
        let edit = self.by_path.get(path);
        if let Some((content, (_, kind))) = edit.and_then(|edit| edit.after.as_ref()) {
            return Ok(Some(Now::Put(content, *kind)));
        }
        if self.below(path).any(|(_, edit)| edit.after.is_some()) {
            return Ok(Some(Now::Folder));
        }
        if edit.is_some() {
            return Ok(None);
        }
        Ok(match read::entry(head, path)? {
            Some((oid, Kind::Directory)) => self.survives(repository, oid, path)?.then_some(Now::Folder),
            other => other.map(Now::Head),
        })
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&String, &Edit)> {
        let prefix = format!("{path}/");
        self.by_path.range(prefix.clone()..).take_while(move |(p, _)| p.starts_with(&prefix))
    }

    /// Whether the edits leave anything in a folder of the head. Git has no empty folders.
    fn survives(&self, repository: &Repository, folder: Oid, path: &str) -> Result<bool, Error> {
        if self.below(path).next().is_none() {
            return Ok(true);
        }
        let tree = repository.find_tree(folder).map_err(|e| Error::path(path, e.message()))?;
        for entry in &tree {
            let below = format!("{path}/{}", String::from_utf8_lossy(entry.name_bytes()));
            let alive = if entry.kind() == Some(ObjectType::Tree) {
                self.survives(repository, entry.id(), &below)?
            } else {
                !self.by_path.contains_key(&below)
            };
            if alive {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts a file.
    pub(crate) fn put(
        &mut self,
        repository: &Repository,
        head: &Tree<'_>,
        path: &str,
        content: Vec<u8>,
    ) -> Result<(), Error> {
        name::check_writable_path(path)?;
        for (at, _) in path.match_indices('/') {
            let above = &path[..at];
            if let Some(kind) = self.now(repository, head, above)?.map(|now| now.kind())
                && kind != Kind::Directory
            {
                return Err(Error::path(path, format!("`{above}` is {}, not a folder", kind.noun())));
            }
        }
        if let Some(kind) = self.now(repository, head, path)?.map(|now| now.kind())
            && !kind.is_file()
        {
            return Err(Error::path(path, format!("it is {}, not a file", kind.noun())));
        }
        let before = read::entry(head, path)?;
        let kind = before.map(|(_, kind)| kind).filter(|kind| kind.is_file()).unwrap_or(Kind::File);
        let oid = Oid::hash_object(ObjectType::Blob, &content).map_err(|e| Error::path(path, e.message()))?;
        self.by_path.insert(path.to_owned(), Edit { before, after: Some((content, (oid, kind))) });
        Ok(())
    }

    /// Removes a file or a link; nothing happens where there is none.
    pub(crate) fn remove(&mut self, repository: &Repository, head: &Tree<'_>, path: &str) -> Result<(), Error> {
        name::check_path(path)?;
        let Some(kind) = self.now(repository, head, path)?.map(|now| now.kind()) else { return Ok(()) };
        if !kind.is_file() && kind != Kind::Link {
            return Err(Error::path(path, format!("it is {}, not a file", kind.noun())));
        }
        match read::entry(head, path)? {
            // Of this transaction alone, or a folder whose files were removed before this file took its name.
            None | Some((_, Kind::Directory)) => drop(self.by_path.remove(path)),
            before => drop(self.by_path.insert(path.to_owned(), Edit { before, after: None })),
        }
        Ok(())
    }

    /// The paths that really differ from the head, in byte order.
    pub(crate) fn changed(&self) -> Vec<String> {
        let differs = |edit: &Edit| edit.before != edit.after.as_ref().map(|(_, entry)| *entry);
        self.by_path.iter().filter(|(_, edit)| differs(edit)).map(|(path, _)| path.clone()).collect()
    }

    /// Writes the blobs and folders, and answers the new root.
    pub(crate) fn write(&self, repository: &Repository, head: Oid) -> Result<Oid, git2::Error> {
        for edit in self.by_path.values() {
            if let Some((content, _)) = &edit.after {
                repository.blob(content)?;
            }
        }
        let changes: Vec<Change<'_>> = self
            .by_path
            .iter()
            .map(|(path, edit)| (path.as_str(), edit.after.as_ref().map(|(_, entry)| *entry)))
            .collect();
        match write_folder(repository, Some(head), &changes)? {
            Some(root) => Ok(root),
            // Every file is gone: only the root may be an empty tree.
            None => repository.treebuilder(None)?.write(),
        }
    }
}

fn write_folder(
    repository: &Repository,
    base: Option<Oid>,
    changes: &[Change<'_>],
) -> Result<Option<Oid>, git2::Error> {
    let base = base.map(|oid| repository.find_tree(oid)).transpose()?;
    let mut builder = repository.treebuilder(base.as_ref())?;
    let mut by_name: BTreeMap<&str, (Option<Option<Entry>>, Vec<Change<'_>>)> = BTreeMap::new();
    for (path, entry) in changes {
        match path.split_once('/') {
            Some((name, rest)) => by_name.entry(name).or_default().1.push((rest, *entry)),
            None => by_name.entry(path).or_default().0 = Some(*entry),
        }
    }
    for (name, (own, below)) in by_name {
        // A file may have become a folder or the other way round: at most one of both is left.
        let folder = if below.is_empty() {
            None
        } else {
            let old = base.as_ref().and_then(|tree| tree.get_name(name));
            let old = old.filter(|entry| entry.kind() == Some(ObjectType::Tree)).map(|entry| entry.id());
            write_folder(repository, old, &below)?.map(|oid| (oid, Kind::Directory))
        };
        match own.flatten().or(folder) {
            Some((oid, kind)) => drop(builder.insert(name, oid, kind.mode())?),
            None if builder.get(name)?.is_some() => builder.remove(name)?,
            None => {}
        }
    }
    if builder.is_empty() { Ok(None) } else { builder.write().map(Some) }
}
