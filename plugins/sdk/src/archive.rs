//! Archives of workspace files, packed and unpacked by the host. Wants `archive`.

use crate::Error;
use crate::bindings::tidegate::plugin::archive as wire;

pub use wire::{Compression, Item, Packed, Packing, pack, unpack};

impl Item {
    /// A file or folder that goes to a path of the archive, owned by root, executable if it is.
    pub fn new(source: &str, target: &str) -> Self {
        Self { source: source.to_owned(), target: target.to_owned(), user: 0, group: 0, mode: None }
    }
}

/// Packs with these parameters; every entry has the time 0.
///
/// # Errors
/// Those of [`pack`].
pub fn pack_items(items: Vec<Item>, exclude: Vec<String>, compression: Compression, to: &str) -> Result<Packed, Error> {
    pack(&Packing { items, exclude, modified: 0, compression }, to)
}
