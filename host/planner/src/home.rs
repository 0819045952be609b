//! The namespace that `CreateNamespace` makes: the application's destination, where no manifest of the render is it. The
//! application does not own it, since others may live in it; so it is never pruned.

use crate::application::{Application, NamespaceMetadata};
use crate::desired::Desired;
use crate::diff::Comparison;
use crate::live::Seen;
use crate::object::{GroupKind, ObjectKey};
use crate::option::Switch;
use crate::survey::{Difference, Sides};
use serde_json::{Value, json};

/// A namespace that a sync makes.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub key: ObjectKey,
    pub made: Value,
    pub difference: Difference,
}

impl Home {
    /// Whether an object is the namespace that an application makes, if no manifest names it.
    pub fn is(application: &Application, key: &ObjectKey) -> bool {
        let makes = application.options.has(Switch::CreateNamespace);
        makes && key.is_namespace() && key.name() == application.namespace
    }

    /// The destination's namespace, where the application makes it. One that is there already is left as it is, unless the
    /// application says its labels or annotations.
    pub fn of(sides: &Sides<'_>, desired: &Desired) -> Option<Self> {
        let Application { options, namespace, namespace_metadata, rules, extent, .. } = sides.application;
        let key = ObjectKey::new(GroupKind::new("", "Namespace"), "", namespace);
        if !options.has(Switch::CreateNamespace) || namespace.is_empty() || desired.get(&key).is_some() {
            return None;
        }
        let made = manifest(namespace, namespace_metadata.as_ref());
        let comparison = Comparison { key: &key, rules, extent: *extent };
        let difference = match sides.live.see(&key) {
            Seen::Missing | Seen::Unserved => Difference::Missing,
            Seen::There(live) if namespace_metadata.is_some() && comparison.differs(&made, &live.manifest) => {
                Difference::Changed
            }
            Seen::There(_) => Difference::None,
            Seen::Unreadable(_) => Difference::Unreadable,
        };
        Some(Self { key, made, difference })
    }
}

fn manifest(name: &str, metadata: Option<&NamespaceMetadata>) -> Value {
    let mut made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    for (field, map) in metadata.iter().flat_map(|m| [("labels", &m.labels), ("annotations", &m.annotations)]) {
        if !map.is_empty() {
            made["metadata"][field] = json!(map);
        }
    }
    made
}
