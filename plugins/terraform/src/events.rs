//! Follows what `plan -json` and `apply -json` print, line by line: what a person reads of it, how far it is, and what
//! became of each object. It decides nothing, and knows no file and no child.

use crate::diagnostic::Diagnostic;
use crate::render::Secrets;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The longest line that is kept while its end has not come, in bytes.
const LONGEST_LINE: usize = 4 << 20;
/// The most addresses that are remembered by name.
const MOST_NAMES: usize = 50;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For everybody.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A line, or several.
    Line(Level, String),
    /// How far a task is; a total of 0 is not known.
    Progress {
        /// `refresh` or `apply`.
        task: &'static str,
        /// How many.
        done: u32,
        /// Of how many.
        total: u32,
    },
}

/// How far an apply is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Objects that are done.
    pub done: u32,
    /// Those being worked on, the first 50.
    pub running: BTreeSet<String>,
    /// Those that failed, the first 50.
    pub failed: BTreeSet<String>,
    /// The last one that was done.
    pub last: Option<String>,
}

/// How many objects an apply, or a plan, is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Made.
    pub add: u32,
    /// Changed.
    pub change: u32,
    /// Destroyed.
    pub remove: u32,
    /// Taken over.
    pub import: u32,
}

/// Everything so far.
#[derive(Debug, Default)]
pub struct Follower {
    directory: String,
    total: u32,
    line: Vec<u8>,
    refreshed: u32,
    /// What it complained about.
    pub diagnostics: Vec<Diagnostic>,
    /// How far it is.
    pub standing: Standing,
    /// The counts at the end of an apply, which is how one knows that it came there.
    pub applied: Option<Summary>,
    /// The outputs as the tool prints them: those that are secret have no value.
    pub outputs: Map<String, Value>,
    /// Texts that are not shown.
    pub secrets: Secrets,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    #[serde(rename = "@level")]
    level: String,
    #[serde(rename = "@message")]
    message: String,
    #[serde(rename = "type")]
    kind: String,
    diagnostic: Option<Diagnostic>,
    hook: Option<Hook>,
    changes: Option<Value>,
    outputs: Option<Map<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hook {
    resource: Object,
    output: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    addr: String,
}

impl Follower {
    /// Of a command in a directory, about so many objects (0: not known).
    pub fn new(directory: &str, total: u32) -> Self {
        Self { directory: directory.to_owned(), total, ..Self::default() }
    }

    /// The same, that shows none of these texts.
    #[must_use]
    pub fn hiding(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// Takes a piece of output, which may end anywhere.
    pub fn feed(&mut self, chunk: &[u8]) -> Vec<Note> {
        let mut notes = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() <= LONGEST_LINE {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                notes.append(&mut self.finish());
            }
        }
        notes
    }

