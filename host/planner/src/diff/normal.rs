//! What a manifest means, where the server stores it in other words. It never touches what rules can say.

use crate::applyset::PART_OF;
use crate::object::ObjectKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Fields of `metadata` that servers write.
const SERVER_FIELDS: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotations that tools and controllers write for themselves.
const TOOL_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];

/// Whether a field is never compared: the status, and what servers and tools write. `path` leads to it.
pub(super) fn is_theirs<'p>(path: impl IntoIterator<Item = &'p str>) -> bool {
    let mut path = path.into_iter();
    match (path.next(), path.next(), path.next(), path.next()) {
        (Some("status"), None, ..) => true,
        (Some("metadata"), Some(field), None, _) => SERVER_FIELDS.contains(&field),
        (Some("metadata"), Some("annotations"), Some(name), None) => TOOL_ANNOTATIONS.contains(&name),
        // It comes with the next apply, and nobody here rests on it.
        (Some("metadata"), Some("labels"), Some(name), None) => name == PART_OF,
        _ => false,
    }
}

/// A Secret's `stringData` is stored under `data`, as base64, and wins over it.
pub(super) fn of<'v>(key: &ObjectKey, manifest: &'v Value) -> Cow<'v, Value> {
    let Some(texts) = manifest["stringData"].as_object().filter(|_| key.is("", "Secret")) else {
        return Cow::Borrowed(manifest);
    };
    let mut manifest = manifest.clone();
    let encoded =
        texts.iter().filter_map(|(name, text)| Some((name.clone(), Value::String(STANDARD.encode(text.as_str()?)))));
    let encoded: Map<String, Value> = encoded.collect();
    if let Some(root) = manifest.as_object_mut() {
        root.remove("stringData");
        let data = root.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if data.is_null() {
            *data = Value::Object(Map::new());
        }
        if let Some(data) = data.as_object_mut() {
            data.extend(encoded);
        }
    }
    Cow::Owned(manifest)
}
