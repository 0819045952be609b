//! Entries of `images:` and `replicas:`.

use kustomize_yaml::Node;

use crate::decode::{Fields, Mode};
use crate::error::Result;

/// What becomes of the images of one name. Empty parts stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    pub name: String,
    pub new_name: String,
    pub tag_suffix: String,
    pub new_tag: String,
    pub digest: String,
}

impl Image {
    /// An entry of a kustomization.
    pub fn decode(node: &Node, place: &str) -> Result<Self> {
        Self::decode_as(node, place, Mode::Strict)
    }

    /// The same in a plugin's configuration.
    pub fn decode_as(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["name", "newName", "tagSuffix", "newTag", "digest"])?;
        Ok(Self {
            name: fields.string("name")?,
            new_name: fields.string("newName")?,
            tag_suffix: fields.string("tagSuffix")?,
            new_tag: fields.string("newTag")?,
            digest: fields.string("digest")?,
        })
    }
}

/// How many replicas the objects of one name have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replica {
    pub name: String,
    pub count: i64,
}

impl Replica {
    /// An entry of a kustomization.
    pub fn decode(node: &Node, place: &str) -> Result<Self> {
        Self::decode_as(node, place, Mode::Strict)
    }

    /// The same in a plugin's configuration.
    pub fn decode_as(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["name", "count"])?;
        Ok(Self { name: fields.string("name")?, count: fields.int("count")? })
    }
}
