//! A step's files, seen from the host while a hostile child may change them: every name is looked up by the kernel
//! beneath one open folder (`openat2`), so no `..`, link or swapped folder leads out. It never follows a link out,
//! and never trusts a path that it checked before.
#![deny(missing_docs)]

mod entries;
mod gather;
mod header;
mod pack;
mod packing;
mod path;
mod place;
mod stream;
mod summary;
mod tree;
mod unpack;

pub use packing::{Compression, Item, Packed, Packing};
pub use tree::{EntryKind, Workspace};
