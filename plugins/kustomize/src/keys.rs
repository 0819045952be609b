//! Keys that kustomize takes for others. Its reader folds case as Go does, so `newtag` sets `newTag`; an alias or a tag
//! can hide a key as well. The editor looks keys up by their text, and must not miss one that counts.

use crate::problem::Problem;
use crate::tree::{Entries, Kind};

const NO_MERGE: &str = "write out what `<<` takes from elsewhere";
const ROOT: [&str; 3] = ["images", "imageTags", "kind"];
const ITEM: [&str; 5] = ["name", "newName", "newTag", "digest", "tagSuffix"];

/// Checks the keys of the whole file.
///
/// # Errors
/// Where one may be `images` without saying so.
pub fn of_root(entries: &Entries) -> Result<(), Problem> {
    spelled(entries, &ROOT)?;
    for (key, _) in entries {
        match key.text() {
            Some("imageTags") => {
                let message = "`imageTags` is the old name of `images`: run `kustomize edit fix`";
                return Err(Problem::at(key.place, message));
            }
            Some("<<") => {
                let message = "the file takes keys from elsewhere by `<<`, and `images` may be one of them";
                return Err(Problem::at(key.place, message).with_hint(NO_MERGE));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks the keys of an item of `images`.
///
/// # Errors
/// Where one may be a field without saying so.
pub fn of_item(entries: &Entries) -> Result<(), Problem> {
    spelled(entries, &ITEM)?;
    match entries.iter().find(|(key, _)| key.text() == Some("<<")) {
        Some((merge, _)) => {
            let message = "this item of `images` takes fields from elsewhere by `<<`";
            Err(Problem::at(merge.place, message).with_hint(NO_MERGE))
        }
        None => Ok(()),
    }
}

/// Line breaks of Go's YAML reader that are none to this parser: what follows them may be a key.
///
/// # Errors
/// At the first one.
pub fn no_other_breaks(source: &str) -> Result<(), Problem> {
    let Some(at) = source.find(['\u{85}', '\u{2028}', '\u{2029}']) else { return Ok(()) };
    let line = source[..at].matches('\n').count() + 1;
    let start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let code = source[at..].chars().next().map_or(0, u32::from);
    let message = format!("U+{code:04X} ends a line for kustomize and for no editor: remove it, or write an escape");
    Err(Problem::at((line, source[start..at].trim_start_matches('\u{feff}').chars().count() + 1), message))
}

fn spelled(entries: &Entries, names: &[&str]) -> Result<(), Problem> {
    for (key, _) in entries {
        if matches!(key.kind, Kind::Alias(_)) {
            return Err(Problem::at(key.place, "this key is an alias: write it out"));
        }
        // `!!binary` would be decoded.
        if key.tag.as_deref().is_some_and(|tag| tag != "!!str") {
            return Err(Problem::at(key.place, "this key has a tag: write it without"));
        }
        let Some(text) = key.text() else { continue };
        if let Some(name) = names.iter().find(|name| **name != text && folded(name) == folded(text)) {
            return Err(Problem::at(key.place, format!("kustomize takes `{text}` for `{name}`: spell it so")));
        }
    }
    Ok(())
}

/// As Go's `encoding/json` folds names: two letters beyond ASCII fold into it.
fn folded(name: &str) -> String {
    let fold = |letter: char| match letter {
        'ſ' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}
