//! Tokens to a tree: the grammar of YAML 1.1, anchors and their aliases.
//!
//! Aliases are expanded as they are met; a [`Budget`] bounds what that may cost.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cursor::Mark;
use super::fields::Fields;
use super::flow::quote_missing;
use super::scanner::Scanner;
use super::token::{Placed, Token};
use super::{Limits, ReadError, resolve, tag};
use crate::node::{Kind, Node, Scalar, Style, Tag};
use crate::number::Dialect;

/// What is left of the limits.
#[derive(Debug)]
pub struct Budget {
    depth: usize,
    nodes: usize,
    bytes: usize,
}

impl Budget {
    pub fn new(limits: Limits) -> Self {
        Self { depth: limits.depth, nodes: limits.nodes, bytes: limits.bytes }
    }

    fn pay(&mut self, cost: Cost, mark: Mark) -> Result<(), ReadError> {
        let (nodes, bytes) = (self.nodes.checked_sub(cost.nodes), self.bytes.checked_sub(cost.bytes));
        let (Some(nodes), Some(bytes)) = (nodes, bytes) else {
            return Err(mark.error("the document grows too large, with aliases expanded"));
        };
        (self.nodes, self.bytes) = (nodes, bytes);
        Ok(())
    }
}

/// What a tree takes of a [`Budget`].
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

fn cost(node: &Node) -> Cost {
    let mut total = Cost { nodes: 1, bytes: 0, depth: 0 };
    let mut add = |part: Cost| {
        total.nodes += part.nodes;
        total.bytes += part.bytes;
        total.depth = total.depth.max(part.depth + 1);
    };
    match node {
        Node::Scalar(scalar) => total.bytes = scalar.text.len(),
        Node::Sequence(items) => items.iter().map(cost).for_each(&mut add),
        Node::Mapping(fields) => {
            for (key, value) in fields {
                add(Cost { nodes: 1, bytes: key.text.len(), depth: 0 });
                add(cost(value));
            }
        }
    }
    total
}

#[derive(Debug)]
enum Anchor {
    /// Its value is being read: an alias within would be without end.
    Open,
    Known(Node, Cost),
}

/// Where a node stands, which decides what may begin it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Block,
    /// The key or value of a block mapping, whose list needs no deeper indentation.
    BlockField,
    Flow,
}

/// What becomes of a key that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    Refused,
    LastWins,
}

/// Which go-yaml reads.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub dialect: Dialect,
    pub repeated: Repeated,
}

impl Rules {
    /// A reader of resources.
    pub const RESOURCE: Self = Self { dialect: Dialect::V3, repeated: Repeated::Refused };
}

/// Anchor and tag of a node.
#[derive(Default)]
struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<Cow<'a, str>>,
}

pub struct Composer<'a, 'b> {
    pub(super) scanner: Scanner<'a>,
    budget: &'b mut Budget,
    anchors: HashMap<&'a str, Anchor>,
    /// Handles that `%TAG` directives declare.
    handles: Vec<(&'a str, Cow<'a, str>)>,
    depth: usize,
    pub(super) rules: Rules,
}

/// The first document of a text that a caller made itself, without limits.
pub(crate) fn single(text: &str) -> Option<Node> {
    let mut budget = Budget::new(Limits { bytes: usize::MAX, ..Limits::default() });
    Composer::new(text, &mut budget, Rules::RESOURCE).document().ok().flatten()
}

