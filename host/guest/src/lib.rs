//! How a plugin written in Rust becomes a component: a way to compile for `wasm32-unknown-unknown` on this machine,
//! then the module wrapped as a component that imports nothing but Tidegate's interfaces.
//!
//! It reports progress to a callback and never prints; it installs something only where a way says so.

mod cargo;
mod component;
mod error;
mod way;

pub use component::Interfaces;
pub use error::Error;
pub use way::Way;

use std::fs;
use std::path::{Path, PathBuf};

/// A built component.
#[derive(Clone, Debug)]
pub struct Built {
    /// The library's name, with `-` between words: `set-image`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// What it imports and exports.
    pub interfaces: Interfaces,
    /// How its module was compiled.
    pub way: Way,
}

/// What the building of guests needs to know.
pub struct Builder<'a> {
    target: PathBuf,
    way: Option<Way>,
    progress: &'a dyn Fn(&str),
}

impl<'a> Builder<'a> {
    /// Builds in a target folder of its own, so that it neither waits for nor disturbs another build, and tells
    /// `progress` one line about each longer thing it does.
    pub fn new(target: &Path, progress: &'a dyn Fn(&str)) -> Self {
        Self { target: target.to_owned(), way: None, progress }
    }

    /// Takes this way instead of the first that works.
    #[must_use]
    pub fn by(mut self, way: Way) -> Self {
        self.way = Some(way);
        self
    }

    /// Builds the package in `manifest_dir` and writes `OUT/NAME.wasm`, unless equal bytes are there already: whoever
    /// watches the file's time is not disturbed.
    ///
    /// # Errors
    /// Where there is no way, the package does not compile, the module is no component, or the component imports
    /// what no Tidegate host offers.
    pub fn build(&mut self, manifest_dir: &Path, out: &Path) -> Result<Built, Error> {
        let way = match self.way {
            Some(way) => way,
            None => *self.way.insert(Way::find(self.progress)?),
        };
        let library = cargo::compile(manifest_dir, &self.target, way, self.progress)?;
        let module = read(&library.module)?;
        let name = library.name.replace('_', "-");
        let (bytes, interfaces) = component::encode(&name, &module)?;
        let path = out.join(format!("{name}.wasm"));
        write(&path, &bytes)?;
        Ok(Built { name, path, size: bytes.len() as u64, interfaces, way })
    }
}

/// [`Builder::build`] in one call.
///
/// # Errors
/// Those of [`Builder::build`].
pub fn build(manifest_dir: &Path, target: &Path, out: &Path, progress: &dyn Fn(&str)) -> Result<Built, Error> {
    Builder::new(target, progress).build(manifest_dir, out)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let fail = |source| Error::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    // Renamed into place: a reader sees the old component or the new one.
    let partial = path.with_extension("wasm.partial");
    fs::write(&partial, bytes).map_err(fail)?;
    fs::rename(&partial, path).map_err(fail)
}
