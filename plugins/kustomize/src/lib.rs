//! The step `kustomize/set-image`: one commit that makes a kustomization pull another image, and changes no other byte
//! of it. The editor knows neither Git nor the host; the step knows no YAML.
//!
//! The renderer `kustomize`: the objects of a kustomization, by the library in `build/`, which knows neither of them either.

mod add;
mod address;
mod chain;
pub mod edit;
mod ends;
mod file;
pub mod image;
mod inputs;
mod keys;
mod place;
pub mod problem;
mod remotes;
mod remove;
mod render;
mod scalar;
mod set_image;
mod splice;
mod tree;
mod verify;

pub use inputs::{Inputs, Outputs};
pub use render::Kustomize;
pub use set_image::SetImage;

tidegate::plugin! {
    name: "kustomize",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Builds kustomizations, and edits them in Git",
    steps: [SetImage],
    renderers: [Kustomize],
}
