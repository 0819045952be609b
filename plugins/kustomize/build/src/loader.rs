//! Which files a kustomization may name. A file lies in or below the folder of the kustomization that names it; a
//! folder may lie anywhere, except at or above a folder that is being built. Links are followed, and count as what they
//! lead to.

use std::rc::Rc;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{Files, Kind, Remote};
use crate::remote;
use crate::text;

/// How many links one path may lead through.
const MAX_LINKS: usize = 64;
/// How many kustomizations may build on one another.
const MAX_DEPTH: usize = 128;

/// The folder of a kustomization that is being built, and what led to it.
#[derive(Debug)]
pub struct Root {
    /// From the root of the files; no links.
    pub path: String,
    referrer: Option<Rc<Root>>,
    /// Within a checkout: the checkout's folder, and the address that led to it.
    checkout: Option<(String, String)>,
    depth: usize,
}

/// What is at a path that a kustomization names as a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    File,
    Directory,
    /// Nothing in the tree: an address, or a mistake.
    Nothing,
}

/// Reads for kustomizations.
#[derive(Debug)]
pub struct Loader<'f, F: ?Sized> {
    files: &'f F,
}

impl<'f, F: Files + ?Sized> Loader<'f, F> {
    pub fn new(files: &'f F) -> Self {
        Self { files }
    }

    /// The folder that a build starts from.
    ///
    /// # Errors
    /// No such folder.
    pub fn start(&self, folder: &str) -> Result<Rc<Root>> {
        let path = clean("", folder).ok_or_else(|| Error::missing(folder))?;
        let (path, kind) = self.resolve(&path)?.ok_or_else(|| Error::missing(folder))?;
        if kind != Kind::Directory {
            return Err(Error::invalid(folder, "not a folder"));
        }
        Ok(Rc::new(Root { path, referrer: None, checkout: None, depth: 0 }))
    }

    /// What a resource's path leads to, before it is decided how to read it.
    pub fn locate(&self, root: &Root, path: &str) -> Result<Located> {
        if remote::is_file(path) {
            return Ok(Located::Nothing);
        }
        let Some(clean) = local(root, path) else { return Ok(Located::Nothing) };
        Ok(match self.resolve(&clean)? {
            Some((_, Kind::Directory)) => Located::Directory,
            Some((_, Kind::File)) => Located::File,
            _ => Located::Nothing,
        })
    }

    /// The content of a file that the kustomization in `root` names.
    ///
    /// # Errors
    /// Nothing there, a folder, a file outside of `root`, an address that the host does not know.
    pub fn load(&self, root: &Root, path: &str) -> Result<Vec<u8>> {
        if remote::is_file(path) {
            return match self.files.remote(path)? {
                Some(Remote::File(bytes)) => Ok(bytes),
                _ => Err(unknown_remote(path)),
            };
        }
        let found = local(root, path).map(|clean| self.resolve(&clean)).transpose()?;
        let outside = || outside(root, path);
        let (place, kind) = found.ok_or_else(outside)?.ok_or_else(|| Error::missing(&shown(root, path)))?;
        if kind != Kind::File {
            return Err(Error::invalid(shown(root, path), "must be a file"));
        }
        let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !is_within(folder, &root.path) {
            return Err(outside());
        }
        self.files.read(&place)?.ok_or_else(|| Error::missing(&place))
    }

