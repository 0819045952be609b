//! Any kustomization over any files is built or refused: no panic, no endless work.
//!
//! The input is files, each after a line `=== PATH`; the folder that is built is `o`.

#![no_main]

use kustomize_build::{Entry, Files, Kind, Options, Result, build};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

struct Tree(BTreeMap<String, Vec<u8>>);

impl Tree {
    fn new(text: &str) -> Self {
        let mut files = BTreeMap::new();
        for part in text.split("=== ").skip(1) {
            let (path, content) = part.split_once('\n').unwrap_or((part, ""));
            let sound = !path.is_empty() && path.split('/').all(|name| !matches!(name, "" | "." | ".."));
            if sound {
                files.insert(path.to_owned(), content.as_bytes().to_vec());
            }
        }
        Self(files)
    }

    fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.0.keys().filter_map(move |known| known.strip_prefix(&prefix))
    }
}

impl Files for Tree {
    fn look(&self, path: &str) -> Result<Option<Kind>> {
        Ok(match self.0.contains_key(path) {
            true => Some(Kind::File),
            false => (path.is_empty() || self.below(path).next().is_some()).then_some(Kind::Directory),
        })
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>> {
        let mut entries = BTreeMap::new();
        for rest in self.below(path) {
            let (name, kind) = rest.split_once('/').map_or((rest, Kind::File), |(name, _)| (name, Kind::Directory));
            entries.insert(name.to_owned(), kind);
        }
        Ok(Some(entries.into_iter().map(|(name, kind)| Entry { name, kind }).collect()))
    }
}

fuzz_target!(|text: &str| {
    // What costs time by its sheer size is bounded by the host.
    if text.len() <= 1 << 16 {
        let _ = build(&Tree::new(text), "o", &Options::default());
    }
});
