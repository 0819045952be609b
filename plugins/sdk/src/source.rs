//! The files of a renderer's roots, `main` and the `ref`s of an application. Wants `source`.

pub use crate::bindings::tidegate::plugin::source::{Entry, Kind, entries, look, read};
