//! Coming from Argo CD: which live objects it tracks for an application, and what becomes of each once they are the
//! application's own. It believes a mark only as far as Argo CD itself does, and never looks at a cluster.

mod mark;

pub use mark::{INSTANCE, Instance, Mark, TRACKING_ID, is_marked};

use crate::guard::{self, Ground, Needed};
use crate::home::Home;
use crate::hook::Role;
use crate::live::LiveObject;
use crate::object::ObjectKey;
use crate::reason::Reason;
use crate::survey::{Render, Sides};
use serde::Serialize;

/// What becomes of an object that Argo CD tracks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fate", content = "reason")]
pub enum Fate {
    /// It is in Git: it is owned, and applied where it differs.
    InGit,
    /// It has left Git: it is owned, and pruned as the application's policy says.
    Pruned,
    /// It has left Git and is owned, but stays by its own word, or because others need it.
    Kept(String),
    /// It is another application's, and is left alone.
    Other(String),
    /// Its tracking id is another object's, copied; it is left alone.
    Copied(String),
    /// What the application may not deploy it may not take over.
    NotPermitted(String),
    /// No sync prunes it, so that no application owns it: what a hook left, the namespace that `CreateNamespace` makes.
    Left(String),
}

impl Fate {
    /// Whether the object becomes the application's.
    pub fn is_owned(&self) -> bool {
        matches!(self, Self::InGit | Self::Pruned | Self::Kept(_))
    }
}

/// One tracked object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The object.
    pub key: ObjectKey,
    /// Its mark.
    pub mark: Mark,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether the application owned it before.
    pub is_owned: bool,
    /// The server's id of it.
    pub uid: Option<String>,
}

/// Who has a say besides Argo CD.
pub struct Voices<'a> {
    /// Why the application may not deploy an object, where it may not.
    pub forbids: &'a dyn Fn(&ObjectKey) -> Option<Reason>,
    /// The application whose inventory has an object, where it is another one.
    pub owner: &'a dyn Fn(&ObjectKey) -> Option<String>,
}

/// What becomes of each object that is tracked for an application, and of each that it desires and that is tracked for another
/// one; by key. `found` holds marked objects of the whole cluster. Of a render that failed nothing follows.
pub fn adoption(sides: &Sides<'_>, instance: &Instance<'_>, found: &[LiveObject], voices: &Voices<'_>) -> Vec<Row> {
    let Render::Done(desired) = sides.render else { return Vec::new() };
    let needed = Needed::by(desired);
    let volumes = mark::Made::among(found);
    let row = |live: &LiveObject| {
        let mark = instance.mark(live).filter(|_| !volumes.by_controller(live))?;
        let is_ours = instance.is(&mark);
        let item = desired.get(&live.key);
        if !is_ours && item.is_none_or(|item| !item.role.is_resource()) {
            return None;
        }
        // A hook that is not understood is one.
        let is_resource = match item {
            Some(item) => item.role.is_resource(),
            None => Role::of(&live.manifest).is_ok_and(|role| role.is_resource()),
        };
        let fate = if !is_ours {
            Fate::Other(format!("Argo CD tracks it for `{}`", mark.application()))
        } else if let Some(names) = mark.copied_from(&live.key) {
            Fate::Copied(format!("its tracking id names {names}"))
        } else if let Some(release) = mark::helm_release(live, &mark) {
            Fate::Other(format!("it belongs to the Helm release `{release}`"))
        } else if let Some(owner) = live.owner().filter(|owner| !owner.is_same(&sides.application.name)) {
            Fate::Other(format!("it carries the mark of the application `{owner}`"))
        } else if let Some(owner) = (voices.owner)(&live.key) {
            Fate::Other(format!("the application `{owner}` owns it"))
        } else if live.key.is_application() {
            // Deleted, Argo CD would take its objects along.
            let way = "`kubectl delete --cascade=orphan` takes it away once Argo CD is to keep it no more";
            Fate::Left(format!("it is Argo CD's own record of an application: {way}"))
        } else if !is_resource {
            Fate::Left("it is a hook's, and no sync prunes those".to_owned())
        } else if item.is_none() && Home::is(sides.application, &live.key) {
            Fate::Left("the application makes this namespace, and never prunes it".to_owned())
        } else if let Some(reason) = (voices.forbids)(&live.key) {
            Fate::NotPermitted(reason.text)
        } else if item.is_some() {
            Fate::InGit
        } else {
            let kept = needed.by_others(&live.key, &live.manifest);
            match kept.map_or_else(|| guard::removal(sides.application, live, Ground::Prune).map(drop), Err) {
                Ok(()) => Fate::Pruned,
                Err(reason) => Fate::Kept(reason.text),
            }
        };
        let is_owned = sides.inventory.get(&live.key).is_some();
        Some(Row { key: live.key.clone(), mark, fate, is_owned, uid: live.uid().map(str::to_owned) })
    };
    let mut rows: Vec<Row> = found.iter().filter_map(row).collect();
    mark::once_each(&mut rows);
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

#[cfg(test)]
mod tests;
