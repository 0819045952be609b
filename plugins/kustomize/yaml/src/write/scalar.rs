//! Text in each of YAML's styles, broken at 80 columns where the style allows it.

use super::shape::{is_printable, width};
use crate::read::break_width;

/// Behind this column a space becomes a line break.
const WIDTH: usize = 80;

/// Whether long text may go on in the next line: a key must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Next lines are indented by so many spaces.
    Indented(usize),
    Never,
}

/// Appends characters and knows the column.
struct Pen<'o> {
    out: &'o mut String,
    column: usize,
    indent: usize,
    folds: bool,
    /// An odd line break was written, behind which indentation is due.
    broken: bool,
}

impl<'o> Pen<'o> {
    fn new(out: &'o mut String, fold: Fold) -> Self {
        let line = out.rfind('\n').map_or(0, |at| at + 1);
        let column = out[line..].chars().count();
        let (indent, folds) = match fold {
            Fold::Indented(indent) => (indent, true),
            Fold::Never => (0, false),
        };
        Self { out, column, indent, folds, broken: false }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.indent();
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n(' ', self.indent));
        self.column = self.indent;
        self.broken = false;
    }

    fn is_full(&self) -> bool {
        self.folds && self.column > WIDTH
    }
}

/// Whether a text of one line fits before a break could come: then it is written as it is.
fn fits(out: &str, text: &str) -> bool {
    text.len() <= WIDTH && {
        let line = out.len()
            - out.bytes().rev().take(WIDTH + 1).position(|byte| byte == b'\n').unwrap_or(WIDTH + 1).min(out.len());
        out.len() - line + text.len() <= WIDTH
    }
}

pub fn plain(text: &str, fold: Fold, out: &mut String) {
    if fold == Fold::Never || fits(out, text) || !text.contains(' ') {
        out.push_str(text);
        return;
    }
    words(text, false, &mut Pen::new(out, fold));
}

pub fn single_quoted(text: &str, fold: Fold, out: &mut String) {
    out.push('\'');
    words(text, true, &mut Pen::new(out, fold));
    out.push('\'');
}

/// Text with breaks at single spaces. Within quotes, the first and the last character are no place for one.
fn words(text: &str, quoted: bool, pen: &mut Pen<'_>) {
    let bytes = text.as_bytes();
    let mut after_space = false;
    let mut at = 0;
    while at < bytes.len() {
        let size = width(bytes[at]);
        let inner = !quoted || (at > 0 && at + 1 < bytes.len());
        if bytes[at] == b' ' {
            if !after_space && inner && pen.is_full() && bytes.get(at + 1) != Some(&b' ') {
                pen.new_line();
            } else {
                pen.push(" ");
            }
            after_space = true;
        } else if break_width(bytes, at) > 0 {
            pen.push(&text[at..at + size]);
            pen.column = 0;
            pen.broken = true;
        } else {
            if pen.broken {
                pen.indent();
            }
            if quoted && bytes[at] == b'\'' {
                pen.push("'");
            }
            pen.push(&text[at..at + size]);
            after_space = false;
        }
        at += size;
    }
}

pub fn double_quoted(text: &str, fold: Fold, out: &mut String) {
    out.push('"');
    let bytes = text.as_bytes();
    let mut pen = Pen::new(out, fold);
    // go-yaml asks at each character whether the text begins with a byte order mark.
    let marked = text.starts_with('\u{FEFF}');
    let mut after_space = false;
    let mut at = 0;
    while at < bytes.len() {
        let size = width(bytes[at]);
        let escaped =
            marked || !is_printable(bytes, at) || break_width(bytes, at) > 0 || matches!(bytes[at], b'"' | b'\\');
        if escaped {
            escape(&text[at..at + size], &mut pen);
        } else if bytes[at] == b' ' && !after_space && pen.is_full() && at > 0 && at + 1 < bytes.len() {
            pen.new_line();
            if bytes[at + 1] == b' ' {
                pen.push("\\");
            }
        } else {
            pen.push(&text[at..at + size]);
        }
        after_space = bytes[at] == b' ' && !escaped;
        at += size;
    }
    out.push('"');
}

fn escape(character: &str, pen: &mut Pen<'_>) {
    let code = character.chars().next().map_or(0, u32::from);
    let letter = match code {
        0x00 => "\\0",
        0x07 => "\\a",
        0x08 => "\\b",
        0x09 => "\\t",
        0x0A => "\\n",
        0x0B => "\\v",
        0x0C => "\\f",
        0x0D => "\\r",
        0x1B => "\\e",
        0x22 => "\\\"",
        0x5C => "\\\\",
        0x85 => "\\N",
        0xA0 => "\\_",
        0x2028 => "\\L",
        0x2029 => "\\P",
        _ => "",
    };
    match (letter, code) {
        ("", ..=0xFF) => pen.push(&format!("\\x{code:02X}")),
        ("", ..=0xFFFF) => pen.push(&format!("\\u{code:04X}")),
        ("", _) => pen.push(&format!("\\U{code:08X}")),
        _ => pen.push(letter),
    }
}

/// `|` with its text, indented by `indent`.
pub fn literal(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    hints(text, out);
    out.push('\n');
    let bytes = text.as_bytes();
    let (mut at, mut fresh) = (0, true);
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && break_width(bytes, at) == 0 {
            at += 1;
        }
        if at > start {
            if fresh {
                out.extend(std::iter::repeat_n(' ', indent));
            }
            out.push_str(&text[start..at]);
        }
        // Of a carriage return and a line feed, each is a break of its own.
        let size = break_width(bytes, at).min(bytes.get(at).copied().map_or(0, width));
        out.push_str(&text[at..at + size]);
        at += size;
        fresh = true;
    }
}

/// How deep the text is indented, where it begins with a blank, and what becomes of its end.
fn hints(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b' ') || break_width(bytes, 0) > 0 {
        out.push('2');
    }
    let mut last = text.char_indices().rev().map(|(at, _)| break_width(bytes, at) > 0);
    match (last.next(), last.next()) {
        (Some(true), Some(true) | None) => out.push('+'),
        (Some(true), Some(false)) => {}
        _ => out.push('-'),
    }
}

/// `>` with its text, as go-yaml v3 writes it: it asks the beginning of the whole text, not the next line, whether a
/// break needs a second one.
pub fn folded(text: &str, out: &mut String) {
    out.push('>');
    hints(text, out);
    out.push('\n');
    let bytes = text.as_bytes();
    let begins = first_behind_breaks(bytes);
    let (mut fresh, mut after_blank) = (true, true);
    let mut at = 0;
    while at < bytes.len() {
        let size = width(bytes[at]);
        if break_width(bytes, at) > 0 {
            if !fresh && !after_blank && bytes[at] == b'\n' && !begins {
                out.push('\n');
            }
            out.push_str(&text[at..at + size]);
            fresh = true;
        } else {
            if fresh {
                out.push_str("  ");
                after_blank = matches!(bytes[at], b' ' | b'\t');
            }
            out.push_str(&text[at..at + size]);
            fresh = false;
        }
        at += size;
    }
}

/// Whether a blank or nothing stands behind the line breaks that a text begins with.
fn first_behind_breaks(bytes: &[u8]) -> bool {
    let mut at = 0;
    while break_width(bytes, at) > 0 {
        at += width(bytes[at]);
    }
    bytes.get(at).is_none_or(|byte| matches!(byte, b' ' | b'\t'))
}
