//! Component bytes by digest in a folder, kept for as long as a run or a lock names them. It never loads what its
//! digest does not match.

use model::{Blame, Digest, Failure};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder of components.
#[derive(Clone, Debug)]
pub struct Library {
    directory: PathBuf,
}

impl Library {
    /// The library in this folder, which is made at the first `keep`.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{}.wasm", digest.hex()))
    }

    /// Keeps a component. Writes nothing where it is kept already.
    pub fn keep(&self, wasm: &[u8]) -> Result<Digest, Failure> {
        let digest = Digest::of(wasm);
        let path = self.path(&digest);
        if path.exists() {
            return Ok(digest);
        }
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.directory)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(wasm)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|e| {
            let message = format!("the plugin {} cannot be kept in {}: {e}", digest.short(), self.directory.display());
            Failure::new(Blame::Host, "unavailable", message)
        })?;
        Ok(digest)
    }

    /// The component of this digest. Errors: `not-found`, `invalid` where the file was changed.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, Failure> {
        let path = self.path(digest);
        let wasm = fs::read(&path).map_err(|e| {
            let message = format!("the plugin {} is not in {}: {e}", digest.short(), self.directory.display());
            Failure::new(Blame::User, "not-found", message)
        })?;
        if Digest::of(&wasm) != *digest {
            let message = format!("{} was changed: its content no longer has the digest in its name", path.display());
            return Err(
                Failure::new(Blame::User, "invalid", message).hint("remove the file and fetch the plugin again")
            );
        }
        Ok(wasm)
    }

    /// Removes what nobody names and what is older than a moment; answers how many.
    pub fn retain(&self, named: impl Fn(&str) -> bool, older_than: SystemTime) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(hex) = name.to_str().and_then(|name| name.strip_suffix(".wasm")) else { continue };
            if !named(hex) && entry.metadata()?.modified()? < older_than {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