    /// As [`load`](Self::load), for text.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub fn text(&self, root: &Root, path: &str) -> Result<String> {
        text::decode(self.load(root, path)?).map_err(|what| Error::invalid(shown(root, path), what))
    }

    /// The folder of another kustomization that the one in `root` names.
    ///
    /// # Errors
    /// No folder, one that is being built already or lies above one that is, and an address that the host does not
    /// know.
    pub fn directory(&self, root: &Rc<Root>, path: &str) -> Result<Rc<Root>> {
        if path.is_empty() {
            return Err(Error::invalid(root.path.as_str(), "an empty path names no folder"));
        }
        if root.depth >= MAX_DEPTH {
            return Err(Error::invalid(root.path.as_str(), "too many kustomizations build on one another"));
        }
        if remote::repository(path).is_some() {
            return self.checkout(root, path);
        }
        let clean = local(root, path).ok_or_else(|| self.not_local(root, path))?;
        let Some((place, Kind::Directory)) = self.resolve(&clean)? else { return Err(self.not_local(root, path)) };
        let checkout = root.checkout.clone();
        if checkout.as_ref().is_some_and(|(folder, _)| !is_within(&place, folder)) {
            return Err(
                outside(root, path).hint("a kustomization of another repository uses that repository's folders")
            );
        }
        for visited in root.chain() {
            if is_within(&visited.path, &place) {
                let message =
                    format!("cycle detected: candidate root '{place}' contains visited root '{}'", visited.path);
                return Err(Error::new(ErrorKind::Cycle { path: place }, message));
            }
        }
        Ok(Rc::new(Root { path: place, referrer: Some(root.clone()), checkout, depth: root.depth + 1 }))
    }

    fn checkout(&self, root: &Rc<Root>, spec: &str) -> Result<Rc<Root>> {
        for visited in root.chain() {
            if visited.checkout.as_ref().is_some_and(|(_, earlier)| earlier.starts_with(spec)) {
                let message = format!("cycle detected: '{spec}' is referenced by what it leads to");
                return Err(Error::new(ErrorKind::Cycle { path: spec.to_owned() }, message));
            }
        }
        let Some(Remote::Folder { repository, folder }) = self.files.remote(spec)? else {
            return Err(unknown_remote(spec));
        };
        let place = clean("", &folder).map(|folder| self.resolve(&folder)).transpose()?.flatten();
        match place {
            Some((path, Kind::Directory)) if is_within(&path, &repository) => Ok(Rc::new(Root {
                path,
                referrer: Some(root.clone()),
                checkout: Some((repository, spec.to_owned())),
                depth: root.depth + 1,
            })),
            _ => Err(Error::missing(spec)),
        }
    }

    fn not_local(&self, root: &Root, path: &str) -> Error {
        if remote::is_file(path) { unknown_remote(path) } else { Error::missing(&shown(root, path)) }
    }

    /// Follows links; `None` where the path leads nowhere or out of the tree.
    fn resolve(&self, path: &str) -> Result<Option<(String, Kind)>> {
        if path.is_empty() {
            return Ok(Some((String::new(), Kind::Directory)));
        }
        match self.files.look(path)? {
            Some(kind @ (Kind::File | Kind::Directory)) => return Ok(Some((path.to_owned(), kind))),
            Some(Kind::Submodule) => return Ok(None),
            Some(Kind::Link) => {}
            None => {
                // No link on the way where the folder above is one: then this is the whole answer.
                let above = path.rsplit_once('/').map_or("", |(above, _)| above);
                if above.is_empty() || self.files.look(above)? == Some(Kind::Directory) {
                    return Ok(None);
                }
            }
        }
        self.walk(path)
    }

    fn walk(&self, path: &str) -> Result<Option<(String, Kind)>> {
        let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let (mut place, mut kind, mut links) = (String::new(), Kind::Directory, 0);
        while let Some(part) = left.pop() {
            if kind != Kind::Directory {
                return Ok(None);
            }
            if part == ".." {
                let Some(above) = parent(&place) else { return Ok(None) };
                place = above;
                continue;
            }
            let next = if place.is_empty() { part } else { format!("{place}/{part}") };
            match self.files.look(&next)? {
                Some(Kind::Link) => {
                    links += 1;
                    let target = self.files.read(&next)?.and_then(|bytes| String::from_utf8(bytes).ok());
                    let Some(target) = target.filter(|target| !target.starts_with('/') && links <= MAX_LINKS) else {
                        return Ok(None);
                    };
                    let parts = target.split('/').rev().filter(|part| !matches!(*part, "" | "."));
                    left.extend(parts.map(str::to_owned));
                }
                Some(found) => (place, kind) = (next, found),
                None => return Ok(None),
            }
        }
        Ok(Some((place, kind)).filter(|_| kind != Kind::Submodule))
    }
}

impl Root {
    /// This one, who named it, and so on.
    fn chain(&self) -> impl Iterator<Item = &Root> {
        std::iter::successors(Some(self), |root| root.referrer.as_deref())
    }

    /// A path as the user would look for it.
    pub fn show(&self, path: &str) -> String {
        shown(self, path)
    }
}

/// `path` from the root of the files; `None` for an absolute path and one that leaves the tree.
fn local(root: &Root, path: &str) -> Option<String> {
    if path.starts_with('/') { None } else { clean(&root.path, path) }
}

/// Joins, and works off `.` and `..` as text: what a link would make of `..` does not count.
pub fn clean(base: &str, path: &str) -> Option<String> {
    let mut kept: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop()?;
            }
            part => kept.push(part),
        }
    }
    Some(kept.join("/"))
}

fn parent(path: &str) -> Option<String> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(above, _)| above).to_owned()) }
}

/// Whether `path` is `folder` or below it.
fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn shown(root: &Root, path: &str) -> String {
    local(root, path).unwrap_or_else(|| format!("{}/{path}", root.path))
}

fn outside(root: &Root, path: &str) -> Error {
    let message = format!("file '{path}' is not in or below '{}'", root.path);
    Error::new(ErrorKind::Outside { path: path.to_owned() }, message)
        .hint("move the file below the kustomization that names it, or name a folder with a kustomization of its own")
}

fn unknown_remote(spec: &str) -> Error {
    let kind = ErrorKind::Remote { spec: spec.to_owned() };
    Error::new(kind, format!("{spec}: no such file or folder here, and addresses are not configured"))
        .hint("commit what the address leads to into this repository and name it by its path, or configure the address")
}
