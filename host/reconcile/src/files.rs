//! The files of a root: a commit or a folder, asked in the same way.

use crate::answer::{Answer, Question, listing};
use git::Kind;
use model::Failure;

/// What reading a path gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A file's bytes, or a link's target, with their answer.
    Bytes(Vec<u8>, Answer),
    /// It is too large to be read.
    TooLarge(Answer),
    /// There is nothing, or something without a content.
    None(Option<Kind>),
}

/// What listing a path gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Listing {
    /// The entries by name in byte order.
    Entries(Vec<(String, Kind)>),
    /// There is nothing, or something that is no folder.
    None(Option<Kind>),
}

/// A commit or a folder. Paths are those of the interface `source`. Errors are of the disk or of what is on it (`unavailable`,
/// `invalid`), never that something is not there.
pub trait Files: Send + Sync {
    /// What is at a path. Nothing is below a link, which is not followed.
    fn look(&self, path: &str) -> Result<Option<Kind>, Failure>;

    /// The content of a file or link, at most so many bytes.
    fn read(&self, path: &str, most: usize) -> Result<Content, Failure>;

    /// The entries of a folder.
    fn list(&self, path: &str) -> Result<Listing, Failure>;

    /// How a question would be answered now.
    fn answer(&self, question: Question, path: &str, most: usize) -> Result<Answer, Failure> {
        let is = |kind: Option<Kind>| kind.map_or(Answer::Nothing, Answer::Is);
        Ok(match question {
            Question::Look => is(self.look(path)?),
            Question::Read => match self.read(path, most)? {
                Content::Bytes(_, answer) | Content::TooLarge(answer) => answer,
                Content::None(kind) => is(kind),
            },
            Question::Entries => match self.list(path)? {
                Listing::Entries(entries) => listing(&entries),
                Listing::None(kind) => is(kind),
            },
        })
    }
}
