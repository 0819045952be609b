//! The files that people write: YAML text becomes a validated locked form, or a list of all its problems with their
//! places. It never does IO, never asks a clock, and never resolves a path.

mod application;
mod bound;
mod catalog;
mod check;
mod cluster;
mod code;
mod concurrency;
mod credential;
mod cron;
mod deploys;
mod diagnostic;
mod discover;
mod duration;
mod environment;
mod expression;
mod glob;
mod grant;
mod graph;
mod head;
mod host;
mod impersonate;
mod keeping;
mod literal;
mod manifests;
mod matching;
mod nearest;
mod object;
mod pipeline;
mod plugins;
mod reader;
mod reference;
mod render;
mod repository;
mod resolve;
mod scalar;
mod schema;
mod scope;
mod secret;
mod source;
mod step;
mod template;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
mod trigger;
mod unserved;
mod window;
mod yaml;

pub use application::{
    Declaration, Declarations, Declared, DeclaredKind, OVERRIDES, applications, overridden, own_overrides,
};
pub use catalog::{Catalog, StepOffer};
pub use cluster::{Cluster, Mode, Reach};
pub use code::CODES;
pub use credential::{Credential, CredentialSteps};
pub use diagnostic::{Diagnostic, Parsed, Severity};
pub use discover::{Findings, Fitness, FoundApplication, Unread, Why, discover};
pub use environment::{Environment, Owned, Owns, Requirement};
pub use head::{Head, head, kind_of};
pub use host::{HostConfig, Jail, host};
pub use impersonate::{Account, Impersonate};
pub use keeping::{Artifacts, EncryptionKey};
pub use manifests::{manifests, to_yaml};
pub use matching::{
    BadGlob, Detected, KindScope, Permit, RepositoryKey, Selection, Target, cluster_of, detect_renderer,
    is_kustomization, repository_of, without_secret,
};
pub use nearest::nearest;
pub use object::{Line, Object, ObjectName, objects};
pub use pipeline::pipeline;
pub use plugins::{PluginSource, Plugins};
pub use render::{render, to_json};
pub use repository::Repository;
pub use resolve::{condition, evaluate, items, resolve, resolve_partial};
pub use scalar::scalar;
pub use schema::{Kind, schema};
pub use scope::Scope;
pub use secret::SecretRef;
pub use source::Source;

/// The `apiVersion` of every file that this build reads.
pub const API_VERSION: &str = "tidegate.dev/v1alpha1";
