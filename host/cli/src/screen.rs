//! Where words go: results to standard output, everything else to standard error. Whatever a file, a commit or a person
//! said on the way, a terminal is only ever told to show characters and our own colours.

use crate::args::Output;
use crate::exit::Exit;
use manifest::{Diagnostic, Source};
use serde::{Deserialize, Serialize};
use std::io::{IsTerminal as _, Write as _};
use tokio::sync::mpsc;

/// How this process speaks.
#[derive(Clone, Debug)]
pub struct Screen {
    /// Whether the result is one JSON document.
    pub json: bool,
    /// Whether standard error is a terminal that takes colour.
    pub colour: bool,
    /// Whether standard output is one.
    pub out_colour: bool,
    /// Whether standard output is a terminal at all.
    pub out_terminal: bool,
    /// Whether a person sees standard error as it is written.
    pub live: bool,
    /// Whether a person can be asked.
    pub interactive: bool,
    /// Where words go instead: to whoever asked the daemon.
    pub to: Option<mpsc::UnboundedSender<Word>>,
}

/// A piece of what a command says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Word {
    /// For standard output, byte for byte.
    Out(String),
    /// For standard error.
    Err(String),
}

impl Screen {
    pub fn new(output: Output) -> Self {
        let live = std::io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        let interactive = live && std::io::stdin().is_terminal();
        let colour = |terminal: bool| terminal && !plain && !dumb;
        Self {
            json: output == Output::Json,
            colour: colour(live),
            out_colour: colour(std::io::stdout().is_terminal()),
            out_terminal: std::io::stdout().is_terminal(),
            live: live && !dumb,
            interactive,
            to: None,
        }
    }

    /// Wraps a text in a colour. A stream that takes none leaves it out when the text is written.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        if self.colour || self.out_colour {
            format!("\u{1b}[{}m{text}\u{1b}[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }

    /// Prints a value as the one JSON document. JSON has escapes of its own.
    pub fn document(&self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.say(Word::Out(format!("{text}\n")));
    }

    /// Prints to standard output. A reader that went away is no error.
    pub fn out(&self, text: &str) {
        self.say(Word::Out(format!("{}\n", shown(text, self.out_colour))));
    }

    /// Prints a text that ends its last line itself, byte for byte where no terminal shows it.
    pub fn exact(&self, text: &str) {
        let text = if self.out_terminal { shown(text, false) } else { text.to_owned() };
        self.say(Word::Out(text));
    }

    /// Writes a piece where it belongs.
    pub fn say(&self, word: Word) {
        if let Some(to) = &self.to {
            // Whoever asked may be gone; the work is done all the same.
            let _ = to.send(word);
            return;
        }
        let _ = match word {
            Word::Out(text) => std::io::stdout().lock().write_all(text.as_bytes()),
            Word::Err(text) => std::io::stderr().lock().write_all(text.as_bytes()),
        };
    }

    /// Prints to standard error.
    pub fn note(&self, text: &str) {
        self.say(Word::Err(format!("{}\n", self.noted(text))));
    }

    /// A text as standard error may show it.
    pub fn noted(&self, text: &str) -> String {
        shown(text, self.colour)
    }

    /// Prints what is not wrong enough to stop.
    pub fn warnings(&self, source: &Source, diagnostics: &[Diagnostic]) {
        if !diagnostics.is_empty() {
            self.note(manifest::render(source, diagnostics, self.colour).trim_end());
        }
    }

    /// Prints why a command failed; as JSON too where a script reads.
    pub fn failure(&self, exit: &Exit) {
        match exit {
            Exit::Failure(failure) => {
                let head = self.paint(Colour::Red, &format!("error[{}]", failure.code));
                self.note(&format!("{head}: {}", failure.message));
                if let Some(hint) = &failure.hint {
                    self.note(&format!("  {} {hint}", self.paint(Colour::Cyan, "hint:")));
                }
                if self.json {
                    self.document(&serde_json::json!({"error": failure}));
                }
            }
            Exit::File(source, diagnostics) => {
                self.note(manifest::render(source, diagnostics, self.colour).trim_end());
                if self.json {
                    self.document(&manifest::to_json(source, diagnostics));
                }
            }
        }
    }
}

/// What of a text a terminal may be told. Other control characters could move its cursor, rename its window or answer
/// for the person at it; bidirectional ones show a name as another. Colours stay only where they are wanted.
fn shown(text: &str, colour: bool) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = after;
        match character {
            '\u{1b}' => {
                let sequence = after.strip_prefix('[').and_then(|inner| inner.split_once('m'));
                match sequence.filter(|(digits, _)| is_ours(digits)) {
                    Some((digits, end)) => {
                        if colour {
                            made.push_str(&format!("\u{1b}[{digits}m"));
                        }
                        rest = end;
                    }
                    None => made.push(char::REPLACEMENT_CHARACTER),
                }
            }
            // A line of Windows ends like any other.
            '\r' if after.is_empty() || after.starts_with('\n') => {}
            '\n' | '\t' => made.push(character),
            _ if character.is_control() || is_hidden(character) => made.push(char::REPLACEMENT_CHARACTER),
            _ => made.push(character),
        }
    }
    made
}

/// The styles that this program and its renderer of files use: bold, dim and foreground colours, none that conceals.
fn is_ours(digits: &str) -> bool {
    digits.len() <= 2
        && digits.bytes().all(|b| b.is_ascii_digit())
        && matches!(digits.parse::<u8>(), Ok(0..=2 | 30..=37 | 90..=97))
}

/// Characters that show nothing and change how others are shown.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Colour {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
    Cyan = 36,
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_terminal_is_told_characters_and_our_colours() {
        for (text, coloured, plain) in [
            ("é\t日本 🚀\nx", "é\t日本 🚀\nx", "é\t日本 🚀\nx"),
            ("\u{1b}[31mred\u{1b}[0m", "\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[1m\u{1b}[91mx\u{1b}[0m", "\u{1b}[1m\u{1b}[91mx\u{1b}[0m", "x"),
            (
                "\u{1b}[2J\u{1b}]0;title\u{7}",
                "\u{fffd}[2J\u{fffd}]0;title\u{fffd}",
                "\u{fffd}[2J\u{fffd}]0;title\u{fffd}",
            ),
            ("\u{1b}[8mhidden", "\u{fffd}[8mhidden", "\u{fffd}[8mhidden"),
            ("\u{1b}[+1m\u{1b}[m\u{1b}", "\u{fffd}[+1m\u{fffd}[m\u{fffd}", "\u{fffd}[+1m\u{fffd}[m\u{fffd}"),
            ("a\rb\r\nc\r", "a\u{fffd}b\nc", "a\u{fffd}b\nc"),
            (
                "\u{9b}31m\u{7f}\u{202e}evil\u{200b}",
                "\u{fffd}31m\u{fffd}\u{fffd}evil\u{fffd}",
                "\u{fffd}31m\u{fffd}\u{fffd}evil\u{fffd}",
            ),
        ] {
            assert_eq!(shown(text, true), coloured, "{text:?}");
            assert_eq!(shown(text, false), plain, "{text:?}");
        }
    }
}
