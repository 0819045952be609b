//! What an application owns: every object that it applied or is about to apply. Whatever is not in here is never pruned.
//! It never looks at a cluster; it is stored, and written before the first apply of a sync.

use crate::application::Application;
use crate::diff::Comparison;
use crate::live::{Live, LiveObject};
use crate::object::ObjectKey;
use crate::owner::ApplicationName;
use model::Digest;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What is remembered of an owned object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owned {
    /// The digest of the desired object that was last applied, or found to be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Digest>,
    /// The fingerprint of the live object thereafter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
    /// The digest of what they were found equal by: the rules of ignored differences, and how much of the live object
    /// counts. A rule that goes makes a difference of what was none, though neither side has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Digest>,
    /// The server's id of the object: one that was deleted and made anew by somebody else has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl Owned {
    /// What is remembered after a desired object was applied or found to be so.
    pub fn synced(desired: &Digest, comparison: &Comparison<'_>, live: &LiveObject) -> Self {
        Self {
            desired: Some(desired.clone()),
            fingerprint: Some(live.fingerprint.clone()),
            comparison: Some(comparison.digest()),
            uid: live.uid().map(str::to_owned),
        }
    }

    /// Whether the live object is as it was when it was found as desired, and would be found so by the same rules. What
    /// was stored before rules were remembered is not.
    pub(crate) fn is_still(&self, comparison: &Comparison<'_>, live: &LiveObject) -> bool {
        self.fingerprint.as_ref() == Some(&live.fingerprint) && self.comparison == Some(comparison.digest())
    }
}

/// Whether a live object is still the one that was owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is.
    Ours,
    /// It is not, or no longer.
    Lost(&'static str),
}

/// What an application owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inventory {
    objects: HashMap<ObjectKey, Owned>,
}

