//! A loaded component: what it imports and exports, and whether that is a plugin of this host.

use crate::bindings::Host_Pre;
use crate::bindings::renderers::RenderersPre;
use crate::bindings::steps::StepsPre;
use crate::engine::Core;
use crate::state::State;
use model::{Blame, Digest, Failure};
use std::sync::Arc;
use wasmtime::component::Component;

/// The package and version that this host serves.
pub const INTERFACE: &str = "tidegate:plugin@0.1.0";
const PACKAGE: &str = "tidegate:plugin/";
/// The exports that this host calls, besides `plugin`: what a plugin is there for.
const ROLES: [&str; 2] = ["step", "renderer"];
/// What to do about a component of another world.
const BUILD: &str =
    "build it for the world `step-plugin` or `renderer-plugin`, for example with `tidegate plugin build`";
/// Interfaces that need no grant.
pub const FREE: [&str; 6] = ["types", "log", "clock", "random", "cancellation", "change"];

/// A component that can be called.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) core: Arc<Core>,
    pub(crate) pre: Host_Pre<State>,
    /// Where it has steps.
    pub(crate) steps: Option<StepsPre<State>>,
    /// Where it has renderers.
    pub(crate) renderers: Option<RenderersPre<State>>,
    pub(crate) digest: Digest,
    pub(crate) imports: Vec<String>,
    /// Whether it was compiled now rather than found in the cache.
    pub compiled: bool,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest).field("imports", &self.imports).finish()
    }
}

impl Plugin {
    /// What its bytes are called.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The interfaces that it imports, without package and version, in order: `log`, `process`; those of WASI with
    /// their package, `wasi:io/streams`.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Whether it can serve an offer of this role.
    pub fn serves(&self, role: &str) -> bool {
        match role {
            "step" => self.steps.is_some(),
            "renderer" => self.renderers.is_some(),
            _ => false,
        }
    }

    pub(crate) fn new(core: Arc<Core>, component: &Component, digest: Digest, compiled: bool) -> Result<Self, Failure> {
        let kind = component.component_type();
        let refused = |message: String| Failure::new(Blame::Plugin, "invalid", message);
        let mut imports = Vec::new();
        for (name, _) in kind.imports(&core.engine) {
            let short = short(name);
            let known = name.strip_prefix(PACKAGE).is_some_and(|rest| rest.ends_with("@0.1.0"));
            if !known && !INERT.iter().any(|inert| name.starts_with(inert)) {
                return Err(refused(format!("it imports `{name}`, which this host does not serve"))
                    .hint(format!("plugins import interfaces of {INTERFACE}, and of WASI 0.2 without HTTP")));
            }
            if !imports.contains(&short) {
                imports.push(short);
            }
        }
        imports.sort();
        let exports: Vec<String> = kind.exports(&core.engine).map(|(name, _)| name.to_owned()).collect();
        let has = |name: &str| exports.contains(&format!("{PACKAGE}{name}@0.1.0"));
        let found = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
        if !has("plugin") {
            return Err(
                refused(format!("it is no plugin: it exports {found}, not `{PACKAGE}plugin@0.1.0`")).hint(BUILD)
            );
        }
        if !ROLES.iter().any(|role| has(role)) {
            return Err(refused(format!("it has no role that this host knows: it exports {found}")).hint(BUILD));
        }
        let link = |e: wasmtime::Error| refused(format!("it does not fit {INTERFACE}: {e:#}"));
        let pre = core.linker.instantiate_pre(component).map_err(link)?;
        let steps = has("step").then(|| StepsPre::new(pre.clone())).transpose().map_err(link)?;
        let renderers = has("renderer").then(|| RenderersPre::new(pre.clone())).transpose().map_err(link)?;
        let pre = Host_Pre::new(pre).map_err(link)?;
        Ok(Self { core, pre, steps, renderers, digest, imports, compiled })
    }
}

/// What languages bring along, linked so that it reaches nothing.
const INERT: [&str; 6] = ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];

/// `tidegate:plugin/log@0.1.0` as `log`, `wasi:io/streams@0.2.6` as `wasi:io/streams`.
fn short(name: &str) -> String {
    let name = name.split('@').next().unwrap_or(name);
    name.strip_prefix(PACKAGE).unwrap_or(name).to_owned()
}
