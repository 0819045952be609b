//! The host as the place of an application's children: what its syncs write there is what it declares. A child is an object of its
//! parent like any other to the planner, with its waves, guards and options; no cluster sees it. What follows from a child being
//! there, or no more, is not decided here.

use crate::books::Books;
use crate::child::Descent;
use crate::entry::Entry;
use async_trait::async_trait;
use cluster::{Change, Deletion, Destination, Failure, FailureKind, Found, Sought, Wanted};
use planner::application::Extent;
use planner::desired::Marks;
use planner::health::{self, Health, Status};
use planner::live::{Live, LiveObject, Reading};
use planner::object::{GroupKind, ObjectKey};
use planner::reason::{Code, Reason};
use planner::scope::Scopes;
use planner::{ApplicationName, Desired};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{ChildRow, Command};
use tokio::sync::{mpsc, watch};

/// What applications tell whoever keeps all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stir {
    /// What one declares is another than before.
    Declared,
    /// A child of this one is doing otherwise than before.
    Of(String),
}

/// The children of one application.
pub struct Brood {
    books: Books,
    parent: ApplicationName,
    descent: Descent,
    stirs: mpsc::UnboundedSender<Stir>,
}

impl Brood {
    /// Those of an application; `stirs` hears when they are others than before.
    pub(crate) fn of(parent: &Entry, books: Books, stirs: mpsc::UnboundedSender<Stir>) -> Self {
        Self { books, parent: ApplicationName(parent.name.clone()), descent: Descent::from(parent), stirs }
    }

    /// Children of a render that are not to be there.
    pub(crate) fn refusals(&self, desired: &Desired) -> Vec<Reason> {
        let refusal = |key: &ObjectKey| {
            let why = self.descent.refuses(key.name())?;
            Some(Reason::new(Code::Refused, why).about(key))
        };
        desired.children().filter_map(|item| refusal(&item.key)).collect()
    }

    /// How they are doing that are declared, as they were last looked at. Who does not count says so itself, as an object does.
    pub(crate) fn healths(&self) -> Vec<(String, Health)> {
        // What cannot be read now, the next look tells.
        let rows = self.books.children_of(&self.parent.0).unwrap_or_default();
        let counts = |row: &ChildRow| row.document["metadata"]["annotations"][health::IGNORE] != "true";
        let health = |(row, standing): (ChildRow, Option<crate::Standing>)| {
            let unknown = || Health::new(Status::Unknown, "nobody has looked at it yet");
            (row.name, standing.map_or_else(unknown, |standing| standing.health))
        };
        rows.into_iter().filter(|(row, _)| counts(row)).map(health).collect()
    }

    /// The children are others than before.
    pub(crate) fn stir(&self) {
        // Without anybody who keeps all of them nobody hears it.
        let _ = self.stirs.send(Stir::Declared);
    }

    fn add_to(&self, live: &mut Live) {
        let kind = || GroupKind::new("argoproj.io", "Application");
        match self.books.children_of(&self.parent.0) {
            Ok(rows) => {
                live.read(kind(), Reading::Known);
                rows.into_iter().for_each(|(row, _)| live.insert(self.live(&row.name, row.document)));
            }
            Err(failure) => live.read(kind(), Reading::Unreadable(failure.message)),
        }
    }

    /// A child is well once it is declared: how it is doing is its own business, and its parent's next wave waits for none.
    fn live(&self, name: &str, document: Value) -> LiveObject {
        let key = ObjectKey::new(GroupKind::new("argoproj.io", "Application"), "", name);
        let mut live = LiveObject::new(key, Arc::new(document)).owned_by(self.parent.clone());
        live.spoken = Some(Health::new(Status::Healthy, ""));
        live
    }

    async fn write(&self, command: Command) -> Result<(), Failure> {
        let failed = |failure: model::Failure| Failure::new(FailureKind::Unreachable, failure.message);
        self.books.child(command).await.map_err(failed)?;
        self.stir();
        Ok(())
    }
}

/// A cluster, and the host for the children of one application that goes there.
pub(crate) struct Nest {
    pub(crate) cluster: Arc<dyn Destination>,
    pub(crate) brood: Arc<Brood>,
}

#[async_trait]
impl Destination for Nest {
    fn nature(&self) -> (Extent, Marks) {
        self.cluster.nature()
    }

    async fn scopes(&self) -> Result<Arc<Scopes>, Failure> {
        self.cluster.scopes().await
    }

    async fn live(&self, wanted: &Wanted<'_>) -> Live {
        // Most applications have no children, and cost nothing more.
        if !wanted.keys.iter().any(ObjectKey::is_application) {
            return self.cluster.live(wanted).await;
        }
        let keys: BTreeSet<ObjectKey> = wanted.keys.iter().filter(|key| !key.is_application()).cloned().collect();
        let mut live = self.cluster.live(&Wanted { application: wanted.application, keys: &keys }).await;
        self.brood.add_to(&mut live);
        live
    }

    async fn read(&self, key: &ObjectKey, version: &str) -> Result<Option<LiveObject>, Failure> {
        if !key.is_application() {
            return self.cluster.read(key, version).await;
        }
        let mut live = Live::default();
        self.brood.add_to(&mut live);
        match live.see(key) {
            planner::live::Seen::Unreadable(why) => Err(Failure::new(FailureKind::Unreachable, why)),
            seen => Ok(seen.object().cloned()),
        }
    }

    async fn predict(&self, change: &Change<'_>) -> Result<Value, Failure> {
        if !change.key.is_application() {
            return self.cluster.predict(change).await;
        }
        Ok(change.manifest.clone())
    }

    async fn write(&self, change: &Change<'_>) -> Result<LiveObject, Failure> {
        if !change.key.is_application() {
            return self.cluster.write(change).await;
        }
        let descent = serde_json::to_value(&self.brood.descent)
            .map_err(|e| Failure::new(FailureKind::Invalid, format!("from whom it comes is no JSON: {e}")))?;
        let row = ChildRow {
            parent: self.brood.parent.0.clone(),
            name: change.key.name().to_owned(),
            document: change.manifest.clone(),
            descent,
            leaving: None,
        };
        self.brood.write(Command::Child(Box::new(row), crate::now())).await?;
        Ok(self.brood.live(change.key.name(), change.manifest.clone()))
    }

    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure> {
        if !deletion.key.is_application() {
            return self.cluster.delete(deletion).await;
        }
        let (parent, name) = (self.brood.parent.0.clone(), deletion.key.name().to_owned());
        self.brood.write(Command::ChildLeaves { parent, name, at: crate::now() }).await
    }

    fn refuses(&self, key: &ObjectKey) -> Option<String> {
        if key.is_application() { None } else { self.cluster.refuses(key) }
    }

    async fn settle(&self) -> Result<(), Failure> {
        self.cluster.settle().await
    }

    async fn find(&self, sought: &Sought) -> Result<Found, Failure> {
        self.cluster.find(sought).await
    }

    fn changes(&self, application: &ApplicationName) -> watch::Receiver<u64> {
        self.cluster.changes(application)
    }
}
