//! The plugin host: one engine, and components loaded into it.

use crate::cache::Cache;
use crate::component::Plugin;
use crate::engine::Core;
use model::{Blame, Digest, Failure};
use std::path::Path;
use std::sync::Arc;
use wasmtime::component::Component;

/// The largest component that is loaded, in bytes: a JavaScript component is 12 MB. Components are compiled in this
/// process and without a limit of time, about a second a megabyte, so this is all that bounds what an untrusted one costs.
/// A child process under limits would bound it better.
pub const LARGEST: usize = 64 << 20;

/// Loads and compiles components.
#[derive(Clone)]
pub struct PluginHost {
    core: Arc<Core>,
    cache: Option<Cache>,
}

impl PluginHost {
    /// Starts an engine. `cache` is a folder for compiled components; where it cannot be used safely, components are
    /// compiled each time, and the second value says why.
    pub fn new(cache: Option<&Path>) -> Result<(Self, Option<String>), Failure> {
        let core = Arc::new(Core::new()?);
        let (cache, warning) = match cache.map(Cache::open) {
            None => (None, None),
            Some(Ok(cache)) => (Some(cache), None),
            Some(Err(e)) => (None, Some(format!("compiled plugins are not kept: {e}"))),
        };
        Ok((Self { core, cache }, warning))
    }

    /// Loads a component of any language. Blocking: compiling takes about a second a megabyte. Errors: `invalid` for
    /// what is no component, is built for another world, or imports what no host has.
    pub fn load(&self, wasm: &[u8]) -> Result<Plugin, Failure> {
        if wasm.len() > LARGEST {
            let message = format!("the component is {} bytes; at most {LARGEST} are loaded", wasm.len());
            return Err(Failure::new(Blame::Plugin, "too-large", message));
        }
        let digest = Digest::of(wasm);
        let corrupt = |e: wasmtime::Error| {
            let hint = if wasm.starts_with(b"\0asm\x01\0\0\0") {
                "this is a core module: `tidegate plugin build` makes a component of it"
            } else {
                "build it again, or fetch it again"
            };
            let message = format!("the file is not a WebAssembly component that this host understands: {e:#}");
            Failure::new(Blame::Plugin, "invalid", message).hint(hint)
        };
        let (component, compiled) = match &self.cache {
            Some(cache) => cache.load(&self.core.engine, &digest.to_string(), wasm).map_err(corrupt)?,
            None => (Component::new(&self.core.engine, wasm).map_err(corrupt)?, true),
        };
        Plugin::new(self.core.clone(), &component, digest, compiled)
    }
}
