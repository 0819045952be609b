//! Which files of a folder are its objects (Argo CD's reposerver/repository, `getPotentiallyValidManifestFile`).

use crate::glob::{self, Separators};
use globset::GlobMatcher;
use model::application::Directory;

/// A glob that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadGlob(String);

/// Reads a glob.
pub(super) fn compile(text: &str, separators: Separators) -> Result<GlobMatcher, BadGlob> {
    glob::compile_with(text, separators).map_err(|why| BadGlob(format!("`{text}` is not a glob: {why}")))
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
        // Argo CD compares these without separators.
        let read = |glob: &Option<String>| glob.as_deref().map(|text| compile(text, Separators::Ignored)).transpose();
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
