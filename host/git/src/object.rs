//! Names of objects by their content, as Git makes them.

use git2::{ObjectType, Oid};
use std::fmt;

/// The id of a blob or a tree, 20 bytes: equal ids, equal content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

impl ObjectId {
    /// The id that Git gives a file of this content.
    pub fn of_file(content: &[u8]) -> Self {
        let oid = Oid::hash_object(ObjectType::Blob, content);
        Self::of_git(oid.unwrap_or_else(|e| unreachable!("hashing asks nothing of a file's content: {e}")))
    }

    /// Reads 40 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 40).then(|| Oid::from_str(text).ok().map(Self::of_git)).flatten()
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
        fmt::Display::fmt(&self.to_git(), f)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
