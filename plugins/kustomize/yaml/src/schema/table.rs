//! The text that the built-in types are kept in: a line for each type, a line for each kind.
//!
//! ```text
//! type 3 containers=5 volumes=7     a type: its fields and their types, 0 for those that do not matter
//! type 4 *=3                        a map of values
//! type 5 []=3 merge=name            a list that merges by `name`
//! type 6 []=0 merge=                a list of plain values that merges
//! kind apps/v1 Deployment 9
//! namespaced apps/v1 Deployment
//! cluster v1 Node
//! ```

use std::fmt::Write as _;

use super::{Tables, Type};

/// What a table says of itself.
const ORIGIN: &str = "\
# Written by examples/schema_table.rs; do not edit.
# From the OpenAPI v2 documents of Kubernetes v1.21.2 and of kustomize 5.5.0.
# Copyright The Kubernetes Authors, Apache License 2.0.
";

/// Reads a table that [`print`] wrote. Lines that it did not write are passed over.
pub fn parse(text: &str) -> Tables {
    let mut tables = Tables { types: vec![Type::default()], ..Tables::default() };
    for line in text.lines() {
        let mut words = line.split(' ');
        let (word, version) = (words.next(), words.next().unwrap_or_default());
        match (word, words.next()) {
            (Some("type"), first) => tables.types.push(entry(first.into_iter().chain(words))),
            (Some("kind"), Some(kind)) => {
                let id = words.next().and_then(|id| id.parse().ok()).unwrap_or_default();
                tables.kinds.entry(version.to_owned()).or_default().insert(kind.to_owned(), id);
            }
            (Some(scope @ ("namespaced" | "cluster")), Some(kind)) => {
                tables.namespaced.insert((version.to_owned(), kind.to_owned()), scope == "namespaced");
            }
            _ => {}
        }
    }
    tables
}

fn entry<'a>(words: impl Iterator<Item = &'a str>) -> Type {
    let mut entry = Type::default();
    for (name, value) in words.filter_map(|word| word.split_once('=')) {
        let id = value.parse().unwrap_or_default();
        match name {
            "*" => entry.values = Some(id),
            "[]" => entry.items = Some(id),
            "merge" => {
                let keys = value.split(',').filter(|key| !key.is_empty());
                entry.merge_keys = Some(keys.map(str::to_owned).collect());
            }
            _ => entry.fields.push((name.to_owned(), id)),
        }
    }
    entry
}

/// Writes a table, in an order that depends on nothing but what is in it.
pub fn print(tables: &Tables) -> String {
    let mut out = String::from(ORIGIN);
    for (at, entry) in tables.types.iter().enumerate().skip(1) {
        let mut line = format!("type {at}");
        for (name, id) in &entry.fields {
            word(&mut line, name, &id.to_string());
        }
        if let Some(id) = entry.values {
            word(&mut line, "*", &id.to_string());
        }
        if let Some(id) = entry.items {
            word(&mut line, "[]", &id.to_string());
        }
        if let Some(keys) = &entry.merge_keys {
            word(&mut line, "merge", &keys.join(","));
        }
        out.push_str(&line);
        out.push('\n');
    }
    let mut rest: Vec<String> = Vec::new();
    for (version, kinds) in &tables.kinds {
        rest.extend(kinds.iter().map(|(kind, id)| format!("kind {version} {kind} {id}\n")));
    }
    for ((version, kind), namespaced) in &tables.namespaced {
        let scope = if *namespaced { "namespaced" } else { "cluster" };
        rest.push(format!("{scope} {version} {kind}\n"));
    }
    rest.sort();
    out.extend(rest);
    out
}

fn word(line: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = write!(line, " {name}={value}");
}
