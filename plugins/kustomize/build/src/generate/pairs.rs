//! Keys and values of a generator, from where it says they are.

use crate::error::{Error, Result};
use crate::files::Files;
use crate::kustomization::Generator;
use crate::loader::{Loader, Root};

/// Where Go's line scanner gives up, and kustomize takes what it has until then.
const MAX_LINE: usize = 64 << 10;

type Pair = (String, Vec<u8>);

/// All pairs: environment files, literals, files.
///
/// # Errors
/// Sources that are none, and files that cannot be read.
pub fn all<F: Files + ?Sized>(generator: &Generator, loader: &Loader<'_, F>, root: &Root) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for path in &generator.envs {
        environment(&loader.load(root, path)?, &root.show(path), &mut pairs)?;
    }
    for source in &generator.literals {
        pairs.push(literal(source, root)?);
    }
    for source in &generator.files {
        let (key, path) = file_source(source, root)?;
        pairs.push((key.to_owned(), loader.load(root, path)?));
    }
    Ok(pairs)
}

/// `KEY=value` lines; a line without `=` is a key without a value.
fn environment(content: &[u8], place: &str, pairs: &mut Vec<Pair>) -> Result<()> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if line.len() >= MAX_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(line) = std::str::from_utf8(line) else {
            return Err(Error::invalid(place, format!("line {} has invalid utf8 bytes", number + 1)));
        };
        let line = if number == 0 { line.trim_start_matches('\u{feff}') } else { line }.trim_start();
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() && !line.starts_with('#') {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(())
}

/// `key=value`, the value in quotes or not.
fn literal(source: &str, root: &Root) -> Result<Pair> {
    let Some((key, value)) = source.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        let what = format!("invalid literal source {source}, expected key=value");
        return Err(Error::invalid(root.path.as_str(), what));
    };
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Ok((key.to_owned(), unquoted.unwrap_or(value).as_bytes().to_vec()))
}

/// `key=path`, or a path whose last part is the key.
fn file_source<'a>(source: &'a str, root: &Root) -> Result<(&'a str, &'a str)> {
    let invalid = |what: String| Err(Error::invalid(root.path.as_str(), what));
    match source.split('=').collect::<Vec<_>>()[..] {
        [path] => {
            let name = path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty());
            Ok((name.unwrap_or("."), path))
        }
        ["", path] => invalid(format!("missing key name for file path \"{path}\" in source \"{source}\"")),
        [key, ""] => invalid(format!("missing file path for key name \"{key}\" in source \"{source}\"")),
        [key, path] => Ok((key, path)),
        _ => invalid(format!("source \"{source}\" key name or file path contains '='")),
    }
}
