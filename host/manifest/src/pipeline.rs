//! A pipeline's file: from text to the locked form.

use crate::catalog::Catalog;
use crate::code;
use crate::concurrency::{self, OF_PIPELINE};
use crate::diagnostic::{Diagnostic, Parsed, Sink};
use crate::expression::Place;
use crate::graph;
use crate::reader::{self, document, fields};
use crate::reference::References;
use crate::source::Source;
use crate::step::{self, Draft, LONGEST_NAME};
use crate::trigger;
use crate::yaml::{Kind, Node, parse};
use model::Pipeline;

/// The most steps of a pipeline, those of groups counted.
const MOST_STEPS: usize = 1000;

/// What steps are read with.
pub(crate) struct Context<'a> {
    pub(crate) text: &'a str,
    pub(crate) catalog: &'a dyn Catalog,
}

/// Reads a pipeline.
pub fn pipeline(source: &Source, catalog: &dyn Catalog) -> Parsed<Pipeline> {
    let mut sink = Sink::default();
    let context = Context { text: &source.text, catalog };
    let value = parse(&source.text, &mut sink).and_then(|node| read(&node, &context, &mut sink));
    sink.finish(&source.path, &source.text, value)
}

fn read(node: &Node, context: &Context<'_>, sink: &mut Sink) -> Option<Pipeline> {
    let file = document(node, "Pipeline", &["apiVersion", "kind", "metadata", "spec"], sink)?;
    let name = file.require("metadata", "the file", sink).and_then(|n| read_name(n, sink)).unwrap_or_default();
    let spec = file.require("spec", "the file", sink)?;
    let spec = fields(spec, "`spec`", &["triggers", "concurrency", "steps"], sink)?;
    let triggers = spec.get("triggers").map(|n| trigger::read(n, sink)).unwrap_or_default();
    let concurrency = spec.get("concurrency").and_then(|n| {
        // A run's key is needed before any of its steps has run.
        concurrency::read(n, &OF_PIPELINE, context.text, Place::default(), &mut References::default(), sink)
    });
    let steps = spec.require("steps", "`spec`", sink)?;
    let entries = reader::mapping(steps, "`steps`", sink)?;
    let count =
        entries.len() + entries.iter().map(|(_, n)| n.get("steps").map_or(0, |s| s.entries().len())).sum::<usize>();
    if count == 0 || count > MOST_STEPS {
        let span = entries.first().map_or(steps.span.clone(), |(k, _)| k.span.clone());
        let message = if count == 0 {
            "a pipeline needs at least one step".to_owned()
        } else {
            format!("the pipeline has {count} steps; the most is {MOST_STEPS}")
        };
        // Nothing is said of each of ten thousand steps.
        sink.push(Diagnostic::error(code::STEP_COUNT, span, message));
        return None;
    }
    let mut drafts: Vec<Draft> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        drafts.extend(step::read(key, value, None, context, sink));
    }
    // A step that could not be read at all is no reason to call its name unknown elsewhere.
    let unread: Vec<&str> = entries
        .iter()
        .flat_map(|(k, n)| {
            let inner = n.get("steps").map(Node::entries).unwrap_or_default();
            std::iter::once(k).chain(inner.iter().map(|(k, _)| k))
        })
        .map(|k| k.text.as_str())
        .collect();
    let steps = graph::link(drafts, &unread, sink);
    Some(Pipeline { name, triggers, concurrency, steps })
}

fn read_name(node: &Node, sink: &mut Sink) -> Option<String> {
    let metadata = fields(node, "`metadata`", &["name", "labels", "annotations", "description"], sink)?;
    let node = metadata.require("name", "`metadata`", sink)?;
    let name = match &node.kind {
        Kind::String(name) => name,
        _ => {
            reader::text(node, "`name`", sink);
            return None;
        }
    };
    let ok = name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !ok {
        let message = format!("`{name}` cannot name a pipeline");
        let hint =
            "a name has lower-case letters, digits and `-`, does not begin with `-`, and has 63 characters at most";
        sink.push(Diagnostic::error(code::BAD_NAME, node.span.clone(), message).hint(hint));
    }
    Some(name.clone())
}
