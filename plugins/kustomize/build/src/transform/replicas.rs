//! Numbers of replicas.

use kustomize_yaml::Kind;

use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec, Shape};
use crate::kustomization::Replica;
use crate::resources::Resources;
use crate::scalar;

/// The number of replicas of all objects of a name.
#[derive(Debug)]
pub struct Replicas {
    pub replica: Replica,
    pub specs: Vec<FieldSpec>,
}

impl Replicas {
    pub(super) fn apply(&self, resources: &mut Resources) -> Result<()> {
        let count = self.replica.count.to_string();
        let mut found = false;
        for spec in &self.specs {
            let list = resources.list_mut().iter_mut();
            let meant = list.filter(|resource| {
                resource.ids().any(|id| id.name == self.replica.name && id.gvk.is_selected(&spec.gvk))
            });
            for resource in meant {
                found = true;
                let gvk = resource.id().gvk.clone();
                let create = Create::AsSpecified(Shape::Scalar);
                spec.apply(&gvk, resource.node_mut(), create, &mut |node, _| {
                    scalar::overwrite_as(node, &count, Kind::Int)
                })?;
            }
        }
        if found {
            return Ok(());
        }
        let kinds: Vec<String> = self.specs.iter().map(|spec| spec.gvk.to_string()).collect();
        let name = &self.replica.name;
        let what =
            format!("resource with name {name} does not match a config with the following GVK [{}]", kinds.join(" "));
        Err(Error::transform("replicas", what))
    }
}
