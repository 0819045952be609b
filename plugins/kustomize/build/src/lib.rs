//! `kustomize build` as a library: a tree of files in, the objects of a folder out, byte for byte what kustomize 5.5.0
//! prints. It reads through [`Files`] alone: no disk, no network, no programs, no clock.
//!
//! What it does not do (Helm charts, plugins that are programs or containers, addresses that the host does not know) is
//! an error that names the field and a way out.

mod accumulate;
mod config;
#[cfg(not(target_family = "wasm"))]
pub mod conformance;
mod decode;
mod error;
mod fieldspec;
mod files;
#[cfg(not(target_family = "wasm"))]
mod folder;
mod generate;
mod hash;
mod id;
mod kustomization;
mod loader;
mod name_reference;
mod objects;
mod options;
mod order;
mod origin;
mod output;
mod path;
mod plugin;
mod remote;
mod resource;
mod resources;
mod scalar;
mod selector;
mod text;
mod transform;
mod vars;

pub use error::{Error, ErrorKind, Result};
pub use files::{Entry, Files, Kind, Remote};
#[cfg(not(target_family = "wasm"))]
pub use folder::Folder;
pub use id::{Gvk, Id};
pub use kustomization::{Patch, Selector};
pub use options::{Collision, LabelReach, MissingComponents, Options};
pub use remote::{Repository, repository};

use kustomize_yaml::Node;

/// What a build prints.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The objects in the order of the output.
    pub objects: Vec<Node>,
    /// The output: all objects, with `---` between them.
    pub yaml: String,
    /// What the user should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Builds the kustomization in `folder`, a path from the root of `files`.
///
/// # Errors
/// Files that are not there or not valid, transformations that do not fit, and what this library does not do.
pub fn build<F: Files + ?Sized>(files: &F, folder: &str, options: &Options) -> Result<Rendering> {
    let mut builder = accumulate::Builder::new(files);
    let mut target = builder.start(folder)?;
    options.apply(&builder, &mut target)?;
    let built = builder.build(&mut target)?;
    output::finish(built, &target.kustomization, builder)
}
