//! Globs that take the files of some folders and of no others: as few as a person would write.

use std::collections::{BTreeMap, BTreeSet};

/// Folders with one ending of files.
struct Folders<'a> {
    /// Those that are to be taken.
    wanted: BTreeSet<&'a str>,
    /// All that have such files.
    all: BTreeSet<&'a str>,
}

/// Globs for the files of the folders where these are: a file counts by the ending of its name, and every file with that
/// ending in the same folder may be taken as well. `listing` is all files of the repository.
pub fn covering<'a>(files: impl IntoIterator<Item = &'a str>, listing: &'a [String]) -> Vec<String> {
    let mut by_ending: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        let (folder, name) = split(file);
        by_ending.entry(ending(name)).or_default().insert(folder);
    }
    let mut globs = Vec::new();
    for (ending, wanted) in by_ending {
        let same = |file: &&'a String| split(file).1.ends_with(ending);
        let all = listing.iter().filter(same).map(|file| split(file).0).collect();
        let mut made: Vec<String> = Folders { wanted, all }.globs();
        made.iter_mut().for_each(|glob| glob.push_str(&format!("*{}", escaped(ending))));
        globs.append(&mut made);
    }
    globs.sort();
    globs
}

impl<'a> Folders<'a> {
    /// What stands before the names of files.
    fn globs(mut self) -> Vec<String> {
        let mut made = Vec::new();
        self.whole_trees("", &mut made);
        self.same_tails(&mut made);
        made.extend(self.wanted.iter().map(|folder| before(folder)));
        made
    }

    /// Takes the topmost folders below which every folder with such files is wanted.
    fn whole_trees(&mut self, top: &str, made: &mut Vec<String>) {
        let within: Vec<&'a str> = self.wanted.iter().copied().filter(|folder| is_below(folder, top)).collect();
        let Some((first, rest)) = within.split_first().filter(|(_, rest)| !rest.is_empty()) else { return };
        if self.all.iter().filter(|folder| is_below(folder, top)).count() == within.len() {
            made.push(format!("{}**/", before(top)));
            within.iter().for_each(|folder| {
                self.wanted.remove(folder);
            });
            return;
        }
        let mut last = None;
        for folder in std::iter::once(first).chain(rest) {
            // The next folder on the way down, each once: those of one are beside each other.
            let child = child_of(folder, top);
            if child != last
                && let Some(child) = child
            {
                self.whole_trees(child, made);
            }
            last = child;
        }
    }

    /// Takes folders that differ in one name alone, where all that look like them are wanted: `apps/*/deploy`.
    fn same_tails(&mut self, made: &mut Vec<String>) {
        let mut alike: BTreeMap<(&str, &str), Vec<&'a str>> = BTreeMap::new();
        for folder in &self.wanted {
            for (around, _) in without_one_name(folder) {
                alike.entry(around).or_default().push(folder);
            }
        }
        let mut alike: Vec<_> = alike.into_iter().filter(|(_, folders)| folders.len() > 1).collect();
        // The widest first.
        alike.sort_by_key(|(around, folders)| (std::cmp::Reverse(folders.len()), *around));
        for ((head, tail), folders) in alike {
            let looks_alike = |folder: &&&str| without_one_name(folder).any(|(around, _)| around == (head, tail));
            let left = folders.iter().all(|folder| self.wanted.contains(folder));
            if left && self.all.iter().filter(looks_alike).count() == folders.len() {
                made.push(format!("{}*/{}", before(head), before(tail)));
                folders.iter().for_each(|folder| {
                    self.wanted.remove(folder);
                });
            }
        }
    }
}

/// A path around each of its names, with the name.
fn without_one_name(path: &str) -> impl Iterator<Item = ((&str, &str), &str)> {
    let mut start = 0;
    path.split('/').filter(|name| !name.is_empty()).map(move |name| {
        let (begin, end) = (start, start + name.len());
        start = end + 1;
        ((path[..begin].trim_end_matches('/'), path[end..].trim_start_matches('/')), name)
    })
}

