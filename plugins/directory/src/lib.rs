//! The renderer `directory`: the objects of a folder as they are written, in the order of the files' names. It changes nothing
//! about them but how they are laid out.

pub mod files;
pub mod manifest;
mod render;
pub mod selection;

pub use render::{Directory, Parameters, rendered};

tidegate::plugin! {
    name: "directory",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Renders folders of plain manifests",
    renderers: [Directory],
}
