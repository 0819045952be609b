//! The files that a step begins with: a commit checked out, or another folder copied.

use crate::state::unusable;
use model::{Blame, Failure};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::Path;

/// Deepest folder that is copied.
const DEEPEST: usize = 256;

/// Makes an empty folder for its owner alone, whatever was there.
pub(crate) fn fresh(folder: &Path) -> Result<(), Failure> {
    let make = || -> io::Result<()> {
        match fs::remove_dir_all(folder) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    };
    make().map_err(|e| unusable(folder, &e))
}

/// Copies a folder's content into an empty one: files with their mode, links as they are, nothing else. Where the file
/// system can, blocks are shared.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    copy_level(from, to, 0).map_err(|(path, e)| {
        let message = format!("the files of this step cannot be copied: {path}: {e}");
        Failure::new(Blame::Host, "unavailable", message)
    })
}

fn copy_level(from: &Path, to: &Path, depth: usize) -> Result<(), (String, io::Error)> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |e: io::Error| (path, e)
    };
    if depth > DEEPEST {
        return Err((from.display().to_string(), io::Error::other("folders are nested too deeply")));
    }
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(at(&source))?;
        if kind.is_dir() {
            fs::create_dir(&target).map_err(at(&target))?;
            copy_level(&source, &target, depth + 1)?;
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).map_err(at(&source))?;
            symlink(link, &target).map_err(at(&target))?;
        } else if kind.is_file() {
            fs::copy(&source, &target).map_err(at(&source))?;
        }
    }
    Ok(())
}

/// Copies listed files of a work tree into an empty folder; what vanished meanwhile is left out.
pub(crate) fn copy_listed(root: &Path, files: &[String], to: &Path) -> Result<(), Failure> {
    for file in files {
        let (source, target) = (root.join(file), to.join(file));
        let one = || -> io::Result<()> {
            let meta = match fs::symlink_metadata(&source) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                other => other?,
            };
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            if meta.is_symlink() {
                symlink(fs::read_link(&source)?, &target)
            } else if meta.is_file() {
                fs::copy(&source, &target).map(|_| ())
            } else if meta.is_dir() {
                fs::create_dir_all(&target)
            } else {
                Ok(())
            }
        };
        one().map_err(|e| Failure::new(Blame::Host, "unavailable", format!("{}: {e}", source.display())))?;
    }
    Ok(())
}
