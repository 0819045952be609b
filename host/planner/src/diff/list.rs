//! Which items of two lists belong together: by the keys that Kubernetes' own lists have, else by their places.
//! It never compares what is in them.

use serde_json::Value;
use std::collections::HashSet;

/// The keys of Kubernetes' lists, by the field that holds the list. Source: `x-kubernetes-list-map-keys` and
/// `patchMergeKey` in the API's types. The first set that all items have counts.
const KEYS: [(&str, &[&[&str]]); 17] = [
    ("conditions", &[&["type"]]),
    ("containers", &[&["name"]]),
    ("env", &[&["name"]]),
    ("ephemeralContainers", &[&["name"]]),
    ("hostAliases", &[&["ip"]]),
    ("imagePullSecrets", &[&["name"]]),
    ("initContainers", &[&["name"]]),
    ("ownerReferences", &[&["uid"]]),
    ("ports", &[&["containerPort", "protocol"], &["port", "protocol"]]),
    ("resourceClaims", &[&["name"]]),
    ("schedulingGates", &[&["name"]]),
    ("secrets", &[&["name"]]),
    ("topologySpreadConstraints", &[&["topologyKey", "whenUnsatisfiable"]]),
    ("volumeDevices", &[&["devicePath"]]),
    ("volumeMounts", &[&["mountPath"]]),
    ("volumes", &[&["name"]]),
    ("webhooks", &[&["name"]]),
];

/// How the items of a list are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// By these fields.
    Keys(&'static [&'static str]),
    /// They are a set of plain values.
    Set,
    /// By their places.
    Places,
}

impl Pairing {
    /// How the lists under a field are paired: by keys only where every item has them and no two are the same.
    pub fn of<'v>(field: &str, lists: impl IntoIterator<Item = &'v [&'v Value]> + Clone) -> Self {
        if field == "finalizers" {
            let plain = lists.into_iter().flatten().all(|item| item.is_string());
            return if plain { Self::Set } else { Self::Places };
        }
        let candidates = KEYS.iter().find(|(name, _)| *name == field).map(|(_, sets)| *sets).unwrap_or_default();
        let fits = |keys: &&&'static [&'static str]| {
            lists.clone().into_iter().all(|list| {
                let mut seen = HashSet::new();
                list.iter().all(|item| name(keys, item).is_some_and(|name| seen.insert(name)))
            })
        };
        candidates.iter().find(fits).map_or(Self::Places, |keys| Self::Keys(keys))
    }

    /// The item that belongs to this one, with its place. Sets and keyed lists only.
    pub fn partner<'v>(self, item: &Value, list: &[&'v Value]) -> Option<(usize, &'v Value)> {
        let wanted = self.name(item)?;
        list.iter().copied().enumerate().find(|(_, other)| self.name(other).as_ref() == Some(&wanted))
    }

    /// What tells an item apart, as it is shown in a path: `name=web`.
    pub fn name(self, item: &Value) -> Option<String> {
        match self {
            Self::Keys(keys) => name(keys, item),
            Self::Set => item.as_str().map(str::to_owned),
            Self::Places => None,
        }
    }
}

/// `protocol` may be left out: the server makes it TCP.
fn name(keys: &[&str], item: &Value) -> Option<String> {
    let part = |key: &&str| match item.get(*key) {
        Some(Value::String(text)) => Some(format!("{key}={text}")),
        Some(Value::Number(number)) => Some(format!("{key}={number}")),
        None if *key == "protocol" => Some("protocol=TCP".to_owned()),
        _ => None,
    };
    let parts: Vec<String> = keys.iter().map(part).collect::<Option<_>>()?;
    Some(parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_paired_by_keys_that_all_items_have() {
        let of = |field: &str, list: Value| {
            let items: Vec<&Value> = list.as_array().into_iter().flatten().collect();
            Pairing::of(field, [items.as_slice()])
        };
        assert_eq!(of("containers", json!([{"name": "a"}, {"name": "b"}])), Pairing::Keys(&["name"]));
        assert_eq!(of("containers", json!([{"name": "a"}, {"name": "a"}])), Pairing::Places);
        assert_eq!(of("containers", json!([{"name": "a"}, {}])), Pairing::Places);
        assert_eq!(of("args", json!(["a"])), Pairing::Places);
        assert_eq!(of("finalizers", json!(["a"])), Pairing::Set);
        assert_eq!(
            of("ports", json!([{"port": 80}, {"port": 80, "protocol": "UDP"}])),
            Pairing::Keys(&["port", "protocol"])
        );
        let item = json!({"containerPort": 80});
        let list = [&json!({"containerPort": 80, "protocol": "UDP"}), &json!({"containerPort": 80, "protocol": "TCP"})];
        let pairing = Pairing::Keys(&["containerPort", "protocol"]);
        assert_eq!(pairing.partner(&item, &list).map(|(i, _)| i), Some(1));
    }
}
