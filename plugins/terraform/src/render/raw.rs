//! What `terraform show -json PLAN` prints, as far as it is read. Whatever is not named here is never looked at, so it
//! cannot be shown. Everything in these types is in clear: nothing but `redact` may take them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// A plan.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// `1.2`.
    #[serde(deserialize_with = "or_default")]
    pub format_version: String,
    /// The tool's version.
    #[serde(deserialize_with = "or_default")]
    pub terraform_version: String,
    /// When the plan was made.
    #[serde(deserialize_with = "or_default")]
    pub timestamp: String,
    /// Whether it can be applied at all.
    pub applyable: Option<bool>,
    /// False where a part of the configuration is left for a later plan.
    pub complete: Option<bool>,
    /// Whether planning failed half way.
    #[serde(deserialize_with = "or_default")]
    pub errored: bool,
    /// The root module's variables, secret ones too.
    #[serde(deserialize_with = "or_default")]
    pub variables: BTreeMap<String, Variable>,
    /// One entry for each object, those that stay as they are too.
    #[serde(deserialize_with = "or_default")]
    pub resource_changes: Vec<Resource>,
    /// What changed behind the tool's back.
    #[serde(deserialize_with = "or_default")]
    pub resource_drift: Vec<Resource>,
    /// Actions that applying invokes, since Terraform 1.14.
    #[serde(deserialize_with = "or_default")]
    pub action_invocations: Vec<Invocation>,
    /// What is left for a later plan.
    #[serde(deserialize_with = "or_default")]
    pub deferred_changes: Vec<Deferred>,
    /// The root module's outputs.
    #[serde(deserialize_with = "or_default")]
    pub output_changes: BTreeMap<String, Change>,
    /// Check blocks and conditions.
    #[serde(deserialize_with = "or_default")]
    pub checks: Vec<Check>,
    /// Which variables are declared sensitive.
    #[serde(deserialize_with = "or_default")]
    pub configuration: Configuration,
    /// The outputs as they will be.
    #[serde(deserialize_with = "or_default")]
    pub planned_values: Values,
}

/// An action that applying invokes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Invocation {
    /// `action.aws_lambda_invoke.notify`.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
}

/// The value of a variable.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Variable {
    /// In clear.
    pub value: Value,
}

/// One object of the state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// `module.a.terraform_data.b["c"]`.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// Where it was before a `moved` block.
    pub previous_address: Option<String>,
    /// `managed` or `data`.
    #[serde(deserialize_with = "or_default")]
    pub mode: String,
    /// The resource type.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Set where it is an object that a failed replacement left behind.
    pub deposed: Option<String>,
    /// Why: `replace_because_cannot_update`.
    pub action_reason: Option<String>,
    /// What happens to it.
    #[serde(deserialize_with = "or_default")]
    pub change: Change,
}

/// Before and after.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// `no-op`, `create`, `read`, `update`, `delete`, `forget`; two of them for a replacement.
    #[serde(deserialize_with = "or_default")]
    pub actions: Vec<String>,
    /// In clear.
    pub before: Value,
    /// In clear, without what is not known yet.
    pub after: Value,
    /// True where the value is not known yet.
    pub after_unknown: Value,
    /// True where it is sensitive.
    pub before_sensitive: Value,
    /// True where it is sensitive.
    pub after_sensitive: Value,
    /// Paths of the attributes that force a replacement.
    #[serde(deserialize_with = "or_default")]
    pub replace_paths: Vec<Vec<Value>>,
    /// Where an existing object is taken over.
    pub importing: Option<Importing>,
}

/// An object that is taken over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Importing {
    /// The provider's id.
    pub id: Option<String>,
}

/// A change that is left for a later plan.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Deferred {
    /// Why.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// What.
    #[serde(deserialize_with = "or_default")]
    pub resource_change: Resource,
}

/// A check block, or an object with conditions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Check {
    /// What is checked.
    #[serde(deserialize_with = "or_default")]
    pub address: Address,
    /// `pass`, `fail`, `error` or `unknown`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// One for each object.
    #[serde(deserialize_with = "or_default")]
    pub instances: Vec<Instance>,
}

/// What a check is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Address {
    /// `check.c`.
    #[serde(deserialize_with = "or_default")]
    pub to_display: String,
}

/// One checked object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Instance {
    /// What failed.
    #[serde(deserialize_with = "or_default")]
    pub problems: Vec<Problem>,
}

/// A failed condition.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// In the author's words.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

/// What the author wrote.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// The root module.
    #[serde(deserialize_with = "or_default")]
    pub root_module: Module,
}

/// A module.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Module {
    /// Its variables.
    #[serde(deserialize_with = "or_default")]
    pub variables: BTreeMap<String, Declaration>,
}

/// A variable's declaration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Declaration {
    /// Whether its value is secret.
    #[serde(deserialize_with = "or_default")]
    pub sensitive: bool,
    /// Whether it is in neither plan nor state.
    #[serde(deserialize_with = "or_default")]
    pub ephemeral: bool,
}

/// The planned values.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Values {
    /// The root module's outputs.
    #[serde(deserialize_with = "or_default")]
    pub outputs: BTreeMap<String, Output>,
}

/// An output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Whether its value is secret.
    #[serde(deserialize_with = "or_default")]
    pub sensitive: bool,
    /// In clear; absent while it is not known.
    pub value: Option<Value>,
}

/// `null` is as good as nothing, in every field.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(source: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_default())
}
