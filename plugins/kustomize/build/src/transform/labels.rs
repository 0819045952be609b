//! Labels and annotations: strings under keys in mappings, wherever field specs say.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec, Shape};
use crate::resource::Entry;
use crate::resources::Resources;

/// Entries for mappings.
#[derive(Debug)]
pub struct Entries {
    /// The field of a kustomization, for errors.
    pub field: &'static str,
    pub entries: BTreeMap<String, String>,
    pub specs: Vec<FieldSpec>,
}

impl Entries {
    pub(super) fn apply(&self, resources: &mut Resources) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        for resource in resources.list_mut() {
            if resource.below_null {
                let what = format!("a replacement wrote below a null of {}, which may come out here", resource.id());
                return Err(Error::unsupported(self.field, &what, "take the null away, or write {} in its place"));
            }
            let gvk = resource.id().gvk.clone();
            for (key, value) in &self.entries {
                let mut entry = Entry::new(key, value);
                for spec in &self.specs {
                    let create = Create::AsSpecified(Shape::Mapping);
                    spec.apply(&gvk, resource.node_mut(), create, &mut |node, place| entry.set(node, place))
                        .map_err(|error| error.within(&resource.id().to_string()).within(self.field))?;
                }
                resource.settle(entry);
            }
        }
        Ok(())
    }
}
