//! From parser events to the tree, under limits.

use super::{Key, Kind, Node, Style, scalar};
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use serde_yaml::granit_parser::{Event, Marker, ScalarStyle, Span, Tag};
use std::collections::HashMap;
use std::ops::Range;

/// The deepest nesting.
pub(super) const DEEPEST: usize = 64;
/// The most nodes, aliases expanded. A node weighs one more for each 64 bytes of its text.
const HEAVIEST: usize = 200_000;

/// What may be a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Text alone.
    Text,
    /// Any scalar, by its text: `80` is the key "80".
    Scalars,
}

/// A collection under construction.
struct Frame {
    start: Range<usize>,
    anchor: usize,
    weight: usize,
    depth: usize,
    content: Content,
}

enum Content {
    Seq(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: HashMap<String, Range<usize>>, key: Pending, merges: Vec<Node> },
}

/// What the next node of a mapping is.
enum Pending {
    Key,
    Value(Key),
    Merge,
    /// The value of a key that was refused.
    Refused,
}

struct Anchored {
    node: Node,
    weight: usize,
    depth: usize,
}

pub(super) struct Builder<'a> {
    text: &'a str,
    pub(super) sink: &'a mut Sink,
    keys: Keys,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    pub(super) root: Option<Node>,
    pub(super) weight: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str, sink: &'a mut Sink, keys: Keys) -> Self {
        Self { text, sink, keys, stack: Vec::new(), anchors: HashMap::new(), root: None, weight: 0 }
    }

    pub(super) fn offset(&self, marker: &Marker) -> usize {
        marker
            .byte_offset()
            .unwrap_or_else(|| self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(i, _)| i))
    }

    pub(super) fn range(&self, span: &Span) -> Range<usize> {
        let start = crate::source::floor(self.text, self.offset(&span.start));
        let end = crate::source::floor(self.text, self.offset(&span.end)).max(start);
        start..end
    }

    pub(super) fn syntax(&mut self, at: usize, message: &str) {
        let at = crate::source::floor(self.text, at);
        let line_start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let rest = &self.text[at..];
        let mut span = at..at + rest.chars().next().filter(|c| !c.is_control()).map_or(0, char::len_utf8);
        let mut hint = None;
        // The parser's word for a tab differs by place; people only need to hear of the tab.
        let indent = &self.text[line_start..];
        let blank = indent.len() - indent.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = indent[..blank].find('\t') {
            span = line_start + tab..line_start + tab + 1;
            hint = Some("YAML is indented with spaces, never with tabs".to_owned());
        } else if let Some(tab) = rest.find('\t').filter(|_| message.contains("tab")) {
            span = at + tab..at + tab + 1;
            hint = Some("YAML is indented with spaces, never with tabs".to_owned());
        } else if self.text[..at].ends_with(['$', '{']) && self.text[..span.end].ends_with('{') {
            hint = Some("put quotes around a text with `${{ … }}` that stands within `{ }` or `[ ]`".to_owned());
        } else if message.contains("anchor") {
            hint =
                Some("an alias `*name` needs an anchor `&name` before it; quote the text if none is meant".to_owned());
        } else if message.contains("nest") || message.contains("recursion") {
            let message = format!("values are nested more than {DEEPEST} levels deep");
            self.sink.push(Diagnostic::error(code::TOO_DEEP, span, message));
            return;
        } else if rest.starts_with(['@', '`', '%']) {
            hint = Some("text that begins with this character must be quoted".to_owned());
        }
        let message = format!("this is not YAML: {message}");
        self.sink.push(Diagnostic::error(code::SYNTAX, span, message).maybe_hint(hint));
    }

    /// Takes one event; `None` ends the parse.
    pub(super) fn event(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        let range = self.range(span);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let kind = match (style, tag) {
                    (_, Some(tag)) => self.tagged(&tag, &value, style, span)?,
                    (ScalarStyle::Plain, None) => scalar::core(&value),
                    (_, None) => Kind::String(value.into_owned()),
                };
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let text = if let Kind::String(text) = &kind { text.len() } else { 0 };
                let span = self.trimmed(range);
                self.add(Node { span, kind, style }, 1 + text / 64, 0, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", span)?;
                self.open(range, anchor, Content::Seq(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", span)?;
                let content =
                    Content::Map { entries: Vec::new(), seen: HashMap::new(), key: Pending::Key, merges: Vec::new() };
                self.open(range, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range),
            Event::Alias(id) => {
                let Some(Anchored { weight, depth, .. }) = self.anchors.get(&id) else {
                    let message = "the alias stands inside the value that it names";
                    self.sink.push(Diagnostic::error(code::ALIAS, range, message));
                    return None;
                };
                let (weight, depth) = (*weight, *depth);
                self.fits(weight, depth, &range)?;
                let node = self.anchors.get(&id)?.node.clone();
                self.add(node, weight, depth, 0)
            }
            _ => Some(()),
        }
    }

    /// Whether a value of that weight and depth may still be added here.
    fn fits(&mut self, weight: usize, depth: usize, range: &Range<usize>) -> Option<()> {
        if self.weight + weight > HEAVIEST {
            let message = format!("the document grows beyond {HEAVIEST} values, aliases expanded");
            self.sink
                .push(Diagnostic::error(code::TOO_MANY_NODES, range.clone(), message).label("too much from here on"));
            return None;
        }
        if self.stack.len() + depth > DEEPEST {
            let message = format!("values are nested more than {DEEPEST} levels deep");
            self.sink.push(Diagnostic::error(code::TOO_DEEP, range.clone(), message));
            return None;
        }
        Some(())
    }

    fn open(&mut self, range: Range<usize>, anchor: usize, content: Content) -> Option<()> {
        self.fits(1, 1, &range)?;
        self.weight += 1;
        self.stack.push(Frame { start: range, anchor, weight: 1, depth: 0, content });
        Some(())
    }

    fn close(&mut self, end: Range<usize>) -> Option<()> {
        let frame = self.stack.pop()?;
        let span = self.trimmed(frame.start.start..end.end.max(frame.start.end));
        let kind = match frame.content {
            Content::Seq(items) => Kind::Seq(items),
            Content::Map { mut entries, mut seen, merges, .. } => {
                for merge in merges {
                    for (key, value) in merge.entries() {
                        // Explicit keys win, and so does an earlier mapping of a merged list.
                        if !seen.contains_key(&key.text) {
                            seen.insert(key.text.clone(), key.span.clone());
                            entries.push((key.clone(), value.clone()));
                        }
                    }
                }
                Kind::Map(entries)
            }
        };
        // Its weight was counted while it was built, so it is taken off before it is added as a whole.
        self.weight -= frame.weight;
        self.add(Node { span, kind, style: Style::Plain }, frame.weight, frame.depth + 1, frame.anchor)
    }

    fn add(&mut self, node: Node, weight: usize, depth: usize, anchor: usize) -> Option<()> {
        self.fits(weight, 0, &node.span)?;
        self.weight += weight;
        if anchor != 0 {
            // An anchor's copy is memory too.
            self.weight += weight;
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, depth });
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        frame.weight += weight;
        frame.depth = frame.depth.max(depth);
        match &mut frame.content {
            Content::Seq(items) => items.push(node),
            Content::Map { entries, seen, key, merges } => match std::mem::replace(key, Pending::Key) {
                Pending::Key => *key = read_key(node, seen, self.text, self.keys, self.sink),
                Pending::Value(name) => entries.push((name, node)),
                Pending::Refused => {}
                Pending::Merge => {
                    let span = node.span.clone();
                    let all = match node.kind {
                        Kind::Map(_) => vec![node],
                        Kind::Seq(items) => items,
                        _ => Vec::new(),
                    };
                    if all.is_empty() || all.iter().any(|n| !matches!(n.kind, Kind::Map(_))) {
                        let message = "`<<` merges a mapping or a list of mappings";
                        self.sink.push(Diagnostic::error(code::MERGE, span, message));
                    } else {
                        merges.extend(all);
                    }
                }
            },
        }
        Some(())
    }

    /// Without the white space that a parser's span may end with.
    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let covered = &self.text[range.clone()];
        range.start..range.start + covered.trim_end().len()
    }

    fn tagged(&mut self, tag: &Tag, value: &str, style: ScalarStyle, span: &Span) -> Option<Kind> {
        let kind = match tag.core_suffix() {
            Some("str") => Some(Kind::String(value.to_owned())),
            Some("int" | "bool" | "null" | "float") if style == ScalarStyle::Plain => Some(scalar::core(value)),
            // The non-specific tag `!` means text.
            _ if tag.original() == "!" => Some(Kind::String(value.to_owned())),
            _ => None,
        };
        if kind.is_none() {
            self.refuse_tag(tag, span);
        }
        kind.or(Some(Kind::Null))
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, expected: &str, span: &Span) -> Option<()> {
        if let Some(tag) = tag
            && tag.core_suffix() != Some(expected)
            && tag.original() != "!"
        {
            self.refuse_tag(tag, span);
        }
        Some(())
    }

    fn refuse_tag(&mut self, tag: &Tag, span: &Span) {
        let range = self.range(&span.tag_span().unwrap_or(*span));
        let message = format!("the tag `{}` has no meaning here", tag.original());
        self.sink.push(Diagnostic::error(code::TAG, range, message).hint("leave the tag out"));
    }
}

