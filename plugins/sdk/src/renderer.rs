//! The trait of a renderer: files of a commit in, Kubernetes objects out.

use crate::Error;
use crate::bindings::renderers::exports::tidegate::plugin::renderer as wire;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use wire::{Rendering, Request, Root};

/// One way to make Kubernetes objects of files. It reads [`crate::source`] and nothing else: the host keeps what was read, and
/// renders again only where one of these answers would differ.
pub trait Renderer {
    /// Its name, as an application's source says it: `kustomize`.
    const NAME: &'static str;
    /// One line, shown in lists.
    const SUMMARY: &'static str;
    /// What an application's source says to it: of a `plugin` each parameter by its name, and `env`. Say
    /// `#[serde(deny_unknown_fields)]`, so that a misspelt one is an error.
    type Parameters: DeserializeOwned + JsonSchema;

    /// Renders.
    ///
    /// # Errors
    /// `invalid` with `path`, `line` and `column` in its details, `unsupported` with the field named. Never an empty success
    /// for something not understood.
    fn render(request: &Request, parameters: Self::Parameters) -> Result<Rendering, Error>;
}
