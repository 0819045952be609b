//! What is at a path of a commit, straight from the object database. Follows no link and writes nothing.

use crate::error::Error;
use crate::kind::Kind;
use crate::mirror::Mirror;
use crate::name;
use git2::{ErrorCode, Oid, Repository, Tree};
use model::CommitId;
use std::path::Path;

/// An entry: its object and what it is.
pub(crate) type Entry = (Oid, Kind);

/// What is at a path of a tree; the empty path is the tree itself.
pub(crate) fn entry(tree: &Tree<'_>, path: &str) -> Result<Option<Entry>, Error> {
    if path.is_empty() {
        return Ok(Some((tree.id(), Kind::Directory)));
    }
    name::check_path(path)?;
    match tree.get_path(Path::new(path)) {
        Ok(entry) => Kind::of_mode(entry.filemode_raw())
            .map(|kind| Some((entry.id(), kind)))
            .ok_or_else(|| Error::path(path, "the repository gives it a mode that Git does not know")),
        Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
        Err(e) => Err(Error::path(path, e.message().to_owned())),
    }
}

/// A blob's content, if it is within the limit; a larger one is never loaded.
pub(crate) fn blob(
    mirror: &Mirror,
    repository: &Repository,
    path: &str,
    oid: Oid,
    limit: usize,
) -> Result<Vec<u8>, Error> {
    let damaged = |e: git2::Error| mirror.git("read a file", e);
    let odb = repository.odb().map_err(damaged)?;
    let (size, _) = odb.read_header(oid).map_err(damaged)?;
    if size > limit {
        return Err(too_large(path, size, limit));
    }
    Ok(repository.find_blob(oid).map_err(damaged)?.content().to_vec())
}

pub(crate) fn too_large(path: &str, size: usize, limit: usize) -> Error {
    Error::TooLarge { what: format!("`{path}`"), size: size as u64, limit: limit as u64, unit: "bytes" }
}

impl Mirror {
    /// Every branch with its commit, by name, as of the last fetch.
    pub fn branches(&self) -> Result<Vec<(String, CommitId)>, Error> {
        self.named("refs/heads/")
    }

    /// Every tag with the commit that it names, by name, as of the last fetch. One that names anything else is left out.
    pub fn tags(&self) -> Result<Vec<(String, CommitId)>, Error> {
        self.named("refs/tags/")
    }

    fn named(&self, prefix: &str) -> Result<Vec<(String, CommitId)>, Error> {
        let repository = self.repository()?;
        let reading = |e| self.git("read the references", e);
        let mut found = Vec::new();
        for reference in repository.references_glob(&format!("{prefix}*")).map_err(reading)? {
            let reference = reference.map_err(reading)?;
            // A name that is no UTF-8 was never fetched.
            let Some(short) = reference.name().ok().and_then(|name| name.strip_prefix(prefix)) else { continue };
            if let Ok(commit) = reference.peel_to_commit() {
                found.push((short.to_owned(), name::id(commit.id())));
            }
        }
        found.sort();
        Ok(found)
    }

    /// A file's content, or a link's target as text. `Path` for a folder or a submodule, `TooLarge` above `limit`
    /// bytes, which costs no memory.
    pub fn read(&self, commit: &CommitId, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let repository = self.repository()?;
        match entry(&self.tree(&repository, commit)?, path)? {
            None => Ok(None),
            Some((_, kind @ (Kind::Directory | Kind::Submodule))) => {
                Err(Error::path(path, format!("it is {}, not a file", kind.noun())))
            }
            Some((oid, _)) => blob(self, &repository, path, oid, limit).map(Some),
        }
    }

    /// A folder's entries by name in byte order; `""` is the root. `Path` for anything else, and where a name is not
    /// UTF-8: leaving it out would hide a file.
    pub fn entries(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<(String, Kind)>>, Error> {
        let repository = self.repository()?;
        let oid = match entry(&self.tree(&repository, commit)?, path)? {
            None => return Ok(None),
            Some((oid, Kind::Directory)) => oid,
            Some((_, kind)) => return Err(Error::path(path, format!("it is {}, not a folder", kind.noun()))),
        };
        let tree = repository.find_tree(oid).map_err(|e| self.git("read a folder", e))?;
        let mut entries = Vec::with_capacity(tree.len());
        for entry in &tree {
            let shown = || format!("{path}/{}", String::from_utf8_lossy(entry.name_bytes()));
            let name = entry.name().map_err(|_| Error::path(shown(), "its name is not UTF-8"))?;
            let kind = Kind::of_mode(entry.filemode_raw())
                .ok_or_else(|| Error::path(shown(), "the repository gives it a mode that Git does not know"))?;
            entries.push((name.to_owned(), kind));
        }
        // Git sorts folders as if their names ended in `/`.
        entries.sort();
        Ok(Some(entries))
    }

    /// The object id of what is at a path (`""`: the root tree), 40 hexadecimal digits: equal ids, equal content.
    pub fn tree_digest(&self, commit: &CommitId, path: &str) -> Result<Option<String>, Error> {
        let repository = self.repository()?;
        Ok(entry(&self.tree(&repository, commit)?, path)?.map(|(oid, _)| oid.to_string()))
    }
}
