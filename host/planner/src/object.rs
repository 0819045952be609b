//! What an object is called, and how its content is told apart: identity, canonical bytes, digest and fingerprint.
//! It never judges an object and never changes one.

use model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// How deep a manifest may nest. JSON parsers stop at 128 as well; every walk in this crate is recursive and relies on it.
pub const DEEPEST: usize = 128;

/// A kind of objects. Versions are left out: the same object is served in several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// The API group, empty for the core group.
    pub group: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
}

impl GroupKind {
    /// A kind by its group and name.
    pub fn new(group: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), kind: kind.to_owned() }
    }

    /// Whether it is this one.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(&self.kind) } else { write!(f, "{}/{}", self.group, self.kind) }
    }
}

/// An object's identity: kind, namespace and name. Cheap to clone. As text (and as a key in JSON) it is
/// `GROUP/KIND/NAMESPACE/NAME`, always four parts, empty ones for the core group and for objects of the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    kind: GroupKind,
    namespace: String,
    name: String,
}

impl ObjectKey {
    /// An object's identity; `namespace` is empty where it belongs to the cluster.
    pub fn new(kind: GroupKind, namespace: &str, name: &str) -> Self {
        Self(Arc::new(Parts { kind, namespace: namespace.to_owned(), name: name.to_owned() }))
    }

    /// Its kind.
    pub fn kind(&self) -> &GroupKind {
        &self.0.kind
    }

    /// Its namespace, empty where it belongs to the cluster.
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is of this kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.0.kind.is(group, kind)
    }

    /// Whether it is a namespace.
    pub fn is_namespace(&self) -> bool {
        self.is("", "Namespace")
    }

    /// Whether it is an application in a render: a child of the one that renders it. The host keeps it, no cluster does.
    pub fn is_application(&self) -> bool {
        self.is("argoproj.io", "Application")
    }

    /// Whether it is a definition of a custom kind.
    pub fn is_definition(&self) -> bool {
        self.is("apiextensions.k8s.io", "CustomResourceDefinition")
    }

    /// The text form, for storage.
    pub fn text(&self) -> String {
        let Parts { kind, namespace, name } = &*self.0;
        format!("{}/{}/{namespace}/{name}", kind.group, kind.kind)
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (group, kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let whole = parts.next().is_none() && !kind.is_empty() && !name.is_empty();
        whole.then(|| Self::new(GroupKind::new(group, kind), namespace, name))
    }
}

/// For people: `apps/Deployment shop/web`, `Namespace shop`.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { kind, namespace, name } = &*self.0;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for ObjectKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for ObjectKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not GROUP/KIND/NAMESPACE/NAME")))
    }
}

/// What is read of every manifest before anything else. Borrowed, since most manifests are only looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub group: &'a str,
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub generate_name: &'a str,
}

impl<'a> Head<'a> {
    /// Reads `apiVersion`, `kind` and names; the error is the field that is missing.
    pub fn of(manifest: &'a Value) -> Result<Self, &'static str> {
        let version = manifest["apiVersion"].as_str().filter(|v| !v.is_empty()).ok_or("apiVersion")?;
        let kind = manifest["kind"].as_str().filter(|k| !k.is_empty() && !k.contains('/')).ok_or("kind")?;
        let text = |field: &str| manifest["metadata"][field].as_str().unwrap_or_default();
        let (name, generate_name) = (text("name"), text("generateName"));
        if name.is_empty() && generate_name.is_empty() {
            return Err("metadata.name");
        }
        if name.contains('/') {
            return Err("metadata.name (it holds a `/`)");
        }
        let namespace = text("namespace");
        if namespace.contains('/') {
            return Err("metadata.namespace (it holds a `/`)");
        }
        let group = version.split_once('/').map_or("", |(group, _)| group);
        Ok(Self { group, kind, namespace, name, generate_name })
    }
}

/// An annotation's text; empty where there is none.
pub(crate) fn annotation<'a>(manifest: &'a Value, name: &str) -> &'a str {
    manifest["metadata"]["annotations"][name].as_str().unwrap_or_default()
}

/// The parts of an annotation that lists things, separated by commas.
pub(crate) fn listed<'a>(manifest: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    annotation(manifest, name).split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Whether a value nests no deeper than [`DEEPEST`].
pub(crate) fn is_shallow(value: &Value) -> bool {
    fn walk(value: &Value, left: usize) -> bool {
        let Some(left) = left.checked_sub(1) else { return false };
        match value {
            Value::Array(items) => items.iter().all(|v| walk(v, left)),
            Value::Object(map) => map.values().all(|v| walk(v, left)),
            _ => true,
        }
    }
    walk(value, DEEPEST)
}

