//! An application as an ApplySet (KEP-3659), so that kubectl and other tools see what belongs together: a parent object that
//! says which kinds and namespaces there are, and a label on each member. It is for others to read: nothing here rests on it.

use crate::object::{GroupKind, ObjectKey};
use crate::owner::ApplicationName;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Digest;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// On members: the id of their set.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
/// On a parent: its set's id.
pub const ID: &str = "applyset.kubernetes.io/id";
/// On a parent: who keeps it.
pub const TOOLING: &str = "applyset.kubernetes.io/tooling";
/// On a parent: the kinds of the members, as `KIND.GROUP`.
pub const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// On a parent: the namespaces of members other than its own.
pub const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";

/// Where the parents of applications are that go into no namespace of their own: the one that every cluster has.
const ELSEWHERE: &str = "default";

/// What a parent says of its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// As `KIND.GROUP`.
    kinds: BTreeSet<String>,
    /// Without the parent's own.
    namespaces: BTreeSet<String>,
}

impl Contents {
    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether it says all that the other one says.
    pub fn covers(&self, other: &Self) -> bool {
        self.kinds.is_superset(&other.kinds) && self.namespaces.is_superset(&other.namespaces)
    }
}

/// The set of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplySet {
    parent: ObjectKey,
}

impl ApplySet {
    /// That of an application whose objects go to this namespace by default; empty for none.
    pub fn new(application: &ApplicationName, namespace: &str) -> Self {
        let label = application.label();
        let is_name = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let name = if is_name { label } else { Digest::of(&application.0).short().to_owned() };
        let namespace = if namespace.is_empty() { ELSEWHERE } else { namespace };
        // Not a Secret: an account that deploys need not be let at those.
        let parent = ObjectKey::new(GroupKind::new("", "ConfigMap"), namespace, &format!("tidegate-{name}"));
        Self { parent }
    }

    /// The parent object.
    pub fn parent(&self) -> &ObjectKey {
        &self.parent
    }

    /// The id: `applyset-` and `-v1` around the base64 (for URLs, without padding) of the SHA-256 of the parent's
    /// `NAME.NAMESPACE.KIND.GROUP`.
    pub fn id(&self) -> String {
        let GroupKind { group, kind } = self.parent.kind();
        let text = format!("{}.{}.{kind}.{group}", self.parent.name(), self.parent.namespace());
        let digest = Digest::of(text);
        let hex = digest.as_str().trim_start_matches("sha256:");
        let byte = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).filter_map(byte).collect();
        format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What the parent says of these members.
    pub fn contents<'k>(&self, members: impl IntoIterator<Item = &'k ObjectKey>) -> Contents {
        let mut contents = Contents::default();
        // Children are kept by the host: the cluster has none of them.
        for key in members.into_iter().filter(|key| !key.is_application()) {
            let GroupKind { group, kind } = key.kind();
            contents.kinds.insert(if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") });
            let namespace = key.namespace();
            if !namespace.is_empty() && namespace != self.parent.namespace() {
                contents.namespaces.insert(namespace.to_owned());
            }
        }
        contents
    }

    /// The parent object, with the application's own mark.
    pub fn manifest(&self, application: &ApplicationName, contents: &Contents, version: &str) -> Value {
        let listed = |all: &BTreeSet<String>| all.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let mut annotations = json!({ TOOLING: format!("tidegate/{version}"), KINDS: listed(&contents.kinds) });
        if !contents.namespaces.is_empty() {
            annotations[NAMESPACES] = json!(listed(&contents.namespaces));
        }
        let mut parent = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.parent.name(),
                "namespace": self.parent.namespace(),
                "labels": { ID: self.id() },
                "annotations": annotations,
            },
        });
        application.mark(&mut parent);
        parent
    }

    /// Puts the label of a member on a manifest.
    pub(crate) fn label(&self, manifest: &mut Value) {
        let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(PART_OF.to_owned(), Value::String(self.id()));
        }
    }
}

/// Whether a live object is the parent of a set.
pub fn is_parent(live: &Value) -> bool {
    live["metadata"]["labels"][ID].is_string()
}

/// Whether a live parent says all that it should, and nothing more.
pub fn says(live: &Value, wanted: &Value) -> bool {
    let same = |field: &str, name: &str| live["metadata"][field][name] == wanted["metadata"][field][name];
    same("labels", ID) && [TOOLING, KINDS, NAMESPACES].iter().all(|name| same("annotations", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(GroupKind::new(group, kind), namespace, name)
    }

    #[test]
    fn the_id_is_that_of_the_specification() {
        let set = ApplySet::new(&ApplicationName::from("shop"), "shop");
        assert_eq!(set.parent().to_string(), "ConfigMap shop/tidegate-shop");
        // printf 'tidegate-shop.shop.ConfigMap.' | openssl dgst -sha256 -binary | openssl base64 -A | tr '/+' '_-' | tr -d '='
        assert_eq!(set.id(), "applyset-i8Wef8VEQU3ZORLp0NDrZP8PgPNJZ4qIOmU1HwL33pI-v1");
        assert!(set.id().len() <= 63, "it is a label's value");
    }

    #[test]
    fn kinds_and_namespaces_are_sorted_and_each_once() {
        let application = ApplicationName::from("shop");
        let set = ApplySet::new(&application, "shop");
        let members = [
            key("", "Secret", "shop", "b"),
            key("apps", "Deployment", "other", "web"),
            key("", "ConfigMap", "shop", "a"),
            key("apps", "Deployment", "blog", "web"),
            key("rbac.authorization.k8s.io", "ClusterRole", "", "reader"),
        ];
        let (all, one) = (set.contents(&members), set.contents(&members[..1]));
        assert!(all.covers(&one) && !one.covers(&all));
        let parent = set.manifest(&application, &all, "1.2.3");
        let annotations = &parent["metadata"]["annotations"];
        assert_eq!(annotations[KINDS], "ClusterRole.rbac.authorization.k8s.io,ConfigMap,Deployment.apps,Secret");
        assert_eq!((&annotations[NAMESPACES], &annotations[TOOLING]), (&json!("blog,other"), &json!("tidegate/1.2.3")));
        assert!(is_parent(&parent) && says(&parent, &parent));
        let fewer = set.manifest(&application, &one, "1.2.3");
        assert_eq!(fewer["metadata"]["annotations"][NAMESPACES], Value::Null);
        assert!(!says(&parent, &fewer), "a namespace too many is told");
    }

    #[test]
    fn parents_have_names_that_are_names() {
        let parent =
            |name: &str, namespace: &str| ApplySet::new(&ApplicationName::from(name), namespace).parent().clone();
        assert_eq!(parent("shop", "").namespace(), "default");
        assert!(
            parent("shop/web_x", "a").name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        );
        assert_ne!(parent("shop/web", "a"), parent("shop/api", "a"));
    }
}
