//! The steps `image/build`, `image/assemble` and `image/copy`: container images, pushed by a registry client of our own,
//! so that no credential meets a builder and every digest is compared with what the registry has. Content goes by files
//! of the workspace and never through this plugin. What is pure knows no host: `ports` is the seam.

pub mod assemble;
mod base;
pub mod build;
pub mod canonical;
pub mod challenge;
mod config;
pub mod copy;
pub mod digest;
pub mod facts;
mod host;
pub mod image;
mod layer;
pub mod layout;
pub mod location;
pub mod manifest;
pub mod media;
pub mod place;
pub mod platform;
pub mod ports;
pub mod problem;
pub mod push;
pub mod reference;
pub mod registry;
pub mod target;
pub mod tool;

pub use assemble::Assemble;
pub use build::Build;
pub use copy::Copy;

tidegate::plugin! {
    name: "image",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Builds, assembles, copies and pushes container images",
    steps: [Build, Assemble, Copy],
}
