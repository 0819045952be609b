//! Puts planned files in place: each whole, each only where nothing is. A link on the way is not followed: it may lead
//! out of the work tree.

use super::files::Planned;
use model::{Blame, Failure};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes a file. Answers `false` where something is there meanwhile.
pub fn write(root: &Path, file: &Planned) -> Result<bool, Failure> {
    let failed =
        |e: std::io::Error| Failure::new(Blame::User, "unavailable", format!("{} cannot be written: {e}", file.path));
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let folder = make_folders(root, folder).map_err(failed)?;
    let mut made = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(&folder)
        .map_err(failed)?;
    made.write_all(file.content.as_bytes()).map_err(failed)?;
    match made.persist_noclobber(folder.join(name)) {
        Ok(_) => Ok(true),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(failed(e.error)),
    }
}

/// The folder below the root, made where it is missing.
fn make_folders(root: &Path, folder: &str) -> std::io::Result<PathBuf> {
    let mut at = root.to_owned();
    for name in folder.split('/').filter(|name| !name.is_empty()) {
        at.push(name);
        match std::fs::create_dir(&at) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                if !std::fs::symlink_metadata(&at)?.is_dir() {
                    let message = format!("{} is no folder", at.display());
                    return Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, message));
                }
            }
            other => other?,
        }
    }
    Ok(at)
}

/// Whether a path of the work tree is taken, by whatever.
pub fn is_taken(root: &Path, path: &str) -> bool {
    root.join(path).symlink_metadata().is_ok()
}
