//! Which plugins a host uses, from where, and what they may do beyond their defaults.

use crate::diagnostic::Sink;
use crate::grant;
use crate::reader::{self, check_name, fields};
use crate::yaml::Node;
use model::Grant;
use std::collections::BTreeMap;

/// A host's plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugins {
    /// The lock's path, as written.
    pub lock: Option<String>,
    /// Grants by plugin, beyond what first-party plugins get by default.
    pub grants: BTreeMap<String, Grant>,
    /// Plugins that do not come with the binary, by name.
    pub sources: BTreeMap<String, PluginSource>,
}

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSource {
    /// A path or a reference of a registry, as written.
    pub from: String,
    /// What it may do.
    pub grants: Grant,
}

pub(crate) fn read(node: &Node, sink: &mut Sink) -> Option<Plugins> {
    let parts = fields(node, "`plugins`", &["lock", "grants", "sources"], sink)?;
    let lock = parts.get("lock").and_then(|n| reader::text(n, "`lock`", sink)).map(str::to_owned);
    let mut made = Plugins { lock, ..Plugins::default() };
    if let Some(grants) = parts.get("grants") {
        for (key, value) in reader::mapping(grants, "`grants`", sink).unwrap_or_default() {
            if check_name(key, "a plugin", sink)
                && let Some(grant) = grant::read(value, &format!("the grant of `{}`", key.text), sink)
            {
                made.grants.insert(key.text.clone(), grant);
            }
        }
    }
    if let Some(sources) = parts.get("sources") {
        for (key, value) in reader::mapping(sources, "`sources`", sink).unwrap_or_default() {
            let what = format!("the plugin `{}`", key.text);
            if !check_name(key, "a plugin", sink) {
                continue;
            }
            let Some(parts) = fields(value, &what, &["from", "grants"], sink) else { continue };
            let from = parts.require("from", &what, sink).and_then(|n| reader::text(n, "`from`", sink));
            let grants =
                parts.get("grants").and_then(|n| grant::read(n, &format!("the grant of `{}`", key.text), sink));
            if let Some(from) = from {
                let source = PluginSource { from: from.to_owned(), grants: grants.unwrap_or_default() };
                made.sources.insert(key.text.clone(), source);
            }
        }
    }
    Some(made)
}
