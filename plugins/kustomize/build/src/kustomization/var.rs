//! Entries of `vars:`.

use kustomize_yaml::Node;

use crate::decode::{Fields, Mode};
use crate::error::Result;
use crate::id::{Gvk, Id};

/// A field of an object whose value stands for `$(NAME)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Var {
    pub name: String,
    pub target: Id,
    pub field_path: String,
}

impl Var {
    /// An entry of a kustomization.
    pub fn decode(node: &Node, place: &str) -> Result<Self> {
        let fields = Fields::new(node, place, Mode::Strict, &["name", "objref", "fieldref"])?;
        let target = fields.object("objref", target)?.unwrap_or_default();
        let path = fields.object("fieldref", |node, place| {
            Fields::new(node, place, Mode::Strict, &["fieldPath"])?.string("fieldPath")
        })?;
        let field_path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| "metadata.name".to_owned());
        Ok(Self { name: fields.string("name")?, target, field_path })
    }
}

fn target(node: &Node, place: &str) -> Result<Id> {
    let known = ["apiVersion", "group", "version", "kind", "name", "namespace"];
    let fields = Fields::new(node, place, Mode::Strict, &known)?;
    let (mut gvk, api_version) = (fields.gvk()?, fields.string("apiVersion")?);
    match api_version.split('/').collect::<Vec<_>>()[..] {
        [""] => {}
        [version] => gvk.version = version.to_owned(),
        [_, _] => gvk = Gvk::new(&api_version, &gvk.kind),
        _ => {}
    }
    Ok(Id { gvk, name: fields.string("name")?, namespace: fields.string("namespace")?, cluster: false })
}
