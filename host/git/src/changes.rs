//! Which paths differ between two commits. Equal subtrees are never opened, and renames are a removal and an addition.

use crate::error::Error;
use crate::mirror::Mirror;
use git2::{ObjectType, Oid, Repository};
use model::CommitId;
use std::collections::BTreeMap;

/// Deepest nesting of folders that is walked: far above what people make, far below what the stack takes.
pub(crate) const DEEPEST: usize = 256;

/// Most entries that one comparison reads, of both sides together: the checkout's bound. Trees of a few objects can name
/// the same folders 10^10 times over without a single file, so that no limit on paths would end it.
const ENTRIES: u64 = 1_000_000;

/// Name to mode, object and whether it is a folder.
type Names = BTreeMap<Vec<u8>, (i32, Oid, bool)>;

impl Mirror {
    /// The paths of files, links and submodules that differ between two commits, in byte order. `TooLarge` where
    /// they are more than `limit`, or a million entries were read without an end. A name that is not UTF-8 shows with replacement characters.
    pub fn changed_paths(&self, base: &CommitId, head: &CommitId, limit: usize) -> Result<Vec<String>, Error> {
        let repository = self.repository()?;
        let (base, head) = (self.tree(&repository, base)?.id(), self.tree(&repository, head)?.id());
        self.between(&repository, Some(base), head, limit)
    }

    /// The same of two trees, and of nothing and one.
    pub(crate) fn between(
        &self,
        repository: &Repository,
        base: Option<Oid>,
        head: Oid,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let mut found = Found { mirror: self, repository, paths: Vec::new(), limit, entries: 0 };
        if base != Some(head) {
            found.compare(base, Some(head), &mut Vec::new(), 0)?;
        }
        let mut paths: Vec<String> = found.paths.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

struct Found<'a> {
    mirror: &'a Mirror,
    repository: &'a Repository,
    paths: Vec<Vec<u8>>,
    limit: usize,
    /// Read so far.
    entries: u64,
}

impl Found<'_> {
    fn names(&self, tree: Option<Oid>) -> Result<Names, Error> {
        let Some(oid) = tree else { return Ok(Names::new()) };
        let tree = self.repository.find_tree(oid).map_err(|e| self.mirror.git("read a folder", e))?;
        let entry = |e: git2::TreeEntry<'_>| {
            (e.name_bytes().to_vec(), (e.filemode_raw(), e.id(), e.kind() == Some(ObjectType::Tree)))
        };
        Ok(tree.iter().map(entry).collect())
    }

    fn compare(&mut self, a: Option<Oid>, b: Option<Oid>, at: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            return Err(Error::path(String::from_utf8_lossy(at), format!("folders are nested deeper than {DEEPEST}")));
        }
        let (old, mut new) = (self.names(a)?, self.names(b)?);
        self.entries += (old.len() + new.len()) as u64;
        if self.entries > ENTRIES {
            let what = "the comparison of two commits".to_owned();
            return Err(Error::TooLarge { what, size: self.entries, limit: ENTRIES, unit: "entries" });
        }
        let mut pairs: Vec<_> = old.into_iter().map(|(n, e)| (new.remove(&n), n, Some(e))).collect();
        pairs.extend(new.into_iter().map(|(n, e)| (Some(e), n, None)));
        for (after, name, before) in pairs.into_iter().filter(|(after, _, before)| after != before) {
            let length = at.len();
            if !at.is_empty() {
                at.push(b'/');
            }
            at.extend_from_slice(&name);
            let folder = |side: Option<(i32, Oid, bool)>| side.filter(|side| side.2).map(|side| side.1);
            let (a, b) = (folder(before), folder(after));
            if a != b {
                self.compare(a, b, at, depth + 1)?;
            }
            if before.is_some_and(|side| !side.2) || after.is_some_and(|side| !side.2) {
                if self.paths.len() >= self.limit {
                    let (what, limit) = ("the number of changed paths".to_owned(), self.limit as u64);
                    return Err(Error::TooLarge { what, size: limit + 1, limit, unit: "paths" });
                }
                self.paths.push(at.clone());
            }
            at.truncate(length);
        }
        Ok(())
    }
}
