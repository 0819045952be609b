//! A file's text with its name, and the line and column of an offset.

use crate::code;
use crate::diagnostic::Diagnostic;

/// A file as read. Offsets of diagnostics are bytes of `text`.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file's name, as shown to people.
    pub path: String,
    /// Its text, without a byte order mark where it came through [`Source::from_bytes`].
    pub text: String,
}

impl Source {
    /// A file of that name and text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads a file's bytes. A UTF-8 byte order mark is dropped, so that columns are those an editor shows.
    ///
    /// # Errors
    /// The bytes are not UTF-8.
    pub fn from_bytes(path: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        let path = path.into();
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                Ok(Self { path, text })
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let before = &error.as_bytes()[..at];
                let line = before.iter().filter(|b| **b == b'\n').count() + 1;
                // There is no text to show, so the place is in the message and the span stays at the start.
                let mut diagnostic =
                    Diagnostic::error(code::NOT_UTF8, 0..0, format!("line {line} (byte {at}) is not UTF-8 text"))
                        .hint("save the file as UTF-8");
                diagnostic.path = path;
                Err(diagnostic)
            }
        }
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = floor(&self.text, offset);
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let skip = if line_start == 0 && before.starts_with('\u{feff}') { 1 } else { 0 };
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before[line_start..].chars().count() - skip + 1)
    }
}

/// The nearest character boundary at or before an offset, within the text.
pub(crate) fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
