//! Expressions within a file's values: each is analysed, and its problems are told at their place in the file.

use crate::code;
use crate::diagnostic::{Diagnostic, Severity, Sink};
use crate::expression::{Analysis, Mention, Place, analyse};
use crate::template::{self, Segment, Unterminated};
use crate::yaml::{Kind, Locator, Node};
use std::ops::Range;

/// A mention of a step with its place in the file.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) mention: Mention,
    pub(crate) span: Range<usize>,
    pub(crate) output_span: Range<usize>,
    pub(crate) item_span: Range<usize>,
    pub(crate) unknown_span: Range<usize>,
    /// Whether it counts among the outputs that must exist: one in `with` or `env` does.
    pub(crate) input: bool,
}

/// What the expressions of one step say.
#[derive(Debug, Default)]
pub(crate) struct References {
    pub(crate) found: Vec<Reference>,
    /// Credentials that they name.
    pub(crate) secrets: Vec<String>,
}

impl References {
    /// Every expression within a value.
    pub(crate) fn template(&mut self, text: &str, node: &Node, place: Place, input: bool, sink: &mut Sink) {
        match &node.kind {
            Kind::Seq(items) => items.iter().for_each(|n| self.template(text, n, place, input, sink)),
            Kind::Map(entries) => entries.iter().for_each(|(_, n)| self.template(text, n, place, input, sink)),
            Kind::String(value) if value.contains("${{") => {
                let locator = Locator::new(text, node);
                match template::split(value) {
                    Err(Unterminated(at)) => {
                        let span = locator.place(at..at + 3);
                        sink.push(
                            Diagnostic::error(code::OPEN_EXPRESSION, span, "`${{` has no `}}`")
                                .hint("write `$${{` for these characters themselves"),
                        );
                    }
                    Ok(segments) => {
                        for segment in segments {
                            if let Segment::Expression(source, range) = segment {
                                self.expression(&source, range.start, &locator, place, input, sink);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// A value that is an expression as a whole, with or without `${{ }}`. Gives its bare text and what it says.
    pub(crate) fn bare(
        &mut self,
        text: &str,
        node: &Node,
        what: &str,
        place: Place,
        sink: &mut Sink,
    ) -> Option<(String, Analysis)> {
        let value = crate::reader::text(node, what, sink)?;
        let locator = Locator::new(text, node);
        let (source, offset) = if value.contains("${{") {
            let segments = match template::split(value) {
                Ok(segments) => segments,
                Err(Unterminated(at)) => {
                    sink.push(Diagnostic::error(code::OPEN_EXPRESSION, locator.place(at..at + 3), "`${{` has no `}}`"));
                    return None;
                }
            };
            match template::alone(&segments) {
                Some((source, range)) => (source.to_owned(), range.start),
                None => {
                    let message = format!("{what} is one expression, without text beside it");
                    sink.push(Diagnostic::error(code::EXPRESSION, node.span.clone(), message));
                    return None;
                }
            }
        } else {
            (value.to_owned(), 0)
        };
        let analysis = self.expression(&source, offset, &locator, place, false, sink);
        Some((source.trim().to_owned(), analysis))
    }

    fn expression(
        &mut self,
        source: &str,
        offset: usize,
        locator: &Locator,
        place: Place,
        input: bool,
        sink: &mut Sink,
    ) -> Analysis {
        let (_, analysis) = analyse(source, place);
        let at = |range: &Range<usize>| locator.place(range.start + offset..range.end + offset);
        for problem in &analysis.problems {
            let mut diagnostic = Diagnostic::error(problem.code, at(&problem.range), problem.message.clone())
                .maybe_hint(problem.hint.clone());
            if problem.warning {
                diagnostic.severity = Severity::Warning;
            }
            sink.push(diagnostic);
        }
        for name in &analysis.secrets {
            if !self.secrets.contains(name) {
                self.secrets.push(name.clone());
            }
        }
        for mention in &analysis.mentions {
            let span = at(&mention.range);
            let output_span = mention.output.as_ref().map_or(span.clone(), |(_, range)| at(range));
            let item_span = mention.item.as_ref().map_or(span.clone(), |item| at(&item.range));
            let unknown_span = mention.unknown.as_ref().map_or(span.clone(), |(_, range)| at(range));
            let mention = mention.clone();
            self.found.push(Reference { mention, span, output_span, item_span, unknown_span, input });
        }
        analysis
    }
}
