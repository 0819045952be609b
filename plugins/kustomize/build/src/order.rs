//! The order of kinds that kustomize calls legacy: what others need comes first, webhooks come last.

use crate::id::Gvk;

/// What comes before every other kind, in this order.
pub const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// What comes after every other kind.
pub const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Where a kind stands among `first` and `last`; 0 for all that are in neither.
pub fn rank<S: AsRef<str>>(kind: &str, first: &[S], last: &[S]) -> i64 {
    let place = |kinds: &[S]| kinds.iter().rposition(|name| name.as_ref() == kind).map(|at| at as i64);
    match (place(last), place(first)) {
        (Some(at), _) => at + 1,
        (None, Some(at)) => at - first.len() as i64,
        (None, None) => 0,
    }
}

/// What two kinds of one rank are ordered by.
pub fn text(gvk: &Gvk) -> String {
    let part = |value: &str, absent: &'static str| if value.is_empty() { absent.to_owned() } else { value.to_owned() };
    [part(&gvk.group, "~G"), part(&gvk.version, "~V"), part(&gvk.kind, "~K")].join("_")
}

/// The key by which field specs are sorted.
pub fn key(gvk: &Gvk) -> (i64, String) {
    (rank(&gvk.kind, FIRST, LAST), text(gvk))
}
