//! The plugins that a host has: those of the binary and those of its lock, and what each is granted.

use crate::settings::Settings;
use manifest::{Catalog, StepOffer};
use model::{Blame, Digest, Failure, Grant};
use plugin::{Carried, Library, Lock, Locked, Plugin, PluginHost};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The plugins that a binary carries.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Their lock.
    pub lock: &'static str,
    /// Their components.
    pub components: &'static [Carried],
}

/// A step as a run pins it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedStep {
    /// The plugin.
    pub plugin: String,
    /// The step's name within it.
    pub step: String,
    /// The component.
    pub digest: Digest,
    /// What it may do at most.
    pub grant: Grant,
    /// Whether an interrupted attempt is simply run again.
    pub idempotent: bool,
    /// Whether its inputs have `env`, into which the step's own goes.
    pub takes_env: bool,
    /// The interfaces that it wants.
    pub wants: Vec<String>,
}

/// A renderer as a render uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedRenderer {
    /// The plugin.
    pub plugin: String,
    /// The renderer's name within it.
    pub renderer: String,
    /// The component.
    pub digest: Digest,
    /// What it may do at most.
    pub grant: Grant,
}

/// Plugins by name, and components by digest.
pub struct Shelf {
    host: PluginHost,
    library: Library,
    builtin: Builtin,
    /// Both locks in one; a configured plugin may not take a first-party name.
    lock: Lock,
    grants: BTreeMap<String, Grant>,
    /// Where configured plugins are: a new state folder has none of them yet.
    sources: BTreeMap<String, PathBuf>,
    loaded: Mutex<HashMap<Digest, Arc<Plugin>>>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").field("plugins", &self.lock.plugins.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl Shelf {
    /// Joins the binary's plugins and the configured ones.
    pub fn new(host: PluginHost, library: Library, builtin: Builtin, settings: &Settings) -> Result<Self, Failure> {
        let Offers(lock) = Offers::new(builtin, settings)?;
        let builtin_only = lock.plugins.iter().filter(|(_, locked)| locked.source == BUILTIN);
        let mut grants: BTreeMap<String, Grant> = builtin_only.map(|(n, l)| (n.clone(), l.wants())).collect();
        for (name, written) in &settings.grants {
            let grant = grants.entry(name.clone()).or_default();
            *grant = replaced(grant.clone(), written.clone());
        }
        let place = |from: &String| settings.base.join(from);
        let sources = settings.sources.iter().map(|(name, from)| (name.clone(), place(from))).collect();
        Ok(Self { host, library, builtin, lock, grants, sources, loaded: Mutex::default() })
    }

    /// The step that `uses:` names, as a run pins it. Errors: `not-found`, `denied` for a configured plugin that is not
    /// locked.
    pub fn pin(&self, uses: &str) -> Result<PinnedStep, Failure> {
        let Some((name, locked, offer)) = self.lock.step(uses) else {
            let message = format!("no plugin offers the step `{uses}`");
            return Err(Failure::new(Blame::User, "not-found", message)
                .hint("plugins of `spec.plugins.sources` must be locked: `tidegate plugin lock --accept`"));
        };
        Ok(PinnedStep {
            plugin: name.to_owned(),
            step: offer.name.clone(),
            digest: locked.digest.clone(),
            grant: self.grants.get(name).cloned().unwrap_or_default(),
            idempotent: offer.idempotent,
            takes_env: offer.inputs.pointer("/properties/env").is_some(),
            wants: offer.capabilities.iter().map(|capability| capability.name.clone()).collect(),
        })
    }

    /// The renderer of this name. Errors: `not-found`, with those that there are.
    pub fn pin_renderer(&self, name: &str) -> Result<PinnedRenderer, Failure> {
        let Some((plugin, locked, offer)) = self.lock.renderer(name) else {
            let message = format!("no plugin offers the renderer `{name}`");
            let hint =
                format!("there are {}; others are plugins of `spec.plugins.sources`", self.lock.renderers().join(", "));
            return Err(Failure::new(Blame::User, "not-found", message).hint(hint));
        };
        Ok(PinnedRenderer {
            plugin: plugin.to_owned(),
            renderer: offer.name.clone(),
            digest: locked.digest.clone(),
            grant: self.grant(plugin),
        })
    }

