//! The WIT imports: each function describes itself as a `HostCall` and goes through `State::perform`.

mod application;
mod archive;
mod artifacts;
mod cache;
mod free;
mod outside;
mod process;
mod repository;
mod source;
mod unserved;
mod workspace;

pub use free::clean as clean_line;
pub(crate) use free::clean_text;
use model::{Blame, Failure};

/// The most bytes of a content that crosses the boundary in one call, except where the WIT item says otherwise.
pub(crate) const CONTENT: usize = 1 << 20;

pub(crate) fn too_large(what: &str, size: usize, limit: usize) -> Failure {
    Failure::new(Blame::Plugin, "too-large", format!("{what} is {size} bytes; at most {limit} are allowed"))
}

/// Checks a content's size before anything is done with it.
pub(crate) fn fits(what: &str, size: usize) -> Result<(), Failure> {
    if size > CONTENT { Err(too_large(what, size, CONTENT)) } else { Ok(()) }
}
