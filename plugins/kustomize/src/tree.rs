//! A YAML file as a tree whose nodes know their bytes. It resolves nothing: an alias stays an alias, a number a text.

use crate::problem::Problem;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StructureStyle};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// A file of one document.
#[derive(Debug)]
pub struct Document {
    /// The document.
    pub root: Node,
    /// The comments, in order.
    pub comments: Vec<Comment>,
    /// Scalars by the number of their anchor.
    pub anchored: HashMap<usize, (String, ScalarStyle)>,
    /// Where each anchor begins, by its number.
    pub anchors: HashMap<usize, usize>,
    /// The anchors that an alias refers to.
    pub aliased: HashSet<usize>,
    /// Whether `...` ends the document.
    pub ends_explicitly: bool,
    /// How many scalars are in single and in double quotes.
    pub quotes: (usize, usize),
}

/// A comment.
#[derive(Debug)]
pub struct Comment {
    /// What follows the `#`.
    pub text: String,
    /// Its bytes, without the line break.
    pub span: Range<usize>,
    /// Line and column of its `#`, from 1.
    pub place: (usize, usize),
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The number of its anchor, 0 for none.
    pub anchor: usize,
    /// Its tag as written.
    pub tag: Option<String>,
    /// The bytes of its tag.
    pub tag_span: Option<Range<usize>>,
    /// Its bytes, without anchor and tag. Those of a block collection end anywhere up to the next node.
    pub span: Range<usize>,
    /// Line and column of its first byte, from 1.
    pub place: (usize, usize),
}

/// The entries of a mapping.
pub type Entries = [(Node, Node)];

/// What a node is.
#[derive(Debug)]
pub enum Kind {
    /// A text, after escapes.
    Scalar(String, ScalarStyle),
    /// The number of the anchor that it refers to.
    Alias(usize),
    /// A list.
    Sequence(Layout, Vec<Node>),
    /// Keys with values, in order.
    Mapping(Layout, Vec<(Node, Node)>),
}

/// How a collection is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// By indentation.
    Block,
    /// In brackets.
    Flow,
    /// One key with its value in a list in brackets, without braces of its own: `[key: value]`.
    Pair,
}

impl Document {
    /// Where a node begins, with its anchor and tag.
    pub fn start(&self, node: &Node) -> usize {
        let tag = node.tag_span.as_ref().map(|span| span.start);
        let anchor = self.anchors.get(&node.anchor).copied();
        [tag, anchor].into_iter().flatten().fold(node.span.start, usize::min)
    }

    /// The first comment within a range.
    pub fn comment_in(&self, range: &Range<usize>) -> Option<&Comment> {
        self.comments.iter().find(|comment| range.contains(&comment.span.start))
    }
}

impl Node {
    /// Its text, where it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a value that was left out: `key:`.
    pub fn is_absent(&self) -> bool {
        matches!(self.kind, Kind::Scalar(_, ScalarStyle::Plain)) && self.span.is_empty()
    }

    /// Its last leaf, or itself.
    pub fn last_leaf(&self) -> &Self {
        match &self.kind {
            Kind::Sequence(Layout::Block, items) => items.last().map_or(self, Self::last_leaf),
            Kind::Mapping(Layout::Block, entries) => entries.last().map_or(self, |(_, value)| value.last_leaf()),
            _ => self,
        }
    }

    /// Whether it says the same as another one, in the same style; bytes and places apart.
    pub fn same(&self, other: &Self) -> bool {
        self.anchor == other.anchor
            && self.tag == other.tag
            && match (&self.kind, &other.kind) {
                (Kind::Scalar(text, style), Kind::Scalar(others, other_style)) => {
                    text == others && style == other_style
                }
                (Kind::Alias(target), Kind::Alias(others)) => target == others,
                (Kind::Sequence(layout, items), Kind::Sequence(other_layout, others)) => {
                    layout == other_layout
                        && items.len() == others.len()
                        && items.iter().zip(others).all(|(item, other)| item.same(other))
                }
                (Kind::Mapping(layout, entries), Kind::Mapping(other_layout, others)) => {
                    layout == other_layout && same_entries(entries, others)
                }
                _ => false,
            }
    }
}

/// Whether entries are the same, in the same order.
pub fn same_entries(entries: &Entries, others: &Entries) -> bool {
    entries.len() == others.len()
        && entries.iter().zip(others).all(|((key, value), (other_key, other))| key.same(other_key) && value.same(other))
}

/// The entry of a key.
pub fn entry<'a>(entries: &'a Entries, key: &str) -> Option<&'a (Node, Node)> {
    entries.iter().find(|(name, _)| name.text() == Some(key))
}

