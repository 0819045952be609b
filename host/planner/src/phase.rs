//! When in a sync something happens: its phase, its wave within the phase, and what kinds go before others in a wave.
//! It never looks at more of an object than its kind, name and annotations.

use crate::object::{ObjectKey, annotation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The wave of an object or hook (Argo CD's annotation).
pub const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// The same for Helm's hooks.
pub const HELM_WEIGHT: &str = "helm.sh/hook-weight";

/// The phases of a sync, in their order. The last three are those of an application's deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Before anything is applied.
    PreSync,
    /// The application's own objects, and hooks among them.
    Sync,
    /// After all objects are healthy.
    PostSync,
    /// Only where the sync failed.
    SyncFail,
    /// Before an application's objects are deleted.
    PreDelete,
    /// While they are deleted.
    Delete,
    /// After they are gone.
    PostDelete,
}

/// Every phase with its word.
const WORDS: [(&str, Phase); 7] = [
    ("PreSync", Phase::PreSync),
    ("Sync", Phase::Sync),
    ("PostSync", Phase::PostSync),
    ("SyncFail", Phase::SyncFail),
    ("PreDelete", Phase::PreDelete),
    ("Delete", Phase::Delete),
    ("PostDelete", Phase::PostDelete),
];

impl Phase {
    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, phase)| *phase)
    }

    /// Whether it belongs to an application's deletion, and to no sync.
    pub fn is_of_deletion(self) -> bool {
        matches!(self, Self::PreDelete | Self::Delete | Self::PostDelete)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, phase)| phase == self).map_or("", |(word, _)| word);
        f.pad(word)
    }
}

/// An object's wave: Argo CD's annotation, else Helm's weight, else 0. Argo CD takes one that is no number for 0; here it
/// is an error, since an order that somebody asked for and does not get can do harm. The error is the annotation's name.
pub fn wave(manifest: &Value) -> Result<i64, &'static str> {
    for name in [WAVE, HELM_WEIGHT] {
        let text = annotation(manifest, name).trim();
        if !text.is_empty() {
            return text.parse().map_err(|_| name);
        }
    }
    Ok(0)
}

/// Kinds in the order in which they are applied within a wave; all others come after.
/// Source: Argo CD 3.6, gitops-engine `pkg/sync/sync_tasks.go`, which has it from Helm's `kind_sorter.go`.
const KINDS: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// Where a kind stands within its wave. Like Argo CD's it goes by the kind's name alone.
pub fn rank(key: &ObjectKey) -> u8 {
    let kind = key.kind().kind.as_str();
    KINDS.iter().position(|k| *k == kind).unwrap_or(KINDS.len()) as u8
}

/// The rank of kinds that are in no table, and of those that a definition in the same sync makes.
pub const CUSTOM: u8 = KINDS.len() as u8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::GroupKind;
    use serde_json::json;

    #[test]
    fn waves_come_from_either_annotation_and_are_numbers() {
        let object = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        assert_eq!(wave(&object(json!({}))), Ok(0));
        assert_eq!(wave(&object(json!({WAVE: "-5", HELM_WEIGHT: "3"}))), Ok(-5));
        assert_eq!(wave(&object(json!({HELM_WEIGHT: "3"}))), Ok(3));
        assert_eq!(wave(&object(json!({WAVE: "first"}))), Err(WAVE));
    }

    #[test]
    fn kinds_have_their_places() {
        let rank = |group: &str, kind: &str| rank(&ObjectKey::new(GroupKind::new(group, kind), "", "x"));
        let order = [
            rank("", "Namespace"),
            rank("", "Secret"),
            rank("apiextensions.k8s.io", "CustomResourceDefinition"),
            rank("", "Service"),
            rank("apps", "Deployment"),
            rank("networking.k8s.io", "Ingress"),
            rank("example.com", "Widget"),
        ];
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
        assert_eq!(order.last(), Some(&CUSTOM));
        assert!(Phase::PreSync < Phase::Sync && Phase::Sync < Phase::PostSync && Phase::PreDelete < Phase::PostDelete);
    }
}
