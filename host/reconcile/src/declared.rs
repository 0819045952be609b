//! What the files of a commit declare: applications and projects, each with the place where it is written.

use crate::files::{Content, Files};
use crate::walk::{Walked, walk_around};
use manifest::{Declared, Diagnostic};
use model::{Blame, Failure};
use serde_json::json;

/// The largest file that is read for applications, in bytes.
const LARGEST: usize = 4 << 20;

/// A file with declarations.
#[derive(Clone, Debug)]
pub struct Declaring {
    /// The repository's name in the configuration.
    pub repository: String,
    /// The file with its text; its path is the one in the repository.
    pub file: manifest::Source,
    /// Its documents of Argo CD's.
    pub documents: Vec<Declared>,
    /// What is wrong with the file itself: there may be more documents than were found.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a commit declares.
#[derive(Clone, Debug)]
pub struct Declarations {
    /// The files with declarations.
    pub files: Vec<Declaring>,
    /// Folders that could not be listed, and why. There may be more declarations in them.
    pub unlisted: Vec<(String, Failure)>,
}

/// Reads the files that are taken. What cannot be read is a problem of that file or folder alone.
pub fn declared(files: &dyn Files, repository: &str, takes: impl Fn(&str) -> bool) -> Declarations {
    let Walked { files: paths, unread } = walk_around(files, "");
    let yaml = |path: &String| [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending)) && takes(path);
    Declarations { files: declared_at(files, repository, paths.into_iter().filter(yaml)), unlisted: unread }
}

/// Reads these files.
pub fn declared_at(files: &dyn Files, repository: &str, paths: impl IntoIterator<Item = String>) -> Vec<Declaring> {
    paths.into_iter().filter_map(|path| in_file(files, repository, path)).collect()
}

fn in_file(files: &dyn Files, repository: &str, path: String) -> Option<Declaring> {
    let unreadable = |why: String| Declaring {
        repository: repository.to_owned(),
        file: manifest::Source::new(&path, ""),
        documents: Vec::new(),
        diagnostics: vec![Diagnostic::unreadable(&path, why)],
    };
    let bytes = match files.read(&path, LARGEST) {
        Ok(Content::Bytes(bytes, _)) => bytes,
        Ok(Content::TooLarge(_)) => return Some(unreadable(format!("it is larger than {LARGEST} bytes"))),
        Ok(Content::None(_)) => return None,
        Err(failure) => return Some(unreadable(failure.message)),
    };
    // Most files are other people's business; looking for the group's name is a thousand times cheaper than reading YAML.
    if !contains(&bytes, b"argoproj.io") {
        return None;
    }
    let file = match manifest::Source::from_bytes(path.clone(), bytes) {
        Ok(file) => file,
        Err(diagnostic) => {
            return Some(Declaring { diagnostics: vec![diagnostic], ..unreadable(String::new()) });
        }
    };
    let manifest::Declarations { documents, diagnostics } = manifest::applications(&file);
    let nothing = documents.is_empty() && diagnostics.is_empty();
    (!nothing).then(|| Declaring { repository: repository.to_owned(), file, documents, diagnostics })
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// That an application cannot be used as it is written: its first error, and where. The details are those of a failed
/// render, with `code` and `reason` of the diagnostic.
pub fn refusal(file: &manifest::Source, declared: &Declared) -> Option<Failure> {
    failure_of(file, &declared.diagnostics)
}

/// The first error of a file as a failure, and how many more there are.
pub(crate) fn failure_of(file: &manifest::Source, diagnostics: &[Diagnostic]) -> Option<Failure> {
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == manifest::Severity::Error).collect();
    let first = errors.first()?;
    let (line, column) = file.position(first.span.start);
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    let message = format!("{}:{line}:{column}: {}: {}{more}", file.path, first.code, first.message);
    let details =
        json!({"path": file.path, "line": line, "column": column, "code": first.code, "reason": first.message});
    let failure = Failure { details: Some(details), ..Failure::new(Blame::User, "invalid", message) };
    Some(match &first.hint {
        Some(hint) => failure.hint(hint.clone()),
        None => failure,
    })
}
