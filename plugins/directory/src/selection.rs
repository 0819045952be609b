//! Which files of a folder are its objects, as Argo CD decides it (reposerver/repository,
//! `getPotentiallyValidManifestFile`): by extension, include and exclude.

use globset::{GlobBuilder, GlobMatcher};
use tidegate::Error;

/// Extensions of manifests.
const MANIFESTS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Which files are taken.
#[derive(Debug)]
pub struct Selection {
    include: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A manifest.
    Taken,
    /// A program that would have to be run to get manifests.
    Jsonnet,
    /// Nothing of ours.
    Passed,
}

impl Selection {
    /// Reads the globs. In both `*` matches slashes as well.
    ///
    /// # Errors
    /// `invalid`, with the field.
    pub fn new(include: Option<&str>, exclude: Option<&str>) -> Result<Self, Error> {
        Ok(Self { include: glob("include", include)?, exclude: glob("exclude", exclude)? })
    }

    /// What the file at this path from the folder is.
    pub fn choose(&self, path: &str) -> Choice {
        let kind = match path {
            path if MANIFESTS.iter().any(|ending| path.ends_with(ending)) => Choice::Taken,
            path if path.ends_with(".jsonnet") => Choice::Jsonnet,
            _ => return Choice::Passed,
        };
        let excluded = self.exclude.as_ref().is_some_and(|glob| glob.is_match(path));
        let included = self.include.as_ref().is_none_or(|glob| glob.is_match(path));
        if included && !excluded { kind } else { Choice::Passed }
    }
}

fn glob(field: &str, text: Option<&str>) -> Result<Option<GlobMatcher>, Error> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let built = GlobBuilder::new(text).literal_separator(false).build();
    built.map(|glob| Some(glob.compile_matcher())).map_err(|error| {
        let why = error.kind().to_string();
        Error::invalid(format!("`{field}: {text}` is not a glob: {why}")).with_field(&format!("/{field}"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Choice, Selection};

    #[test]
    fn files_are_chosen() {
        let all = Selection::new(None, Some("")).expect("no glob");
        for (path, choice) in [
            ("a.yaml", Choice::Taken),
            ("a/b.yml", Choice::Taken),
            ("a.json", Choice::Taken),
            ("a.jsonnet", Choice::Jsonnet),
            ("a.libsonnet", Choice::Passed),
            ("README.md", Choice::Passed),
            ("yaml", Choice::Passed),
        ] {
            assert_eq!(all.choose(path), choice, "{path}");
        }
        let some = Selection::new(Some("{a,b}*.yaml"), Some("*secret*")).expect("globs");
        for (path, choice) in [
            ("a.yaml", Choice::Taken),
            ("b/c/d.yaml", Choice::Taken),
            ("c.yaml", Choice::Passed),
            ("a/secrets/x.yaml", Choice::Passed),
            ("a.jsonnet", Choice::Passed),
        ] {
            assert_eq!(some.choose(path), choice, "{path}");
        }
        let wrong = Selection::new(None, Some("{a")).expect_err("it is never closed");
        assert_eq!(wrong.details.as_deref(), Some(r#"{"field":"/exclude"}"#));
    }
}
