//! What the tool complains about, and how a person reads it: place, code with a caret, words.

use serde::Deserialize;
use std::fmt::Write;

/// One complaint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// In one line.
    pub summary: String,
    /// In more.
    pub detail: String,
    /// The object that it is about.
    pub address: Option<String>,
    /// Where.
    pub range: Option<Range>,
    /// What stands there.
    pub snippet: Option<Snippet>,
}

/// A part of a file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Range {
    /// Relative to the root module.
    pub filename: String,
    /// Its first character.
    pub start: Position,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// Some lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Snippet {
    /// The block that they are in.
    pub context: Option<String>,
    /// The lines.
    pub code: String,
    /// The number of the first.
    pub start_line: u32,
    /// Where the culprit begins in `code`, in bytes.
    pub highlight_start_offset: usize,
    /// Where it ends.
    pub highlight_end_offset: usize,
    /// What the parts of the expression are. Terraform leaves out secrets here.
    pub values: Vec<Part>,
}

/// A part of an expression.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Part {
    /// `var.a`.
    pub traversal: String,
    /// `is "x"`.
    pub statement: String,
}

impl Diagnostic {
    /// Whether it fails the step.
    pub fn is_error(&self) -> bool {
        self.severity != "warning"
    }

    /// `environments/dev/main.tf:3:5`; absent where it has no place.
    pub fn place(&self, directory: &str) -> Option<String> {
        let range = self.range.as_ref()?;
        let file = crate::root::resolve(directory, &range.filename).unwrap_or_else(|| range.filename.clone());
        Some(format!("{file}:{}:{}", range.start.line, range.start.column))
    }

    /// One line: place, summary, the first sentence of the detail.
    pub fn line(&self, directory: &str) -> String {
        let place = match (self.place(directory), &self.address) {
            (Some(place), _) => format!("{place}: "),
            (None, Some(address)) => format!("{address}: "),
            (None, None) => String::new(),
        };
        let detail: Vec<&str> = self.detail.split_whitespace().collect();
        let detail = detail.join(" ");
        let (detail, more) = crate::render::text::cut(&detail, 800);
        let dots = if more > 0 { " …" } else { "" };
        let colon = if detail.is_empty() { "" } else { ": " };
        format!("{place}{}{colon}{detail}{dots}", self.summary)
    }

    /// All of it, over several lines.
    pub fn text(&self, directory: &str) -> String {
        let kind = if self.is_error() { "Error" } else { "Warning" };
        let mut text = format!("{kind}: {}", self.summary);
        if let Some(place) = self.place(directory) {
            text += &format!("\n  {place}");
            if let Some(context) = self.snippet.as_ref().and_then(|snippet| snippet.context.as_deref()) {
                text += &format!(", in {context}");
            }
        }
        if let Some(address) = &self.address {
            text += &format!("\n  with {address}");
        }
        if let Some(snippet) = &self.snippet {
            text += &snippet.text();
        }
        for line in self.detail.trim_end().lines() {
            text += &format!("\n  {line}");
        }
        text
    }
}

impl Snippet {
    /// The lines with their numbers, a caret below the culprit in its first line, and what is known of the values.
    fn text(&self) -> String {
        let mut text = String::new();
        let last = self.start_line.saturating_add(u32::try_from(self.code.lines().count()).unwrap_or(0));
        let width = last.to_string().len();
        let mut offset = 0;
        let mut marked = false;
        for (line, number) in self.code.split_inclusive('\n').zip(self.start_line..) {
            let shown = line.trim_end_matches(['\n', '\r']);
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {number:>width$} | {shown}");
            let start = self.highlight_start_offset.saturating_sub(offset);
            if !marked && self.highlight_start_offset < offset + line.len() {
                marked = true;
                let end = self.highlight_end_offset.saturating_sub(offset).clamp(start + 1, shown.len().max(start + 1));
                // Offsets are bytes and carets are characters; a tab stays one, so that both lines align.
                let before: String = shown
                    .char_indices()
                    .filter(|(at, _)| *at < start)
                    .map(|(_, letter)| if letter == '\t' { '\t' } else { ' ' })
                    .collect();
                let below = shown.char_indices().filter(|(at, _)| (start..end).contains(at)).count().max(1);
                let _ = write!(text, "\n  {:>width$} | {before}{}", "", "^".repeat(below));
            }
            offset += line.len();
        }
        for part in &self.values {
            let _ = write!(text, "\n  {:>width$}   {} {}", "", part.traversal, part.statement);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Diagnostic;
    use serde_json::json;

    #[test]
    fn a_caret_is_below_the_culprit() {
        let diagnostic: Diagnostic = serde_json::from_value(json!({
            "severity": "error", "summary": "Unsupported argument", "detail": "An argument named \"inptu\" is not expected here.",
            "range": {"filename": "../modules/a/main.tf", "start": {"line": 9, "column": 3}},
            "snippet": {"context": "resource \"terraform_data\" \"ä\"", "code": "\tä = 1\n  inptu = 2", "start_line": 9,
                "highlight_start_offset": 10, "highlight_end_offset": 15,
                "values": [{"traversal": "var.a", "statement": "is \"x\""}]},
        }))
        .expect("a diagnostic");
        let expected = "Error: Unsupported argument\n  envs/modules/a/main.tf:9:3, in resource \"terraform_data\" \"ä\"\n\
            \x20  9 | \tä = 1\n  10 |   inptu = 2\n     |   ^^^^^\n       var.a is \"x\"\n  \
            An argument named \"inptu\" is not expected here.";
        assert_eq!(diagnostic.text("envs/dev"), expected);
        let line =
            "envs/modules/a/main.tf:9:3: Unsupported argument: An argument named \"inptu\" is not expected here.";
        assert_eq!(diagnostic.line("envs/dev"), line);
    }

    #[test]
    fn offsets_out_of_range_harm_nobody() {
        for (start, end) in [(0, 0), (5, 2), (100, 200), (1, usize::MAX), (2, 2)] {
            let diagnostic: Diagnostic = serde_json::from_value(json!({
                "summary": "x", "snippet": {"code": "äöü", "start_line": u32::MAX - 1, "highlight_start_offset": start, "highlight_end_offset": end},
            }))
            .expect("a diagnostic");
            assert!(diagnostic.text("").contains("äöü"));
        }
    }
}
