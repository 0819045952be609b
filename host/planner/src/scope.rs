//! Which kinds live in a namespace: what a cluster's discovery says, or a table where there is no cluster to ask.
//! It never asks one itself.

use crate::object::GroupKind;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster itself.
    Cluster,
}

/// The scopes of kinds.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    kinds: HashMap<GroupKind, Scope>,
    unknown: Option<Scope>,
    /// Groups of which not all kinds could be read, and why.
    unreadable: BTreeMap<String, String>,
}

impl Scopes {
    /// What a discovery found; of other kinds nothing is known. `unreadable` are groups that it could not read whole, and why.
    pub fn discovered(
        kinds: impl IntoIterator<Item = (GroupKind, Scope)>,
        unreadable: BTreeMap<String, String>,
    ) -> Self {
        Self { kinds: kinds.into_iter().collect(), unknown: None, unreadable }
    }

    /// For a destination without discovery: Kubernetes' own kinds of the cluster are known, every other kind lives in a
    /// namespace, as kustomize assumes.
    pub fn without_discovery() -> Self {
        let kinds = CLUSTER_KINDS.iter().map(|(group, kind)| (GroupKind::new(group, kind), Scope::Cluster));
        Self { kinds: kinds.collect(), unknown: Some(Scope::Namespaced), unreadable: BTreeMap::new() }
    }

    /// Where objects of this kind live, where it is known.
    pub fn of(&self, kind: &GroupKind) -> Option<Scope> {
        self.kinds.get(kind).copied().or(self.unknown)
    }

    /// Why nobody can tell where objects of this kind live: to guess would name another object, and the one that is owned would
    /// seem to be wanted no more.
    pub fn unreadable(&self, kind: &GroupKind) -> Option<&str> {
        let why = self.unreadable.get(&kind.group)?;
        self.of(kind).is_none().then_some(why)
    }

    /// What a definition of a custom kind says about the kind that it makes.
    pub fn defined(definition: &Value) -> Option<(GroupKind, Scope)> {
        let spec = &definition["spec"];
        let kind = GroupKind::new(spec["group"].as_str()?, spec["names"]["kind"].as_str()?);
        match spec["scope"].as_str()? {
            "Namespaced" => Some((kind, Scope::Namespaced)),
            "Cluster" => Some((kind, Scope::Cluster)),
            _ => None,
        }
    }
}

/// Kubernetes' own kinds that live in no namespace (`kubectl api-resources --namespaced=false`, 1.34).
const CLUSTER_KINDS: [(&str, &str); 33] = [
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn discovery_leaves_the_unknown_unknown_and_the_table_does_not() {
        let role = GroupKind::new("rbac.authorization.k8s.io", "ClusterRole");
        let widget = GroupKind::new("example.com", "Widget");
        let discovered = Scopes::discovered([(role.clone(), Scope::Cluster)], BTreeMap::new());
        assert_eq!((discovered.of(&role), discovered.of(&widget)), (Some(Scope::Cluster), None));
        let table = Scopes::without_discovery();
        assert_eq!((table.of(&role), table.of(&widget)), (Some(Scope::Cluster), Some(Scope::Namespaced)));
    }

    #[test]
    fn a_group_that_could_not_be_read_leaves_its_other_kinds_in_doubt() {
        let role = GroupKind::new("rbac.authorization.k8s.io", "ClusterRole");
        let other = GroupKind::new("rbac.authorization.k8s.io", "Role");
        let broken = BTreeMap::from([(role.group.clone(), "503".to_owned())]);
        let scopes = Scopes::discovered([(role.clone(), Scope::Cluster)], broken);
        assert_eq!((scopes.unreadable(&role), scopes.unreadable(&other)), (None, Some("503")));
        assert_eq!(scopes.unreadable(&GroupKind::new("", "ConfigMap")), None);
    }

    #[test]
    fn a_definition_says_the_scope_of_its_kind() {
        let crd = |scope: &str| json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": scope}});
        assert_eq!(Scopes::defined(&crd("Cluster")), Some((GroupKind::new("example.com", "Widget"), Scope::Cluster)));
        assert_eq!(Scopes::defined(&crd("")), None);
    }
}
