//! Strategic merge patches as kyaml's merge2 applies them, oddities included: what `kustomize build` prints depends on
//! them.
//!
//! A merge walks target and patch together. Where the schema knows a list to merge by keys, items are matched; any
//! other list is replaced. Fields of the target that the patch does not name are walked as well, which drops empty
//! values and doubled items.

mod directive;
mod element;
mod list;
mod map;

use crate::node::{Kind, Node, Scalar, Style};
use crate::read;
use crate::schema::{Known, Schema};

/// What is left of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    Changed,
    /// `$patch: delete`: the caller drops the object.
    Deleted,
}

/// Why a patch does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    #[error("wrong node kind: cannot merge a {patch} into a {target}")]
    Shape { target: &'static str, patch: &'static str },
    #[error("unknown patch strategy '{directive}'")]
    Directive { directive: String },
    /// A list that merges by keys has an item that cannot have any.
    #[error("wrong node kind: a {shape} stands in a list of mappings")]
    Item { shape: &'static str },
}

/// Merges `patch` into `target`. The schema is that of the target's `apiVersion` and `kind`, or of the patch's where
/// the schema does not know the target's.
///
/// # Errors
/// Values of different shapes in one place, and directives that kustomize does not know. The target is then half
/// merged and of no use.
pub fn strategic(target: &mut Node, patch: &Node, schema: &Schema) -> Result<Merged, MergeError> {
    let mut patch = patch.clone();
    match (Walker { schema }).walk(Some(target), Some(&mut patch), None)? {
        // `$patch: replace` for a whole object does nothing: kustomize keeps the object that it had.
        Outcome::Dest | Outcome::Origin => Ok(Merged::Changed),
        Outcome::Clear => Ok(Merged::Deleted),
    }
}

/// Sets a field as kyaml does it: text and kind are those of `value`, the style stays that of the scalar which stood
/// there. A number in place of text in quotes is therefore printed as text. In a new place, text that YAML 1.1 takes for
/// something else gets quotes, which what comes later keeps.
pub fn set_field(mapping: &mut crate::node::Mapping, key: Scalar, mut value: Node) {
    match (mapping.get(&key.text), &mut value) {
        (Some(old), Node::Scalar(new)) => new.style = style_of(old),
        (None, new) => quote(new),
        _ => {}
    }
    mapping.insert_scalar(key, value);
}

/// Gives quotes to a string that YAML 1.1 takes for something else. kyaml sets each field that a merge walks, whether it
/// changes or not, and does this on the way.
fn quote(value: &mut Node) {
    if let Node::Scalar(scalar) = value
        && scalar.is_string()
        && scalar.style == Style::Plain
        && !read::is_string_unquoted(&scalar.text)
    {
        scalar.kind = Kind::Str;
        scalar.style = Style::Double;
    }
}

fn style_of(node: &Node) -> Style {
    match node {
        Node::Scalar(scalar) if scalar.kind != Kind::Null => scalar.style,
        _ => Style::Plain,
    }
}

/// Which of two nodes a walk ended with; both may have changed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Dest,
    Origin,
    Clear,
}

/// Whether a node that is walked alone stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Kept,
    Cleared,
}

#[derive(Clone, Copy)]
struct Walker<'s> {
    schema: &'s Schema,
}

impl<'s> Walker<'s> {
    fn walk(
        self,
        dest: Option<&mut Node>,
        origin: Option<&mut Node>,
        known: Option<Known<'s>>,
    ) -> Result<Outcome, MergeError> {
        let known = known.or_else(|| [&dest, &origin].into_iter().flatten().find_map(|node| self.of_object(node)));
        let first = [&dest, &origin].into_iter().flatten().find(|node| !node.is_null());
        let Some(shape) = first.map(|node| node.shape()) else { return Ok(nothing(dest, origin)) };
        if let (Some(dest), Some(origin)) = (&dest, &origin)
            && !origin.is_null()
            && origin.shape() != shape
        {
            return Err(MergeError::Shape { target: dest.shape(), patch: origin.shape() });
        }
        match shape {
            "mapping" => self.map(dest, origin, known),
            "list" => self.list(dest, origin, known),
            _ => Ok(if origin.is_some() { overriding(origin) } else { Outcome::Dest }),
        }
    }

    /// A node that came with the patch as a whole: both sides of the walk at once.
    fn settle(self, node: &mut Node, known: Option<Known<'s>>) -> Result<Settled, MergeError> {
        let known = known.or_else(|| self.of_object(node));
        match node {
            Node::Mapping(_) => self.settle_map(node, known),
            Node::Sequence(items) => self.settle_list(items, known),
            Node::Scalar(scalar) if scalar.kind == Kind::Null => Ok(Settled::Cleared),
            Node::Scalar(_) => Ok(Settled::Kept),
        }
    }

    /// The type of an object by its own word, wherever it stands.
    fn of_object(self, node: &Node) -> Option<Known<'s>> {
        let version = node.get("apiVersion")?.text()?;
        self.schema.of_kind(version, node.get("kind")?.text()?)
    }
}

/// A null of the patch clears, any other scalar wins.
fn overriding(origin: Option<&mut Node>) -> Outcome {
    if origin.is_some_and(|node| !node.is_null()) { Outcome::Origin } else { Outcome::Clear }
}

/// Two nodes without a value. Only a null that is written out, and that the patch does not name, stays.
fn nothing(dest: Option<&mut Node>, origin: Option<&mut Node>) -> Outcome {
    let written = dest.is_some_and(|node| node.as_scalar().is_some_and(|scalar| !scalar.text.is_empty()));
    if origin.is_none() && written { Outcome::Dest } else { Outcome::Clear }
}
