//! What was resolved and may be loaded: `tidegate.lock`. At run time only the lock counts: a component that differs from
//! it in bytes or imports is refused.

use crate::component::{FREE, INTERFACE, Plugin};
use crate::wit::description::{Description, Interruption};
use model::grant::{ApprovalGrant, ArtifactGrant, Grant, ProcessGrant, RepositoryGrant, WorkspaceGrant, WriteScope};
use model::{Blame, Digest, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
        let (plugin, step) = uses.split_once('/').unwrap_or((uses, uses));
        let (name, locked) = self.plugins.get_key_value(plugin)?;
        let offer = locked.offers.iter().find(|offer| offer.role == "step" && offer.name == step)?;
        Some((name, locked, offer))
    }

    /// What pipelines may write after `uses:`.
    pub fn steps(&self) -> Vec<String> {
        let name = |plugin: &String, step: &String| match plugin == step {
            true => plugin.clone(),
            false => format!("{plugin}/{step}"),
        };
        let offers = self.plugins.iter().flat_map(|(plugin, locked)| locked.offers.iter().map(move |o| (plugin, o)));
        offers.filter(|(_, offer)| offer.role == "step").map(|(plugin, offer)| name(plugin, &offer.name)).collect()
    }
}

impl Locked {
    /// Locks a component by what it says of itself. All that is wrong is answered at once.
    pub fn new(source: &str, plugin: &Plugin, description: Description) -> Result<(String, Self), Vec<Failure>> {
        let mut wrong = Vec::new();
        let mut refuse = |message: String| wrong.push(Failure::new(Blame::Plugin, "invalid", message));
        let name = description.name;
        if !is_name(&name) {
            refuse(format!("its name {name:?} is not 1 to 63 lower-case letters, digits and `-`"));
        }
        if !is_version(&description.version) {
            refuse(format!("its version {:?} is no semantic version", description.version));
        }
        if description.offers.is_empty() {
            refuse("it offers nothing".to_owned());
        }
        let (mut offers, mut seen, mut wanted) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for offer in description.offers {
            let what = format!("its offer {} `{}`", offer.role, offer.name);
            if !seen.insert((offer.role.clone(), offer.name.clone())) {
                refuse(format!("{what} is there twice"));
            }
            let mut schema = |text: &str, of: &str| {
                schema_of(text).unwrap_or_else(|why| {
                    refuse(format!("{what}: the schema of its {of} {why}"));
                    json!({})
                })
            };
            let inputs = schema(&offer.inputs, "inputs");
            let outputs = offer.outputs.as_deref().map(|text| schema(text, "outputs"));
            let mut capabilities = Vec::new();
            for capability in offer.capabilities {
                let scope =
                    schema_of(&capability.scope).and_then(|scope| grant_of(&capability.name, &scope).map(|_| scope));
                let scope = scope.unwrap_or_else(|why| {
                    refuse(format!("{what}: the scope of `{}` is no grant: it {why}", capability.name));
                    json!({})
                });
                wanted.insert(capability.name.clone());
                capabilities.push(Capability { name: capability.name, reason: capability.reason, scope });
            }
            offers.push(Offer {
                role: offer.role,
                name: offer.name,
                summary: offer.summary,
                inputs,
                outputs,
                idempotent: offer.interruption == Interruption::Idempotent,
                capabilities,
                annotations: offer.annotations.into_iter().map(|a| (a.name, a.value)).collect(),
            });
        }
        let imported = capabilities(plugin.imports());
        for import in imported.difference(&wanted) {
            refuse(format!("it imports `{import}`, which no offer asks for"));
        }
        for want in wanted.difference(&imported) {
            refuse(format!("an offer asks for `{want}`, which it does not import"));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let locked = Self {
            source: source.to_owned(),
            version: description.version,
            digest: plugin.digest().clone(),
            interface: INTERFACE.to_owned(),
            summary: description.summary,
            imports: plugin.imports().to_vec(),
            offers,
        };
        Ok((name, locked))
    }

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

fn schema_of(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err("is no JSON object".to_owned()),
        Err(e) => Err(format!("is no JSON: {e}")),
    }
}

/// The imports that need a grant.
fn capabilities(imports: &[String]) -> BTreeSet<String> {
    let inert = |name: &str| name.starts_with("wasi:") || FREE.contains(&name);
    imports.iter().filter(|name| !inert(name)).cloned().collect()
}

/// A capability's scope as a grant; `{}` asks for all of it. Capabilities that no grant has yet are empty.
fn grant_of(name: &str, scope: &Value) -> Result<Grant, String> {
    let all = scope.as_object().is_none_or(serde_json::Map::is_empty);
    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
        serde_json::from_value(value.clone()).map_err(|e| format!("does not fit: {e}"))
    }
    let mut grant = Grant::default();
    match name {
        "workspace-read" => grant.workspace = Some(WorkspaceGrant::Read),
        "workspace-write" => grant.workspace = Some(WorkspaceGrant::Write),
        "process" if all => {
            let star = || vec!["*".to_owned()];
            grant.process = Some(ProcessGrant { programs: star(), environment: star(), ..ProcessGrant::default() });
        }
        "process" => grant.process = Some(read(scope)?),
        "artifact-read" => grant.artifact = Some(ArtifactGrant { write: false }),
        "artifact-write" => grant.artifact = Some(ArtifactGrant { write: true }),
        "repository-read" if all => {
            grant.repository = Some(RepositoryGrant { read: vec!["*".into()], ..<_>::default() })
        }
        "repository-write" if all => {
            let write = [("*".to_owned(), WriteScope::default())].into();
            grant.repository = Some(RepositoryGrant { write, ..RepositoryGrant::default() });
        }
        "repository-read" | "repository-write" => grant.repository = Some(read(scope)?),
        "approval" => grant.approval = Some(ApprovalGrant {}),
        _ => {}
    }
    Ok(grant)
}

fn widen(all: &mut Grant, more: Grant) {
    all.workspace = all.workspace.max(more.workspace);
    all.approval = all.approval.or(more.approval);
    if let Some(artifact) = more.artifact {
        let write = all.artifact.as_ref().is_some_and(|a| a.write) || artifact.write;
        all.artifact = Some(ArtifactGrant { write });
    }
    if let Some(process) = more.process {
        let own = all.process.get_or_insert_with(ProcessGrant::default);
        own.programs.extend(process.programs);
        own.environment.extend(process.environment);
        own.paths.read.extend(process.paths.read);
        own.paths.write.extend(process.paths.write);
        if process.network == model::grant::NetworkGrant::All {
            own.network = process.network;
        }
    }
    if let Some(repository) = more.repository {
        let own = all.repository.get_or_insert_with(RepositoryGrant::default);
        own.read.extend(repository.read);
        own.write.extend(repository.write);
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}

/// `MAJOR.MINOR.PATCH` with an optional pre-release and build.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<_> = core.split('.').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(digits) && text.len() <= 100
}