    /// The component of a pinned step, loaded once. Blocking. Its bytes come from the library, so that a run goes on with
    /// the component that it began with.
    pub fn load(&self, step: &PinnedStep) -> Result<Arc<Plugin>, Failure> {
        self.component(&step.plugin, &step.digest)
    }

    /// A plugin's component of this digest, loaded once. Blocking.
    pub fn component(&self, name: &str, digest: &Digest) -> Result<Arc<Plugin>, Failure> {
        if let Some(found) = self.loaded.lock().ok().and_then(|loaded| loaded.get(digest).cloned()) {
            return Ok(found);
        }
        let locked = self.lock.plugins.get(name).filter(|locked| locked.digest == *digest);
        let own = locked.filter(|locked| locked.source == BUILTIN).and_then(|_| self.carried(name));
        let loaded = match own {
            // The lock is as much a part of the program as the component, so its digest is the component's.
            Some(carried) => self.host.load_carried(carried, digest),
            None => self.host.load(&self.kept(name, digest)?),
        };
        let plugin = loaded.map_err(|f| Failure { message: format!("plugin `{name}`: {}", f.message), ..f })?;
        if let Some(locked) = locked {
            locked.check(name, &plugin)?;
        }
        let plugin = Arc::new(plugin);
        if let Ok(mut loaded) = self.loaded.lock() {
            loaded.insert(digest.clone(), plugin.clone());
        }
        Ok(plugin)
    }

    /// Keeps the bytes of what a run pins, so that a later binary or lock does not strand it.
    pub fn keep(&self, step: &PinnedStep) -> Result<(), Failure> {
        match self.carried(&step.plugin) {
            Some(carried) if Digest::of(carried.wasm) == step.digest => self.library.keep(carried.wasm).map(|_| ()),
            _ => self.kept(&step.plugin, &step.digest).map(|_| ()),
        }
    }

    /// The bytes of a plugin that does not come with the binary: from the library, else from where the configuration
    /// says, whence the library then keeps them. Somebody who cloned a configuration with its lock has just the file.
    fn kept(&self, name: &str, digest: &Digest) -> Result<Vec<u8>, Failure> {
        let missing = match self.library.read(digest) {
            Err(missing) if missing.code == "not-found" => missing,
            answer => return answer,
        };
        let locked = self.lock.plugins.get(name).filter(|locked| locked.digest == *digest);
        let Some(place) = locked.and_then(|_| self.sources.get(name)) else { return Err(missing) };
        let wasm = fetched(name, place, digest)?;
        self.library.keep(&wasm)?;
        Ok(wasm)
    }

    fn carried(&self, name: &str) -> Option<&'static Carried> {
        self.builtin.components.iter().find(|carried| carried.name == name)
    }

    /// The locks in force.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// What a plugin is granted.
    pub fn grant(&self, plugin: &str) -> Grant {
        self.grants.get(plugin).cloned().unwrap_or_default()
    }

    /// The plugin host.
    pub fn host(&self) -> &PluginHost {
        &self.host
    }

    /// Where components are kept.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// A locked plugin.
    pub fn locked(&self, name: &str) -> Option<&Locked> {
        self.lock.plugins.get(name)
    }
}

/// The component at a plugin's source, where it is the locked one. Errors: `not-found`, `denied`.
fn fetched(name: &str, place: &Path, digest: &Digest) -> Result<Vec<u8>, Failure> {
    let wasm = std::fs::read(place).map_err(|e| {
        let message = format!("the plugin `{name}` is neither kept nor at its source: {}: {e}", place.display());
        Failure::new(Blame::User, "not-found", message).hint("put the component there that tidegate.lock names")
    })?;
    let found = Digest::of(&wasm);
    if found != *digest {
        let message = format!(
            "the plugin `{name}` is not the locked one: {} has the digest {}, tidegate.lock says {}",
            place.display(),
            found.short(),
            digest.short()
        );
        return Err(Failure::denied(message).hint("`tidegate plugin lock` shows what it wants; `--accept` lets it in"));
    }
    Ok(wasm)
}

