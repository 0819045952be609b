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
    /// How applications stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationGrant>,
    /// HTTP through the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpGrant>,
    /// Secrets that a step's inputs name, and registry logins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretGrant>,
    /// Folders that are kept from one run to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheGrant>,
    /// What a renderer reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceGrant>,
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
    /// Network of the child: `none`, `all`, or `proxy: [host:port]`.
    #[serde(default)]
    pub network: NetworkGrant,
    /// How the child is confined: `strict`, `builder` for tools that build images, `delegated` for those that have a daemon
    /// do it, which is no jail at all.
    #[serde(default, skip_serializing_if = "ProfileGrant::is_strict")]
    pub profile: ProfileGrant,
}

/// How a child is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProfileGrant {
    /// A private root under file rules, no capability, an unprivileged user.
    #[default]
    Strict,
    /// Root in a user namespace of its own, in a private root without file rules: what image builders need.
    Builder,
    /// Outside the jail, by the operator's word: for clients of a daemon such as docker's.
    Delegated,
}

impl ProfileGrant {
    /// Whether it is the default.
    pub fn is_strict(&self) -> bool {
        *self == Self::Strict
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NetworkGrant {
    /// Nothing: a network namespace of its own.
    #[default]
    None,
    /// Everything that the machine reaches.
    All,
    /// These hosts with their ports, through the host's proxy: `*.amazonaws.com:443`, `127.0.0.1:5000`.
    Proxy(Vec<String>),
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

/// Which servers a plugin may call, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpGrant {
    /// Hosts: `registry.example.com`, `*.example.com:8443`, `*` for any public one, `http://10.0.0.7:5000` without TLS.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Methods in upper case; `*` for any.
    #[serde(default = "any")]
    pub methods: Vec<String>,
}

/// Which secrets a plugin may pass on, and to where. A secret must be named by the step's inputs as well, and the
/// configuration must admit the step to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretGrant {
    /// Names of credentials, and `registry:HOST`; `*` within a name matches any text.
    #[serde(default)]
    pub names: Vec<String>,
    /// Variables of children into which a secret may be swapped; `*` within a name matches any text.
    #[serde(default)]
    pub variables: Vec<String>,
    /// Hosts to which a header with a secret may be sent, as `host:port`; `*` matches any text.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether the plugin may see values itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reveal: bool,
}

/// Whether a plugin may keep folders for later runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheGrant {
    /// Whether it may store entries as well as take them.
    #[serde(default)]
    pub write: bool,
}

/// Which files a renderer may read, of those that a request is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceGrant {
    /// Repositories by name; `*` within a name matches any text.
    #[serde(default = "any")]
    pub repositories: Vec<String>,
    /// The folder in them below which it may read; all of them unless given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
}

impl Default for SourceGrant {
    fn default() -> Self {
        Self { repositories: any(), path: String::new() }
    }
}

fn any() -> Vec<String> {
    vec!["*".to_owned()]
}

/// About which applications a plugin may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationGrant {
    /// Applications by name; `*` within a name matches any text.
    #[serde(default = "any")]
    pub names: Vec<String>,
}

impl Default for ApplicationGrant {
    fn default() -> Self {
        Self { names: any() }
    }
}

/// Reading votes has no narrower form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGrant {}
