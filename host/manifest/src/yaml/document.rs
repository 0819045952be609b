//! From a file to its documents: one where only one may be, or all of a stream.

use super::Node;
use super::build::{Builder, DEEPEST, Keys};
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use serde_yaml::granit_parser::{Event, Parser, StrInput, options};

/// The largest file, in bytes.
const LARGEST: usize = 1 << 20;

/// Reads one document. `None` where nothing useful could be read; the sink says why.
pub(crate) fn parse(text: &str, sink: &mut Sink) -> Option<Node> {
    single(text, Keys::Text, sink)
}

/// The same as Kubernetes' own tools do it, where any scalar may be a key.
pub(crate) fn parse_one(text: &str, sink: &mut Sink) -> Option<Node> {
    single(text, Keys::Scalars, sink)
}

fn single(text: &str, keys: Keys, sink: &mut Sink) -> Option<Node> {
    let mut events = events(text, sink)?;
    let mut builder = Builder::new(text, sink, keys);
    if matches!(build(&mut builder, &mut events), Ended::Broken) {
        return None;
    }
    match events.next() {
        Some(Ok((Event::DocumentStart(..), span))) => {
            let span = builder.range(&span);
            builder.sink.push(
                Diagnostic::error(code::MANY_DOCUMENTS, span, "the file holds more than one document")
                    .label("a second document begins here")
                    .hint("put each document into a file of its own"),
            );
        }
        Some(Err(error)) => {
            let at = builder.offset(error.marker());
            builder.syntax(at, &error.info());
            return None;
        }
        _ => {}
    }
    match builder.root.take() {
        Some(node) if !node.is_null() => Some(node),
        _ => {
            sink.push(Diagnostic::error(code::EMPTY, 0..0, "the file holds no document"));
            None
        }
    }
}

/// One document of several, with its own problems.
pub(crate) struct Document {
    pub(crate) node: Node,
    pub(crate) problems: Sink,
}

/// Reads every document of a file as Kubernetes' own tools do, where any scalar may be a key. Of what cannot be read
/// the sink says why; the documents before it are still given.
pub(crate) fn parse_all(text: &str, sink: &mut Sink) -> Vec<Document> {
    let mut documents = Vec::new();
    let Some(mut events) = events(text, sink) else { return documents };
    let mut weight = 0;
    loop {
        let mut problems = Sink::default();
        let mut builder = Builder::new(text, &mut problems, Keys::Scalars);
        builder.weight = weight;
        let ended = build(&mut builder, &mut events);
        weight = builder.weight;
        match (ended, builder.root.take()) {
            (Ended::Document, Some(node)) if !node.is_null() => documents.push(Document { node, problems }),
            (Ended::Document, _) => {}
            (Ended::File, _) => return documents,
            // What cannot be parsed is the file's problem: what it would have been is unknown.
            (Ended::Broken, _) => {
                problems.into_found().into_iter().for_each(|problem| sink.push(problem));
                return documents;
            }
        }
    }
}

/// Why the reading of a document ended.
enum Ended {
    Document,
    File,
    Broken,
}

type Events<'t> = Parser<'t, StrInput<'t>>;

/// The parser's events of a file that is not too large.
fn events<'t>(text: &'t str, sink: &mut Sink) -> Option<Events<'t>> {
    if text.len() > LARGEST {
        let message = format!("the file has {} bytes; the most is {LARGEST} (1 MiB)", text.len());
        sink.push(Diagnostic::error(code::TOO_LARGE, 0..0, message));
        return None;
    }
    // One level beyond ours, so that the limit is met here and named with our words.
    let options = options! { emit_comments: false, flow_nesting_limit: DEEPEST + 8, block_nesting_limit: DEEPEST + 8 };
    Some(Parser::new_from_str_with_options(text, options))
}

/// Gives a builder the events of one document.
fn build(builder: &mut Builder<'_>, events: &mut Events<'_>) -> Ended {
    for event in events {
        match event {
            Err(error) => {
                let at = builder.offset(error.marker());
                builder.syntax(at, &error.info());
                return Ended::Broken;
            }
            Ok((Event::DocumentEnd, _)) => return Ended::Document,
            Ok((event, span)) => {
                if builder.event(event, &span).is_none() {
                    return Ended::Broken;
                }
            }
        }
    }
    Ended::File
}
