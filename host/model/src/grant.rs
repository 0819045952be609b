//! What a plugin may do. Grants are written by operators in `tidegate.yaml`; a step may only narrow them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The grants of one plugin, by capability. An absent capability is not granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// The step's files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceGrant>,
    /// Native programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessGrant>,
    /// Artifacts of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactGrant>,
    /// Repositories of the host's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryGrant>,
    /// How votes stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalGrant>,
}

/// How a step sees its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WorkspaceGrant {
    /// Files can be read.
    Read,
    /// Files can be read and written.
    Write,
}

/// Which native programs may be run, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessGrant {
    /// Program names (`sh`, `terraform`) or `*` for any on the jail's `PATH`.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Names of environment variables that a child may be given; `*` within a name matches any text.
    #[serde(default)]
    pub environment: Vec<String>,
    /// Folders outside the workspace, absolute, that a child may use.
    #[serde(default)]
    pub paths: PathGrant,
    /// Network of the child: `none` or `all`.
    #[serde(default)]
    pub network: NetworkGrant,
}

/// Folders outside the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PathGrant {
    /// For reading and running.
    #[serde(default)]
    pub read: Vec<String>,
    /// For reading and writing.
    #[serde(default)]
    pub write: Vec<String>,
}

/// What a child may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NetworkGrant {
    /// Nothing: a network namespace of its own.
    #[default]
    None,
    /// Everything that the machine reaches.
    All,
}

/// Which artifacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactGrant {
    /// Whether it may store artifacts as well.
    #[serde(default)]
    pub write: bool,
}

/// Which repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryGrant {
    /// Repositories that may be read, by name or `*`.
    #[serde(default)]
    pub read: Vec<String>,
    /// Repositories that may be changed: branches and paths by repository name or `*`.
    #[serde(default)]
    pub write: BTreeMap<String, WriteScope>,
}

/// Where in a repository a plugin may write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WriteScope {
    /// Branches, as globs.
    #[serde(default = "everything")]
    pub branches: Vec<String>,
    /// Paths, as globs.
    #[serde(default = "everything")]
    pub paths: Vec<String>,
}

fn everything() -> Vec<String> {
    vec!["**".to_owned()]
}

impl Default for WriteScope {
    fn default() -> Self {
        Self { branches: everything(), paths: everything() }
    }
}

/// Reading votes has no narrower form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGrant {}
