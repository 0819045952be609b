//! A file's objects, read as `kubectl` reads them (YAML 1.1). What is no manifest at all is passed over, as Argo CD does;
//! one that is half a manifest is an error, for it may be meant.

use kustomize_yaml::Node;
use kustomize_yaml::read::{self, Limits, ReadError};
use serde_json::json;
use tidegate::Error;

/// A file with this text is left out, whatever it holds (Argo CD's marker).
const SKIP: &[u8] = b"+argocd:skip-file-rendering";

/// What a file holds.
#[derive(Debug, PartialEq)]
pub enum Manifest {
    /// Objects, those of lists by themselves.
    Objects(Vec<Node>),
    /// It says that it is to be left out.
    Skipped,
    /// No object: other YAML, for other programs.
    Other,
}

/// Reads a file.
///
/// # Errors
/// `invalid` with the place.
pub fn read(path: &str, bytes: &[u8]) -> Result<Manifest, Error> {
    if bytes.windows(SKIP.len()).any(|window| window == SKIP) {
        return Ok(Manifest::Skipped);
    }
    let at = |line: usize, column: usize, what: &str| {
        let details = json!({ "path": path, "line": line, "column": column }).to_string();
        Error { details: Some(details), ..Error::invalid(format!("{path}:{line}:{column}: {what}")) }
    };
    let text = std::str::from_utf8(bytes).map_err(|_| at(1, 1, "it is no UTF-8 text"))?;
    if path.ends_with(".json")
        && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text)
    {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        return Err(at(error.line(), error.column(), &format!("it is not JSON: {what}")));
    }
    let documents = match read::manifests(text, Limits::default()) {
        Ok(documents) => documents,
        Err(ReadError { line, column, what }) if looks_like_one(text) => return Err(at(line, column, &what)),
        Err(_) => return Ok(Manifest::Other),
    };
    let mut objects = Vec::new();
    for (node, line) in documents {
        match unwrapped(node) {
            Ok(mut found) => objects.append(&mut found),
            Err(what) if !objects.is_empty() || looks_like_one(text) => return Err(at(line, 1, &what)),
            Err(_) => return Ok(Manifest::Other),
        }
    }
    // An empty file, or one of comments, is no other program's.
    Ok(Manifest::Objects(objects))
}

/// The test that Argo CD makes of what it cannot read, which asks for `metadata:` as well; lists have none.
fn looks_like_one(text: &str) -> bool {
    ["apiVersion:", "kind:"].iter().all(|word| text.contains(word))
}

/// An object, or those of a list.
fn unwrapped(mut node: Node) -> Result<Vec<Node>, String> {
    let shape = node.shape();
    let Some(mapping) = node.as_mapping_mut() else { return Err(format!("an object is a mapping, not a {shape}")) };
    for field in ["apiVersion", "kind"] {
        let named = mapping.get(field).and_then(Node::as_str).is_some_and(|text| !text.is_empty());
        if !named {
            return Err(format!("the object has no `{field}`"));
        }
    }
    let is_list = matches!(mapping.get("items"), Some(Node::Sequence(_)));
    match mapping.remove("items").filter(|_| is_list) {
        Some(Node::Sequence(items)) => {
            let mut all = Vec::new();
            for item in items {
                all.append(&mut unwrapped(item)?);
            }
            Ok(all)
        }
        _ => Ok(vec![node]),
    }
}
