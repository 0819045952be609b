//! Fields in the order they were written, found by the text of their key. A small mapping is searched; a large one
//! keeps an index, so that a ConfigMap of ten thousand keys is not walked for each.

use std::collections::HashMap;

use super::{Node, Scalar};

/// From this many fields on, an index costs less than searching.
const INDEXED: usize = 24;

/// An ordered set of fields. Keys are scalars and differ in their text.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    fields: Vec<(Scalar, Node)>,
    index: Option<Box<Index>>,
}

/// The place of each key. Behind a pointer, as most mappings have none.
#[derive(Debug, Clone, Default)]
struct Index {
    places: HashMap<Box<str>, usize>,
}

impl PartialEq for Mapping {
    /// The order of fields counts: it shows in nothing that is printed, but a walk over two equal trees meets the same.
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Mapping {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields), index: None }
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Where `key` stands among the fields, counted from 0.
    pub fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.places.get(key).copied(),
            None => self.fields.iter().position(|(name, _)| name.text == key),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.position(key).and_then(|at| self.fields.get(at)).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        self.fields.get_mut(at).map(|(_, value)| value)
    }

    /// The key as written and its value, by place.
    pub fn entry(&self, at: usize) -> Option<(&Scalar, &Node)> {
        self.fields.get(at).map(|(key, value)| (key, value))
    }

    /// Sets a field: in its place where the key is there, at the end otherwise. Returns the value that stood there.
    pub fn insert(&mut self, key: impl Into<String>, value: Node) -> Option<Node> {
        self.insert_scalar(Scalar::string(key), value)
    }

    /// [`Mapping::insert`] for a key that may not be a string, such as `1:`.
    pub fn insert_scalar(&mut self, key: Scalar, value: Node) -> Option<Node> {
        if let Some(slot) = self.get_mut(&key.text) {
            return Some(std::mem::replace(slot, value));
        }
        self.push(key, value);
        None
    }

    /// The value of `key`, which is put there first (at the end) where it is missing.
    pub fn get_or_insert_with(&mut self, key: &str, value: impl FnOnce() -> Node) -> &mut Node {
        let at = self.position(key).unwrap_or_else(|| {
            self.push(Scalar::string(key), value());
            self.fields.len() - 1
        });
        &mut self.fields[at].1
    }

    /// Takes a field out; those behind it move up.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.position(key)?;
        let (_, value) = self.fields.remove(at);
        self.reindex();
        Some(value)
    }

    /// Keeps the fields for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Scalar, &mut Node) -> bool) {
        self.fields.retain_mut(|(key, value)| keep(key, value));
        self.reindex();
    }

    pub fn iter(&self) -> Iter<'_> {
        Iter { fields: self.fields.iter() }
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Scalar, &mut Node)> {
        self.fields.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(key, _)| key.text.as_str())
    }

    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.fields.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.fields.iter_mut().map(|(_, value)| value)
    }

    fn push(&mut self, key: Scalar, value: Node) {
        if let Some(index) = &mut self.index {
            index.places.insert(key.text.as_str().into(), self.fields.len());
        }
        self.fields.push((key, value));
        if self.index.is_none() && self.fields.len() >= INDEXED {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        self.index = (self.fields.len() >= INDEXED).then(|| {
            let places = self.fields.iter().enumerate();
            Box::new(Index { places: places.map(|(at, (key, _))| (key.text.as_str().into(), at)).collect() })
        });
    }
}

/// The fields of a [`Mapping`] in order.
pub struct Iter<'a> {
    fields: std::slice::Iter<'a, (Scalar, Node)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Scalar, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        self.fields.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.fields.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Mapping {
    type Item = (&'a Scalar, &'a Node);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Mapping {
    type Item = (Scalar, Node);
    type IntoIter = std::vec::IntoIter<(Scalar, Node)>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl FromIterator<(Scalar, Node)> for Mapping {
    /// A key that comes twice keeps its first place and its last value.
    fn from_iter<T: IntoIterator<Item = (Scalar, Node)>>(fields: T) -> Self {
        let mut mapping = Self::new();
        for (key, value) in fields {
            mapping.insert_scalar(key, value);
        }
        mapping
    }
}