    /// Takes what is there as a line, at the end of the output.
    pub fn finish(&mut self) -> Vec<Note> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            return Vec::new();
        }
        let notes = match serde_json::from_str::<Line>(text) {
            Ok(line) => self.line(line),
            // A crash of the tool, say, is no JSON, and must be seen.
            Err(_) => vec![Note::Line(Level::Warn, text.to_owned())],
        };
        let hidden = |note| match note {
            Note::Line(level, text) => Note::Line(level, self.secrets.hidden_in(&text)),
            progress => progress,
        };
        notes.into_iter().map(hidden).collect()
    }

    fn line(&mut self, line: Line) -> Vec<Note> {
        let address = line.hook.as_ref().map(|hook| hook.resource.addr.clone()).unwrap_or_default();
        let said = || Note::Line(Level::Info, line.message.clone());
        match line.kind.as_str() {
            "diagnostic" => {
                let diagnostic = line.diagnostic.unwrap_or(Diagnostic {
                    severity: line.level.replace("warn", "warning"),
                    summary: line.message,
                    ..Diagnostic::default()
                });
                let level = if diagnostic.is_error() { Level::Error } else { Level::Warn };
                let text = diagnostic.text(&self.directory);
                self.diagnostics.push(diagnostic);
                vec![Note::Line(level, text)]
            }
            "refresh_start" => Vec::new(),
            "refresh_complete" => {
                self.refreshed += 1;
                vec![Note::Progress { task: "refresh", done: self.refreshed, total: 0 }]
            }
            "apply_start" => {
                if self.standing.running.len() < MOST_NAMES {
                    self.standing.running.insert(address);
                }
                vec![said()]
            }
            "apply_complete" => {
                self.standing.running.remove(&address);
                self.standing.done += 1;
                self.standing.last = Some(address);
                vec![said(), self.progress()]
            }
            "apply_errored" => {
                self.standing.running.remove(&address);
                if self.standing.failed.len() < MOST_NAMES {
                    self.standing.failed.insert(address);
                }
                vec![Note::Line(Level::Error, line.message)]
            }
            "provision_progress" => {
                let output = line.hook.and_then(|hook| hook.output).unwrap_or_default();
                vec![Note::Line(Level::Info, format!("{address}: {}", output.trim_end()))]
            }
            "provision_errored" => vec![Note::Line(Level::Error, line.message)],
            "change_summary" => {
                let changes = line.changes.unwrap_or_default();
                if matches!(changes["operation"].as_str(), Some("apply" | "destroy")) {
                    self.applied = serde_json::from_value(changes).ok();
                }
                vec![Note::Line(Level::Info, line.message)]
            }
            "outputs" => {
                self.outputs = line.outputs.unwrap_or_default();
                Vec::new()
            }
            // The version is known, and of a plan people read the Markdown.
            "version" | "planned_change" | "resource_drift" => Vec::new(),
            _ => {
                let level = match line.level.as_str() {
                    "error" => Level::Error,
                    "warn" => Level::Warn,
                    _ => Level::Info,
                };
                vec![Note::Line(level, line.message)]
            }
        }
    }

    fn progress(&self) -> Note {
        Note::Progress { task: "apply", done: self.standing.done, total: self.total.max(self.standing.done) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Follower, Level, Note};

    #[test]
    fn lines_may_come_in_pieces() {
        let text = concat!(
            r#"{"@level":"info","@message":"a: Creating...","hook":{"resource":{"addr":"a"}},"type":"apply_start"}"#,
            "\n",
            r#"{"@level":"info","@message":"a: done","hook":{"resource":{"addr":"a"}},"type":"apply_complete"}"#,
            "\npanic: ä\n",
        );
        let whole = Follower::new("", 2).feed(text.as_bytes());
        for size in 1..7 {
            let mut follower = Follower::new("", 2);
            let mut notes: Vec<Note> = text.as_bytes().chunks(size).flat_map(|chunk| follower.feed(chunk)).collect();
            notes.append(&mut follower.finish());
            assert_eq!(notes, whole);
            assert_eq!((follower.standing.done, follower.standing.running.len()), (1, 0));
        }
        assert_eq!(whole[2], Note::Progress { task: "apply", done: 1, total: 2 });
        assert_eq!(whole[3], Note::Line(Level::Warn, "panic: ä".to_owned()));
    }

    #[test]
    fn what_the_plan_hid_stays_hidden() {
        let secrets = serde_json::from_str(r#"["hunter2hunter2"]"#).expect("texts");
        let mut follower = Follower::new("", 0).hiding(secrets);
        let line = r#"{"@level":"error","type":"diagnostic","diagnostic":{"severity":"error","summary":"no hunter2hunter2 here"}}"#;
        let notes = follower.feed(format!("{line}\nplain hunter2hunter2\n").as_bytes());
        assert_eq!(notes.len(), 2);
        assert!(notes.iter().all(|note| !format!("{note:?}").contains("hunter2")), "{notes:?}");
    }

    #[test]
    fn an_apply_that_ended_says_so() {
        let mut follower = Follower::new("", 0);
        let plan = r#"{"changes":{"add":1,"operation":"plan"},"type":"change_summary","@message":"Plan: 1"}"#;
        follower.feed(format!("{plan}\n").as_bytes());
        assert_eq!(follower.applied, None);
        follower.feed(format!("{}\n", plan.replace("plan", "apply")).as_bytes());
        assert_eq!(follower.applied.map(|summary| summary.add), Some(1));
    }
}