impl Inventory {
    /// What is remembered of an object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Owned> {
        self.objects.get(key)
    }

    /// Takes an object into the inventory, before it is applied; what is remembered of it stays.
    pub fn own(&mut self, key: ObjectKey) {
        self.objects.entry(key).or_default();
    }

    /// Remembers that an object is as desired.
    pub fn record(&mut self, key: ObjectKey, owned: Owned) {
        self.objects.insert(key, owned);
    }

    /// Forgets an object that is gone, or somebody else's.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// Every object, in no order.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &Owned)> {
        self.objects.iter()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects that are not as they were when they were last found as desired: gone, changed, not read, never found so,
    /// or found so by other rules. While an application's render is the same too, none of them means that all is in sync,
    /// and nothing else need be looked at.
    pub fn moved<'a>(&'a self, application: &Application, live: &Live) -> impl Iterator<Item = &'a ObjectKey> {
        let still = |key: &ObjectKey, owned: &Owned| {
            let seen = live.see(key).object();
            owned.desired.is_some() && seen.is_some_and(|live| owned.is_still(&application.comparison(key), live))
        };
        self.objects.iter().filter(move |(key, owned)| !still(key, owned)).map(|(key, _)| key)
    }

    /// Whether a live object is the one that this inventory owns: known by its id, else by its mark. An object that
    /// another application has marked is not, and neither is one that was made anew without a mark.
    pub fn claim(&self, application: &ApplicationName, live: &LiveObject) -> Claim {
        let Some(owned) = self.get(&live.key) else { return Claim::Lost("the application never owned it") };
        match live.owner() {
            Some(owner) if owner.is_same(application) => Claim::Ours,
            Some(_) => Claim::Lost("another application has marked it as its own"),
            None if owned.uid.as_deref() == live.uid() && live.uid().is_some() => Claim::Ours,
            None => Claim::Lost("it carries no mark, and is not the object that was applied"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::object::GroupKind;
    use crate::owner::MARK;
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[test]
    fn an_object_is_ours_by_its_id_or_its_mark() {
        let key = ObjectKey::new(GroupKind::new("", "ConfigMap"), "shop", "a");
        let live = |uid: Option<&str>, mark: Option<&str>| {
            let annotations = mark.map(|mark| json!({MARK: mark})).unwrap_or(Value::Null);
            LiveObject::new(key.clone(), Arc::new(json!({"metadata": {"uid": uid, "annotations": annotations}})))
        };
        let app = ApplicationName::from("shop");
        let mut inventory = Inventory::default();
        assert_eq!(
            inventory.claim(&app, &live(Some("1"), Some("shop"))),
            Claim::Lost("the application never owned it")
        );
        let shop = Application::new("shop", "shop", Digest::of("policy"));
        let found = Owned::synced(&Digest::of("x"), &shop.comparison(&key), &live(Some("1"), None));
        inventory.record(key.clone(), found);
        assert_eq!(inventory.claim(&app, &live(Some("1"), None)), Claim::Ours);
        assert_eq!(inventory.claim(&app, &live(Some("2"), Some("shop"))), Claim::Ours);
        assert!(matches!(inventory.claim(&app, &live(Some("2"), None)), Claim::Lost(_)));
        assert_eq!(inventory.claim(&app, &live(None, None).owned_by(app.clone())), Claim::Ours);
        assert!(matches!(inventory.claim(&app, &live(Some("1"), Some("other"))), Claim::Lost(_)));
        inventory.record(key.clone(), Owned::default());
        assert!(matches!(inventory.claim(&app, &live(None, None)), Claim::Lost(_)));
        let text = serde_json::to_string(&inventory).unwrap();
        assert_eq!(serde_json::from_str::<Inventory>(&text).unwrap(), inventory);
    }

    #[test]
    fn what_moved_is_looked_at() {
        use crate::application::Extent;
        use crate::ignore::{RuleText, Rules};
        use crate::live::Reading;
        let mut app = Application::new("shop", "shop", Digest::of("policy"));
        let kind = GroupKind::new("", "ConfigMap");
        let key = |name: &str| ObjectKey::new(kind.clone(), "shop", name);
        let object =
            |name: &str, data: &str| LiveObject::new(key(name), Arc::new(json!({"metadata": {"labels": {"a": data}}})));
        let mut inventory = Inventory::default();
        let mut live = Live::default();
        live.read(kind.clone(), Reading::Known);
        for name in ["same", "changed", "gone"] {
            let found = Owned::synced(&Digest::of("x"), &app.comparison(&key(name)), &object(name, "1"));
            inventory.record(key(name), found);
            live.insert(object(name, "1"));
        }
        let moved = |app: &Application, inventory: &Inventory, live: &Live| {
            let mut names: Vec<_> = inventory.moved(app, live).map(|key| key.name().to_owned()).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(moved(&app, &inventory, &live), "");
        // Only the objects that a new rule speaks of are compared again, and no rule does what a removed one did.
        let rule = |name: &str, managers: &[&str]| RuleText {
            kind: "ConfigMap".to_owned(),
            name: name.to_owned(),
            managed_fields_managers: managers.iter().map(|name| (*name).to_owned()).collect(),
            ..RuleText::default()
        };
        app.rules = Rules::parse(&[rule("same", &["hpa"]), rule("nobody", &["hpa"])]).0;
        assert_eq!(moved(&app, &inventory, &live), "same");
        let found = Owned::synced(&Digest::of("x"), &app.comparison(&key("same")), &object("same", "1"));
        inventory.record(key("same"), found);
        assert_eq!(moved(&app, &inventory, &live), "");
        app.rules = Rules::parse(&[rule("same", &["hpa", "vpa"])]).0;
        assert_eq!(moved(&app, &inventory, &live), "same");
        app.rules = Rules::parse(&[rule("same", &["hpa"])]).0;
        assert_eq!(moved(&app, &inventory, &live), "");
        app.extent = Extent::Whole;
        assert_eq!(moved(&app, &inventory, &live), "changed gone same");
        app.extent = Extent::Said;
        app.rules = Rules::default();
        assert_eq!(moved(&app, &inventory, &live), "same");
        let found = Owned::synced(&Digest::of("x"), &app.comparison(&key("same")), &object("same", "1"));
        inventory.record(key("same"), found);
        // What an older version stored does not say by which rules it was found.
        let mut old = serde_json::to_value(&inventory).unwrap();
        old[key("same").text()].as_object_mut().unwrap().remove("comparison");
        assert_eq!(moved(&app, &serde_json::from_value(old).unwrap(), &live), "same");
        live.insert(object("changed", "2"));
        live.remove(&key("gone"));
        inventory.own(key("begun"));
        live.insert(object("begun", "1"));
        assert_eq!(moved(&app, &inventory, &live), "begun changed gone");
        live.read(kind.clone(), Reading::Unreadable("503".to_owned()));
        assert_eq!(moved(&app, &inventory, &live), "begun changed gone same");
    }
}
