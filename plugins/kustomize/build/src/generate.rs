//! Config maps and secrets from files, environment files and literals.

mod pairs;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kustomize_yaml::schema::Schema;
use kustomize_yaml::{Mapping, Node};

use crate::error::{Error, Result};
use crate::files::Files;
use crate::kustomization::Generator;
use crate::loader::{Loader, Root};
use crate::resource::Resource;
use crate::scalar;

/// How long a line of base64 is, where it takes more than one.
const LINE: usize = 70;

/// Which kind a generator makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ConfigMap,
    Secret,
}

/// Makes the object of a generator.
///
/// # Errors
/// No name, a key that comes twice, and files that cannot be read.
pub fn make<F: Files + ?Sized>(
    kind: Kind,
    generator: &Generator,
    loader: &Loader<'_, F>,
    root: &Root,
    schema: &Schema,
) -> Result<Resource> {
    if generator.name.is_empty() {
        return Err(Error::invalid(root.path.as_str(), "a configmap must have a name"));
    }
    let mut pairs = BTreeMap::new();
    for (key, value) in pairs::all(generator, loader, root)? {
        if pairs.insert(key.clone(), value).is_some() {
            let what = format!("configmap {} illegally repeats the key `{key}`", generator.name);
            return Err(Error::invalid(root.path.as_str(), what));
        }
    }
    let mut object = Mapping::new();
    object.insert("apiVersion", Node::string("v1"));
    match kind {
        Kind::ConfigMap => {
            object.insert("kind", Node::string("ConfigMap"));
            object.insert("metadata", metadata(generator));
            config_map_data(&mut object, pairs);
        }
        Kind::Secret => {
            let named = generator.secret_type.as_str();
            object.insert("kind", Node::string("Secret"));
            object.insert("metadata", metadata(generator));
            object.insert("type", Node::string(if named.is_empty() { "Opaque" } else { named }));
            let data = pairs.into_iter().map(|(key, value)| (key, base64(&value)));
            object.insert("data", strings(data));
        }
    }
    if generator.options.immutable {
        object.insert("immutable", Node::bool(true));
    }
    let mut resource = Resource::new(Node::Mapping(object), schema);
    resource.generated = Some(generator.behavior);
    resource.needs_hash = !generator.options.disable_name_suffix_hash;
    Ok(resource)
}

fn metadata(generator: &Generator) -> Node {
    let mut metadata = Mapping::new();
    metadata.insert("name", scalar::fresh(&generator.name));
    if !generator.namespace.is_empty() {
        metadata.insert("namespace", scalar::fresh(&generator.namespace));
    }
    for (field, map) in [("labels", &generator.options.labels), ("annotations", &generator.options.annotations)] {
        if !map.is_empty() {
            metadata.insert(field, strings(map.clone()));
        }
    }
    Node::Mapping(metadata)
}

fn strings(pairs: impl IntoIterator<Item = (String, String)>) -> Node {
    let mut mapping = Mapping::new();
    for (key, value) in pairs {
        mapping.insert(key, scalar::fresh(&value));
    }
    Node::Mapping(mapping)
}

/// Text goes to `data`, anything else as base64 to `binaryData`.
fn config_map_data(object: &mut Mapping, pairs: BTreeMap<String, Vec<u8>>) {
    let (mut text, mut binary) = (Vec::new(), Vec::new());
    for (key, value) in pairs {
        match String::from_utf8(value) {
            Ok(value) => text.push((key, value)),
            Err(error) => binary.push((key, base64(error.as_bytes()))),
        }
    }
    for (field, pairs) in [("data", text), ("binaryData", binary)] {
        if !pairs.is_empty() {
            object.insert(field, strings(pairs));
        }
    }
}

/// In lines, where it is longer than one.
fn base64(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    lines
}
