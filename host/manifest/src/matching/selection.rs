//! Which files of a folder are its objects (Argo CD's reposerver/repository, `getPotentiallyValidManifestFile`).

use globset::{GlobBuilder, GlobMatcher};
use model::application::Directory;

/// A glob's longest text: matching is linear, compiling is not quite.
const LONGEST: usize = 1024;

/// A glob that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadGlob(String);

/// Reads a glob in which `*` matches slashes as well: Argo CD compares these without separators.
pub(crate) fn compile(text: &str) -> Result<GlobMatcher, BadGlob> {
    build(text, Separators::Ignored)
}

/// Whether `*` stops at a slash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separators {
    Heeded,
    Ignored,
}

pub(super) fn build(text: &str, separators: Separators) -> Result<GlobMatcher, BadGlob> {
    if text.len() > LONGEST {
        return Err(BadGlob(format!("the glob is longer than {LONGEST} bytes")));
    }
    GlobBuilder::new(text)
        .literal_separator(separators == Separators::Heeded)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| BadGlob(error.kind().to_string()))
}

/// Which files of a folder are its objects.
pub struct Selection {
    recurse: bool,
    include: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

impl Selection {
    /// What a source says.
    ///
    /// # Errors
    /// A glob that cannot be read.
    pub fn new(directory: &Directory) -> Result<Self, BadGlob> {
        let read = |glob: &Option<String>| glob.as_deref().map(compile).transpose();
        Ok(Self { recurse: directory.recurse, include: read(&directory.include)?, exclude: read(&directory.exclude)? })
    }

    /// Whether the file of that path, from the folder, is one: YAML or JSON, included and not excluded.
    pub fn takes(&self, path: &str) -> bool {
        let manifest = [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending));
        manifest
            && (self.recurse || !path.contains('/'))
            && !self.exclude.as_ref().is_some_and(|glob| glob.is_match(path))
            && self.include.as_ref().is_none_or(|glob| glob.is_match(path))
    }
}
