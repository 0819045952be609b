//! Between a renderer and the files of one root: answers, and remembers what it answered.

use crate::answer::{Answer, Question, listing};
use crate::files::{Content, Files, Listing};
use crate::reads::Read;
use git::Kind;
use model::{Blame, Failure};
use plugin::wit::source;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What was answered so far.
#[derive(Debug, Default)]
struct Record {
    answers: BTreeMap<(Question, Box<str>), Answer>,
    /// Whether what was answered is not a fact of the files alone: the disk failed, or they changed meanwhile.
    unsure: bool,
}

/// The files of one root.
pub(crate) struct Recorder {
    files: Arc<dyn Files>,
    record: Mutex<Record>,
}

impl Recorder {
    pub(crate) fn new(files: Arc<dyn Files>) -> Self {
        Self { files, record: Mutex::default() }
    }

    /// All that was asked; `None` where the same questions may have other answers though nothing changed.
    pub(crate) fn reads(&self) -> Option<Vec<Read>> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let read =
            |((question, path), answer): (&(Question, Box<str>), &Answer)| Read(*question, path.clone(), *answer);
        (!record.unsure).then(|| record.answers.iter().map(read).collect())
    }

    fn note(&self, question: Question, path: &str, answer: Answer) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let before = record.answers.insert((question, path.into()), answer);
        record.unsure |= before.is_some_and(|before| before != answer);
    }

    fn failed(&self, failure: Failure) -> Failure {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).unsure = true;
        failure
    }

    fn note_kind(&self, question: Question, path: &str, kind: Option<Kind>) {
        self.note(question, path, kind.map_or(Answer::Nothing, Answer::Is));
    }

    /// What is at a path.
    pub(crate) fn kind(&self, path: &str) -> Result<Option<Kind>, Failure> {
        let kind = self.files.look(path).map_err(|failure| self.failed(failure))?;
        self.note_kind(Question::Look, path, kind);
        Ok(kind)
    }
}

impl plugin::Source for Recorder {
    fn look(&self, path: &str) -> Result<Option<source::Kind>, Failure> {
        Ok(self.kind(path)?.map(wire))
    }

    fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        match self.files.read(path, most).map_err(|failure| self.failed(failure))? {
            Content::Bytes(bytes, answer) => {
                self.note(Question::Read, path, answer);
                Ok(Some(bytes))
            }
            Content::TooLarge(answer) => {
                self.note(Question::Read, path, answer);
                Err(Failure::new(Blame::User, "too-large", format!("`{path}` is larger than {most} bytes")))
            }
            Content::None(kind) => {
                self.note_kind(Question::Read, path, kind);
                kind.map_or(Ok(None), |kind| Err(Failure::invalid(format!("`{path}` is {}, not a file", kind.noun()))))
            }
        }
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<source::Entry>>, Failure> {
        match self.files.list(path).map_err(|failure| self.failed(failure))? {
            Listing::Entries(entries) => {
                self.note(Question::Entries, path, listing(&entries));
                let entry = |(name, kind): (String, Kind)| source::Entry { name, kind: wire(kind) };
                Ok(Some(entries.into_iter().map(entry).collect()))
            }
            Listing::None(kind) => {
                self.note_kind(Question::Entries, path, kind);
                kind.map_or(Ok(None), |kind| {
                    Err(Failure::invalid(format!("`{path}` is {}, not a folder", kind.noun())))
                })
            }
        }
    }
}

fn wire(kind: Kind) -> source::Kind {
    match kind {
        Kind::File => source::Kind::File,
        Kind::Executable => source::Kind::Executable,
        Kind::Directory => source::Kind::Directory,
        Kind::Link => source::Kind::Link,
        Kind::Submodule => source::Kind::Submodule,
    }
}
