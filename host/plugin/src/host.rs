//! The plugin host: one engine, and components loaded into it.

use crate::cache::Cache;
use crate::component::Plugin;
use crate::engine::{self, Core};
use model::{Blame, Digest, Failure};
use std::path::Path;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The largest component that is loaded, in bytes: a JavaScript component is 12 MB. Components are compiled in this
/// process and without a limit of time, about a second a megabyte, so this is all that bounds what an untrusted one costs.
/// A child process under limits would bound it better.
pub const LARGEST: usize = 64 << 20;

/// A component that is a part of this very program.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// The plugin's name.
    pub name: &'static str,
    /// Its bytes.
    pub wasm: &'static [u8],
    code: &'static [u8],
}

impl Carried {
    /// Of the component's bytes, and what [`PluginHost::compile`] made of them.
    ///
    /// # Safety
    /// The code is run without a check, as the program itself is: it must have come out of `compile` and into the program's
    /// file, and be read from nowhere else.
    #[allow(unsafe_code)]
    pub const unsafe fn new(name: &'static str, wasm: &'static [u8], code: &'static [u8]) -> Self {
        Self { name, wasm, code }
    }

    #[allow(unsafe_code)]
    fn component(&self, engine: &Engine) -> Option<Component> {
        // SAFETY: whoever made this promised that the code is this program's own.
        unsafe { Component::deserialize(engine, self.code) }.ok()
    }
}

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
        Self::with(engine::MANY, cache)
    }

    /// The same for a process that calls one plugin and ends: it starts sooner, and holds few instances at once.
    pub fn once(cache: Option<&Path>) -> Result<(Self, Option<String>), Failure> {
        Self::with(engine::FEW, cache)
    }

    fn with(instances: u32, cache: Option<&Path>) -> Result<(Self, Option<String>), Failure> {
        let core = Arc::new(Core::new(instances)?);
        let (cache, warning) = match cache.map(Cache::open) {
            None => (None, None),
            Some(Ok(cache)) => (Some(cache), None),
            Some(Err(e)) => (None, Some(format!("compiled plugins are not kept: {e}"))),
        };
        Ok((Self { core, cache }, warning))
    }

    /// Compiles a component for every machine of this one's kind, to be carried by a binary.
    ///
    /// Errors: `invalid` for what is no component.
    pub fn compile(wasm: &[u8]) -> Result<Vec<u8>, Failure> {
        let engine = engine::portable().map_err(|e| Failure::internal(format!("no compiler: {e:#}")))?;
        engine.precompile_component(wasm).map_err(|e| Failure::new(Blame::Plugin, "invalid", format!("{e:#}")))
    }

    /// Loads a component that the binary carries compiled. Where the machine or the engine is another one than it was compiled
    /// for, it is loaded as any other.
    pub fn load_carried(&self, carried: &Carried, digest: &Digest) -> Result<Plugin, Failure> {
        match carried.component(&self.core.engine) {
            Some(component) => Plugin::new(self.core.clone(), &component, digest.clone(), false),
            None => self.load(carried.wasm),
        }
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
