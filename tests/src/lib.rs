//! Parts of the integration tests: worlds of real repositories with the built binary in them.

pub mod cluster;
pub mod controllers;
pub mod daemon;
pub mod faults;
pub mod git_http;
pub mod registry;
pub mod ssh;
pub mod stall;
mod world;

pub use world::{Ran, World, holding};
