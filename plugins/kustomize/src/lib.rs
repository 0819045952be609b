//! The step `kustomize/set-image`: one commit that makes a kustomization pull another image, and changes no other byte
//! of it. The editor knows neither Git nor the host; the step knows no YAML.

mod add;
mod chain;
pub mod edit;
mod ends;
mod file;
pub mod image;
mod inputs;
mod keys;
mod place;
pub mod problem;
mod remove;
mod scalar;
mod set_image;
mod splice;
mod tree;
mod verify;

pub use inputs::{Inputs, Outputs};
pub use set_image::SetImage;

tidegate::plugin! {
    name: "kustomize",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Edits kustomizations in Git",
    steps: [SetImage],
}
