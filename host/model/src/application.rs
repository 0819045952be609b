//! An application: what is to be where, and how it gets there. The words are Argo CD's (argoproj.io/v1alpha1), whose
//! files are read as they are; nothing here reads a file, matches a name or asks a cluster.

mod deploys;
mod name;
mod source;
mod sync;

pub use deploys::{Deploys, DestinationRule, Effect, KindPattern, Kinds, Project, Rule};
pub use name::{ApplicationName, BadName, FolderPath, Namespace};
pub use source::{
    Content, Directory, Helm, HelmFileParameter, HelmParameter, HelmValues, ImageOverride, Kustomize, KustomizePatch,
    PatchTarget, Plugin, PluginParameter, Renderer, Replicas, Source,
};
pub use sync::{
    Automated, Backoff, BadSyncOption, NamespaceMetadata, Propagation, Removal, Retry, RetryLimit, SYNC_OPTIONS,
    SyncFlag, SyncOption, SyncOptions, SyncPolicy,
};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A validated application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// `metadata.name`.
    pub name: ApplicationName,
    /// `metadata.namespace`: where Argo CD keeps the object. Nothing is deployed there because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations, Argo CD's own among them, as written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The project whose rules hold for it; `default` unless it names one.
    pub project: String,
    /// Where it is deployed.
    pub destination: Destination,
    /// What is deployed; never empty.
    pub sources: Vec<Source>,
    /// When and how it is synced.
    pub sync: SyncPolicy,
    /// Differences that are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<IgnoreDifference>,
    /// What its authors want to be shown with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Info>,
    /// How many syncs its history keeps, and how many healthy revisions at least.
    pub history_limit: u32,
    /// What becomes of its objects when its file is deleted.
    pub deletion: Deletion,
    /// Whether it is looked at.
    pub attention: Attention,
    /// Applications that must be healthy first, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ApplicationName>,
    /// The most that one sync may prune, where the application says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_prune: Option<MaxPrune>,
}

/// Where an application is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The cluster.
    pub cluster: ClusterReference,
    /// The namespace of objects that need one and name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
}

/// How an application refers to its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterReference {
    /// By name.
    Name(String),
    /// By the address of its API: `https://kubernetes.default.svc`.
    Server(String),
}

/// A difference between desired and live that is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IgnoreDifference {
    /// The group of the objects; empty for the core group, `*` for every one.
    #[serde(default)]
    pub group: String,
    /// Their kind; `*` for every one.
    pub kind: String,
    /// Only the object of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only objects of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Fields by JSON pointer (RFC 6901), each beginning with `/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// Fields by path expression of jq, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
    /// Fields that these field managers own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_fields_managers: Vec<String>,
}

/// Something to be shown with an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// What it is.
    pub name: String,
    /// What it says; often a URL, of whatever scheme its author wrote.
    pub value: String,
}

/// What becomes of an application's objects when its file is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deletion {
    /// They stay.
    #[default]
    Keeps,
    /// They are deleted, each after what it owns.
    Foreground,
    /// They are deleted, and what they own after them.
    Background,
}

/// Whether an application is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Attention {
    /// It is reconciled.
    #[default]
    Reconciled,
    /// Its annotation `argocd.argoproj.io/skip-reconcile` says that it is left alone.
    Skipped,
}

/// The most that one sync may prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaxPrune {
    /// So many objects.
    Objects(u32),
    /// So many in a hundred of the application's objects, 0 to 100.
    Percent(u8),
}

impl Application {
    /// `spec.revisionHistoryLimit` where a file has none (Argo CD's `RevisionHistoryLimit`).
    pub const HISTORY_LIMIT: u32 = 10;
    /// `spec.project` where a file has none, or an empty one.
    pub const DEFAULT_PROJECT: &str = "default";
}