/// What an operator wrote, and the default for capabilities that they did not mention.
fn replaced(default: Grant, written: Grant) -> Grant {
    Grant {
        workspace: written.workspace.or(default.workspace),
        process: written.process.or(default.process),
        artifact: written.artifact.or(default.artifact),
        repository: written.repository.or(default.repository),
        approval: written.approval.or(default.approval),
        application: written.application.or(default.application),
        http: written.http.or(default.http),
        secret: written.secret.or(default.secret),
        cache: written.cache.or(default.cache),
        source: written.source.or(default.source),
    }
}

impl Catalog for Shelf {
    fn offer(&self, uses: &str) -> Option<StepOffer> {
        offer(&self.lock, uses)
    }

    fn names(&self) -> Vec<String> {
        self.lock.steps()
    }
}

/// The source of a plugin that a binary carries.
const BUILTIN: &str = "builtin";

/// What all locked plugins offer: enough to check files, without an engine.
#[derive(Clone, Debug)]
pub struct Offers(pub Lock);

impl Offers {
    /// The plugins of the binary and those of the configuration's lock that are still configured.
    pub fn new(builtin: Builtin, settings: &Settings) -> Result<Self, Failure> {
        let mut lock = Lock::parse(builtin.lock)?;
        // A misspelt name would leave a plugin with more than somebody meant.
        let named = settings.grants.keys().filter(|name| !settings.sources.contains_key(*name));
        for name in named.filter(|name| !lock.plugins.contains_key(*name)) {
            let known = lock.plugins.keys().chain(settings.sources.keys()).map(String::as_str);
            if let Some(nearest) = manifest::nearest(name, known) {
                let message = format!("`plugins.grants` names `{name}`, which is no plugin");
                return Err(Failure::new(Blame::User, "invalid", message).hint(format!("did you mean `{nearest}`?")));
            }
        }
        let Some(path) = &settings.lock else { return Ok(Self(lock)) };
        let own = match std::fs::read_to_string(path) {
            Ok(text) => Lock::parse(&text)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(e) => return Err(Failure::new(Blame::User, "invalid", format!("{}: {e}", path.display()))),
        };
        for (name, locked) in own.plugins {
            if lock.plugins.contains_key(&name) {
                let message = format!("tidegate.lock has `{name}`, which is the name of a plugin of Tidegate itself");
                return Err(Failure::new(Blame::User, "invalid", message).hint("give the plugin another name"));
            }
            if locked.source == BUILTIN {
                let message = format!("tidegate.lock says that `{name}` comes with Tidegate, which it does not");
                return Err(Failure::new(Blame::User, "invalid", message));
            }
            if settings.sources.contains_key(&name) {
                lock.plugins.insert(name, locked);
            }
        }
        Ok(Self(lock))
    }
}

impl Catalog for Offers {
    fn offer(&self, uses: &str) -> Option<StepOffer> {
        offer(&self.0, uses)
    }

    fn names(&self) -> Vec<String> {
        self.0.steps()
    }
}

fn offer(lock: &Lock, uses: &str) -> Option<StepOffer> {
    let (_, _, offer) = lock.step(uses)?;
    Some(StepOffer {
        uses: uses.to_owned(),
        summary: offer.summary.clone(),
        inputs: offer.inputs.clone(),
        outputs: offer.outputs.clone(),
        interruption: if offer.idempotent { "idempotent" } else { "probe" }.to_owned(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::fetched;
    use model::Digest;

    #[test]
    fn only_the_locked_bytes_are_fetched() {
        let folder = std::env::temp_dir().join(format!("tidegate-shelf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = folder.join("lint.wasm");
        std::fs::write(&place, b"locked").unwrap();
        assert_eq!(fetched("lint", &place, &Digest::of(b"locked")).unwrap(), b"locked");
        std::fs::write(&place, b"other").unwrap();
        let refused = fetched("lint", &place, &Digest::of(b"locked")).unwrap_err();
        assert!(refused.is_denied() && refused.message.contains("`lint` is not the locked one"), "{refused}");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(fetched("lint", &place, &Digest::of(b"locked")).unwrap_err().code, "not-found");
    }
}
