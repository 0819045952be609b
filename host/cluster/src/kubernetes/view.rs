//! A live object as it is kept: pruned to what health and fingerprint need, with its fingerprint from before that. Contents of
//! Secrets, and copies of them in annotations, are not kept.

use planner::health;
use planner::live::LiveObject;
use planner::object::{GroupKind, ObjectKey, fingerprint};
use planner::owner::MARK;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How much of an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Its metadata alone.
    Metadata,
    /// What its health is told by, too.
    Status,
    /// All of it.
    Whole,
}

impl Extent {
    /// What is kept of the objects of a kind.
    pub fn kept(kind: &GroupKind) -> Self {
        if health::has_rule(kind) { Self::Status } else { Self::Metadata }
    }

    /// What is asked for, of one object.
    pub fn accept(self) -> &'static str {
        match self {
            Self::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            Self::Status | Self::Whole => "application/json",
        }
    }

    /// The same of a list.
    pub fn accept_list(self) -> &'static str {
        match self {
            Self::Metadata => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Self::Status | Self::Whole => "application/json",
        }
    }
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub object: LiveObject,
    /// The label by which it is tracked.
    pub label: Option<String>,
    /// The server's version of it: not for the planner, since every write of a status moves it.
    pub version: String,
}

/// What kubectl's client-side apply keeps: all of the object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields of a spec that the rules of health look at.
const SPEC: [&str; 6] = ["paused", "replicas", "restartPolicy", "suspend", "type", "updateStrategy"];
/// Those of a definition, which say the kind that it makes.
const DEFINITION: [&str; 3] = ["group", "names", "scope"];

impl View {
    /// Reads an object; nothing where it has no name.
    pub fn of(kind: &GroupKind, api_version: &str, mut value: Value, extent: Extent) -> Option<Self> {
        let metadata = value.get_mut("metadata")?.as_object_mut()?;
        let version = metadata.get("resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        settle(metadata, &version);
        let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        if name.is_empty() {
            return None;
        }
        let key = ObjectKey::new(kind.clone(), namespace, name);
        let label = metadata.get("labels").and_then(|labels| labels[MARK].as_str()).map(str::to_owned);
        if extent != Extent::Whole {
            // Lists leave these out, and partial objects say what they are instead of what they are part of.
            let object = value.as_object_mut()?;
            object.insert("apiVersion".to_owned(), json!(api_version));
            object.insert("kind".to_owned(), json!(kind.kind));
        }
        let fingerprint = fingerprint(&value);
        if extent != Extent::Whole {
            value = prune(&key, &value, extent);
        }
        let mut object = LiveObject::new(key, Arc::new(value));
        object.fingerprint = fingerprint;
        Some(Self { object, label, version })
    }

    /// Whether a newer look at the same object tells anything new.
    pub fn differs(&self, newer: &Self) -> bool {
        self.object.fingerprint != newer.object.fingerprint || self.object.manifest != newer.object.manifest
    }

    /// Whether it is surely older than another look. Versions are numbers by the word of KEP-5504; of servers for which they are
    /// not, nothing is sure.
    pub fn is_older(&self, than: &str) -> bool {
        matches!((self.version.parse::<u64>(), than.parse::<u64>()), (Ok(mine), Ok(other)) if mine < other)
    }
}

/// Makes who manages which fields the same before and after a write of a status. Servers from 1.22 on keep such writes apart;
/// on older ones the entry of a manager holds both, and its time moves with each.
fn settle(metadata: &mut Map<String, Value>, version: &str) {
    let generation = metadata.get("generation").is_some();
    let entries = metadata.entry("managedFields").or_insert(Value::Null);
    match entries.as_array_mut().filter(|entries| !entries.is_empty()) {
        Some(entries) => {
            for entry in entries.iter_mut() {
                let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut) else { continue };
                if fields.remove("f:status").is_none() {
                    continue;
                }
                if let (is_bare, Some(entry)) = (fields.is_empty(), entry.as_object_mut()) {
                    entry.remove("time");
                    if is_bare {
                        entry.insert("subresource".to_owned(), json!("status"));
                    }
                }
            }
        }
        // Somebody took the server's books away. What has no generation either is known by its version alone.
        None if generation => *entries = json!([]),
        None => *entries = json!([{"version": version}]),
    }
}

