//! What the steps give.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What `terraform/validate` gives.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Validated {
    /// How many warnings there are.
    pub warnings: u32,
    /// The tool and its version: `terraform 1.11.4`.
    pub tool: String,
}

/// What `terraform/plan` gives.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The digest of the plan, for `terraform/apply`. It is encrypted at rest.
    pub plan: String,
    /// One line: `2 to add, 1 to change, 0 to destroy`.
    pub summary: String,
    /// Whether there is anything to do.
    pub changes: bool,
    /// Objects that are made, without those that replace others.
    pub creates: u32,
    /// Objects that are changed in place.
    pub updates: u32,
    /// Objects that are destroyed and made anew.
    pub replaces: u32,
    /// Objects that are destroyed for good.
    pub deletes: u32,
    /// Objects that changed outside since the last apply.
    pub drift: u32,
    /// The plan for people, at most 60 KiB, without secrets.
    pub markdown: String,
    /// The plan in the shape of `terraform show -json`, without secrets; absent where it is larger than 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The digest of the artifact that holds that JSON.
    pub json_artifact: String,
    /// The tool and its version: `terraform 1.11.4`.
    pub tool: String,
}

/// What `terraform/drift` gives.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drifted {
    /// How many objects and outputs are not as the state says.
    pub drift: u32,
    /// What is not, for people, at most 60 KiB, without secrets.
    pub markdown: String,
    /// The same in the shape of `terraform show -json`, without secrets; absent where it is larger than 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The digest of the artifact that holds that JSON.
    pub json_artifact: String,
    /// The tool and its version: `terraform 1.11.4`.
    pub tool: String,
}

/// What `terraform/apply` gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The root module's outputs, without those that are sensitive.
    pub outputs: BTreeMap<String, Value>,
    /// The names of the outputs that are sensitive.
    pub sensitive_outputs: Vec<String>,
    /// One line: `2 added, 1 changed, 0 destroyed`.
    pub summary: String,
    /// How many objects were made.
    pub added: u32,
    /// How many objects were changed.
    pub changed: u32,
    /// How many objects were destroyed.
    pub destroyed: u32,
    /// How many objects were taken over.
    pub imported: u32,
    /// The state's serial number afterwards, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// The state's lineage, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    /// What was done, for people.
    pub markdown: String,
}
