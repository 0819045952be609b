//! Repositories of the host's configuration. Reading wants `repository-read`, [`edit`] wants `repository-write`.

use crate::Error;
use crate::bindings::tidegate::plugin::{repository_read, repository_write as wire};

pub use repository_read::{changed_paths, read, resolve};
pub use wire::{Message, Proposal, Proposed, Transaction};

/// How often an edit is redone because somebody else pushed in between. The host backs off within `begin`, so this
/// many rounds take minutes: a branch that is busier than that is no place for commits by machines.
const ROUNDS: u32 = 200;

/// What shall become of the edits of one round.
#[derive(Debug)]
pub enum Edit {
    /// Nothing would change.
    Nothing,
    /// One commit on the branch itself.
    Push(Message),
    /// One commit on a branch of its own, with a change request.
    Propose(Message, Proposal),
}

/// What became of them.
#[derive(Clone, Debug)]
pub enum Edited {
    /// All was already so, at this commit.
    Unchanged(String),
    /// Pushed as this commit.
    Pushed(String),
    /// Opened, or updated.
    Proposed(Proposed),
}

/// Edits the newest head of a branch (empty: the default one) in one commit. Where somebody pushed in between,
/// `round` is called again on the newer head, so it must do all of its edits anew and keep nothing from before.
///
/// # Errors
/// What `round` answers; `moved` after 200 rounds; `denied`, `not-found`, `unavailable`, `cancelled` by the host.
pub fn edit<T>(
    repository: &str,
    branch: &str,
    mut round: impl FnMut(&Transaction) -> Result<(Edit, T), Error>,
) -> Result<(Edited, T), Error> {
    let mut rounds = 1;
    loop {
        let transaction = wire::begin(repository, branch)?;
        let (edit, value) = round(&transaction)?;
        let published = match &edit {
            Edit::Nothing => transaction.head().map(Edited::Unchanged),
            Edit::Push(message) => transaction.push(message).map(Edited::Pushed),
            Edit::Propose(message, proposal) => transaction.propose(message, proposal).map(Edited::Proposed),
        };
        match published {
            Ok(edited) => return Ok((edited, value)),
            Err(error) if error.is("moved") && rounds < ROUNDS => rounds += 1,
            Err(error) => return Err(error),
        }
    }
}

impl Message {
    /// A message of one line. What is longer than the 72 characters that it may have is cut.
    pub fn new(subject: &str) -> Self {
        const LONGEST: usize = 72;
        let first = subject.lines().next().unwrap_or_default().trim();
        let subject = if first.chars().count() <= LONGEST {
            first.to_owned()
        } else {
            first.chars().take(LONGEST - 1).chain(['…']).collect()
        };
        Self { subject, body: String::new(), trailers: Vec::new() }
    }

    /// Adds the text below the first line.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn a_long_subject_is_cut_between_characters() {
        assert_eq!(Message::new("ä\nb").subject, "ä");
        let long = Message::new(&"ä".repeat(100)).subject;
        assert_eq!(long.chars().count(), 72);
        assert!(long.ends_with('…'));
    }
}