/// The digest of a value that does not depend on the order of keys.
pub fn digest(value: &Value) -> Digest {
    let mut bytes = Vec::with_capacity(1024);
    write_canonical(value, &mut bytes);
    Digest::of(bytes)
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(map) => write_map(map.iter(), out),
        Value::String(text) => write_text(text, out),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Null => out.extend_from_slice(b"null"),
    }
}

fn write_map<'v>(fields: impl Iterator<Item = (&'v String, &'v Value)>, out: &mut Vec<u8>) {
    let mut entries: Vec<_> = fields.collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (key, value) in entries {
        write_text(key, out);
        out.push(b':');
        write_canonical(value, out);
        out.push(b',');
    }
    out.push(b'}');
}

/// A text preceded by its length: no escaping is needed, and no two texts run into each other.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The digest of what can drift in a live object: generation, labels, annotations, and who manages which fields other than
/// status. A status write moves none of them, so that it costs nobody a comparison. Objects that a server keeps no such
/// books of (files of a directory) are digested whole, without their status.
pub fn fingerprint(live: &Value) -> Digest {
    let metadata = &live["metadata"];
    let mut bytes = Vec::with_capacity(1024);
    let Some(entries) = metadata["managedFields"].as_array() else {
        let fields = live.as_object().into_iter().flatten().filter(|(field, _)| *field != "status");
        write_map(fields, &mut bytes);
        return Digest::of(bytes);
    };
    for entry in entries.iter().filter(|entry| entry["subresource"].as_str().unwrap_or_default() != "status") {
        write_canonical(entry, &mut bytes);
    }
    for field in ["generation", "labels", "annotations"] {
        bytes.push(b';');
        write_canonical(&metadata[field], &mut bytes);
    }
    Digest::of(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_as_text() {
        let key = ObjectKey::new(GroupKind::new("apps", "Deployment"), "shop", "web");
        let cluster = ObjectKey::new(GroupKind::new("", "Namespace"), "", "shop");
        assert_eq!(format!("{key} | {cluster}"), "apps/Deployment shop/web | Namespace shop");
        assert_eq!(
            serde_json::to_value([&key, &cluster]).unwrap(),
            json!(["apps/Deployment/shop/web", "/Namespace//shop"])
        );
        assert_eq!(ObjectKey::parse(&cluster.text()), Some(cluster));
        for bad in ["", "Namespace", "/Namespace//", "///x", "a/b/c/d/e"] {
            assert_eq!(ObjectKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digest_is_of_the_content_not_of_its_order() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [1, 2], "c": "x"}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"c": "x", "b": [1, 2], "a": 1}"#).unwrap();
        assert_eq!(digest(&one), digest(&two));
        for other in [json!({"a": 1, "b": [2, 1], "c": "x"}), json!({"a": "1", "b": [1, 2], "c": "x"}), json!({"a": 1})]
        {
            assert_ne!(digest(&one), digest(&other), "{other}");
        }
        assert_ne!(digest(&json!(["a", "b"])), digest(&json!(["ab", ""])));
    }

    #[test]
    fn status_moves_no_fingerprint_and_the_rest_does() {
        let live = |generation: u32, ready: u32, time: &str| {
            let spec = json!({"manager": "tidegate", "operation": "Apply", "time": time, "fieldsV1": {"f:spec": {}}});
            let status = json!({"manager": "kubelet", "subresource": "status", "time": ready});
            json!({"metadata": {"generation": generation, "managedFields": [spec, status]}, "status": {"ready": ready}})
        };
        assert_eq!(fingerprint(&live(1, 0, "t")), fingerprint(&live(1, 3, "t")));
        assert_ne!(fingerprint(&live(1, 0, "t")), fingerprint(&live(2, 0, "t")));
        assert_ne!(fingerprint(&live(1, 0, "t")), fingerprint(&live(1, 0, "u")));
        let file = |data: &str| json!({"kind": "ConfigMap", "data": {"a": data}, "status": {"x": data}});
        assert_ne!(fingerprint(&file("1")), fingerprint(&file("2")));
    }

    #[test]
    fn what_a_manifest_lacks_is_named() {
        let cases = [
            (json!({"kind": "Pod"}), "apiVersion"),
            (json!({"apiVersion": "v1"}), "kind"),
            (json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}}), "metadata.name"),
            (json!(["v1"]), "apiVersion"),
            (json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a/b"}}), "metadata.name (it holds a `/`)"),
        ];
        for (manifest, field) in cases {
            assert_eq!(Head::of(&manifest).unwrap_err(), field);
        }
        let mut deep = json!(1);
        for _ in 0..DEEPEST {
            deep = json!([deep]);
        }
        assert!(!is_shallow(&deep));
        assert!(is_shallow(&deep[0]));
    }
}
