//! One problem of a file: what, where, why, and what to do. It never decides how it is shown.

use crate::code;
use std::ops::Range;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but not all of it does what it seems to.
    Warning,
}

/// A problem of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code of [`crate::CODES`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// The file.
    pub path: String,
    /// The place, in bytes of the file's text.
    pub span: Range<usize>,
    /// What stands beside the caret.
    pub label: String,
    /// A second place that belongs to it, with its label: the first of two equal keys.
    pub related: Option<(Range<usize>, String)>,
    /// More to know; may have several lines.
    pub notes: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A file that its reader could not get at: why.
    pub fn unreadable(path: &str, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), ..Self::error(code::UNREADABLE, 0..0, why) }
    }

    pub(crate) fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            path: String::new(),
            span,
            label: String::new(),
            related: None,
            notes: Vec::new(),
            hint: None,
        }
    }

    pub(crate) fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// What a file became, with all that was found on the way.
#[derive(Clone, Debug)]
pub struct Parsed<T> {
    /// Present exactly where no diagnostic is an error.
    pub value: Option<T>,
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// More problems than this are counted, not listed: nobody reads on, and a hostile file must not fill the memory.
const LISTED: usize = 100;

/// Where problems are gathered.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    found: Vec<Diagnostic>,
    unlisted: usize,
    errors: usize,
}

impl Sink {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.found.len() < LISTED {
            // The same problem at the same place is said once: aliases show their anchor's value again.
            if !self.found.contains(&diagnostic) {
                self.found.push(diagnostic);
            }
        } else {
            self.unlisted += 1;
        }
    }

    /// What a suggestion says, as long as somebody would see it: to find one costs far more than to tell the problem.
    pub(crate) fn hint(&self, suggest: impl FnOnce() -> Option<String>) -> Option<String> {
        if self.found.len() < LISTED { suggest() } else { None }
    }

    /// How many errors there are so far; those not listed count.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// All of them, in the order in which they were found.
    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Ends the gathering: names the file, sorts by place, and drops the value where there is an error.
    pub(crate) fn finish<T>(mut self, path: &str, text: &str, value: Option<T>) -> Parsed<T> {
        self.found.sort_by_key(|d| (d.span.start, d.span.end));
        if self.unlisted > 0 {
            let message = format!("{} more problems are not listed", self.unlisted);
            let at = self.found.last().map_or(0..0, |d| d.span.clone());
            self.found.push(Diagnostic::error(code::TOO_MANY_PROBLEMS, at, message));
        }
        for diagnostic in &mut self.found {
            path.clone_into(&mut diagnostic.path);
            diagnostic.span = clamp(text, &diagnostic.span);
            if let Some((span, _)) = &mut diagnostic.related {
                *span = clamp(text, span);
            }
        }
        Parsed { value: value.filter(|_| self.errors == 0), diagnostics: self.found }
    }
}

/// A span within the text and on character boundaries, whatever a parser said.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = crate::source::floor(text, span.start);
    let end = crate::source::floor(text, span.end).max(start);
    start..end
}
