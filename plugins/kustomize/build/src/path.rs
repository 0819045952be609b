//! Paths that name one element of a list: `spec.containers.[name=web].image`, `0`, `*`. Replacements, vars and
//! `ValueAddTransformer` use them.

mod matcher;

use kustomize_yaml::{Mapping, Node, Scalar, Style};

pub use matcher::{Shape, Walked, for_each};

use crate::error::{Error, Result};
use crate::fieldspec::split_path;
use crate::scalar;

/// How many parts a path may have that makes what is missing.
const MAX_PARTS: usize = 64;

/// Refuses paths that would make trees too deep to walk.
fn bounded(path: &[String]) -> Result<()> {
    if path.len() > MAX_PARTS {
        return Err(Error::invalid("", format!("a path of more than {MAX_PARTS} parts")));
    }
    Ok(())
}

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part<'a> {
    Field(&'a str),
    Index(usize),
    Last,
    Every,
    /// The element whose field of this name has this value; the element itself where the name is empty.
    Element {
        name: &'a str,
        value: &'a str,
    },
}

fn part(text: &str) -> Result<Part<'_>> {
    if let Ok(index) = text.parse::<i64>() {
        let index = usize::try_from(index);
        return index
            .map(Part::Index)
            .map_err(|_| Error::invalid("", format!("array index {text} cannot be negative")));
    }
    match text {
        "-" => return Ok(Part::Last),
        "*" => return Ok(Part::Every),
        _ => {}
    }
    let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return Ok(Part::Field(text));
    };
    let what = "list path element must contain fieldName=fieldValue for element to match";
    let (name, value) = inner.split_once('=').ok_or_else(|| Error::invalid("", what))?;
    Ok(Part::Element { name, value })
}

/// The key of a mapping that one part of a path means. A path that is walked part by part has such parts only: where a
/// mapping is, kustomize fails on what is written as an element of a list.
///
/// # Errors
/// An index, an element by its value, `-` and `*`, as kustomize reads them before it looks.
pub fn key(text: &str) -> Result<&str> {
    match part(text.trim())? {
        Part::Field("") => Err(Error::invalid("", "cannot set or create an empty field name")),
        Part::Field(name) => Ok(name),
        Part::Every => Err(Error::invalid("", "wildcard is not supported here")),
        Part::Index(_) | Part::Last | Part::Element { .. } => {
            Err(Error::invalid("", "wrong node kind: expected list but got mapping"))
        }
    }
}

fn wrong_kind(expected: &str, node: &Node) -> Error {
    Error::invalid("", format!("wrong node kind: expected {expected} but got {}", node.shape()))
}

/// Splits at dots, except behind a `\` and within brackets. Brackets without `=` are taken away: they quote a key.
pub fn split(path: &str) -> Vec<String> {
    let mut parts = split_path(path, '.').into_iter();
    let mut joined = Vec::new();
    while let Some(mut part) = parts.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for more in parts.by_ref() {
                part.push('.');
                part.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = part.trim_matches(['[', ']']).to_owned();
            }
        }
        joined.push(part);
    }
    joined
}

/// As [`split`], and `ports[0]` is `ports` and `0`.
pub fn split_indexed(path: &str) -> Vec<String> {
    let mut fields = Vec::new();
    for field in split(path) {
        let indexed = field.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
        match indexed.filter(|(_, index)| !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit())) {
            Some((name, index)) => {
                fields.extend(Some(name).filter(|name| !name.is_empty()).map(str::to_owned));
                fields.push(index.to_owned());
            }
            None => fields.push(field),
        }
    }
    fields
}

fn cleaned(path: &[String]) -> impl Iterator<Item = &str> {
    path.iter().map(|part| part.trim()).filter(|part| !part.is_empty())
}

/// What is at a path; `None` where there is nothing.
///
/// # Errors
/// A field of a list, an element of a mapping, a path with `*`.
pub fn lookup<'a>(node: &'a Node, path: &[String]) -> Result<Option<&'a Node>> {
    let mut found = Some(node);
    for text in cleaned(path) {
        let Some(node) = found else { break };
        found = step(node, &part(text)?)?;
    }
    Ok(found)
}

