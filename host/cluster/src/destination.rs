//! What every destination does. It never plans, and never concludes from what it could not read.

use async_trait::async_trait;
use planner::application::Extent;
use planner::desired::Marks;
use planner::live::{Live, LiveObject};
use planner::object::ObjectKey;
use planner::option::Propagation;
use planner::owner::ApplicationName;
use planner::plan::Validation;
use planner::scope::Scopes;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A place that is made equal to Git.
#[async_trait]
pub trait Destination: Send + Sync {
    /// How much of a live object an application answers for here, and whether objects carry its mark.
    fn nature(&self) -> (Extent, Marks);

    /// Where the kinds that it serves live.
    ///
    /// # Errors
    /// Where it cannot be asked, and nothing is known from earlier.
    async fn scopes(&self) -> Result<Arc<Scopes>, Failure>;

    /// What is there of an application. A kind that could not be read is said to be so, never left out. Objects may be pruned to
    /// what health and fingerprint need; to compare fields, [`Destination::read`] them.
    async fn live(&self, wanted: &Wanted<'_>) -> Live;

    /// All of an object as it is now, in this version of its kind (such as `apps/v1`); absent where it is not there.
    ///
    /// # Errors
    /// Where it cannot be read, or is not served so.
    async fn read(&self, key: &ObjectKey, version: &str) -> Result<Option<LiveObject>, Failure>;

    /// What an object would be after a change; nothing is changed.
    ///
    /// # Errors
    /// As those of the change would be.
    async fn predict(&self, change: &Change<'_>) -> Result<Value, Failure>;

    /// Writes an object, and says what it is thereafter.
    ///
    /// # Errors
    /// Where the destination refuses it or cannot be reached; it says which, and whether it is worth trying again.
    async fn write(&self, change: &Change<'_>) -> Result<LiveObject, Failure>;

    /// Deletes an object; one that is not there, or is another one of its name, is left and that is no error. It may still be
    /// there for a while afterwards.
    ///
    /// # Errors
    /// Those of [`Destination::write`].
    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure>;

    /// Why an object of this name is never taken here, where that is so whatever it holds.
    fn refuses(&self, _key: &ObjectKey) -> Option<String> {
        None
    }

    /// What was written is where others see it; most destinations write it there at once.
    ///
    /// # Errors
    /// Those of [`Destination::write`].
    async fn settle(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Every object of every kind that is sought, whoever made it. Of each only metadata is read. A folder holds nothing that
    /// others track.
    ///
    /// # Errors
    /// Where it cannot be asked which kinds there are. A kind that cannot be listed is part of the answer.
    async fn find(&self, _sought: &Sought) -> Result<Found, Failure> {
        Ok(Found::default())
    }

    /// A number that grows whenever something that concerns the application may have changed. It carries no data: whoever it wakes looks
    /// with [`Destination::live`].
    fn changes(&self, application: &ApplicationName) -> watch::Receiver<u64>;
}

/// Of what the live state is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The application: everything that carries its mark, of the kinds that are named below.
    pub application: &'a ApplicationName,
    /// Objects that it desires or owns, whoever has marked them.
    pub keys: &'a BTreeSet<ObjectKey>,
}

/// Whether an object is sought.
pub type Sought = dyn Fn(&LiveObject) -> bool + Send + Sync;

/// What a search through all kinds came to.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects, by key.
    pub objects: Vec<LiveObject>,
    /// Kinds, or whole groups, whose objects could not be listed, and why. There may be more objects among them.
    pub unlisted: Vec<(String, String)>,
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Made new; an object that is there already is a failure.
    Create,
    /// Server-side apply, forced.
    Apply,
    /// The same; where the server refuses the change, the object is deleted and made anew.
    ApplyOrRecreate,
    /// Put in the place of what is there, or created.
    Replace,
    /// Deleted and made anew.
    Recreate,
}

/// One object to be written.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Whose it will be.
    pub application: &'a ApplicationName,
    /// What it is called.
    pub key: &'a ObjectKey,
    /// Its content.
    pub manifest: &'a Value,
    /// How.
    pub write: Write,
    /// What becomes of fields that the server does not know.
    pub validation: Validation,
}

/// One object to be deleted.
#[derive(Clone, Copy, Debug)]
pub struct Deletion<'a> {
    /// Whose it is.
    pub application: &'a ApplicationName,
    /// What it is called.
    pub key: &'a ObjectKey,
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// The id of the object that was judged; absent where the destination gives none.
    pub uid: Option<&'a str>,
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What happened, for people; of secrets it says nothing.
    pub message: String,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The destination could not be reached, or could not answer.
    Unreachable,
    /// It has too much to do.
    Busy,
    /// Somebody else changed the object meanwhile, or it is there already.
    Conflict,
    /// It serves no such kind.
    Unserved,
    /// What the object needs is not there, such as its namespace.
    Missing,
    /// It does not let this host do that.
    Forbidden,
    /// It refuses the object.
    Invalid,
}

impl FailureKind {
    /// Whether the same may go well a little later.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy | Self::Conflict)
    }
}

impl Failure {
    /// A failure without a hint from the server.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}
