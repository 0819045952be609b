//! Field specs: which kinds have a field that a transformation means, and the walk to it. A path does not tell lists
//! from mappings: the walk goes into every element of a list.

use kustomize_yaml::{Mapping, Node};

use crate::decode::{Fields, Mode};
use crate::error::{Error, Result};
use crate::id::Gvk;
use crate::path;

/// How deep a path may lead. Deeper is no field of Kubernetes.
const MAX_DEPTH: usize = 64;

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub name: String,
    /// Written with `[]`: never created.
    pub list: bool,
}

/// A field of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSpec {
    pub gvk: Gvk,
    pub path: String,
    /// Whether the field comes into being where it is missing.
    pub create: bool,
    segments: Vec<Segment>,
}

/// What stands at the end of a path that is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Scalar,
    Mapping,
}

/// Whether the walk makes what is missing, and of which shape its end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    Never,
    AsSpecified(Shape),
}

impl FieldSpec {
    pub fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        let segments = split_path(path, '/').into_iter().map(segment).collect();
        Self { gvk, path: path.to_owned(), create, segments }
    }

    /// Of every kind.
    pub fn anywhere(path: &str, create: bool) -> Self {
        Self::new(Gvk::default(), path, create)
    }

    /// From a mapping with `group`, `version`, `kind`, `path` and `create`.
    pub fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["group", "version", "kind", "path", "create"])?;
        Ok(Self::new(fields.gvk()?, &fields.string("path")?, fields.bool("create")?))
    }

    /// Runs `set` on every place of the field, where `gvk` is meant. `set` sees null as well.
    ///
    /// # Errors
    /// A scalar in the middle of the path, and those of `set`.
    pub fn apply(&self, gvk: &Gvk, node: &mut Node, create: Create, set: &mut Setter<'_>) -> Result<()> {
        if !gvk.is_selected(&self.gvk) {
            return Ok(());
        }
        self.apply_anyway(node, create, set)
    }

    /// As [`apply`](Self::apply), for an object that is known to be meant.
    pub fn apply_anyway(&self, node: &mut Node, create: Create, set: &mut Setter<'_>) -> Result<()> {
        let create = if self.create { create } else { Create::Never };
        let mut walk = Walk { create, set, place: Vec::new() };
        walk.node(node, &self.segments).map_err(|error| error.within(&format!("considering field '{}'", self.path)))
    }

    fn replaces(&self, other: &FieldSpec) -> bool {
        self.path == other.path && self.gvk.is_selected(&other.gvk)
    }
}

/// Adds `spec` unless a field spec of the same path is there that `spec` means as well. kustomize drops the wider one
/// of two even where it comes later.
///
/// # Errors
/// Two that differ in `create`.
pub fn merge_one(specs: &mut Vec<FieldSpec>, spec: &FieldSpec) -> Result<()> {
    match specs.iter().find(|known| known.replaces(spec)) {
        Some(known) if known.create != spec.create => {
            Err(Error::invalid("", format!("conflicting fieldspecs for path '{}'", spec.path)))
        }
        Some(_) => Ok(()),
        None => {
            specs.push(spec.clone());
            Ok(())
        }
    }
}

/// [`merge_one`] for each.
pub fn merge_all(specs: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<()> {
    more.iter().try_for_each(|spec| merge_one(specs, spec))
}

/// What happens at the end of a path. The second argument is where that is, by keys and indices.
pub type Setter<'a> = dyn FnMut(&mut Node, &[Step]) -> Result<()> + 'a;

/// One step down a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// Down `steps`; `None` where that leads nowhere.
pub fn follow<'a>(node: &'a mut Node, steps: &[Step]) -> Option<&'a mut Node> {
    steps.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get_mut(key),
        Step::Index(at) => node.as_sequence_mut()?.get_mut(*at),
    })
}

struct Walk<'a, 'b> {
    create: Create,
    set: &'a mut Setter<'b>,
    place: Vec<Step>,
}

impl Walk<'_, '_> {
    fn node(&mut self, node: &mut Node, path: &[Segment]) -> Result<()> {
        let Some((first, rest)) = path.split_first() else { return (self.set)(node, &self.place) };
        if node.is_null() {
            return Ok(());
        }
        if self.place.len() >= MAX_DEPTH {
            return Err(Error::invalid("", "lists too deep"));
        }
        match node {
            Node::Sequence(items) => items.iter_mut().enumerate().try_for_each(|(at, item)| {
                self.place.push(Step::Index(at));
                self.node(item, path)?;
                self.place.pop();
                Ok(())
            }),
            Node::Mapping(mapping) => self.mapping(mapping, first, rest),
            Node::Scalar(_) => Err(Error::invalid("", "expected sequence or mapping node")),
        }
    }

    fn mapping(&mut self, mapping: &mut Mapping, first: &Segment, rest: &[Segment]) -> Result<()> {
        let name = path::key(&first.name)?;
        let shape = match self.create {
            _ if first.list => None,
            Create::AsSpecified(shape) if rest.is_empty() => Some(shape),
            Create::AsSpecified(_) => Some(Shape::Mapping),
            Create::Never => None,
        };
        if let Some(shape) = shape
            && !mapping.contains_key(name)
        {
            mapping.insert(name, shape.empty());
        }
        let Some(field) = mapping.get_mut(name) else { return Ok(()) };
        if field.is_null() {
            match shape {
                Some(shape) => *field = shape.empty(),
                None if first.list => *field = Node::Sequence(Vec::new()),
                None => {}
            }
        }
        self.place.push(Step::Key(name.to_owned()));
        self.node(field, rest)?;
        self.place.pop();
        Ok(())
    }
}

impl Shape {
    fn empty(self) -> Node {
        match self {
            Self::Scalar => Node::string(""),
            Self::Mapping => Node::Mapping(Mapping::new()),
        }
    }
}

fn segment(part: String) -> Segment {
    match part.strip_suffix("[]") {
        Some(name) => Segment { name: name.to_owned(), list: true },
        None => Segment { name: part, list: false },
    }
}

/// Splits at `delimiter`, except where a `\` stands before it. A leading delimiter counts for nothing.
pub fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<&str> = path.split(delimiter).collect();
    if parts.len() > 1 && parts.first() == Some(&"") {
        parts.remove(0);
    }
    let mut joined: Vec<String> = Vec::with_capacity(parts.len());
    for part in parts {
        match joined.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => joined.push(part.to_owned()),
        }
    }
    joined
}
