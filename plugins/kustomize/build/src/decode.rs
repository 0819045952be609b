//! Trees to values, as Go's `encoding/json` fills a struct: names of fields in any case, null for absent, and no
//! conversion of scalars unless the caller's mode has one.

use std::collections::BTreeMap;

use kustomize_yaml::{Kind, Mapping, Node};

use crate::error::{Error, Result};
use crate::id::Gvk;

/// How strict a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A kustomization: unknown fields and scalars of another kind are errors.
    Strict,
    /// A transformer configuration: unknown fields are errors, scalars become strings where those are wanted.
    Converting,
    /// A plugin's configuration: unknown fields are ignored, scalars become strings.
    Lenient,
}

/// A mapping whose fields are taken one by one.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    mapping: Option<&'a Mapping>,
    place: &'a str,
    mode: Mode,
}

impl<'a> Fields<'a> {
    /// `place` is where in the file `node` stands, for errors. Null is a mapping without fields.
    ///
    /// # Errors
    /// No mapping, or a field that is not in `known`, where the mode minds.
    pub fn new(node: &'a Node, place: &'a str, mode: Mode, known: &[&str]) -> Result<Self> {
        let mapping = match node {
            Node::Mapping(mapping) => Some(mapping),
            node if node.is_null() => None,
            node => return Err(wrong(place, "a mapping", node)),
        };
        if mode != Mode::Lenient {
            let unknown =
                mapping.into_iter().flat_map(Mapping::keys).find(|key| !known.iter().any(|name| same(name, key)));
            if let Some(key) = unknown {
                let what = format!("unknown field \"{key}\"");
                let hint = format!("fields here: {}", known.join(", "));
                return Err(Error::invalid("", at(place, &what)).hint(&hint));
            }
        }
        Ok(Self { mapping, place, mode })
    }

    /// The field's value; `None` where it is absent or null.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        let mapping = self.mapping?;
        let exact = mapping.get(name);
        let value = exact.or_else(|| mapping.iter().find(|(key, _)| same(name, &key.text)).map(|(_, value)| value))?;
        Some(value).filter(|value| !value.is_null())
    }

    /// A string; empty where it is absent.
    pub fn string(&self, name: &str) -> Result<String> {
        self.get(name).map_or(Ok(String::new()), |node| self.text(node, &at(self.place, name)))
    }

    /// A bool; false where it is absent.
    pub fn bool(&self, name: &str) -> Result<bool> {
        self.get(name).map_or(Ok(false), |node| boolean(node, &at(self.place, name)))
    }

    /// An integer; 0 where it is absent.
    pub fn int(&self, name: &str) -> Result<i64> {
        let Some(node) = self.get(name) else { return Ok(0) };
        let scalar = node.as_scalar().filter(|scalar| scalar.kind == Kind::Int);
        let value = scalar.and_then(|scalar| scalar.text.parse().ok());
        value.ok_or_else(|| wrong(&at(self.place, name), "an integer", node))
    }

    /// `group`, `version` and `kind`.
    pub fn gvk(&self) -> Result<Gvk> {
        Ok(Gvk { group: self.string("group")?, version: self.string("version")?, kind: self.string("kind")? })
    }

    /// A list, each item by `item`, which is told where it stands; empty where it is absent.
    pub fn list<T>(&self, name: &str, mut item: impl FnMut(&Node, &str) -> Result<T>) -> Result<Vec<T>> {
        let Some(node) = self.get(name) else { return Ok(Vec::new()) };
        let place = at(self.place, name);
        let Some(items) = node.as_sequence() else { return Err(wrong(&place, "a list", node)) };
        items.iter().enumerate().map(|(index, node)| item(node, &format!("{place}[{index}]"))).collect()
    }

    /// A list of strings.
    pub fn strings(&self, name: &str) -> Result<Vec<String>> {
        self.list(name, |node, place| if node.is_null() { Ok(String::new()) } else { self.text(node, place) })
    }

    /// What `item` makes of the field; `None` where it is absent.
    pub fn object<T>(&self, name: &str, item: impl FnOnce(&Node, &str) -> Result<T>) -> Result<Option<T>> {
        self.get(name).map(|node| item(node, &at(self.place, name))).transpose()
    }

    /// Strings by name; empty where it is absent.
    pub fn string_map(&self, name: &str) -> Result<BTreeMap<String, String>> {
        self.map(name, |node, place| if node.is_null() { Ok(String::new()) } else { self.text(node, place) })
    }

    /// Bools by name; empty where it is absent.
    pub fn bool_map(&self, name: &str) -> Result<BTreeMap<String, bool>> {
        self.map(name, |node, place| if node.is_null() { Ok(false) } else { boolean(node, place) })
    }

    fn map<T>(&self, name: &str, value: impl Fn(&Node, &str) -> Result<T>) -> Result<BTreeMap<String, T>> {
        let Some(node) = self.get(name) else { return Ok(BTreeMap::new()) };
        let place = at(self.place, name);
        let Some(mapping) = node.as_mapping() else { return Err(wrong(&place, "a mapping", node)) };
        mapping.iter().map(|(key, node)| Ok((key.text.clone(), value(node, &at(&place, &key.text))?))).collect()
    }

    fn text(&self, node: &Node, place: &str) -> Result<String> {
        let Some(scalar) = node.as_scalar() else { return Err(wrong(place, "a string", node)) };
        if scalar.kind != Kind::Str && self.mode == Mode::Strict {
            return Err(wrong(place, "a string", node).hint("write the value in quotes"));
        }
        let float = Some(&scalar.text).filter(|_| scalar.kind == Kind::Float).and_then(|text| text.parse::<f32>().ok());
        Ok(float.map_or_else(|| scalar.text.clone(), float_text))
    }
}

/// As Go's `strconv.FormatFloat(f, 'g', -1, 32)`: what becomes of a number where a string is wanted.
fn float_text(number: f32) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

fn boolean(node: &Node, place: &str) -> Result<bool> {
    let scalar = node.as_scalar().filter(|scalar| scalar.kind == Kind::Bool);
    let value = scalar.and_then(|scalar| scalar.text.to_ascii_lowercase().parse().ok());
    value.ok_or_else(|| wrong(place, "true or false", node))
}

fn same(name: &str, key: &str) -> bool {
    name.eq_ignore_ascii_case(key)
}

fn at(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn wrong(place: &str, expected: &str, node: &Node) -> Error {
    let found = match node.as_scalar().map(|scalar| scalar.kind) {
        Some(Kind::Int | Kind::Float) => "a number",
        Some(Kind::Bool) => "a bool",
        Some(_) => "a string",
        None => node.shape(),
    };
    let what = format!("expected {expected}, found {found}");
    Error::invalid("", if place.is_empty() { what } else { format!("{place}: {what}") })
}

#[cfg(test)]
mod tests {
    use super::float_text;

    #[test]
    fn numbers_as_go_writes_them() {
        let texts = [1.5, 0.1, -2.25, 123_456.5, 1_234_567.5, 0.00012, 0.000_012, 1e20].map(float_text);
        assert_eq!(texts, ["1.5", "0.1", "-2.25", "123456.5", "1.2345675e+06", "0.00012", "1.2e-05", "1e+20"]);
    }
}
