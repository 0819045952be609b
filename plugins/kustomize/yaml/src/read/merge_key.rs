//! Merge keys: `<<: *defaults`.

use crate::node::{Mapping, Node};

/// Puts the fields of `merge` behind those of `mapping`, which keeps its own. Of a list, an earlier mapping wins.
///
/// # Errors
/// Anything but a mapping or a list of mappings.
pub fn add(mapping: &mut Mapping, merge: Node) -> Result<(), &'static str> {
    let sources = match merge {
        Node::Mapping(source) => vec![source],
        Node::Sequence(items) => items.into_iter().map(source).collect::<Result<_, _>>()?,
        Node::Scalar(_) => return Err("map merge requires map or sequence of maps as the value"),
    };
    for source in sources {
        for (key, value) in source {
            if !mapping.contains_key(&key.text) {
                mapping.insert_scalar(key, value);
            }
        }
    }
    Ok(())
}

fn source(item: Node) -> Result<Mapping, &'static str> {
    match item {
        Node::Mapping(source) => Ok(source),
        Node::Sequence(_) => Err("invalid map merge: received a nested sequence"),
        Node::Scalar(_) => Err("invalid map merge: received alias for a non-map value"),
    }
}