fn step<'a>(node: &'a Node, part: &Part<'_>) -> Result<Option<&'a Node>> {
    if node.is_null() {
        return Ok(None);
    }
    if let Part::Field(name) = part {
        let mapping = node.as_mapping().ok_or_else(|| wrong_kind("mapping", node))?;
        return Ok(mapping.get(name));
    }
    let items = node.as_sequence().ok_or_else(|| wrong_kind("list", node))?;
    match part {
        Part::Every => Err(Error::invalid("", "wildcard is not supported here")),
        part => Ok(position(items, part).and_then(|at| items.get(at))),
    }
}

fn position(items: &[Node], part: &Part<'_>) -> Option<usize> {
    match part {
        Part::Index(at) => Some(*at),
        Part::Last => items.len().checked_sub(1),
        Part::Element { name, value } => items.iter().position(|item| match name.is_empty() {
            true => scalar::value(item) == *value,
            false => item.get(name).is_some_and(|field| scalar::value(field) == *value),
        }),
        Part::Field(_) | Part::Every => None,
    }
}

/// As [`lookup`], making what is missing, a scalar at the end. `None` where a list has no element of an index.
///
/// # Errors
/// As for [`lookup`].
pub fn lookup_or_create<'a>(node: &'a mut Node, path: &[String]) -> Result<Option<&'a mut Node>> {
    bounded(path)?;
    let parts: Vec<Part<'_>> = cleaned(path).map(part).collect::<Result<_>>()?;
    let mut found = node;
    for (at, part) in parts.iter().enumerate() {
        let next = parts.get(at + 1);
        let Some(node) = create_step(found, part, next)? else { return Ok(None) };
        found = node;
    }
    Ok(Some(found))
}

fn create_step<'a>(node: &'a mut Node, part: &Part<'_>, next: Option<&Part<'_>>) -> Result<Option<&'a mut Node>> {
    match (part, node) {
        (Part::Field(name), Node::Mapping(mapping)) => Ok(Some(mapping.get_or_insert_with(name, || empty(next)))),
        (Part::Field(_), node) => {
            if node.is_null() {
                Ok(None)
            } else {
                Err(wrong_kind("mapping", node))
            }
        }
        (Part::Every, _) => Err(Error::invalid("", "wildcard is not supported here")),
        (part, Node::Sequence(items)) => {
            let at = match (position(items, part), part) {
                (None, Part::Element { name, value }) => {
                    items.push(element(name, value));
                    Some(items.len() - 1)
                }
                (at, _) => at,
            };
            Ok(at.and_then(|at| items.get_mut(at)))
        }
        (_, node) => {
            if node.is_null() {
                Ok(None)
            } else {
                Err(wrong_kind("list", node))
            }
        }
    }
}

fn empty(next: Option<&Part<'_>>) -> Node {
    match next {
        None => Scalar::untagged("", Style::Plain).into(),
        Some(Part::Element { .. } | Part::Index(_)) => Node::Sequence(Vec::new()),
        Some(_) => Node::Mapping(Mapping::new()),
    }
}

fn element(name: &str, value: &str) -> Node {
    if name.is_empty() {
        return Scalar::untagged(value, Style::Plain).into();
    }
    let mut mapping = Mapping::new();
    mapping.insert_scalar(Scalar::string(name), Scalar::untagged(value, Style::Plain).into());
    Node::Mapping(mapping)
}

#[cfg(test)]
mod tests {
    use super::{split, split_indexed};

    #[test]
    fn parts_of_paths() {
        assert_eq!(split("a.b"), ["a", "b"]);
        assert_eq!(split("metadata.annotations.[config.io/x.y]"), ["metadata", "annotations", "config.io/x.y"]);
        assert_eq!(split("c.[name=a.b].image"), ["c", "[name=a.b]", "image"]);
        assert_eq!(split(r"a.b\.c"), ["a", "b.c"]);
        assert_eq!(split_indexed("spec.ports[0].port"), ["spec", "ports", "0", "port"]);
    }
}
