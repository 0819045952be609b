//! Where a renderer's files come from. The host implements it over Git or a folder, and remembers what was answered.

use crate::bindings::tidegate::plugin::source::{Entry, Kind};
use model::Failure;
use std::sync::Arc;

/// One commit, or one folder. It answers from the local disk in microseconds, so it may block.
#[allow(missing_docs, reason = "each method is the WIT function of its name, and wit/ documents it")]
pub trait Source: Send + Sync {
    fn look(&self, path: &str) -> Result<Option<Kind>, Failure>;
    /// Errors besides those of the interface: `too-large` above `most` bytes.
    fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, Failure>;
    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Failure>;
}

/// A root that a renderer reads.
#[derive(Clone)]
pub struct Root {
    /// The repository's name in the configuration, which a grant is for.
    pub repository: String,
    /// Its files.
    pub source: Arc<dyn Source>,
}

/// The roots of a request to a renderer, by name: `main`, the `ref` of a source, or what a file calls another repository.
pub trait Roots: Send + Sync {
    /// The repository of a root, which a grant is for; `None` where there is no such root. It contacts nobody.
    fn repository(&self, name: &str) -> Option<String>;

    /// A root that was opened before, or was found not to be there.
    fn opened(&self, name: &str) -> Option<Option<Root>>;

    /// Opens a root, which may fetch its repository: blocking. Errors: `no-such-revision`, `unavailable`.
    fn open(&self, name: &str) -> Result<Option<Root>, Failure>;
}