fn is_below(folder: &str, top: &str) -> bool {
    top.is_empty() || folder == top || folder.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
}

/// The folder directly below `top` that a folder is, or is in.
fn child_of<'a>(folder: &'a str, top: &str) -> Option<&'a str> {
    let rest = if top.is_empty() { folder } else { folder.strip_prefix(top)?.strip_prefix('/')? };
    let name = rest.split('/').next().filter(|name| !name.is_empty())?;
    folder.get(..folder.len() - rest.len() + name.len())
}

/// A folder as what stands before its files' names.
fn before(folder: &str) -> String {
    if folder.is_empty() { String::new() } else { format!("{}/", escaped(folder)) }
}

/// Folder and name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// `.yaml`, or a whole name without a dot.
fn ending(name: &str) -> &str {
    name.rfind('.').map_or(name, |dot| &name[dot..])
}

/// A text as a glob that takes this very text.
pub fn escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | ',' | '!');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// Whether a glob takes a path, as the host's configuration means it.
#[cfg(test)]
fn takes(glob: &str, path: &str) -> bool {
    access::environment::glob(glob).is_some_and(|glob| glob.is_match(path))
}

#[cfg(test)]
mod tests {
    use super::{covering, split, takes};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn check(files: &[&str], others: &[&str]) -> String {
        let listing: Vec<String> = files.iter().chain(others).map(|path| (*path).to_owned()).collect();
        covering(files.iter().copied(), &listing).join(" ")
    }

    #[test]
    fn as_a_person_would_write_them() {
        assert_eq!(check(&["argocd/a.yaml"], &["apps/x.yaml"]), "argocd/*.yaml");
        assert_eq!(check(&["argocd/a.yaml", "argocd/dev/b.yaml"], &["apps/x.yaml"]), "argocd/**/*.yaml");
        assert_eq!(check(&["a.yaml", "b/c.yml"], &["b/x.yaml"]), "*.yaml b/*.yml");
        assert_eq!(check(&["a.yaml", "b/c.yaml"], &["x.json"]), "**/*.yaml");
        assert_eq!(
            check(&["apps/a/argo/x.yaml", "apps/b/argo/x.yaml"], &["apps/a/base/k.yaml", "apps/c/base/k.yaml"]),
            "apps/*/argo/*.yaml"
        );
        assert_eq!(
            check(&["apps/a/app.yaml", "apps/b/app.yaml", "apps/c/app.yaml"], &["apps/c/base/k.yaml", "x/y.yaml"]),
            "apps/*/*.yaml"
        );
        // One more folder that looks alike is none of them.
        assert_eq!(
            check(&["apps/a/app.yaml", "apps/b/app.yaml"], &["apps/c/k.yaml", "apps/a/base/k.yaml"]),
            "apps/a/*.yaml apps/b/*.yaml"
        );
        assert_eq!(check(&["a[1]/{b}/*x,!.yaml"], &["a1/b/c.yaml"]), r"a\[1\]/\{b\}/*.yaml");
    }

    proptest! {
        #[test]
        fn exactly_the_folders_are_taken(
            all in prop::collection::btree_set("([ab*\\[]/){0,4}[ab{]\\.(yaml|yml)", 1..24),
            chosen in prop::collection::vec(any::<bool>(), 24),
        ) {
            let listing: Vec<String> = all.into_iter().collect();
            let wanted: Vec<&str> =
                listing.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(path, _)| path.as_str()).collect();
            let folder = |path: &str| (split(path).0.to_owned(), path.ends_with(".yaml"));
            let folders: BTreeSet<_> = wanted.iter().map(|path| folder(path)).collect();
            let globs = covering(wanted.iter().copied(), &listing);
            for path in &listing {
                let taken = globs.iter().any(|glob| takes(glob, path));
                prop_assert_eq!(taken, folders.contains(&folder(path)), "{} by {:?}", path, globs);
            }
        }
    }
}
