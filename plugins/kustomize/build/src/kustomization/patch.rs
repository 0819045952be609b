//! Entries of `patches:` and `patchesJson6902:`, and the selectors that patches and replacements share.

use std::collections::BTreeMap;

use kustomize_yaml::Node;

use crate::decode::{Fields, Mode};
use crate::error::Result;
use crate::id::Id;

/// Which objects are meant. In patches every part of the id is an expression, in replacements plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    pub id: Id,
    pub annotations: String,
    pub labels: String,
}

impl Selector {
    /// From a mapping.
    pub fn decode(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let known = ["group", "version", "kind", "name", "namespace", "annotationSelector", "labelSelector"];
        let fields = Fields::new(node, place, mode, &known)?;
        Ok(Self {
            id: decode_id(&fields)?,
            annotations: fields.string("annotationSelector")?,
            labels: fields.string("labelSelector")?,
        })
    }
}

/// `group`, `version`, `kind`, `name` and `namespace`.
pub fn decode_id(fields: &Fields<'_>) -> Result<Id> {
    let (name, namespace) = (fields.string("name")?, fields.string("namespace")?);
    Ok(Id { gvk: fields.gvk()?, name, namespace, cluster: false })
}

/// A patch, its text inline or in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    pub path: String,
    pub patch: String,
    pub target: Option<Selector>,
    pub options: BTreeMap<String, bool>,
}

impl Patch {
    /// An entry of a kustomization.
    pub fn decode(node: &Node, place: &str) -> Result<Self> {
        Self::decode_as(node, place, Mode::Strict)
    }

    /// The same in a plugin's configuration.
    pub fn decode_as(node: &Node, place: &str, mode: Mode) -> Result<Self> {
        let fields = Fields::new(node, place, mode, &["path", "patch", "target", "options"])?;
        Ok(Self {
            path: fields.string("path")?,
            patch: fields.string("patch")?,
            target: fields.object("target", |node, place| Selector::decode(node, place, mode))?,
            options: fields.bool_map("options")?,
        })
    }
}
