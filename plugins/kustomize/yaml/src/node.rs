//! The tree that everything here reads, changes and writes. It never holds an anchor, an alias, a merge key or a
//! comment: reading has resolved or dropped those.

mod mapping;

pub use mapping::{Iter, Mapping};

use crate::read::resolve;

/// One YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Scalar(Scalar),
    Mapping(Mapping),
    Sequence(Vec<Node>),
}

/// What a scalar resolves to by the rules of go-yaml v3, which kustomize reads with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Str,
    /// A plain `2001-12-14` or longer: kustomize prints it as RFC 3339 text, in quotes.
    Timestamp,
    /// `!!binary`: base64 text, which prints as the bytes it stands for.
    Binary,
    /// A tag of the author's own (`!Ref`): its text counts as a string.
    Custom,
}

/// How the author wrote a scalar. Two scalars that differ only here, or in their tag, are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Style {
    #[default]
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// Whether a scalar has a kind of its own. kustomize drops the tag of some scalars when it writes over them: those are
/// whatever their text looks like at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tag {
    /// The kind stays, whatever text is written over it.
    #[default]
    Set,
    /// The kind follows from text and style, each time that the text changes.
    Absent,
}

/// A value without parts. `text` is what the author wrote, without quotes and escapes: `0x1F` stays `0x1F` until it is
/// written.
#[derive(Debug, Clone)]
pub struct Scalar {
    pub text: String,
    pub kind: Kind,
    pub style: Style,
    pub tag: Tag,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.text == other.text
    }
}

impl Scalar {
    /// `text` as if it stood unquoted in a file: `true` is a bool, `1` an integer.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        let kind = resolve::plain(&text);
        Self { text, kind, style: Style::Plain, tag: Tag::Set }
    }

    /// `text` without a tag: `kind` follows from it, now and whenever it is written over.
    pub fn untagged(text: impl Into<String>, style: Style) -> Self {
        let mut scalar = Self { text: String::new(), kind: Kind::Str, style, tag: Tag::Absent };
        scalar.overwrite(text);
        scalar
    }

    /// Puts `text` in place of the text. The kind stays, and may not fit the text then, unless no tag says it.
    pub fn overwrite(&mut self, text: impl Into<String>) {
        self.text = text.into();
        if self.tag == Tag::Absent {
            self.kind = if self.style == Style::Plain { resolve::plain(&self.text) } else { Kind::Str };
        }
    }

    /// Whether kyaml takes this for a string: what has no tag is one, whatever its text looks like.
    pub fn is_string(&self) -> bool {
        self.kind == Kind::Str || self.tag == Tag::Absent
    }

    /// `text` as a string, whatever it looks like.
    pub fn string(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: Kind::Str, style: Style::Plain, tag: Tag::Set }
    }

    /// `null`.
    pub fn null() -> Self {
        Self { text: "null".to_owned(), kind: Kind::Null, style: Style::Plain, tag: Tag::Set }
    }

    pub fn bool(value: bool) -> Self {
        Self { text: value.to_string(), kind: Kind::Bool, style: Style::Plain, tag: Tag::Set }
    }

    pub fn int(value: i64) -> Self {
        Self { text: value.to_string(), kind: Kind::Int, style: Style::Plain, tag: Tag::Set }
    }
}

impl Node {
    pub fn null() -> Self {
        Self::Scalar(Scalar::null())
    }

    pub fn string(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::string(text))
    }

    /// `text` as if it stood unquoted in a file.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::plain(text))
    }

    pub fn bool(value: bool) -> Self {
        Self::Scalar(Scalar::bool(value))
    }

    pub fn int(value: i64) -> Self {
        Self::Scalar(Scalar::int(value))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Scalar { kind: Kind::Null, .. }))
    }

    /// `{}`, `[]` or null: what kyaml calls missing or empty.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.kind == Kind::Null,
            Self::Mapping(mapping) => mapping.is_empty(),
            Self::Sequence(items) => items.is_empty(),
        }
    }

    pub fn as_scalar(&self) -> Option<&Scalar> {
        if let Self::Scalar(scalar) = self { Some(scalar) } else { None }
    }

    pub fn as_scalar_mut(&mut self) -> Option<&mut Scalar> {
        if let Self::Scalar(scalar) = self { Some(scalar) } else { None }
    }

    pub fn as_mapping(&self) -> Option<&Mapping> {
        if let Self::Mapping(mapping) = self { Some(mapping) } else { None }
    }

    pub fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        if let Self::Mapping(mapping) = self { Some(mapping) } else { None }
    }

    pub fn as_sequence(&self) -> Option<&[Node]> {
        if let Self::Sequence(items) = self { Some(items) } else { None }
    }

    pub fn as_sequence_mut(&mut self) -> Option<&mut Vec<Node>> {
        if let Self::Sequence(items) = self { Some(items) } else { None }
    }

    /// The text of any scalar but null, a number's and a bool's included.
    pub fn text(&self) -> Option<&str> {
        self.as_scalar().filter(|scalar| scalar.kind != Kind::Null).map(|scalar| scalar.text.as_str())
    }

    /// About how many bytes a copy takes; `None` where it is nested deeper than `depth`.
    pub fn weight(&self, depth: usize) -> Option<usize> {
        let own = std::mem::size_of::<Self>();
        match self {
            Self::Scalar(scalar) => Some(own + scalar.text.len()),
            Self::Sequence(items) => {
                let below = depth.checked_sub(1)?;
                items.iter().try_fold(own, |sum, item| Some(sum + item.weight(below)?))
            }
            Self::Mapping(fields) => {
                let below = depth.checked_sub(1)?;
                fields.iter().try_fold(own, |sum, (key, item)| Some(sum + own + key.text.len() + item.weight(below)?))
            }
        }
    }

    /// The text of a string; of no number and no bool.
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().filter(|scalar| scalar.kind == Kind::Str).map(|scalar| scalar.text.as_str())
    }

    /// The value of field `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_mapping_mut()?.get_mut(key)
    }

    /// `a.b.c` down through mappings.
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub fn at_mut(&mut self, keys: &[&str]) -> Option<&mut Node> {
        keys.iter().try_fold(self, |node, key| node.get_mut(key))
    }

    /// What an error calls this: `mapping`, `list`, `null` or `scalar`.
    pub fn shape(&self) -> &'static str {
        match self {
            Self::Mapping(_) => "mapping",
            Self::Sequence(_) => "list",
            Self::Scalar(scalar) if scalar.kind == Kind::Null => "null",
            Self::Scalar(_) => "scalar",
        }
    }
}

impl From<Mapping> for Node {
    fn from(mapping: Mapping) -> Self {
        Self::Mapping(mapping)
    }
}

impl From<Scalar> for Node {
    fn from(scalar: Scalar) -> Self {
        Self::Scalar(scalar)
    }
}

impl From<Vec<Node>> for Node {
    fn from(items: Vec<Node>) -> Self {
        Self::Sequence(items)
    }
}
