//! Names of objects by their content, as Git makes them.

use git2::Oid;
use sha1::{Digest as _, Sha1};
use std::fmt;

/// The id of a blob or a tree, 20 bytes: equal ids, equal content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

impl ObjectId {
    /// The id that Git gives a file of this content.
    pub fn of_file(content: &[u8]) -> Self {
        // Not by libgit2: its first use begins OpenSSL, which takes several times as long as a small render.
        let head = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
        Self(head.chain_update(content).finalize().into())
    }

    /// Reads 40 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }

    pub(crate) fn of_git(oid: Oid) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(oid.as_bytes());
        Self(bytes)
    }

    pub(crate) fn to_git(self) -> Oid {
        Oid::from_bytes(&self.0).unwrap_or_else(|_| unreachable!("it has 20 bytes"))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
