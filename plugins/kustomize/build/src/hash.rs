//! The hash in the names of generated objects: ten letters of the SHA-256 of what an object holds, with those digits
//! and vowels replaced that could form words.

use kustomize_yaml::{Mapping, Node, write};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::scalar;

const LENGTH: usize = 10;

/// The hash of a config map or secret.
///
/// # Errors
/// Content that JSON has no words for, and objects of other kinds.
pub fn of(object: &Node) -> Result<String> {
    let kind = object.get("kind").map_or("", scalar::value);
    let mut content = Mapping::new();
    content.insert("kind", Node::string(kind));
    // kustomize looks the name up under a wrong path: it is always empty.
    content.insert("name", Node::string(""));
    content.insert("data", field(object, "data"));
    let optional = match kind {
        "ConfigMap" => "binaryData",
        "Secret" => {
            content.insert("type", field(object, "type"));
            "stringData"
        }
        _ => {
            let why = "only config maps and secrets have a hash in their names";
            return Err(Error::unsupported("needsHashSuffix", why, "take the annotation away"));
        }
    };
    if let Some(map @ Node::Mapping(_)) = object.get(optional) {
        content.insert(optional, map.clone());
    }
    let json = write::json(&Node::Mapping(content)).map_err(|error| Error::invalid("", error))?;
    Ok(encode(&Sha256::digest(json.as_bytes())))
}

fn field(object: &Node, name: &str) -> Node {
    match object.get(name) {
        None => Node::string(""),
        Some(Node::Scalar(scalar)) => Node::string(scalar.text.as_str()),
        Some(node) => node.clone(),
    }
}

fn encode(digest: &[u8]) -> String {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let letters = digits.take(LENGTH).map(|digit| match char::from_digit(u32::from(digit), 16).unwrap_or('0') {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    });
    letters.collect()
}
