//! Patterns of workspace paths, and the walk that finds what they match. The walk is bounded, follows no link and never
//! reads a file.

use fast_glob::glob_match;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tidegate::Error;
use tidegate::workspace::{Entry, Kind};

/// Most files of one walk.
pub const MOST_FILES: usize = 1_000;
/// Most folders of one walk.
const MOST_FOLDERS: usize = 10_000;
/// Most names in a pattern, and so the deepest place of a file for one without `**`.
const MOST_NAMES: usize = 64;
/// Where `**` never goes: a name in the pattern itself does.
const SKIPPED: [&str; 2] = [".git", "node_modules"];

/// A path in the workspace with `*`, `?`, `[a-z]`, `{a,b}` within a name, and `**` for any number of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    names: Vec<String>,
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// In words, where it could match nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` {why}"));
        let names: Vec<String> = text.split('/').filter(|name| !["", "."].contains(name)).map(str::to_owned).collect();
        if text.starts_with('~') {
            return wrong("is in a home folder: only paths in the workspace can be named");
        }
        if text.starts_with('/') || text.starts_with("!") || names.iter().any(|name| name == "..") {
            return wrong("is no path in the workspace");
        }
        if names.is_empty() || names.len() > MOST_NAMES || text.len() > 4_096 || text.contains('\0') {
            return wrong("is empty or too long");
        }
        let balanced = |name: &String| name.matches('{').count() == name.matches('}').count();
        if !names.iter().all(balanced) {
            return wrong("has braces around a `/`: write one pattern for each");
        }
        Ok(Self { names })
    }
}

/// What a walk found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Files and links, in byte order.
    pub paths: BTreeSet<String>,
    /// Why there may be more, in words for a person.
    pub cut: Option<String>,
}

/// Finds the files that any of the patterns matches, nearer ones first where there are too many. `entries` answers what is
/// in a folder, and nothing where there is none. Below `.tidegate-…` is Tidegate's own.
///
/// # Errors
/// Those of `entries`.
pub fn find<E>(
    patterns: &[Pattern],
    mut entries: impl FnMut(&str) -> Result<Option<Vec<Entry>>, E>,
) -> Result<Found, E> {
    let mut found = Found::default();
    if patterns.is_empty() {
        return Ok(found);
    }
    // A folder with the places in the patterns that it stands for, so that each is listed once.
    let start = (0..patterns.len()).map(|pattern| (pattern, 0)).collect();
    let mut queue: VecDeque<(String, BTreeSet<(usize, usize)>)> = VecDeque::from([(String::new(), start)]);
    let mut listed = 0;
    while let Some((folder, mut places)) = queue.pop_front() {
        for (pattern, place) in places.clone() {
            let more = patterns[pattern].names[place..].iter().take_while(|name| *name == "**").count();
            // `**` may stand for no folder at all, but at its end a name must follow.
            places.extend((1..=more).map(|more| (pattern, place + more)));
        }
        if listed == MOST_FOLDERS {
            found.cut = Some(format!("only {MOST_FOLDERS} folders were looked into"));
            break;
        }
        listed += 1;
        let mut below: BTreeMap<String, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for Entry { name, kind } in entries(&folder)?.unwrap_or_default() {
            if name.starts_with(".tidegate-") {
                continue;
            }
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            for &(pattern, place) in &places {
                let names = &patterns[pattern].names;
                let is_last = place + 1 >= names.len();
                let any = names.get(place).is_none_or(|wanted| wanted == "**");
                match kind {
                    Kind::Directory if any && place < names.len() && !SKIPPED.contains(&name.as_str()) => {
                        below.entry(path.clone()).or_default().insert((pattern, place));
                    }
                    Kind::Directory if !any && !is_last && glob_match(&names[place], &name) => {
                        below.entry(path.clone()).or_default().insert((pattern, place + 1));
                    }
                    Kind::File | Kind::Link if is_last && (any || glob_match(&names[place], &name)) => {
                        if found.paths.len() == MOST_FILES && !found.paths.contains(&path) {
                            found.cut = Some(format!("only {MOST_FILES} files were looked at"));
                            return Ok(found);
                        }
                        found.paths.insert(path.clone());
                    }
                    _ => {}
                }
            }
        }
        queue.extend(below);
    }
    Ok(found)
}

