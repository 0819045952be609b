//! What was resolved and may be loaded: `tidegate.lock`. At run time only the lock counts: a component that differs from
//! it in bytes or imports is refused.

mod description;
mod want;

use crate::component::Plugin;
pub(crate) use description::clean as clean_description;
use model::{Blame, Digest, Failure, Grant};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use want::{grant_of, widen};

/// A lock file: JSON, sorted, so that a diff shows what changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// The format, 1.
    pub version: u32,
    /// The plugins by name.
    pub plugins: BTreeMap<String, Locked>,
}

/// A locked plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Locked {
    /// Where it came from, as configured; `builtin` for one that ships with Tidegate.
    pub source: String,
    /// Its own version.
    pub version: String,
    /// The component's bytes.
    pub digest: Digest,
    /// The interface that it was locked against.
    pub interface: String,
    /// One line.
    pub summary: String,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it offers.
    pub offers: Vec<Offer>,
}

/// One thing that a plugin offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offer {
    /// `step`, `renderer`…
    pub role: String,
    /// Its name within the plugin.
    pub name: String,
    /// One line.
    pub summary: String,
    /// JSON Schema of its inputs.
    pub inputs: Value,
    /// JSON Schema of its outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// Whether an interrupted attempt is simply run again; else the plugin is probed.
    pub idempotent: bool,
    /// What it wants, by interface.
    pub capabilities: Vec<Capability>,
    /// Open-ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A wanted capability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capability {
    /// The interface: `process`.
    pub name: String,
    /// Why, for the person who grants it.
    pub reason: String,
    /// The least grant that is enough.
    pub scope: Value,
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: 1, plugins: BTreeMap::new() }
    }
}

impl Lock {
    /// Reads a lock. Error: `invalid` with the place.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: String| {
            Failure::new(Blame::User, "invalid", format!("tidegate.lock cannot be read: {why}"))
                .hint("`tidegate plugin lock` writes it anew")
        };
        let lock: Self = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if lock.version != 1 {
            return Err(bad(format!("its version is {}, this Tidegate knows 1", lock.version)));
        }
        Ok(lock)
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_else(|_| unreachable!("names are strings"));
        text.push('\n');
        text
    }

    /// The step that `uses:` names, with its plugin's name. `exec` is short for `exec/exec`.
    pub fn step(&self, uses: &str) -> Option<(&str, &Locked, &Offer)> {
        self.offer("step", uses)
    }

    /// The renderer of this name, with its plugin's name; written as steps are.
    pub fn renderer(&self, name: &str) -> Option<(&str, &Locked, &Offer)> {
        self.offer("renderer", name)
    }

    fn offer(&self, role: &str, written: &str) -> Option<(&str, &Locked, &Offer)> {
        let (plugin, name) = written.split_once('/').unwrap_or((written, written));
        let (plugin, locked) = self.plugins.get_key_value(plugin)?;
        let offer = locked.offers.iter().find(|offer| offer.role == role && offer.name == name)?;
        Some((plugin, locked, offer))
    }

    /// What pipelines may write after `uses:`.
    pub fn steps(&self) -> Vec<String> {
        self.names("step")
    }

    /// The names of all renderers.
    pub fn renderers(&self) -> Vec<String> {
        self.names("renderer")
    }

    fn names(&self, role: &str) -> Vec<String> {
        let name = |plugin: &String, offer: &String| match plugin == offer {
            true => plugin.clone(),
            false => format!("{plugin}/{offer}"),
        };
        let offers = self.plugins.iter().flat_map(|(plugin, locked)| locked.offers.iter().map(move |o| (plugin, o)));
        offers.filter(|(_, offer)| offer.role == role).map(|(plugin, offer)| name(plugin, &offer.name)).collect()
    }
}

impl Locked {
    /// Whether a loaded component is the locked one. Error: `denied` naming what differs.
    pub fn check(&self, name: &str, plugin: &Plugin) -> Result<(), Failure> {
        let hint = "look at the change, then run `tidegate plugin lock`";
        if *plugin.digest() != self.digest {
            let (found, locked) = (plugin.digest().short(), self.digest.short());
            let message = format!("plugin `{name}` is {found}, but tidegate.lock has {locked}");
            return Err(Failure::denied(message).hint(hint));
        }
        let extra: Vec<_> = plugin.imports().iter().filter(|import| !self.imports.contains(import)).cloned().collect();
        if !extra.is_empty() {
            let message = format!("plugin `{name}` imports {}, which tidegate.lock does not know", extra.join(", "));
            return Err(Failure::denied(message).hint(hint));
        }
        Ok(())
    }

    /// All that its offers want, as one grant.
    pub fn wants(&self) -> Grant {
        let mut all = Grant::default();
        for capability in self.offers.iter().flat_map(|offer| &offer.capabilities) {
            if let Ok(grant) = grant_of(&capability.name, &capability.scope) {
                widen(&mut all, grant);
            }
        }
        all
    }
}