fn prune(key: &ObjectKey, whole: &Value, extent: Extent) -> Value {
    let mut kept = json!({"apiVersion": whole["apiVersion"], "kind": whole["kind"]});
    let mut metadata = whole["metadata"].as_object().cloned().unwrap_or_default();
    for field in ["managedFields", "resourceVersion", "selfLink"] {
        metadata.remove(field);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    kept["metadata"] = Value::Object(metadata);
    if extent == Extent::Status {
        let fields: &[&str] = if key.is_definition() { &DEFINITION } else { &SPEC };
        let spec = fields.iter().filter_map(|field| Some(((*field).to_owned(), whole["spec"].get(field)?.clone())));
        kept["spec"] = Value::Object(spec.collect());
        kept["status"] = whole["status"].clone();
    }
    kept
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn view(kind: (&str, &str), value: Value, extent: Extent) -> View {
        View::of(&GroupKind::new(kind.0, kind.1), "v1", value, extent).unwrap()
    }

    #[test]
    fn the_same_object_has_the_same_fingerprint_however_much_of_it_is_read() {
        let secret = |extent: Extent| {
            let mut value = json!({"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "7", "uid": "u",
                "labels": {MARK: "shop"}, "annotations": {LAST_APPLIED: "hunter2", "b": "c"},
                "managedFields": [{"manager": "tidegate", "operation": "Apply", "fieldsV1": {"f:data": {}}}]}});
            if extent == Extent::Metadata {
                value["kind"] = json!("PartialObjectMetadata");
            } else {
                value["data"] = json!({"a": "hunter2"});
            }
            view(("", "Secret"), value, extent)
        };
        let (partial, whole) = (secret(Extent::Metadata), secret(Extent::Whole));
        assert_eq!(partial.object.fingerprint, whole.object.fingerprint);
        assert!(!partial.object.manifest.to_string().contains("hunter2"), "{}", partial.object.manifest);
        let metadata =
            json!({"name": "a", "namespace": "shop", "uid": "u", "labels": {MARK: "shop"}, "annotations": {"b": "c"}});
        assert_eq!(*partial.object.manifest, json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}));
        assert_eq!((partial.label.as_deref(), partial.version.as_str()), (Some("shop"), "7"));
    }

    #[test]
    fn a_status_that_an_old_server_does_not_keep_apart_moves_nothing() {
        let deployment = |time: &str, generation: u32, fields: Value| {
            let entry = json!({"manager": "controller", "operation": "Update", "time": time, "fieldsV1": fields});
            let metadata = json!({"name": "web", "generation": generation, "managedFields": [entry]});
            view(("apps", "Deployment"), json!({"metadata": metadata, "status": {}}), Extent::Status).object.fingerprint
        };
        let both = || json!({"f:status": {"f:replicas": {}}, "f:metadata": {"f:annotations": {"f:revision": {}}}});
        let alone = || json!({"f:status": {"f:replicas": {}}});
        assert_eq!(deployment("1", 1, both()), deployment("2", 1, both()));
        assert_eq!(deployment("1", 1, alone()), deployment("2", 1, json!({"f:status": {"f:x": {}}})));
        assert_ne!(deployment("1", 1, both()), deployment("1", 2, both()));
        assert_ne!(deployment("1", 1, both()), deployment("1", 1, alone()));
        assert_ne!(deployment("1", 1, json!({"f:spec": {}})), deployment("2", 1, json!({"f:spec": {}})));
    }

    #[test]
    fn without_the_servers_books_a_write_is_still_seen() {
        let map = |version: &str| {
            view(("", "ConfigMap"), json!({"metadata": {"name": "a", "resourceVersion": version}}), Extent::Metadata)
        };
        assert!(map("1").differs(&map("2")));
        let service = |version: &str| {
            let metadata = json!({"name": "a", "generation": 1, "resourceVersion": version});
            view(("", "Service"), json!({"metadata": metadata}), Extent::Status)
        };
        assert!(!service("1").differs(&service("2")));
    }

    #[test]
    fn what_health_needs_is_kept_and_the_rest_is_not() {
        let value = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "template": {"spec": {}}}, "status": {"replicas": 1}});
        let kept = view(("apps", "Deployment"), value.clone(), Extent::Status).object;
        assert_eq!(
            (&kept.manifest["spec"], &kept.manifest["status"]),
            (&json!({"replicas": 2}), &json!({"replicas": 1}))
        );
        let whole = view(("apps", "Deployment"), value, Extent::Whole).object;
        assert_eq!(kept.health(), whole.health());
    }

    #[test]
    fn versions_are_compared_where_they_are_numbers() {
        let at = |version: &str| {
            view(("", "ConfigMap"), json!({"metadata": {"name": "a", "resourceVersion": version}}), Extent::Metadata)
        };
        assert!(at("9").is_older("10") && !at("10").is_older("10") && !at("x").is_older("10"));
    }
}
