//! What the steps take.

use crate::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate::container;

/// The `with` of `terraform/validate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validate {
    /// The folder of the root module in the workspace.
    pub directory: String,
    /// Whether files that `fmt` would write differently are an error, too.
    #[serde(default)]
    pub format: bool,
    /// Which tool; `terraform` unless given, or `tofu` where there is no `terraform`.
    #[serde(default)]
    pub tool: Option<Tool>,
    /// Which versions of it will do: `~> 1.9`, or one exactly.
    #[serde(default)]
    pub version: Option<String>,
    /// A container image that has the tool, by digest: `docker.io/hashicorp/terraform@sha256:…`. The tool of that image is
    /// run, in a container that Buildah, Podman or Docker makes, and not that of the machine. It takes a jail that can make
    /// containers: the profile `builder`, the program `sh`, and a network to the registry, which an operator grants.
    /// Buildah needs the image's `sh`, and its `cat` where there are variables.
    #[serde(default)]
    pub image: Option<String>,
    /// Takes the image from a registry that speaks plain HTTP, or whose certificate nobody vouches for.
    #[serde(default)]
    pub insecure: bool,
    /// What makes the container.
    #[serde(default)]
    pub container_tool: container::Tool,
    /// Folders of the machine, absolute, that are in the container as well: that of a local state, or of a mirror of
    /// providers. An operator grants them to the plugin. Not for Docker.
    #[serde(default)]
    pub folders: Vec<String>,
    /// Environment variables for the tool. A pipeline writes them as the step's own `env`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// The `with` of `terraform/plan`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// The folder of the root module in the workspace.
    pub directory: String,
    /// The Terraform workspace, made where there is none of that name; `default` unless given.
    #[serde(default)]
    pub workspace: Option<String>,
    /// Settings of the backend: files, relative to `directory`, and `key=value` pairs. A later one counts. They reach
    /// the tool by its environment, so that a value may be a secret without a `'` in it.
    #[serde(default)]
    pub backend_config: Vec<String>,
    /// Files of variables, relative to `directory`. A later one counts.
    #[serde(default)]
    pub var_files: Vec<String>,
    /// Variables, given as `TF_VAR_` environment variables: files of variables, also `terraform.tfvars`, count more. A
    /// variable that is a list or a map here needs a `type` in the configuration. A secret must be a value of its own.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// Environment variables for the tool, credentials of providers say. A pipeline writes them as the step's own `env`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Which tool; `terraform` unless given, or `tofu` where there is no `terraform`.
    #[serde(default)]
    pub tool: Option<Tool>,
    /// Which versions of it will do: `~> 1.9`, or one exactly.
    #[serde(default)]
    pub version: Option<String>,
    /// A container image that has the tool, by digest: `docker.io/hashicorp/terraform@sha256:…`. The tool of that image is
    /// run, in a container that Buildah, Podman or Docker makes, and not that of the machine. It takes a jail that can make
    /// containers: the profile `builder`, the program `sh`, and a network to the registry, which an operator grants.
    /// Buildah needs the image's `sh`, and its `cat` where there are variables.
    #[serde(default)]
    pub image: Option<String>,
    /// Takes the image from a registry that speaks plain HTTP, or whose certificate nobody vouches for.
    #[serde(default)]
    pub insecure: bool,
    /// What makes the container.
    #[serde(default)]
    pub container_tool: container::Tool,
    /// Folders of the machine, absolute, that are in the container as well: that of a local state, or of a mirror of
    /// providers. An operator grants them to the plugin. Not for Docker.
    #[serde(default)]
    pub folders: Vec<String>,
    /// How many objects are worked on at a time; 10 unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub parallelism: Option<u32>,
    /// How long to wait for somebody else's lock of the state.
    #[serde(default = "lock_timeout")]
    pub lock_timeout: String,
    /// Only these objects and what they depend on, by address. For emergencies.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Plans to destroy everything.
    #[serde(default)]
    pub destroy: bool,
    /// Plans to take over into the state what changed outside, and nothing else.
    #[serde(default)]
    pub refresh_only: bool,
}

/// The `with` of `terraform/apply`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apply {
    /// The digest of the plan: `${{ steps.plan.outputs.plan }}`.
    pub plan: String,
    /// Environment variables for the tool, credentials of providers say. A pipeline writes them as the step's own `env`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How many objects are worked on at a time; 10 unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub parallelism: Option<u32>,
    /// How long to wait for somebody else's lock of the state.
    #[serde(default = "lock_timeout")]
    pub lock_timeout: String,
}

/// The `with` of `terraform/drift`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// The folder of the root module in the workspace.
    pub directory: String,
    /// The Terraform workspace, which must exist; `default` unless given.
    #[serde(default)]
    pub workspace: Option<String>,
    /// Settings of the backend: files, relative to `directory`, and `key=value` pairs. A later one counts. They reach
    /// the tool by its environment, so that a value may be a secret without a `'` in it.
    #[serde(default)]
    pub backend_config: Vec<String>,
    /// Files of variables, relative to `directory`. A later one counts.
    #[serde(default)]
    pub var_files: Vec<String>,
    /// Variables, given as `TF_VAR_` environment variables: files of variables, also `terraform.tfvars`, count more. A
    /// variable that is a list or a map here needs a `type` in the configuration. A secret must be a value of its own.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// Environment variables for the tool; credentials that may only read are enough. A pipeline writes them as the
    /// step's own `env`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Which tool; `terraform` unless given, or `tofu` where there is no `terraform`.
    #[serde(default)]
    pub tool: Option<Tool>,
    /// Which versions of it will do: `~> 1.9`, or one exactly.
    #[serde(default)]
    pub version: Option<String>,
    /// A container image that has the tool, by digest: `docker.io/hashicorp/terraform@sha256:…`. The tool of that image is
    /// run, in a container that Buildah, Podman or Docker makes, and not that of the machine. It takes a jail that can make
    /// containers: the profile `builder`, the program `sh`, and a network to the registry, which an operator grants.
    /// Buildah needs the image's `sh`, and its `cat` where there are variables.
    #[serde(default)]
    pub image: Option<String>,
    /// Takes the image from a registry that speaks plain HTTP, or whose certificate nobody vouches for.
    #[serde(default)]
    pub insecure: bool,
    /// What makes the container.
    #[serde(default)]
    pub container_tool: container::Tool,
    /// Folders of the machine, absolute, that are in the container as well: that of a local state, or of a mirror of
    /// providers. An operator grants them to the plugin. Not for Docker.
    #[serde(default)]
    pub folders: Vec<String>,
    /// How many objects are read at a time; 10 unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub parallelism: Option<u32>,
    /// Whether the step fails where it finds drift.
    #[serde(default)]
    pub fail_on_drift: bool,
}

fn lock_timeout() -> String {
    "5m".to_owned()
}
