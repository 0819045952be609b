//! What the folder of a source itself says to its renderer, as Argo CD reads it: `.argocd-source.yaml`, then the file of the
//! one application. They are read anew for each render, so a commit that changes nothing else is seen.

use crate::declared::failure_of;
use crate::files::Content;
use crate::job::Source;
use git::Kind;
use manifest::{OVERRIDES, Parsed, Severity};
use model::application::{Application, Renderer};
use model::{Blame, Failure};
use serde_json::json;

/// The largest file that is read, in bytes; the reader of YAML takes less.
const LARGEST: usize = 4 << 20;

/// What a source says to its renderer, with what its folder says over it.
#[derive(Debug)]
pub(crate) struct Overridden {
    pub(crate) renderer: Renderer,
    /// For people, each with its place.
    pub(crate) warnings: Vec<String>,
}

/// Reads the files of a folder of `main`. Errors: `invalid` for a file that an application's source would be refused for, with
/// the place; those of the disk.
pub(crate) fn overridden(
    application: &Application,
    renderer: &Renderer,
    main: &Source,
    folder: &str,
) -> Result<Overridden, Failure> {
    let mut made = Overridden { renderer: renderer.clone(), warnings: Vec::new() };
    for file in present(application, main, folder)? {
        let Parsed { value, diagnostics } = manifest::overridden(&made.renderer, &file);
        if let Some(failure) = failure_of(&file, &diagnostics) {
            return Err(failure);
        }
        for warning in diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
            let (line, column) = file.position(warning.span.start);
            made.warnings.push(format!("{}:{line}:{column}: {}: {}", file.path, warning.code, warning.message));
        }
        made.renderer = value.unwrap_or(made.renderer);
    }
    Ok(made)
}

/// The files that there are, in the order in which they are merged.
fn present(application: &Application, main: &Source, folder: &str) -> Result<Vec<manifest::Source>, Failure> {
    let general = read(main, folder, OVERRIDES)?;
    let mut own = Vec::new();
    for name in manifest::own_overrides(application) {
        own.extend(read(main, folder, &name)?);
    }
    if let [first, second, ..] = own.as_slice() {
        let message = format!("there are both {} and {}", first.path, second.path);
        let hint = "Argo CD reads one of them, by the namespace that it runs in; leave the other one out";
        let details = json!({ "path": second.path });
        let failure = Failure::new(Blame::User, "invalid", message).hint(hint);
        return Err(Failure { details: Some(details), ..failure });
    }
    Ok(general.into_iter().chain(own).collect())
}

fn read(main: &Source, folder: &str, name: &str) -> Result<Option<manifest::Source>, Failure> {
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let wrong = |why: &str| {
        let failure = Failure::new(Blame::User, "invalid", format!("{path}: {why}"));
        Err(Failure { details: Some(json!({ "path": path })), ..failure })
    };
    match main.files.look(&path)? {
        Some(Kind::File | Kind::Executable) => {}
        Some(Kind::Link) => return wrong("it is a symbolic link; put the file itself here"),
        // As in Argo CD, a folder of that name is none.
        Some(Kind::Directory | Kind::Submodule) | None => return Ok(None),
    }
    let bytes = match main.files.read(&path, LARGEST)? {
        Content::Bytes(bytes, _) => bytes,
        Content::TooLarge(_) => return wrong(&format!("it is larger than {LARGEST} bytes")),
        Content::None(_) => return Ok(None),
    };
    match manifest::Source::from_bytes(path.clone(), bytes) {
        Ok(file) => Ok(Some(file)),
        Err(diagnostic) => wrong(&format!("{}: {}", diagnostic.code, diagnostic.message)),
    }
}
