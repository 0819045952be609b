//! Prefixes and suffixes of names, and the hashes of generated objects.

use kustomize_yaml::schema::Schema;

use super::named;
use crate::error::Result;
use crate::fieldspec::{Create, FieldSpec, Shape};
use crate::hash;
use crate::id::Id;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::scalar;

/// Which end of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Prefix,
    Suffix,
}

/// Text at one end of names.
#[derive(Debug)]
pub struct Affix {
    pub end: End,
    pub text: String,
    pub specs: Vec<FieldSpec>,
}

/// Names that mean something to the cluster, or are part of a reference that is not known.
fn keeps_name(id: &Id) -> bool {
    match id.gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => id.gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

impl Affix {
    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        let meant = resources.list_mut().iter_mut().filter(|resource| !keeps_name(resource.original()));
        for resource in meant {
            self.apply_one(resource, schema).map_err(named(self.field()))?;
        }
        Ok(())
    }

    fn field(&self) -> &'static str {
        match self.end {
            End::Prefix => "namePrefix",
            End::Suffix => "nameSuffix",
        }
    }

    fn apply_one(&self, resource: &mut Resource, schema: &Schema) -> Result<()> {
        for spec in &self.specs {
            if !resource.original().gvk.is_selected(&spec.gvk) {
                continue;
            }
            if spec.path == "metadata/name" && !self.text.is_empty() {
                match self.end {
                    End::Prefix => resource.add_prefix(&self.text),
                    End::Suffix => resource.add_suffix(&self.text),
                }
                resource.store_previous()?;
            }
            let gvk = resource.id().gvk.clone();
            spec.apply(&gvk, resource.node_mut(), Create::AsSpecified(Shape::Scalar), &mut |node, _| {
                let value = scalar::value(node);
                let text = match self.end {
                    End::Prefix => format!("{}{value}", self.text),
                    End::Suffix => format!("{value}{}", self.text),
                };
                scalar::overwrite(node, &text)
            })?;
            resource.refresh(schema);
        }
        Ok(())
    }
}

/// Puts the hash of the content behind the name of each object that asks for it.
///
/// # Errors
/// Content that cannot be printed.
pub fn add_hashes(resources: &mut Resources, schema: &Schema) -> Result<()> {
    for resource in resources.list_mut().iter_mut().filter(|resource| resource.needs_hash) {
        let name = format!("{}-{}", resource.id().name, hash::of(resource.node())?);
        resource.store_previous()?;
        resource.set_name(&name)?;
        resource.refresh(schema);
    }
    Ok(())
}
