//! Reading the workspace: the host's, or in tests a folder of the machine. It never writes.

use tidegate::Error;
use tidegate::workspace::{self, Entry, Summary};

/// What can be read of a tree of files, as the interface `workspace-read` says it.
pub trait Files {
    /// What is in a folder; absent where there is none.
    ///
    /// # Errors
    /// Those of the host.
    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error>;

    /// What a file holds in short; absent where there is none.
    ///
    /// # Errors
    /// Those of the host.
    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error>;

    /// The content of a file of at most 1 MiB; absent where there is none.
    ///
    /// # Errors
    /// Those of the host.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error>;
}

/// The step's workspace.
#[derive(Clone, Copy, Debug)]
pub struct Workspace;

impl Files for Workspace {
    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        workspace::entries(path)
    }

    fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
        workspace::summarise(path)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        workspace::read(path)
    }
}

#[cfg(test)]
pub mod tests {
    use super::Files;
    use sha2::{Digest as _, Sha256};
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};
    use tidegate::Error;
    use tidegate::workspace::{Entry, Kind, Summary};

    /// A folder of the machine that is gone with it.
    pub struct Folder(pub PathBuf);

    impl Folder {
        pub fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("tidegate-exec-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).expect("a new folder");
            Self(path)
        }

        pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().expect("a file")).expect("made");
            fs::write(path, content).expect("written");
        }

        fn path(&self, path: &str) -> Option<PathBuf> {
            Some(self.0.join(path)).filter(|path| path.exists())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn kind(path: &Path) -> Kind {
        match path.symlink_metadata().expect("there").file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::File,
        }
    }

    impl Files for Folder {
        fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error> {
            let Some(path) = self.path(path) else { return Ok(None) };
            let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry"));
            let entry = |entry: fs::DirEntry| Entry {
                name: entry.file_name().into_string().expect("text"),
                kind: kind(&entry.path()),
            };
            let mut entries: Vec<Entry> = entries.map(entry).collect();
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Some(entries))
        }

        fn summarise(&self, path: &str) -> Result<Option<Summary>, Error> {
            let Some(path) = self.path(path) else { return Ok(None) };
            if path.is_dir() {
                return Err(Error::invalid("it is a folder"));
            }
            let content = fs::read(path).expect("a file");
            let digest = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            Ok(Some(Summary { digest: format!("sha256:{digest}"), size: content.len() as u64 }))
        }

        fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
            let content = self.path(path).map(|path| fs::read(path).expect("a file"));
            match content {
                Some(content) if content.len() > 1 << 20 => Err(Error::new("too-large", "more than 1 MiB")),
                content => Ok(content),
            }
        }
    }
}
