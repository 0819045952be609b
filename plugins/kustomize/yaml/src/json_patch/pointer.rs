//! JSON pointers (RFC 6901): a collection, and a key or an index in it that need not be there.

use super::PatchError;
use super::bounds::MAX_DEPTH;
use crate::node::Node;

/// Where the last part of a pointer leads.
pub struct Place<'d, 'p> {
    parent: &'d mut Node,
    key: String,
    path: &'p str,
    op: &'static str,
}

impl<'d, 'p> Place<'d, 'p> {
    /// Walks all parts but the last. What stands before the first `/` counts for nothing.
    pub fn find(doc: &'d mut Node, path: &'p str, op: &'static str) -> Result<Self, PatchError> {
        let missing = || PatchError::Missing { op, path: path.to_owned() };
        if path.split('/').nth(MAX_DEPTH).is_some() {
            return Err(PatchError::Limit { op, what: "a path that leads too deep" });
        }
        let mut parts = path.split('/').skip(1).map(decode).peekable();
        let mut parent = doc;
        let mut key = parts.next().ok_or_else(missing)?;
        for next in parts {
            parent = child(parent, &key).ok_or_else(missing)?;
            key = next;
        }
        if parent.as_scalar().is_some() {
            return Err(missing());
        }
        Ok(Self { parent, key, path, op })
    }

    fn missing(&self) -> PatchError {
        PatchError::Missing { op: self.op, path: self.path.to_owned() }
    }

    fn out_of_range(&self) -> PatchError {
        PatchError::Index { op: self.op, path: self.path.to_owned() }
    }

    /// The value, `None` for a field that is not there.
    pub fn get(self) -> Result<Option<&'d Node>, PatchError> {
        let out_of_range = self.out_of_range();
        match self.parent {
            Node::Sequence(items) => {
                let at = index(&self.key, items.len()).ok_or_else(|| out_of_range.clone())?;
                items.get(at).map(Some).ok_or(out_of_range)
            }
            node => Ok(node.get(&self.key)),
        }
    }

    /// Sets a field, or puts an item before the one that is there.
    pub fn add(self, value: Node) -> Result<(), PatchError> {
        let out_of_range = self.out_of_range();
        match self.parent {
            Node::Sequence(items) if self.key == "-" => items.push(value),
            Node::Sequence(items) => {
                let at = index(&self.key, items.len() + 1).filter(|at| *at <= items.len()).ok_or(out_of_range)?;
                items.insert(at, value);
            }
            Node::Mapping(fields) => drop(fields.insert(self.key, value)),
            Node::Scalar(_) => return Err(out_of_range),
        }
        Ok(())
    }

    /// Sets a field, there or not, or an item that is there.
    pub fn set(self, value: Node) -> Result<(), PatchError> {
        let out_of_range = self.out_of_range();
        match self.parent {
            Node::Sequence(items) => {
                let at = index(&self.key, items.len()).ok_or_else(|| out_of_range.clone())?;
                *items.get_mut(at).ok_or(out_of_range)? = value;
            }
            Node::Mapping(fields) => drop(fields.insert(self.key, value)),
            Node::Scalar(_) => return Err(out_of_range),
        }
        Ok(())
    }

    pub fn remove(self) -> Result<Node, PatchError> {
        let (missing, out_of_range) = (self.missing(), self.out_of_range());
        match self.parent {
            Node::Sequence(items) => {
                let at = index(&self.key, items.len()).filter(|at| *at < items.len()).ok_or(out_of_range)?;
                Ok(items.remove(at))
            }
            Node::Mapping(fields) => fields.remove(&self.key).ok_or(missing),
            Node::Scalar(_) => Err(missing),
        }
    }
}

fn child<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match node {
        Node::Sequence(items) => {
            let at = index(key, items.len())?;
            items.get_mut(at)
        }
        node => node.get_mut(key),
    }
}

/// An index as Go's `Atoi` reads it; a negative one counts from the end of `len` items.
fn index(key: &str, len: usize) -> Option<usize> {
    let at: i64 = key.parse().ok()?;
    if at < 0 { len.checked_sub(usize::try_from(at.unsigned_abs()).ok()?) } else { usize::try_from(at).ok() }
}

/// `~1` stands for `/`, `~0` for `~`.
fn decode(part: &str) -> String {
    if !part.contains('~') {
        return part.to_owned();
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('~') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (read, taken) = match rest.as_bytes().first() {
            Some(b'1') => ('/', 1),
            Some(b'0') => ('~', 1),
            _ => ('~', 0),
        };
        out.push(read);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}