/// The patterns of a list of texts.
///
/// # Errors
/// `invalid`, with the field.
pub fn parse_all(texts: &[String], field: &str) -> Result<Vec<Pattern>, Error> {
    let parsed = texts.iter().enumerate().map(|(index, text)| {
        Pattern::parse(text).map_err(|problem| Error::invalid(problem).with_field(&format!("{field}/{index}")))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, Found, Kind, MOST_FILES, Pattern, find};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    fn walk(patterns: &[&str], files: &[&str]) -> Found {
        let mut tree: BTreeMap<String, BTreeMap<String, Kind>> = BTreeMap::new();
        for file in files {
            let names: Vec<&str> = file.split('/').collect();
            for depth in 0..names.len() {
                let kind = if depth + 1 == names.len() { Kind::File } else { Kind::Directory };
                tree.entry(names[..depth].join("/")).or_default().insert(names[depth].to_owned(), kind);
            }
        }
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::parse(text).expect("valid")).collect();
        let entries = |path: &str| -> Result<_, Infallible> {
            let entry = |(name, kind): (&String, &Kind)| Entry { name: name.clone(), kind: *kind };
            Ok(tree.get(path).map(|names| names.iter().map(entry).collect::<Vec<Entry>>()))
        };
        let Ok(found) = find(&patterns, entries);
        found
    }

    fn paths(patterns: &[&str], files: &[&str]) -> Vec<String> {
        walk(patterns, files).paths.into_iter().collect()
    }

    #[test]
    fn each_form_finds_its_files() {
        let files = [
            "junit.xml",
            "target/junit.xml",
            "target/nextest/ci/junit.xml",
            "target/nextest/ci/other.xml",
            "reports/a.xml",
            "reports/b.xml",
            "reports/deep/c.xml",
            ".git/junit.xml",
            "web/node_modules/x/junit.xml",
            ".tidegate-image-1/junit.xml",
        ];
        let check = |pattern: &str, expected: &[&str]| assert_eq!(paths(&[pattern], &files), expected, "{pattern}");
        check("junit.xml", &["junit.xml"]);
        check("./reports//a.xml", &["reports/a.xml"]);
        check("**/junit.xml", &["junit.xml", "target/junit.xml", "target/nextest/ci/junit.xml"]);
        check("target/**/junit.xml", &["target/junit.xml", "target/nextest/ci/junit.xml"]);
        check("target/**/**/ci/*.xml", &["target/nextest/ci/junit.xml", "target/nextest/ci/other.xml"]);
        check("reports/*.xml", &["reports/a.xml", "reports/b.xml"]);
        check("reports/{a,b}.xml", &["reports/a.xml", "reports/b.xml"]);
        check("reports/**", &["reports/a.xml", "reports/b.xml", "reports/deep/c.xml"]);
        check("web/node_modules/**/junit.xml", &["web/node_modules/x/junit.xml"]);
        check("missing/*.xml", &[]);
        check("reports", &[]);
        assert_eq!(paths(&["reports/a.xml", "reports/*.xml", "junit.xml"], &files).len(), 3);
    }

    #[test]
    fn what_is_no_pattern_of_the_workspace_is_refused() {
        for wrong in ["", ".", "/tmp/x", "../x", "a/../b", "~/.cargo", "{a/b,c}.xml", "!a", "a\0"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Pattern::parse(&"a/".repeat(65)).is_err());
    }

    #[test]
    fn too_many_files_are_said() {
        let names: Vec<String> = (0..MOST_FILES + 1).map(|number| format!("r/{number}.xml")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = walk(&["r/*.xml"], &names);
        assert_eq!(found.paths.len(), MOST_FILES);
        assert!(found.cut.is_some());
        assert!(walk(&["r/*.xml"], &names[1..]).cut.is_none());
    }

    proptest! {
        /// The walk over folders agrees with a match of whole paths.
        #[test]
        fn the_walk_agrees_with_matching_whole_paths(
            pattern in r"(\*\*|\*|a|b|a\*|\?)(/(\*\*|\*|a|b|c\.xml)){0,3}/(\*|c\.xml|\?)",
            files in proptest::collection::vec("[ab](/[ab]){0,3}/(c\\.xml|d)", 1..12),
        ) {
            // A name cannot be a file and a folder at once.
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let expected: std::collections::BTreeSet<String> = files
                .iter()
                .filter(|file| fast_glob::glob_match(&pattern, file))
                .map(|file| (*file).to_owned())
                .collect();
            prop_assert_eq!(walk(&[&pattern], &files).paths, expected);
        }
    }
}
