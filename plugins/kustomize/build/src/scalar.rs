//! Writing text into scalars as kyaml does: quotes stay where they are, and text without quotes is whatever it looks
//! like. A number in quotes that gets a prefix stays a string; without quotes `1` and `2` may become the number 12.

use kustomize_yaml::read::{self, resolve};
use kustomize_yaml::{Kind, Mapping, Node, Scalar, Style, Tag};

use crate::error::{Error, Result};

/// Writes `text` in place of a scalar's text.
///
/// # Errors
/// A mapping or a list.
pub fn overwrite(node: &mut Node, text: &str) -> Result<()> {
    write(scalar(node)?, text);
    Ok(())
}

/// Writes `text` in place of a scalar, as a scalar of this kind.
///
/// # Errors
/// A mapping or a list.
pub fn overwrite_as(node: &mut Node, text: &str, kind: Kind) -> Result<()> {
    let scalar = scalar(node)?;
    scalar.kind = kind;
    scalar.tag = Tag::Set;
    scalar.text = text.to_owned();
    Ok(())
}

/// A scalar that is written anew has no tag any more.
fn write(scalar: &mut Scalar, text: &str) {
    scalar.tag = Tag::Absent;
    scalar.overwrite(text);
}

fn scalar(node: &mut Node) -> Result<&mut Scalar> {
    let shape = node.shape();
    node.as_scalar_mut().ok_or_else(|| Error::invalid("", format!("wrong node kind: expected scalar but got {shape}")))
}

/// A string as kyaml puts it in a new place: in quotes where it would be something else without. Whoever overwrites it
/// later keeps the quotes, and with them the string.
pub fn fresh(text: &str) -> Node {
    Node::Scalar(Scalar { text: text.to_owned(), kind: Kind::Str, style: fresh_style(text), tag: Tag::Set })
}

/// As [`fresh`], but without a tag: it is quotes alone that keep it a string.
fn fresh_untagged(text: &str) -> Node {
    Node::Scalar(Scalar::untagged(text, fresh_style(text)))
}

fn fresh_style(text: &str) -> Style {
    if read::is_string_unquoted(text) { Style::Plain } else { Style::Double }
}

/// Sets a field to a text: [`overwrite`] where it is there, a string where it is new.
///
/// # Errors
/// A mapping or a list in the field.
pub fn set_field(mapping: &mut Mapping, key: &str, text: &str) {
    match mapping.get_mut(key) {
        Some(Node::Scalar(scalar)) => write(scalar, text),
        Some(node) => *node = fresh_untagged(text),
        None => {
            mapping.insert(key, fresh_untagged(text));
        }
    }
}

/// The text of a scalar, null's included; empty for mappings and lists. What kyaml calls a node's value.
pub fn value(node: &Node) -> &str {
    node.as_scalar().map_or("", |scalar| scalar.text.as_str())
}

/// Looks for text that is not of the kind that its scalar has, as replacements leave it.
///
/// # Errors
/// The first such scalar.
pub fn check(node: &Node) -> Result<()> {
    match node {
        Node::Mapping(mapping) => mapping.values().try_for_each(check),
        Node::Sequence(items) => items.iter().try_for_each(check),
        Node::Scalar(scalar) => {
            let fits = match (scalar.kind, resolve::plain(&scalar.text)) {
                (Kind::Str | Kind::Custom | Kind::Binary, _) | (Kind::Float, Kind::Int) => true,
                (known, found) => known == found,
            };
            if fits {
                return Ok(());
            }
            let what = format!("'{}' is of another kind than the value it replaces", scalar.text);
            Err(Error::invalid("", what).hint("write the value that is replaced in quotes"))
        }
    }
}

/// How kyaml writes a scalar in one line, which is what its expressions are matched against.
pub fn written(node: &Node) -> String {
    let Some(scalar) = node.as_scalar() else { return String::new() };
    match scalar.style {
        Style::Single => format!("'{}'", scalar.text.replace('\'', "''")),
        Style::Double => format!("\"{}\"", scalar.text),
        Style::Plain if scalar.kind == Kind::Str && resolve::plain(&scalar.text) != Kind::Str => {
            format!("\"{}\"", scalar.text)
        }
        _ => scalar.text.clone(),
    }
}
