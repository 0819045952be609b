//! Text to objects: documents that have a kind and a name, lists taken apart.

use std::collections::VecDeque;

use kustomize_yaml::Node;
use kustomize_yaml::read::{self, Limits};
use kustomize_yaml::schema::Schema;

use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::scalar;

/// All objects of a text. `place` is what errors call it.
///
/// # Errors
/// No YAML, and documents that are no objects.
pub fn read(text: &str, place: &str, schema: &Schema) -> Result<Vec<Resource>> {
    let documents = read::documents(text, Limits::default()).map_err(|error| Error::yaml(place, &error))?;
    let single = documents.len() == 1;
    let mut queue: VecDeque<Node> = VecDeque::with_capacity(documents.len());
    for document in documents {
        enqueue(&mut queue, document, place)?;
    }
    let mut objects = Vec::with_capacity(queue.len());
    while let Some(mut node) = queue.pop_front() {
        let kind = node.get("kind").map_or("", scalar::value);
        if !kind.ends_with("List") {
            objects.push(Resource::new(node, schema));
            continue;
        }
        if single && kind == "ResourceList" && node.get("items").is_none() && node.get("functionConfig").is_some() {
            continue;
        }
        match node.get_mut("items") {
            None => objects.push(Resource::new(node, schema)),
            Some(Node::Sequence(items)) => {
                std::mem::take(items).into_iter().try_for_each(|item| enqueue(&mut queue, item, place))?;
            }
            Some(items) if items.is_null() => {}
            Some(items) => {
                let shape = items.shape();
                return Err(Error::invalid(place, format!("expected array in items of a list, but found {shape}")));
            }
        }
    }
    Ok(objects)
}

/// Drops what is empty; anything else must be an object.
fn enqueue(queue: &mut VecDeque<Node>, node: Node, place: &str) -> Result<()> {
    if node.is_empty() {
        return Ok(());
    }
    let text = |keys: &[&str]| node.at(keys).and_then(Node::text).filter(|text| !text.is_empty());
    let Some(kind) = text(&["kind"]) else {
        return Err(Error::invalid(place, "missing kind in object"));
    };
    if !kind.ends_with("List") && text(&["metadata", "name"]).is_none() {
        let hint = "an object needs a name of its own; generateName is not enough";
        return Err(Error::invalid(place, format!("missing metadata.name in object of kind {kind}")).hint(hint));
    }
    queue.push_back(node);
    Ok(())
}
