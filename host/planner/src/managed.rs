//! Who manages which fields of a live object, as the server keeps book in `metadata.managedFields`. It never changes them.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The field manager under which this host applies.
pub const MANAGER: &str = "tidegate";

/// A set of fields, as a tree of steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields {
    children: Vec<(Step, Fields)>,
    /// Whether only the value itself is meant where nothing is below it (`.`): a map, whatever is in it.
    bare: bool,
}

/// One step into an object. Source: structured-merge-diff's `fieldpath`, FieldsV1.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `f:name`.
    Field(String),
    /// `k:{"name":"x"}`: the item of a list with these fields.
    Item(Map<String, Value>),
    /// `v:x`: the item of a set with this value.
    Member(Value),
    /// `i:0`.
    Index(usize),
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => serde_json::from_str(rest).ok().map(Self::Item),
            "v" => serde_json::from_str(rest).ok().map(Self::Member),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }
}

impl Fields {
    /// The fields that the managers of these names have, in any way but through the status.
    pub fn of(live: &Value, managers: &BTreeSet<&str>) -> Self {
        let mut fields = Self::default();
        for (manager, entry) in entries(live) {
            if managers.contains(manager) {
                fields.add(&entry["fieldsV1"]);
            }
        }
        fields
    }

    fn add(&mut self, node: &Value) {
        for (text, below) in node.as_object().into_iter().flatten() {
            self.bare |= text == ".";
            let Some(step) = Step::parse(text) else { continue };
            let place = match self.children.iter().position(|(known, _)| *known == step) {
                Some(place) => place,
                None => {
                    self.children.push((step, Self::default()));
                    self.children.len() - 1
                }
            };
            if let Some((_, child)) = self.children.get_mut(place) {
                child.add(below);
            }
        }
    }

    /// Whether there is nothing below: the whole value belongs to the set.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty() && !self.bare
    }

    /// What the set has of a field.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.find(|step| matches!(step, Step::Field(field) if field == name))
    }

    /// What the set has of a list's item.
    pub fn item(&self, index: usize, item: &Value) -> Option<&Self> {
        self.find(|step| match step {
            Step::Item(keys) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
            Step::Member(value) => value == item,
            Step::Index(i) => *i == index,
            Step::Field(_) => false,
        })
    }

    fn find(&self, fits: impl Fn(&Step) -> bool) -> Option<&Self> {
        self.children.iter().find(|(step, _)| fits(step)).map(|(_, below)| below)
    }
}

/// Each manager with its entry, without those of the status.
fn entries(live: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let spec = entries.filter(|entry| entry["subresource"].as_str().unwrap_or_default() != "status");
    spec.filter_map(|entry| Some((entry["manager"].as_str()?, entry)))
}

/// The managers of a live object other than this host, each with its fields.
pub(crate) fn others(live: &Value) -> Vec<(&str, Fields)> {
    let names: BTreeSet<&str> = entries(live).map(|(manager, _)| manager).filter(|name| *name != MANAGER).collect();
    names.into_iter().map(|name| (name, Fields::of(live, &BTreeSet::from([name])))).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_by_name_key_and_value() {
        let live = json!({"metadata": {"managedFields": [
            {"manager": "tidegate", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:containers": {
                "k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}}},
            {"manager": "hpa", "fieldsV1": {"f:spec": {"f:replicas": {}}, "f:finalizers": {"v:\"x\"": {}}}},
            {"manager": "kubelet", "subresource": "status", "fieldsV1": {"f:status": {}}},
        ]}});
        let ours = Fields::of(&live, &BTreeSet::from([MANAGER]));
        let spec = ours.field("spec").unwrap();
        assert!(spec.field("replicas").unwrap().is_leaf() && spec.field("selector").is_none());
        let containers = spec.field("containers").unwrap();
        let web = containers.item(3, &json!({"name": "web", "image": "a"})).unwrap();
        assert!(web.field("image").is_some() && web.field("args").is_none());
        assert!(containers.item(0, &json!({"name": "log"})).is_none());
        let bare = json!({"metadata": {"managedFields": [{"manager": "tidegate", "fieldsV1": {"f:data": {".": {}}}}]}});
        let bare = Fields::of(&bare, &BTreeSet::from([MANAGER]));
        assert!(!bare.field("data").unwrap().is_leaf(), "the map is ours, what others put into it is not");
        let others = others(&live);
        assert_eq!(others.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["hpa"]);
        assert!(others[0].1.field("finalizers").unwrap().item(0, &json!("x")).is_some());
    }
}
