//! Objects of a rendered stream, for showing and comparing: each as lines in one form, however it was written. It never
//! gives the content of a Secret away, and gives nothing of a document that it cannot read.

use crate::application::unwrapped;
use crate::diagnostic::Sink;
use crate::scalar::scalar;
use crate::yaml::{Key, Kind, Node, parse_all};
use std::fmt;

/// Fields of a Secret, and of what refers to one, that are none of its content.
const OPEN: [&str; 8] = ["apiVersion", "kind", "metadata", "type", "immutable", "name", "namespace", "uid"];
/// An annotation that holds the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What stands for a hidden value.
const HIDDEN: &str = "(hidden)";

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub name: ObjectName,
    /// Its fields in the order in which they are written.
    pub lines: Vec<Line>,
}

/// What an object is among others.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its kind; empty where it says none.
    pub kind: String,
    /// Its group; empty for the core group.
    pub group: String,
    /// Its namespace; empty where it says none.
    pub namespace: String,
    /// Its name, or `generateName` with a `*`.
    pub name: String,
}

impl fmt::Display for ObjectName {
    /// `Deployment shop/web`, `Certificate.cert-manager.io web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, group, namespace, name } = self;
        f.write_str(if kind.is_empty() { "object" } else { kind })?;
        // Those of Kubernetes itself everybody knows by their kind.
        if group.contains('.') && !group.ends_with(".k8s.io") {
            write!(f, ".{group}")?;
        }
        f.write_str(" ")?;
        if !namespace.is_empty() {
            write!(f, "{namespace}/")?;
        }
        f.write_str(name)
    }
}

/// A line of an object. Two are equal where what they hide is equal as well.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    text: String,
    hidden: Option<Box<str>>,
}

impl Line {
    /// The line as it may be shown, without what it hides.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn behind(self, prefix: &str) -> Self {
        // An empty line of a block stays one.
        let text = if self.text.is_empty() { self.text } else { format!("{prefix}{}", self.text) };
        Self { text, ..self }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The objects of a stream in its order, those within a `List` as well; for a document that cannot be read its text's length
/// instead, in bytes.
pub fn objects(stream: &str) -> Vec<Result<Object, usize>> {
    documents(stream).into_iter().flat_map(of_document).collect()
}

/// The documents of a stream. A line that begins with three dashes separates them wherever it stands (YAML 1.2.2, 9.1.2).
pub(crate) fn documents(stream: &str) -> Vec<&str> {
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    for line in stream.split_inclusive('\n') {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            found.push(&stream[start..at]);
            start = at;
        }
        at += line.len();
    }
    found.push(&stream[start..]);
    found.retain(|document| !document.trim_start_matches("---").trim().is_empty());
    found
}

fn of_document(text: &str) -> Vec<Result<Object, usize>> {
    let mut sink = Sink::default();
    let documents = parse_all(text, &mut sink);
    let broken = |sink: &Sink| sink.errors() > 0;
    if broken(&sink) || documents.iter().any(|document| broken(&document.problems)) {
        return vec![Err(text.len())];
    }
    let object = |node: &Node| Ok(Object { name: name(node), lines: block(text, node, Near::Open) });
    documents.iter().flat_map(|document| unwrapped(&document.node)).map(object).collect()
}

fn name(node: &Node) -> ObjectName {
    let metadata = node.get("metadata");
    let word = |of: Option<&Node>, key: &str| of.and_then(|n| n.get(key)).and_then(Node::as_str).map(str::to_owned);
    let version = word(Some(node), "apiVersion").unwrap_or_default();
    let generated = || word(metadata, "generateName").map(|prefix| format!("{prefix}*"));
    ObjectName {
        kind: word(Some(node), "kind").unwrap_or_default(),
        group: version.split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default(),
        namespace: word(metadata, "namespace").unwrap_or_default(),
        name: word(metadata, "name").or_else(generated).unwrap_or_default(),
    }
}

/// Whether content of a Secret may be near.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Near {
    Open,
    Secret,
}

/// A node as lines, from the margin: two blanks a level, items of a list level with their key, as kubectl writes.
fn block(text: &str, node: &Node, near: Near) -> Vec<Line> {
    match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            let of_secret = is_secret(node);
            let near = if of_secret { Near::Secret } else { near };
            let hides =
                |key: &str| (of_secret && !OPEN.contains(&key)) || (near == Near::Secret && key == LAST_APPLIED);
            let entry = |(key, value): &(Key, Node)| {
                let inner = if hides(&key.text) { hidden(value) } else { block(text, value, near) };
                keyed(&scalar(&key.text), value, inner)
            };
            entries.iter().flat_map(entry).collect()
        }
        Kind::Seq(items) if !items.is_empty() => {
            let item = |item: &Node| {
                let mut prefix = "- ";
                let inner = block(text, item, near);
                inner.into_iter().map(|line| line.behind(std::mem::replace(&mut prefix, "  "))).collect::<Vec<_>>()
            };
            items.iter().flat_map(item).collect()
        }
        _ => leaf(text, node).into_iter().map(|text| Line { text, hidden: None }).collect(),
    }
}

/// A key with the lines of its value.
fn keyed(key: &str, value: &Node, inner: Vec<Line>) -> Vec<Line> {
    let indent = match &value.kind {
        Kind::Map(entries) if !entries.is_empty() => "  ",
        Kind::Seq(items) if !items.is_empty() && inner.first().is_some_and(|line| line.text.starts_with("- ")) => "",
        _ => {
            // On the line of its key; the further lines of a block have their indent.
            let mut inner = inner.into_iter();
            let first = inner.next().map(|line| line.behind(&format!("{key}: ")));
            return first.into_iter().chain(inner).collect();
        }
    };
    let first = Line { text: format!("{key}:"), hidden: None };
    std::iter::once(first).chain(inner.into_iter().map(|line| line.behind(indent))).collect()
}

/// What is shown of a value that is not: of a mapping its keys.
fn hidden(value: &Node) -> Vec<Line> {
    let hide = |before: String, value: &Node| Line {
        text: format!("{before}{HIDDEN}"),
        hidden: Some(value.to_json().to_string().into()),
    };
    match &value.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            entries.iter().map(|(key, value)| hide(format!("{}: ", scalar(&key.text)), value)).collect()
        }
        _ => vec![hide(String::new(), value)],
    }
}

/// A value without fields or items: a line, or several of a block.
fn leaf(text: &str, node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::String(value) if is_block(value) => {
            let head = if value.ends_with('\n') { "|" } else { "|-" };
            let line = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
            std::iter::once(head.to_owned()).chain(value.lines().map(line)).collect()
        }
        Kind::String(value) => vec![scalar(value)],
        Kind::Map(_) => vec!["{}".to_owned()],
        Kind::Seq(_) => vec!["[]".to_owned()],
        Kind::Null => vec!["null".to_owned()],
        // As it is written: `0644` is not `644`.
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
            vec![text.get(node.span.clone()).map_or_else(|| node.to_json().to_string(), str::to_owned)]
        }
    }
}

/// Whether a mapping is a Secret, or says that it means one.
fn is_secret(node: &Node) -> bool {
    node.get("kind").and_then(Node::as_str) == Some("Secret")
}

/// Whether a text is shown over several lines: what a block keeps as it is.
fn is_block(text: &str) -> bool {
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    let edges = text.starts_with([' ', '\n', '\t']) || text.ends_with("\n\n");
    text.trim_end_matches('\n').contains('\n') && !edges && !text.contains(odd)
}
