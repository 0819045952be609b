//! All places that a path of a replacement means, made where they are missing.

use kustomize_yaml::{Mapping, Node, Scalar, Style};

use super::{Part, bounded, element, part, wrong_kind};
use crate::error::{Error, Result};
use crate::scalar;
use crate::selector::Pattern;

/// What is made at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Scalar,
    Mapping,
    Sequence,
}

/// What a walk has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    pub places: usize,
    /// Something should have been made below a null. kyaml makes it there, hidden for as long as the null stays a null.
    pub below_null: bool,
}

/// What happens at each place.
type Visit<'v> = dyn FnMut(&mut Node) -> Result<()> + 'v;

/// Runs `visit` on each place, and says how many there were. With `create`, what is missing is made.
///
/// # Errors
/// A field of a list, an element of a mapping, an index that is too large, and those of `visit`.
pub fn for_each(node: &mut Node, path: &[String], create: Option<Shape>, visit: &mut Visit<'_>) -> Result<Walked> {
    bounded(path)?;
    // kustomize writes all annotations anew at the end, and finds there what was written below a null.
    if let ([metadata, annotations, _, ..], Some(_)) = (path, create)
        && metadata == "metadata"
        && annotations == "annotations"
        && let Some(annotations) = node.at_mut(&["metadata", "annotations"]).filter(|node| node.is_null())
    {
        *annotations = Node::Mapping(Mapping::new());
    }
    let mut walk = Walk { create, visit, below_null: false };
    let places = walk.node(node, path)?;
    Ok(Walked { places, below_null: walk.below_null })
}

struct Walk<'a, 'v> {
    create: Option<Shape>,
    visit: &'a mut Visit<'v>,
    below_null: bool,
}

impl Walk<'_, '_> {
    fn node(&mut self, node: &mut Node, path: &[String]) -> Result<usize> {
        let Some((first, rest)) = path.split_first() else {
            (self.visit)(node)?;
            return Ok(1);
        };
        if first == "-" {
            return self.field(node, first, rest);
        }
        match part(first)? {
            Part::Index(at) => self.index(node, at, rest),
            Part::Element { name, value } => self.elements(node, (name, value), rest),
            Part::Every => {
                if node.is_null() {
                    return Ok(0);
                }
                let items = node.as_sequence_mut();
                let Some(items) = items else { return Err(Error::invalid("", "'*' means the elements of a list")) };
                items.iter_mut().try_fold(0, |count, item| Ok(count + self.node(item, rest)?))
            }
            Part::Field(_) | Part::Last => self.field(node, first, rest),
        }
    }

    fn field(&mut self, node: &mut Node, name: &str, rest: &[String]) -> Result<usize> {
        if node.is_null() {
            return Ok(self.hidden());
        }
        let shape = self.next_shape(rest);
        let mapping = match node {
            Node::Mapping(mapping) => mapping,
            node => return Err(wrong_kind("mapping", node)),
        };
        let field = match shape {
            Some(shape) => Some(mapping.get_or_insert_with(name, || shape.empty())),
            None => mapping.get_mut(name),
        };
        field.map_or(Ok(0), |field| self.node(field, rest))
    }

    fn index(&mut self, node: &mut Node, at: usize, rest: &[String]) -> Result<usize> {
        let shape = self.next_shape(rest);
        let items = match node {
            Node::Sequence(items) => items,
            node if node.is_null() => return Err(too_large(at, 0)),
            node => return Err(wrong_kind("list", node)),
        };
        if let Some(shape) = shape.filter(|_| items.len() == at) {
            items.push(shape.empty());
        }
        let count = items.len();
        let item = items.get_mut(at).ok_or_else(|| too_large(at, count))?;
        self.node(item, rest)
    }

    fn elements(&mut self, node: &mut Node, (name, value): (&str, &str), rest: &[String]) -> Result<usize> {
        let pattern = Pattern::anywhere(value)?;
        let items = match node {
            Node::Sequence(items) => items,
            node if node.is_null() => return Ok(self.hidden()),
            node => return Err(wrong_kind("list", node)),
        };
        let count = self.matching(items, name, &pattern, rest)?;
        if count > 0 || self.create.is_none() {
            return Ok(count);
        }
        items.push(element(name, value));
        self.matching(items, name, &pattern, rest)
    }

    fn matching(&mut self, items: &mut [Node], name: &str, pattern: &Pattern, rest: &[String]) -> Result<usize> {
        let mut count = 0;
        for item in items {
            let text = if name.is_empty() { Some(scalar::written(item)) } else { item.get(name).map(scalar::written) };
            if text.is_some_and(|text| pattern.matches(text.trim())) {
                // What stands behind an element that is a scalar itself does not count.
                let rest = if name.is_empty() { &[] } else { rest };
                count += self.node(item, rest)?;
            }
        }
        Ok(count)
    }

    /// kyaml writes below the null, where nothing is printed.
    fn hidden(&mut self) -> usize {
        self.below_null |= self.create.is_some();
        usize::from(self.create.is_some())
    }

    /// What a missing field or element becomes; `None` where nothing is made.
    fn next_shape(&self, rest: &[String]) -> Option<Shape> {
        let end = self.create?;
        Some(match rest.first().map(|next| part(next)) {
            None => end,
            Some(Ok(Part::Element { .. } | Part::Index(_))) => Shape::Sequence,
            Some(_) => Shape::Mapping,
        })
    }
}

fn too_large(at: usize, count: usize) -> Error {
    Error::invalid("", format!("index {at} specified but only {count} elements found"))
}

impl Shape {
    /// The shape of a value.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::Scalar(_) => Self::Scalar,
            Node::Mapping(_) => Self::Mapping,
            Node::Sequence(_) => Self::Sequence,
        }
    }

    fn empty(self) -> Node {
        match self {
            Self::Scalar => Scalar::untagged("", Style::Plain).into(),
            Self::Mapping => Node::Mapping(Mapping::new()),
            Self::Sequence => Node::Sequence(Vec::new()),
        }
    }
}
