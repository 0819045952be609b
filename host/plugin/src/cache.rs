//! Compiled components on disk. An entry is only ever run after its bytes were compared with a keyed digest, and in a
//! folder that nobody else can write; anything odd is compiled again. It never decides what may be loaded.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The length of the digest at an entry's beginning.
const SEAL: usize = 32;

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens or makes the folder, with mode 0700 and a key of its own. Error where it belongs to somebody else, or
    /// others may write it: then nothing in it can be trusted.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let meta = fs::symlink_metadata(directory)?;
        // SAFETY of what is loaded later rests on this: only this user can have written the entries.
        if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
            let why = format!("{} is not a folder that only its owner can write", directory.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(Self { directory: directory.to_owned(), key: key(directory)? })
    }

    /// The component of these bytes: from the folder where a sound entry is, else compiled and kept there. The second
    /// value tells whether it was compiled.
    pub(crate) fn load(&self, engine: &Engine, digest: &str, wasm: &[u8]) -> wasmtime::Result<(Component, bool)> {
        let path = self.directory.join(entry_name(engine, digest));
        if let Some(component) = self.read(engine, &path) {
            return Ok((component, false));
        }
        // Of many processes that meet a new component one compiles it, and the others wait for that. The kernel gives the
        // lock back with its holder; where there are no locks, each compiles for itself.
        let _lock = self.lock(&path);
        if let Some(component) = self.read(engine, &path) {
            return Ok((component, false));
        }
        let component = Component::new(engine, wasm)?;
        // A full or read-only disk costs time at the next start, and nothing else.
        if let Ok(code) = component.serialize() {
            let _ = self.write(&path, &code);
        }
        Ok((component, true))
    }

    fn lock(&self, path: &Path) -> io::Result<File> {
        let folder = self.directory.join("locks");
        fs::create_dir_all(&folder)?;
        let name = path.file_name().unwrap_or_default();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(name))?;
        file.lock()?;
        Ok(file)
    }

    fn seal(&self, path: &Path, code: &[u8]) -> Hmac<Sha256> {
        let mut seal = Hmac::<Sha256>::new_from_slice(&self.key).unwrap_or_else(|_| unreachable!("any length fits"));
        // The name goes in, so that a sound entry cannot stand in for another.
        seal.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        seal.update(code);
        seal
    }

    #[allow(unsafe_code)]
    fn read(&self, engine: &Engine, path: &Path) -> Option<Component> {
        let bytes = fs::read(path).ok()?;
        let (seal, code) = bytes.split_at_checked(SEAL)?;
        self.seal(path, code).verify_slice(seal).ok()?;
        // SAFETY: `deserialize` runs what it is given. These very bytes, in memory and not to be changed by anybody
        // since, carry a digest under a key that only this user's processes know, so a Tidegate wrote them from
        // `Component::serialize` of this engine's version and settings.
        unsafe { Component::deserialize(engine, code) }.ok()
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&self.seal(path, code).finalize().into_bytes())?;
        file.write_all(code)?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    }
}

/// Digest, wasmtime's version and settings.
fn entry_name(engine: &Engine, digest: &str) -> String {
    struct Collect(Sha256);
    impl Hasher for Collect {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hash = Collect(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hash);
    let digest = digest.trim_start_matches("sha256:");
    format!("{digest}-{}.cwasm", &hex::encode(hash.0.finalize())[..16])
}

/// The folder's key, made on first use. Several processes may race: the first link wins.
fn key(directory: &Path) -> io::Result<[u8; 32]> {
    let path = directory.join("key");
    for _ in 0..2 {
        match fs::read(&path) {
            Ok(bytes) => {
                let sound = fs::metadata(&path)?.permissions().mode() & 0o077 == 0;
                if let (true, Ok(key)) = (sound, <[u8; 32]>::try_from(bytes)) {
                    return Ok(key);
                }
                fs::remove_file(&path)?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| io::Error::other(e.to_string()))?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&key)?;
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(key),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e.error),
        }
    }
    Err(io::Error::other("another process keeps replacing the key"))
}
