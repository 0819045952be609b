//! How a live object is doing, by its own status, with a message for people. Source of the rules: Argo CD 3.6,
//! gitops-engine `pkg/health` and `resource_customizations`; where they are left, the function says why.
//! It never asks whether an object is as desired.

mod config;
mod pod;
mod workload;

use crate::object::{GroupKind, ObjectKey, annotation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// With `true` an object does not count for its application's health.
pub const IGNORE: &str = "argocd.argoproj.io/ignore-healthcheck";

/// How an object or an application is doing, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// All is well.
    Healthy,
    /// Paused by somebody.
    Suspended,
    /// On its way.
    Progressing,
    /// Not there.
    Missing,
    /// It failed, or cannot get there.
    Degraded,
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        })
    }
}

/// A status and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is doing.
    pub status: Status,
    /// Why, for people; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Health {
    /// A status with its reason.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn healthy() -> Self {
        Self::new(Status::Healthy, "")
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// How a live object is doing. Kinds that have no rule are healthy once they exist.
pub fn of(key: &ObjectKey, live: &Value) -> Health {
    if !live["metadata"]["deletionTimestamp"].is_null() {
        return Health::new(Status::Progressing, "it is being deleted");
    }
    rule(key.kind()).map_or_else(Health::healthy, |rule| rule(live))
}

/// Whether the kind has a rule, which looks at spec and status. Of all others an object's metadata tells all.
pub fn has_rule(kind: &GroupKind) -> bool {
    rule(kind).is_some()
}

/// The rule of a kind.
fn rule(kind: &GroupKind) -> Option<fn(&Value) -> Health> {
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => workload::deployment,
        ("apps", "StatefulSet") => workload::stateful_set,
        ("apps", "DaemonSet") => workload::daemon_set,
        ("apps", "ReplicaSet") => workload::replica_set,
        ("batch", "Job") => workload::job,
        ("batch", "CronJob") => workload::cron_job,
        ("", "Pod") => pod::pod,
        ("", "PersistentVolumeClaim") => config::claim,
        ("", "Service") => config::service,
        ("", "Namespace") => config::namespace,
        ("extensions" | "networking.k8s.io", "Ingress") => config::ingress,
        ("apiregistration.k8s.io", "APIService") => config::api_service,
        ("autoscaling", "HorizontalPodAutoscaler") => config::autoscaler,
        ("policy", "PodDisruptionBudget") => config::disruption_budget,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => config::definition,
        ("argoproj.io", "Workflow") => config::workflow,
        ("argoproj.io", "Application") => config::application,
        _ => return None,
    })
}

/// Whether an object counts for its application's health.
pub(crate) fn counts(live: &Value) -> bool {
    annotation(live, IGNORE) != "true"
}

/// A whole number of a status or spec; absent ones are none.
fn number(value: &Value) -> Option<i64> {
    value.as_i64()
}

/// A whole number that counts as 0 where it is absent, as in Kubernetes' types.
fn count(value: &Value) -> i64 {
    number(value).unwrap_or(0)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether the controller has not yet looked at the newest generation.
fn is_behind(live: &Value) -> bool {
    count(&live["metadata"]["generation"]) > count(&live["status"]["observedGeneration"])
}

/// The conditions of a status.
fn conditions(live: &Value) -> impl Iterator<Item = &Value> {
    live["status"]["conditions"].as_array().into_iter().flatten()
}

/// One of them, by its type.
fn condition<'v>(live: &'v Value, name: &str) -> Option<&'v Value> {
    conditions(live).find(|c| c["type"] == *name)
}

#[cfg(test)]
mod tests;
