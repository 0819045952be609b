//! Where something is, and moving it as a whole. It never replaces what is there.

use crate::Workspace;
use crate::path::{check, split};
use crate::tree::explain;
use model::{Blame, Failure};
use rustix::fs::{AtFlags, OFlags, RenameFlags, renameat_with, statat};
use rustix::io::Errno;

impl Workspace {
    /// Whether there is anything at a path, a link included, wherever it leads.
    pub fn has(&self, path: &str) -> Result<bool, Failure> {
        check(path)?;
        if path.is_empty() {
            return Ok(true);
        }
        let (parent, name) = split(path)?;
        let folder = match self.beneath(parent, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
            Err(e) => return Err(explain("look at", path, e)),
        };
        match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(e) => Err(explain("look at", path, e)),
        }
    }

    /// Moves a file or folder to a path where nothing is, with the folders above it. Errors: `conflict` where something is,
    /// `not-found` where nothing is to be moved.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        let (from_parent, from_name) = split(from)?;
        let (to_parent, to_name) = split(to)?;
        let source = self.beneath(from_parent, OFlags::RDONLY | OFlags::DIRECTORY);
        let source = source.map_err(|e| explain("move", from, e))?;
        let target = self.make_folders(to_parent)?;
        match renameat_with(&source, from_name, &target, to_name, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                Err(Failure::new(Blame::Plugin, "conflict", format!("there is something at `{to}` already")))
            }
            Err(Errno::NOENT) => {
                Err(Failure::new(Blame::Plugin, "not-found", format!("there is nothing at `{from}` to be moved")))
            }
            Err(e) => Err(explain("move", from, e)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use crate::Workspace;

    #[test]
    fn what_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let files = Workspace::open(folder.path()).unwrap();
        files.write("a/x", b"1").unwrap();
        files.write("b", b"2").unwrap();
        assert!(files.has("a").unwrap() && files.has("a/x").unwrap() && !files.has("b/x").unwrap());
        files.rename("a", "c/d").unwrap();
        assert_eq!(files.read("c/d/x", 9).unwrap().as_deref(), Some(b"1".as_slice()));
        assert_eq!(files.rename("c/d", "b").unwrap_err().code, "conflict");
        assert_eq!(files.rename("none", "e").unwrap_err().code, "not-found");
        std::os::unix::fs::symlink("/etc", folder.path().join("out")).unwrap();
        assert!(files.has("out").unwrap(), "a link is something");
        assert!(files.rename("b", "out/b").is_err() && files.rename("out/passwd", "p").is_err());
    }
}
