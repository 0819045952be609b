//! What may be deployed where: the rules of a repository in the host's configuration, and those of an Argo CD project.
//! They are one type, so that one decision serves both. Without a rule nothing is allowed.

use serde::{Deserialize, Serialize};

/// What may be deployed where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deploys {
    /// Repositories that may be sources, by address; a `*` stays within one segment, `**` does not.
    pub sources: Vec<Rule>,
    /// Clusters and namespaces. One that allows must be met, and none that denies.
    pub destinations: Vec<DestinationRule>,
    /// Kinds that are of the whole cluster; nothing unless allowed.
    pub cluster_wide: Kinds,
    /// Kinds that live in a namespace.
    pub namespaced: Kinds,
}

/// Whether what a rule matches is allowed or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It is allowed, if nothing denies it.
    Allow,
    /// It is denied, whatever allows it.
    Deny,
}

/// A glob that allows, or with a `!` in front denies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it does.
    pub effect: Effect,
    /// Of what.
    pub pattern: String,
}

impl Rule {
    /// Reads one: `team-*`, `!kube-system`.
    pub fn new(text: &str) -> Self {
        let (effect, pattern) = text.strip_prefix('!').map_or((Effect::Allow, text), |rest| (Effect::Deny, rest));
        Self { effect, pattern: pattern.to_owned() }
    }
}

/// Clusters, and namespaces of each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationRule {
    /// Clusters by name.
    pub names: Vec<Rule>,
    /// Clusters by the address of their API.
    pub servers: Vec<Rule>,
    /// Namespaces.
    pub namespaces: Vec<Rule>,
}

/// Kinds that are allowed and denied; a denied one is denied whatever allows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kinds {
    /// Those allowed; nothing means the scope's own default, an empty list means none.
    pub allow: Option<Vec<KindPattern>>,
    /// Those denied.
    pub deny: Vec<KindPattern>,
}

/// Kinds of objects; each part is a glob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindPattern {
    /// The group; empty is the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// Only objects of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An Argo CD project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// `metadata.name`, by which applications name it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its rules. They only ever narrow what the repository's own rules allow.
    pub deploys: Deploys,
}