/// Reads a node as a mapping's key.
fn read_key(node: Node, seen: &mut HashMap<String, Range<usize>>, whole: &str, keys: Keys, sink: &mut Sink) -> Pending {
    let span = node.span;
    let text = match node.kind {
        Kind::String(text) => text,
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) if keys == Keys::Scalars => {
            whole.get(span.clone()).unwrap_or_default().to_owned()
        }
        other => {
            let noun = Node { span: 0..0, kind: other, style: node.style }.noun();
            let message = format!("a key must be text, not {noun}");
            let hint = match whole.get(..span.start) {
                Some(before) if before.ends_with('{') => "`{{ … }}` is a template, and only what it becomes is read",
                _ => "put it between quotes",
            };
            sink.push(Diagnostic::error(code::KEY_NOT_TEXT, span, message).hint(hint));
            return Pending::Refused;
        }
    };
    if text == "<<" && node.style == Style::Plain {
        return Pending::Merge;
    }
    if let Some(first) = seen.get(&text) {
        let message = format!("the key `{text}` is written twice");
        sink.push(
            Diagnostic::error(code::DUPLICATE_KEY, span, message)
                .label("again here")
                .related(first.clone(), "first here"),
        );
        return Pending::Refused;
    }
    seen.insert(text.clone(), span.clone());
    Pending::Value(Key { text, span })
}
