//! Diagnostics as text for people and as JSON for programs.

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Source, floor};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use std::ops::Range;

/// The most of a line that is shown on either side of a caret, in bytes; a minified file has lines of megabytes.
const CONTEXT: usize = 240;
/// The most lines of one span that are shown; a span over a whole file would repeat the file.
const LINES: usize = 6;

/// The diagnostics with file, line, column and caret.
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&one(source, diagnostic, &renderer));
        out.push_str("\n\n");
    }
    out
}

fn one(source: &Source, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = printable(&diagnostic.message);
    let title = level.primary_title(message).id(diagnostic.code);
    let notes: Vec<String> = diagnostic.notes.iter().map(|n| printable(n)).collect();
    let hint = diagnostic.hint.as_deref().map(printable);
    let (line, column) = source.position(diagnostic.span.start);
    let mut group = if source.text.is_empty() {
        Group::with_title(title).element(Origin::path(diagnostic.path.clone()))
    } else {
        let shown = window(&source.text, &first_lines(&source.text, &diagnostic.span));
        let text = &source.text[shown.text.clone()];
        let annotate = |kind: AnnotationKind, span: &Range<usize>, label: &str| {
            let start = span.start.saturating_sub(shown.text.start);
            let end = span.end.saturating_sub(shown.text.start).clamp(start, text.len());
            let annotation = kind.span(floor(text, start)..floor(text, end));
            if label.is_empty() { annotation } else { annotation.label(printable(label)) }
        };
        let first_line = source.position(shown.text.start).0;
        let mut snippet = Snippet::source(text.to_owned()).line_start(first_line).annotation(annotate(
            AnnotationKind::Primary,
            &first_lines(&source.text, &diagnostic.span),
            &diagnostic.label,
        ));
        // A cut line has columns of its own, so its true place is given instead.
        let mut origin = None;
        if shown.cut {
            origin = Some(Origin::path(diagnostic.path.clone()).line(line).char_column(column));
        } else {
            snippet = snippet.path(diagnostic.path.clone());
        }
        let mut elsewhere = None;
        if let Some((span, label)) = &diagnostic.related {
            if span.start >= shown.text.start && span.end <= shown.text.end {
                snippet = snippet.annotation(annotate(AnnotationKind::Context, span, label));
            } else {
                let (line, column) = source.position(span.start);
                elsewhere = Some(format!("{label}: line {line}, column {column}"));
            }
        }
        let group = match origin {
            Some(origin) => Group::with_title(title).element(origin).element(snippet),
            None => Group::with_title(title).element(snippet),
        };
        match elsewhere {
            Some(note) => group.element(Level::NOTE.message(printable(&note))),
            None => group,
        }
    };
    for note in notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(hint) = hint {
        group = group.element(Level::HELP.with_name("hint").message(hint));
    }
    renderer.render(&[group])
}

struct Window {
    text: Range<usize>,
    cut: bool,
}

/// A span of many lines is cut to its first line: where it begins is what matters.
fn first_lines(text: &str, span: &Range<usize>) -> Range<usize> {
    let covered = &text[span.clone()];
    let end = match covered.find('\n') {
        Some(i) => span.start + covered[..i].trim_end_matches('\r').len(),
        None => span.end,
    };
    span.start..end.min(floor(text, span.start + CONTEXT))
}

/// The part of the text around a span that is given to the renderer: some lines, or part of one long line.
fn window(text: &str, span: &Range<usize>) -> Window {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |i| i + 1);
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |i| at + i);
    let (own_start, own_end) = (line_start(span.start), line_end(span.end));
    if own_end - own_start > 2 * CONTEXT {
        let start = floor(text, span.start.saturating_sub(CONTEXT).max(own_start));
        let end = floor(text, (span.end + CONTEXT).min(own_end)).max(span.end);
        return Window { text: start..end, cut: true };
    }
    // Lines before it, for equal keys that stand close together; the renderer folds what has no mark.
    let mut start = own_start;
    for _ in 0..LINES {
        let Some(before) = start.checked_sub(1) else { break };
        let earlier = line_start(before);
        if start - earlier > 2 * CONTEXT {
            break;
        }
        start = earlier;
    }
    Window { text: start..own_end, cut: false }
}

/// Text of a file in a message must not steer a terminal.
fn printable(text: &str) -> String {
    const MOST: usize = 2000;
    let mut shown: String =
        text.chars().take(MOST).map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// The diagnostics as a JSON list. Lines and columns count from 1, columns in characters.
pub fn to_json(source: &Source, diagnostics: &[Diagnostic]) -> Value {
    let list = diagnostics.iter().map(|diagnostic| {
        let (line, column) = source.position(diagnostic.span.start);
        let (end_line, end_column) = source.position(diagnostic.span.end);
        json!({
            "code": diagnostic.code,
            "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "message": diagnostic.message,
            "file": diagnostic.path,
            "line": line,
            "column": column,
            "endLine": end_line,
            "endColumn": end_column,
            "label": diagnostic.label,
            "notes": diagnostic.notes,
            "hint": diagnostic.hint,
        })
    });
    Value::Array(list.collect())
}
