//! A cluster for whom nobody acts: everything is refused, and nothing is concluded of it.

use async_trait::async_trait;
use cluster::{Change, Deletion, Destination, Failure, FailureKind, Found, Sought, Wanted};
use planner::ApplicationName;
use planner::application::Extent;
use planner::desired::Marks;
use planner::live::{Live, LiveObject, Reading};
use planner::object::ObjectKey;
use planner::scope::Scopes;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;

pub(crate) struct Nobody {
    why: String,
    changes: watch::Sender<u64>,
}

impl Nobody {
    pub(crate) fn new(why: &str) -> Self {
        Self { why: why.to_owned(), changes: watch::Sender::new(0) }
    }

    fn refused<T>(&self) -> Result<T, Failure> {
        Err(Failure::new(FailureKind::Forbidden, &self.why))
    }
}

#[async_trait]
impl Destination for Nobody {
    fn nature(&self) -> (Extent, Marks) {
        (Extent::Said, Marks::Written)
    }

    async fn scopes(&self) -> Result<Arc<Scopes>, Failure> {
        // So that what is rendered can be shown; it is held for another reason.
        Ok(Arc::new(Scopes::without_discovery()))
    }

    async fn live(&self, wanted: &Wanted<'_>) -> Live {
        let mut live = Live::default();
        for key in wanted.keys {
            live.read(key.kind().clone(), Reading::Unreadable(self.why.clone()));
        }
        live
    }

    async fn read(&self, _: &ObjectKey, _: &str) -> Result<Option<LiveObject>, Failure> {
        self.refused()
    }

    async fn predict(&self, _: &Change<'_>) -> Result<Value, Failure> {
        self.refused()
    }

    async fn write(&self, _: &Change<'_>) -> Result<LiveObject, Failure> {
        self.refused()
    }

    async fn delete(&self, _: &Deletion<'_>) -> Result<(), Failure> {
        self.refused()
    }

    async fn find(&self, _: &Sought) -> Result<Found, Failure> {
        self.refused()
    }

    fn changes(&self, _: &ApplicationName) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
