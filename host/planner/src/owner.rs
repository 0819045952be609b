//! Whose an object is: the mark that every object carries, which other tools can read. What may be pruned the inventory
//! says; a mark alone, which anybody can copy, never makes an object the application's.

use model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The mark, as a label (for selectors) and as an annotation (the whole name).
pub const MARK: &str = "tidegate.dev/application";

/// An application's name, unique on a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApplicationName(pub String);

impl From<&str> for ApplicationName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl ApplicationName {
    /// The name as a label's value: itself where it is one, else its start and a digest. Source of the limits: Kubernetes,
    /// 63 characters, letters and digits at both ends, `-`, `_` and `.` between.
    pub fn label(&self) -> String {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = self.0.starts_with(|c: char| c.is_ascii_alphanumeric())
            && self.0.ends_with(|c: char| c.is_ascii_alphanumeric());
        if ends && self.0.len() <= 63 && self.0.chars().all(inner) {
            return self.0.clone();
        }
        let start: String = self.0.chars().filter(char::is_ascii_alphanumeric).take(48).collect();
        format!("{start}-{}", Digest::of(&self.0).short()).trim_start_matches('-').to_owned()
    }

    /// Whether a name read from a mark is this application's; a label may hold only the start of a long one.
    pub fn is_same(&self, application: &Self) -> bool {
        self == application || self.0 == application.label()
    }

    /// Whose a live object is by its mark.
    pub fn of(live: &Value) -> Option<Self> {
        let metadata = &live["metadata"];
        let mark = metadata["annotations"][MARK].as_str().or_else(|| metadata["labels"][MARK].as_str());
        mark.filter(|name| !name.is_empty()).map(Self::from)
    }

    /// Marks a manifest. What is no mapping where one belongs is left for the server to refuse.
    pub(crate) fn mark(&self, manifest: &mut Value) {
        let Some(root) = manifest.as_object_mut() else { return };
        let metadata = root.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        for (field, value) in [("labels", self.label()), ("annotations", self.0.clone())] {
            let Some(metadata) = metadata.as_object_mut() else { return };
            let map = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
            if map.is_null() {
                *map = Value::Object(Map::new());
            }
            if let Some(map) = map.as_object_mut() {
                map.insert(MARK.to_owned(), Value::String(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let name = ApplicationName::from("shop/web");
        let mut manifest = json!({"kind": "ConfigMap", "metadata": {"name": "a", "labels": null}});
        name.mark(&mut manifest);
        assert_eq!(manifest["metadata"]["annotations"][MARK], "shop/web");
        assert_eq!(ApplicationName::of(&manifest), Some(name.clone()));
        assert_eq!(ApplicationName::of(&json!({"metadata": {}})), None);
        let label = name.label();
        assert!(label.starts_with("shopweb-") && label.len() == 20, "{label}");
        assert_eq!(ApplicationName::from("shop-web").label(), "shop-web");
        assert!(ApplicationName::from("x".repeat(200).as_str()).label().len() <= 63);
    }
}
