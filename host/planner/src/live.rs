//! What is there: the live objects, as far as they could be read. A cluster that cannot be read is not an empty cluster, so
//! absence is only ever concluded from a kind that was read.

use crate::health::{self, Health};
use crate::object::{GroupKind, ObjectKey, fingerprint};
use crate::owner::ApplicationName;
use model::Digest;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// How far a kind could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All objects that were asked for are known: those tracked, and those of the desired names.
    Known,
    /// The cluster serves no such kind, by the word of a discovery that was complete. Its objects are missing, but nobody
    /// forgets that they were owned.
    Unserved,
    /// It could not be read, and why.
    Unreadable(String),
}

/// A live object.
#[derive(Clone, Debug)]
pub struct LiveObject {
    /// What it is called.
    pub key: ObjectKey,
    /// Its content as it was read; may be pruned to what health, differences and the fingerprint need.
    pub manifest: Arc<Value>,
    /// See [`fingerprint`].
    pub fingerprint: Digest,
    /// What the server would make of an apply, by a dry run.
    pub predicted: Option<Predicted>,
    /// How it is doing by the word of a plugin that speaks for its kind.
    pub spoken: Option<Health>,
    owner: Option<ApplicationName>,
}

/// The answer of a dry run.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// The digest of the desired object that was tried, whole: the rules of ignored differences are looked at when the
    /// answer is compared, so that it outlives them.
    pub of: Digest,
    /// The fingerprint of the live object on which it was tried.
    pub on: Digest,
    /// What the object would be.
    pub manifest: Arc<Value>,
}

impl LiveObject {
    /// A live object as it was read.
    pub fn new(key: ObjectKey, manifest: Arc<Value>) -> Self {
        let owner = ApplicationName::of(&manifest);
        Self { key, fingerprint: fingerprint(&manifest), manifest, predicted: None, spoken: None, owner }
    }

    /// The same, where the destination keeps book of owners itself: files carry no marks.
    #[must_use]
    pub fn owned_by(self, owner: ApplicationName) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Whose it is by its mark, or by the destination's books.
    pub fn owner(&self) -> Option<&ApplicationName> {
        self.owner.as_ref()
    }

    /// How it is doing: as a plugin says, else by the rules of its kind. What is being deleted is on its way, whoever
    /// speaks for it.
    pub fn health(&self) -> Health {
        let going = !self.manifest["metadata"]["deletionTimestamp"].is_null();
        let spoken = self.spoken.clone().filter(|_| !going);
        spoken.unwrap_or_else(|| health::of(&self.key, &self.manifest))
    }

    /// The server's id of this very incarnation.
    pub fn uid(&self) -> Option<&str> {
        self.manifest["metadata"]["uid"].as_str().filter(|uid| !uid.is_empty())
    }

    /// What a dry run said, where it still speaks of this desired object and this live one.
    pub fn prediction(&self, desired: &Digest) -> Option<&Value> {
        let fresh = self.predicted.as_ref().filter(|p| p.of == *desired && p.on == self.fingerprint);
        fresh.map(|p| &*p.manifest)
    }
}

/// What is known about one object.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// It is there.
    There(&'a LiveObject),
    /// It is not there.
    Missing,
    /// The cluster does not know its kind.
    Unserved,
    /// Nobody knows, and why.
    Unreadable(&'a str),
}

impl<'a> Seen<'a> {
    /// The object, where it is there.
    pub fn object(self) -> Option<&'a LiveObject> {
        match self {
            Self::There(object) => Some(object),
            _ => None,
        }
    }
}

/// The live objects that concern an application.
#[derive(Clone, Debug, Default)]
pub struct Live {
    kinds: HashMap<GroupKind, Reading>,
    objects: HashMap<ObjectKey, LiveObject>,
}

impl Live {
    /// Says how far a kind could be read. Kinds of which nothing is said count as unreadable.
    pub fn read(&mut self, kind: GroupKind, reading: Reading) {
        self.kinds.insert(kind, reading);
    }

    /// Adds an object. Of the others of its kind that says nothing.
    pub fn insert(&mut self, object: LiveObject) {
        self.objects.insert(object.key.clone(), object);
    }

    /// Takes an object out, as a watch reports it gone.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// What is known about an object.
    pub fn see(&self, key: &ObjectKey) -> Seen<'_> {
        match self.kinds.get(key.kind()) {
            None => self.objects.get(key).map_or(Seen::Unreadable("it was not read"), Seen::There),
            Some(Reading::Unreadable(why)) => Seen::Unreadable(why),
            Some(Reading::Unserved) => Seen::Unserved,
            Some(Reading::Known) => self.objects.get(key).map_or(Seen::Missing, Seen::There),
        }
    }

    /// All objects that are known, in no order.
    pub fn objects(&self) -> impl Iterator<Item = &LiveObject> {
        self.objects.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_kind_that_was_read_lacks_an_object() {
        let key = |kind: &str| ObjectKey::new(GroupKind::new("", kind), "shop", "a");
        let mut live = Live::default();
        let shown = |live: &Live, kind: &str| format!("{:?}", live.see(&key(kind)));
        assert_eq!(shown(&live, "Secret"), "Unreadable(\"it was not read\")");
        live.read(GroupKind::new("", "Secret"), Reading::Known);
        assert_eq!(shown(&live, "Secret"), "Missing");
        live.read(GroupKind::new("", "Widget"), Reading::Unserved);
        assert_eq!(shown(&live, "Widget"), "Unserved");
        live.insert(LiveObject::new(key("ConfigMap"), Arc::new(json!({}))));
        assert!(live.see(&key("ConfigMap")).object().is_some());
        // One object is no reading of its kind.
        let other = ObjectKey::new(GroupKind::new("", "ConfigMap"), "shop", "b");
        assert!(matches!(live.see(&other), Seen::Unreadable(_)));
        live.read(GroupKind::new("", "ConfigMap"), Reading::Unreadable("503".to_owned()));
        assert_eq!(shown(&live, "ConfigMap"), "Unreadable(\"503\")");
    }

    #[test]
    fn a_plugin_speaks_for_its_kind_until_the_object_goes() {
        let key = ObjectKey::new(GroupKind::new("example.com", "Widget"), "shop", "a");
        let mut live = LiveObject::new(key.clone(), Arc::new(json!({})));
        assert_eq!(live.health().to_string(), "Healthy");
        live.spoken = Some(Health::new(health::Status::Degraded, "broken"));
        assert_eq!(live.health().to_string(), "Degraded: broken");
        live.manifest = Arc::new(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
        assert_eq!(live.health().to_string(), "Progressing: it is being deleted");
    }

    #[test]
    fn a_prediction_is_of_one_desired_object_on_one_live_one() {
        let key = ObjectKey::new(GroupKind::new("", "ConfigMap"), "shop", "a");
        let (ours, other) = (Digest::of("ours"), Digest::of("other"));
        let mut live = LiveObject::new(key, Arc::new(json!({"data": {}})));
        let manifest = Arc::new(json!({"data": {"a": "1"}}));
        live.predicted = Some(Predicted { of: ours.clone(), on: live.fingerprint.clone(), manifest: manifest.clone() });
        assert_eq!(live.prediction(&ours), Some(&*manifest));
        assert_eq!(live.prediction(&other), None);
        live.fingerprint = other;
        assert_eq!(live.prediction(&ours), None);
    }
}
