//! The files of a render as the library asks for them: those of the root `main`, and those of other repositories that the
//! host has, each under a folder's name of its own.

use crate::address::without_secrets;
use kustomize_build::{Entry, Error as BuildError, ErrorKind, Files, Kind, Remote, repository};
use std::cell::RefCell;
use std::collections::BTreeMap;
use tidegate::{Error, source};

/// The root in which the folder is.
const MAIN: &str = "main";

/// The roots that were met.
#[derive(Debug, Default)]
pub struct Remotes {
    /// Roots by the folder under which their files are.
    roots: RefCell<BTreeMap<String, String>>,
    /// What the host answered where it could not: its code is more than the library's errors can say.
    failed: RefCell<Option<Error>>,
}

impl Remotes {
    /// What the host answered, where the library gave up for that.
    pub fn failure(&self) -> Option<Error> {
        self.failed.take()
    }

    /// Root and path in it.
    fn place<'a>(&self, path: &'a str) -> (String, &'a str) {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match self.roots.borrow().get(first) {
            Some(root) => (root.clone(), rest),
            None => (MAIN.to_owned(), path),
        }
    }

    fn ask<T>(&self, path: &str, ask: impl FnOnce(&str, &str) -> Result<T, Error>) -> Result<T, BuildError> {
        let (root, path) = self.place(path);
        ask(&root, path).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: Error) -> BuildError {
        let message = error.message.clone();
        self.failed.replace(Some(error));
        BuildError { kind: ErrorKind::Host, message, hint: None }
    }
}

impl Files for Remotes {
    fn look(&self, path: &str) -> Result<Option<Kind>, BuildError> {
        self.ask(path, |root, path| Ok(source::look(root, path)?.map(kind)))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, BuildError> {
        self.ask(path, source::read)
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, BuildError> {
        let entry = |entry: source::Entry| Entry { name: entry.name, kind: kind(entry.kind) };
        self.ask(path, |root, path| Ok(source::entries(root, path)?.map(|all| all.into_iter().map(entry).collect())))
    }

    fn remote(&self, spec: &str) -> Result<Option<Remote>, BuildError> {
        // The name of a root is kept, and shown where there is none. Without it the library would take a user for one of SSH.
        let spec = without_secrets(spec);
        // Files behind an address are in no repository.
        let Some(found) = repository(&spec) else { return Ok(None) };
        let root = match found.reference.as_str() {
            "" => found.clone.clone(),
            reference => format!("{}?ref={reference}", found.clone),
        };
        match source::look(&root, "") {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) if error.is("not-found") => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        }
        let folder = name(&found.clone, &found.reference);
        self.roots.borrow_mut().insert(folder.clone(), root);
        let inner = match found.folder.as_str() {
            "" => folder.clone(),
            inner => format!("{folder}/{inner}"),
        };
        Ok(Some(Remote::Folder { repository: folder, folder: inner }))
    }
}

/// A name without slashes for what a repository is called: `github.com:org:repo@v1`.
fn name(clone: &str, reference: &str) -> String {
    let address = clone.split_once("://").map_or(clone, |(_, address)| address);
    let reference = if reference.is_empty() { "HEAD" } else { reference };
    format!("{}@{}", address.replace('/', ":"), reference.replace('/', ":"))
}

fn kind(kind: source::Kind) -> Kind {
    match kind {
        source::Kind::File | source::Kind::Executable => Kind::File,
        source::Kind::Directory => Kind::Directory,
        source::Kind::Link => Kind::Link,
        source::Kind::Submodule => Kind::Submodule,
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn repositories_have_names_without_slashes() {
        assert_eq!(name("https://github.com/org/repo", "v1"), "github.com:org:repo@v1");
        assert_eq!(name("git@example.com:org/repo.git", "release/2"), "git@example.com:org:repo.git@release:2");
        assert_eq!(name("ssh://git@example.com/x", ""), "git@example.com:x@HEAD");
    }
}
