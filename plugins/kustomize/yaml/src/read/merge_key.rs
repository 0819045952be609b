//! Merge keys: `<<: *defaults`.

use crate::node::{Mapping, Node};

/// Puts the fields of `merge` behind those of `mapping`, which keeps its own. Of a list, an earlier mapping wins.
///
/// # Errors
/// Anything but a mapping or a list of mappings.
pub fn add(mapping: &mut Mapping, merge: Node) -> Result<(), &'static str> {
    for source in sources(merge)? {
        for (key, value) in source {
            if !mapping.contains_key(&key.text) {
                mapping.insert_scalar(key, value);
            }
        }
    }
    Ok(())
}

/// [`add`] as go-yaml v2 does it: in place, so that fields before the merge key lose and those behind it win.
///
/// # Errors
/// Anything but a mapping or a list of mappings.
pub fn put(mapping: &mut Mapping, merge: Node) -> Result<(), &'static str> {
    for source in sources(merge)?.into_iter().rev() {
        for (key, value) in source {
            mapping.insert_scalar(key, value);
        }
    }
    Ok(())
}

fn sources(merge: Node) -> Result<Vec<Mapping>, &'static str> {
    match merge {
        Node::Mapping(source) => Ok(vec![source]),
        Node::Sequence(items) => items.into_iter().map(source).collect(),
        Node::Scalar(_) => Err("map merge requires map or sequence of maps as the value"),
    }
}

fn source(item: Node) -> Result<Mapping, &'static str> {
    match item {
        Node::Mapping(source) => Ok(source),
        Node::Sequence(_) => Err("invalid map merge: received a nested sequence"),
        Node::Scalar(_) => Err("invalid map merge: received alias for a non-map value"),
    }
}