impl<'a, 'b> Composer<'a, 'b> {
    pub fn new(text: &'a str, budget: &'b mut Budget, rules: Rules) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        Self { scanner: Scanner::new(text), budget, anchors: HashMap::new(), handles: Vec::new(), depth: 0, rules }
    }

    /// The first document, if there is any.
    pub fn document(mut self) -> Result<Option<Node>, ReadError> {
        self.scanner.refuse_control_characters()?;
        let mut next = self.scanner.peek()?;
        let explicit = matches!(next.token, Token::Version | Token::TagDirective { .. } | Token::DocumentStart);
        if next.token == Token::StreamEnd {
            return Ok(None);
        }
        if explicit {
            self.directives()?;
            let start = self.scanner.next()?;
            if start.token != Token::DocumentStart {
                return Err(start.mark.error("did not find expected <document start>"));
            }
            next = self.scanner.peek()?;
            let empty = matches!(
                next.token,
                Token::Version
                    | Token::TagDirective { .. }
                    | Token::DocumentStart
                    | Token::DocumentEnd
                    | Token::StreamEnd
            );
            if empty {
                return Ok(None);
            }
        }
        self.node(Place::Block).map(Some)
    }

    fn directives(&mut self) -> Result<(), ReadError> {
        let mut version = false;
        while matches!(self.scanner.peek()?.token, Token::Version | Token::TagDirective { .. }) {
            let Placed { token, mark } = self.scanner.next()?;
            match token {
                Token::TagDirective { handle, prefix } => {
                    if self.handles.iter().any(|(known, _)| *known == handle) {
                        return Err(mark.error("found duplicate %TAG directive"));
                    }
                    self.handles.push((handle, prefix));
                }
                _ if version => return Err(mark.error("found duplicate %YAML directive")),
                _ => version = true,
            }
        }
        Ok(())
    }

    pub(super) fn node(&mut self, place: Place) -> Result<Node, ReadError> {
        let mark = self.scanner.peek()?.mark;
        if let Token::Alias(name) = self.scanner.peek()?.token {
            self.scanner.next()?;
            let mut node = self.alias(name, mark)?;
            if place == Place::Flow {
                quote_missing(&mut node);
            }
            return Ok(node);
        }
        let properties = self.properties()?;
        if let Some(name) = properties.anchor {
            self.anchors.insert(name, Anchor::Open);
        }
        self.depth += 1;
        if self.depth > self.budget.depth {
            return Err(mark.error(format!("nested deeper than {} levels", self.budget.depth)));
        }
        self.budget.pay(Cost { nodes: 1, ..Cost::default() }, mark)?;
        let node = self.content(place, properties.tag, properties.anchor.is_some(), mark)?;
        self.depth -= 1;
        if let Some(name) = properties.anchor {
            let cost = cost(&node);
            self.anchors.insert(name, Anchor::Known(node.clone(), cost));
        }
        Ok(node)
    }

    fn alias(&mut self, name: &str, mark: Mark) -> Result<Node, ReadError> {
        match self.anchors.get(name) {
            None => Err(mark.error(format!("unknown anchor '{name}' referenced"))),
            Some(Anchor::Open) => Err(mark.error(format!("anchor '{name}' value contains itself"))),
            Some(Anchor::Known(node, cost)) => {
                self.budget.pay(*cost, mark)?;
                if self.depth + cost.depth > self.budget.depth {
                    return Err(mark.error(format!("nested deeper than {} levels", self.budget.depth)));
                }
                Ok(node.clone())
            }
        }
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties<'a>, ReadError> {
        let mut found = Properties::default();
        loop {
            match &self.scanner.peek()?.token {
                Token::Anchor(_) if found.anchor.is_none() => {
                    if let Token::Anchor(name) = self.scanner.next()?.token {
                        found.anchor = Some(name);
                    }
                }
                Token::Tag { .. } if found.tag.is_none() => found.tag = Some(self.take_tag()?),
                _ => return Ok(found),
            }
        }
    }

    fn take_tag(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let Placed { token, mark } = self.scanner.next()?;
        let Token::Tag { handle, suffix } = token else { return Ok(Cow::Borrowed("!")) };
        if handle.is_empty() {
            return Ok(suffix);
        }
        let declared = self.handles.iter().find(|(known, _)| *known == handle).map(|(_, prefix)| prefix.as_ref());
        let prefix = match (declared, handle) {
            (Some(prefix), _) => prefix,
            (None, "!") => "!",
            (None, "!!") => "tag:yaml.org,2002:",
            _ => return Err(mark.error("found undefined tag handle")),
        };
        Ok(Cow::Owned(format!("{prefix}{suffix}")))
    }

    fn content(
        &mut self,
        place: Place,
        tag: Option<Cow<'a, str>>,
        anchored: bool,
        mark: Mark,
    ) -> Result<Node, ReadError> {
        match &self.scanner.peek()?.token {
            Token::Scalar { .. } => {
                let Token::Scalar { text, style } = self.scanner.next()?.token else { return Ok(empty()) };
                self.scalar(text, style, tag.as_deref(), mark)
            }
            Token::BlockEntry if place == Place::BlockField => self.indentless_sequence(),
            Token::FlowSequenceStart => self.flow_sequence(),
            Token::FlowMappingStart => self.flow_mapping(),
            Token::BlockSequenceStart if place != Place::Flow => self.block_sequence(),
            Token::BlockMappingStart if place != Place::Flow => self.block_mapping(),
            _ if anchored || tag.is_some() => {
                let mut node = self.scalar(Cow::Borrowed(""), Style::Plain, tag.as_deref(), mark)?;
                if place == Place::Flow {
                    quote_missing(&mut node);
                }
                Ok(node)
            }
            _ => Err(self.scanner.peek()?.mark.error("did not find expected node content")),
        }
    }

    fn scalar(&mut self, text: Cow<'a, str>, style: Style, tag: Option<&str>, mark: Mark) -> Result<Node, ReadError> {
        self.budget.pay(Cost { bytes: text.len(), ..Cost::default() }, mark)?;
        let text = text.into_owned();
        let scalar = match tag {
            Some(tag) => tag::tagged(tag, text, style, self.rules.dialect).map_err(|what| mark.error(what))?,
            None => {
                let kind = if style == Style::Plain { resolve::kind(&text, self.rules.dialect) } else { Kind::Str };
                Scalar { text, kind, style, tag: Tag::Set }
            }
        };
        Ok(Node::Scalar(scalar))
    }

    fn block_sequence(&mut self) -> Result<Node, ReadError> {
        self.scanner.next()?;
        let mut items = Vec::new();
        loop {
            let Placed { token, mark } = self.scanner.next()?;
            match token {
                Token::BlockEntry => {
                    let missing = matches!(self.scanner.peek()?.token, Token::BlockEntry | Token::BlockEnd);
                    items.push(if missing { empty() } else { self.node(Place::Block)? });
                }
                Token::BlockEnd => return Ok(Node::Sequence(items)),
                _ => return Err(mark.error("did not find expected '-' indicator")),
            }
        }
    }

    fn indentless_sequence(&mut self) -> Result<Node, ReadError> {
        let mut items = Vec::new();
        while self.scanner.peek()?.token == Token::BlockEntry {
            self.scanner.next()?;
            let missing =
                matches!(self.scanner.peek()?.token, Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd);
            items.push(if missing { empty() } else { self.node(Place::Block)? });
        }
        Ok(Node::Sequence(items))
    }

    fn block_mapping(&mut self) -> Result<Node, ReadError> {
        self.scanner.next()?;
        let mut fields = Fields::new(self.rules);
        loop {
            let Placed { token, mark } = self.scanner.next()?;
            match token {
                Token::Key => {
                    let key_mark = self.scanner.peek()?.mark;
                    let (key, merge) = self.block_key()?;
                    let value = self.block_value()?;
                    fields.add(key, merge, value, key_mark)?;
                }
                Token::BlockEnd => return fields.finish(mark),
                _ => return Err(mark.error("did not find expected key")),
            }
        }
    }

    fn block_key(&mut self) -> Result<(Node, bool), ReadError> {
        let merge = self.at_merge_key()?;
        Ok((self.block_field()?, merge))
    }

    fn block_value(&mut self) -> Result<Node, ReadError> {
        if self.scanner.peek()?.token != Token::Value {
            return Ok(empty());
        }
        self.scanner.next()?;
        self.block_field()
    }

    fn block_field(&mut self) -> Result<Node, ReadError> {
        match self.scanner.peek()?.token {
            Token::Key | Token::Value | Token::BlockEnd => Ok(empty()),
            _ => self.node(Place::BlockField),
        }
    }

    pub(super) fn at_merge_key(&mut self) -> Result<bool, ReadError> {
        Ok(matches!(&self.scanner.peek()?.token, Token::Scalar { text, style: Style::Plain } if text == "<<"))
    }
}

/// A value that is not written: null, which go-yaml reads from empty text.
pub(super) fn empty() -> Node {
    Node::Scalar(Scalar { text: String::new(), kind: Kind::Null, style: Style::Plain, tag: Tag::Set })
}