/// Reads a file.
///
/// # Errors
/// Where it is no YAML, holds no or several documents, or a mapping with equal keys.
pub fn parse(source: &str) -> Result<Document, Problem> {
    let mut options = Options::default();
    options.emit_anchor_events = true;
    // People comment out whole lists; the parser's own limit is below a hundred lines.
    options.max_buffered_comment_events = 10_000;
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(source, options),
        source,
        document: Document {
            root: Node { kind: Kind::Alias(0), anchor: 0, tag: None, tag_span: None, span: 0..0, place: (0, 0) },
            comments: Vec::new(),
            anchored: HashMap::new(),
            anchors: HashMap::new(),
            aliased: HashSet::new(),
            ends_explicitly: false,
            quotes: (0, 0),
        },
    };
    let mut documents = 0;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd => {}
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return Err(Problem::at(place(&span), "the file holds several documents")
                        .with_hint("a kustomization is one document: leave only one, and no `---` behind it"));
                }
            }
            Event::DocumentEnd => reader.document.ends_explicitly = span.slice(source) == Some("..."),
            event => reader.document.root = reader.node(event, &span)?,
        }
    }
    if documents == 0 { Err(Problem::whole("the file is empty")) } else { Ok(reader.document) }
}

struct Reader<'a, P: Iterator> {
    events: P,
    source: &'a str,
    document: Document,
}

type Item<'a> = Result<(Event<'a>, Span), granit_parser::ScanError>;

impl<'a, P: Iterator<Item = Item<'a>>> Reader<'a, P> {
    /// The next event of a node or a document.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        loop {
            match self.events.next() {
                None => return Ok(None),
                Some(Ok((Event::Comment(text, _), span))) => {
                    let bytes = bytes(&span)?;
                    self.document.comments.push(Comment { text: text.into_owned(), span: bytes, place: place(&span) });
                }
                Some(Ok((Event::Anchor(number, _), span))) => {
                    self.document.anchors.insert(number, bytes(&span)?.start);
                }
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    let marker = error.marker();
                    return Err(Problem::at(
                        (marker.line(), marker.col() + 1),
                        format!("the file is not YAML: {}", error.info()),
                    ));
                }
            }
        }
    }

    fn must(&mut self) -> Result<(Event<'a>, Span), Problem> {
        self.next()?.ok_or_else(|| Problem::whole("the file ends within a collection"))
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Problem> {
        let tag_span = span.tag_span().and_then(|span| span.byte_range());
        let tag = tag_span.clone().and_then(|range| self.source.get(range)).map(str::to_owned);
        let mut node = Node { kind: Kind::Alias(0), anchor: 0, tag, tag_span, span: bytes(span)?, place: place(span) };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                match style {
                    ScalarStyle::SingleQuoted => self.document.quotes.0 += 1,
                    ScalarStyle::DoubleQuoted => self.document.quotes.1 += 1,
                    _ => {}
                }
                if anchor > 0 {
                    self.document.anchored.insert(anchor, (text.clone().into_owned(), style));
                }
                node.anchor = anchor;
                node.kind = Kind::Scalar(text.into_owned(), style);
            }
            Event::Alias(target) => {
                self.document.aliased.insert(target);
                node.kind = Kind::Alias(target);
            }
            Event::SequenceStart(style, anchor, _) => {
                node.anchor = anchor;
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.must()?;
                    if matches!(event, Event::SequenceEnd) {
                        node.span.end = span.byte_range().map_or(node.span.end, |range| range.end);
                        break;
                    }
                    items.push(self.node(event, &span)?);
                }
                node.kind = Kind::Sequence(layout(style), items);
            }
            Event::MappingStart(style, anchor, _) => {
                node.anchor = anchor;
                let mut entries: Vec<(Node, Node)> = Vec::new();
                let mut names = HashSet::new();
                loop {
                    let (event, span) = self.must()?;
                    if matches!(event, Event::MappingEnd) {
                        node.span.end = span.byte_range().map_or(node.span.end, |range| range.end);
                        break;
                    }
                    let key = self.node(event, &span)?;
                    if let Some(name) = key.text()
                        && !names.insert(name.to_owned())
                    {
                        return Err(Problem::at(key.place, format!("the key `{name}` is there twice")));
                    }
                    let (event, span) = self.must()?;
                    let value = self.node(event, &span)?;
                    entries.push((key, value));
                }
                let braces = self.source.as_bytes().get(node.span.start) == Some(&b'{');
                let layout = match layout(style) {
                    Layout::Flow if !braces => Layout::Pair,
                    layout => layout,
                };
                node.kind = Kind::Mapping(layout, entries);
            }
            _ => return Err(Problem::at(node.place, "the file holds something that is no YAML node")),
        }
        Ok(node)
    }
}

fn bytes(span: &Span) -> Result<Range<usize>, Problem> {
    span.byte_range().ok_or_else(|| Problem::editor("the parser does not say where something is"))
}

fn place(span: &Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

fn layout(style: StructureStyle) -> Layout {
    match style {
        StructureStyle::Block => Layout::Block,
        StructureStyle::Flow => Layout::Flow,
    }
}
