//! A commit's files, out of Git's object database: no checkout, and where only an answer is wanted no content.

use crate::answer::{Answer, Question, listing};
use crate::files::{Content, Files, Listing};
use git::{Kind, Snapshot};
use model::Failure;

impl Files for Snapshot {
    fn look(&self, path: &str) -> Result<Option<Kind>, Failure> {
        let found = Snapshot::look(self, path).map_err(|e| e.failure())?;
        Ok(found.map(|(kind, _)| kind))
    }

    fn read(&self, path: &str, most: usize) -> Result<Content, Failure> {
        match Snapshot::look(self, path).map_err(|e| e.failure())? {
            Some((kind @ (Kind::File | Kind::Executable | Kind::Link), id)) => {
                let answer = Answer::File(kind, id);
                match self.content(path, id, most) {
                    Ok(bytes) => Ok(Content::Bytes(bytes, answer)),
                    Err(git::Error::TooLarge { .. }) => Ok(Content::TooLarge(answer)),
                    Err(error) => Err(error.failure()),
                }
            }
            other => Ok(Content::None(other.map(|(kind, _)| kind))),
        }
    }

    fn list(&self, path: &str) -> Result<Listing, Failure> {
        match Snapshot::look(self, path).map_err(|e| e.failure())? {
            Some((Kind::Directory, id)) => self.entries(path, id).map(Listing::Entries).map_err(|e| e.failure()),
            other => Ok(Listing::None(other.map(|(kind, _)| kind))),
        }
    }

    fn answer(&self, question: Question, path: &str, _: usize) -> Result<Answer, Failure> {
        let found = Snapshot::look(self, path).map_err(|e| e.failure())?;
        Ok(match (question, found) {
            (_, None) => Answer::Nothing,
            (Question::Read, Some((kind @ (Kind::File | Kind::Executable | Kind::Link), id))) => Answer::File(kind, id),
            (Question::Entries, Some((Kind::Directory, id))) => {
                listing(&self.entries(path, id).map_err(|e| e.failure())?)
            }
            (_, Some((kind, _))) => Answer::Is(kind),
        })
    }
}
