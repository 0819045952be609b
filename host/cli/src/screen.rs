//! Where words go: results to standard output, everything else to standard error.

use crate::args::Output;
use crate::exit::Exit;
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};

/// How this process speaks.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether the result is one JSON document.
    pub json: bool,
    /// Whether standard error is a terminal that takes colour.
    pub colour: bool,
    /// Whether a person sees standard error as it is written.
    pub live: bool,
    /// Whether a person can be asked.
    pub interactive: bool,
}

impl Screen {
    pub fn new(output: Output) -> Self {
        let live = std::io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let interactive = live && std::io::stdin().is_terminal();
        Self { json: output == Output::Json, colour: live && !plain && !dumb, live: live && !dumb, interactive }
    }

    /// Wraps a text in a colour.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", colour as u8) } else { text.to_owned() }
    }

    /// Prints a value as the one JSON document.
    pub fn document(&self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.out(&text);
    }

    /// Prints to standard output. A reader that went away is no error.
    pub fn out(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Prints to standard error.
    pub fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
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
