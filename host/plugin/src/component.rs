//! A loaded component: what it imports and exports, and whether that is a plugin of this host.

use crate::bindings::Host_Pre;
use crate::engine::Core;
use crate::state::State;
use model::{Blame, Digest, Failure};
use std::sync::Arc;
use wasmtime::component::Component;

/// The package and version that this host serves.
pub const INTERFACE: &str = "tidegate:plugin@0.1.0";
const PACKAGE: &str = "tidegate:plugin/";
/// Interfaces that need no grant.
pub const FREE: [&str; 6] = ["types", "log", "clock", "random", "cancellation", "change"];

/// A component that can be called.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) core: Arc<Core>,
    pub(crate) pre: Host_Pre<State>,
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
        for needed in ["plugin", "step"] {
            let wanted = format!("{PACKAGE}{needed}@0.1.0");
            if !kind.exports(&core.engine).any(|(name, _)| name == wanted) {
                let found: Vec<_> = kind.exports(&core.engine).map(|(name, _)| name.to_owned()).collect();
                let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
                return Err(refused(format!("it is no step plugin: it exports {found}, not `{wanted}`"))
                    .hint("build it for the world `step-plugin`, for example with `tidegate plugin build`"));
            }
        }
        let link = |e: wasmtime::Error| refused(format!("it does not fit {INTERFACE}: {e:#}"));
        let pre = core.linker.instantiate_pre(component).map_err(link)?;
        let pre = Host_Pre::new(pre).map_err(link)?;
        Ok(Self { core, pre, digest, imports, compiled })
    }
}

/// What languages bring along, linked so that it reaches nothing.
const INERT: [&str; 6] = ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];

/// `tidegate:plugin/log@0.1.0` as `log`, `wasi:io/streams@0.2.6` as `wasi:io/streams`.
fn short(name: &str) -> String {
    let name = name.split('@').next().unwrap_or(name);
    name.strip_prefix(PACKAGE).unwrap_or(name).to_owned()
}
