//! The parent of an application's ApplySet, kept beside its syncs: widened before members are written, narrowed once others are
//! gone. It is for other tools: that it cannot be written is told, and holds nothing.

use crate::look::Subject;
use cluster::{Change, Deletion, Failure, Wanted, Write};
use planner::applyset::{self, ApplySet, Contents};
use planner::desired::Marks;
use planner::live::{Live, Seen};
use planner::object::ObjectKey;
use planner::operation::Operation;
use planner::option::Propagation;
use planner::plan::{Asked, Validation};
use planner::{Application, Inventory};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The version that parents name.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The parent of one application, for as long as one sync of it is at work.
pub(crate) struct Parent {
    subject: Arc<Subject>,
    set: ApplySet,
    /// What it says, once that is known.
    written: Option<Contents>,
    /// Why it could not be written last.
    failure: Option<Failure>,
}

impl Parent {
    /// That of a sync; nothing where objects carry no marks, or the application goes.
    pub(crate) fn of(subject: &Arc<Subject>, operation: &Operation) -> Option<Self> {
        let goes = operation.plan.order.asked == Asked::Removal;
        if goes { None } else { Self::at(subject) }
    }

    fn at(subject: &Arc<Subject>) -> Option<Self> {
        let Application { name, namespace, .. } = &subject.application;
        let is_marked = subject.destination.nature().1 == Marks::Written;
        is_marked.then(|| Self {
            subject: subject.clone(),
            set: ApplySet::new(name, namespace),
            written: None,
            failure: None,
        })
    }

    /// Before members are written: their kinds and namespaces must be in it. What could not be written is tried again before
    /// the next ones, since the first may have made its namespace.
    pub(crate) async fn widen(&mut self, inventory: &Inventory) {
        let wanted = self.contents(inventory);
        // One that has nothing but children, which no cluster has, is none.
        if wanted.is_empty() {
            return;
        }
        if !self.written.as_ref().is_some_and(|written| written.covers(&wanted)) {
            self.say(wanted).await;
        }
    }

    /// After the last prune: what is gone need not be in it any more, and parents that it had in another namespace go.
    pub(crate) async fn narrow(&mut self, inventory: &Inventory) {
        let wanted = self.contents(inventory);
        let is_said = wanted.is_empty() && self.live().await.see(self.set.parent()).object().is_none();
        if self.written.as_ref() != Some(&wanted) && !is_said {
            self.say(wanted).await;
        }
        if self.failure.is_none() {
            self.remove(|key, own| key != own).await;
        }
    }

    /// Why it could not be written, for the history of the sync.
    pub(crate) fn failure(&self) -> Option<(&ObjectKey, &str)> {
        self.failure.as_ref().map(|failure| (self.set.parent(), failure.message.as_str()))
    }

    fn contents(&self, inventory: &Inventory) -> Contents {
        self.set.contents(inventory.objects().map(|(key, _)| key))
    }

    /// Writes it where it says anything else.
    async fn say(&mut self, wanted: Contents) {
        let manifest = self.set.manifest(&self.subject.application.name, &wanted, VERSION);
        let live = self.live().await;
        let there = live.see(self.set.parent()).object();
        let is_said = there.is_some_and(|there| applyset::says(&there.manifest, &manifest));
        self.failure = if is_said { None } else { self.write(&manifest).await.err() };
        self.written = self.failure.is_none().then_some(wanted);
    }

    async fn write(&self, manifest: &Value) -> Result<(), Failure> {
        let change = Change {
            application: &self.subject.application.name,
            key: self.set.parent(),
            manifest,
            write: Write::Apply,
            validation: Validation::Strict,
        };
        self.subject.destination.write(&change).await.map(drop)
    }

    /// All marked objects of its kind; a destination that follows them is asked nothing.
    async fn live(&self) -> Live {
        let keys = BTreeSet::from([self.set.parent().clone()]);
        self.subject.destination.live(&Wanted { application: &self.subject.application.name, keys: &keys }).await
    }

    async fn remove(&self, goes: impl Fn(&ObjectKey, &ObjectKey) -> bool) {
        let (live, own) = (self.live().await, self.set.parent());
        let application = &self.subject.application.name;
        for object in live.objects() {
            let is_ours = object.owner().is_some_and(|owner| owner.is_same(application));
            let is_parent = applyset::is_parent(&object.manifest) && matches!(live.see(&object.key), Seen::There(_));
            if !(is_ours && is_parent && goes(&object.key, own)) {
                continue;
            }
            let (propagation, uid) = (Propagation::Background, object.uid());
            let deletion = Deletion { application, key: &object.key, propagation, uid };
            // It names what is gone, or what it no longer keeps: nobody is misled by it for long.
            let _ = self.subject.destination.delete(&deletion).await;
        }
    }
}

/// Removes every parent of an application that goes. Where its cluster does not answer they stay, as its objects do.
pub(crate) async fn remove(subject: &Arc<Subject>) {
    if let Some(parent) = Parent::at(subject) {
        parent.remove(|_, _| true).await;
    }
}
