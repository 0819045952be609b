//! `ValueAddTransformer`: one value into fields of many objects, as a whole or as a part of a file path.

use kustomize_yaml::schema::Schema;

use super::namespace::{Existing, Namespace};
use super::{Subjects, named};
use crate::error::{Error, Result};
use crate::kustomization::Selector;
use crate::path;
use crate::resources::Resources;
use crate::scalar;

/// A value and where it goes.
#[derive(Debug)]
pub struct ValueAdd {
    pub value: String,
    pub targets: Vec<ValueTarget>,
}

/// A field of some objects.
#[derive(Debug)]
pub struct ValueTarget {
    /// All objects where it is absent.
    pub selector: Option<Selector>,
    pub field_path: String,
    /// Where the value is put into a file path, counted from 1; 0 to replace the field.
    pub position: usize,
}

impl ValueAdd {
    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        for target in &self.targets {
            let places = match &target.selector {
                Some(selector) => resources.select(selector)?,
                None => (0..resources.len()).collect(),
            };
            for at in places {
                let Some(resource) = resources.list_mut().get_mut(at) else { continue };
                if target.field_path == "metadata/namespace" {
                    self.namespace().apply_one(resource).map_err(named("ValueAddTransformer"))?;
                } else {
                    self.set(resource.node_mut(), target)?;
                }
                resource.refresh(schema);
            }
        }
        Ok(())
    }

    fn namespace(&self) -> Namespace {
        Namespace {
            namespace: self.value.clone(),
            specs: Vec::new(),
            subjects: Subjects::Default,
            existing: Existing::Replaced,
        }
    }

    fn set(&self, node: &mut kustomize_yaml::Node, target: &ValueTarget) -> Result<()> {
        let fields = crate::fieldspec::split_path(&target.field_path, '/');
        let field = path::lookup_or_create(node, &fields)?
            .ok_or_else(|| Error::transform("ValueAddTransformer", format!("no field {}", target.field_path)))?;
        let text = match target.position {
            0 => self.value.clone(),
            position => insert_part(scalar::value(field), position - 1, &self.value),
        };
        scalar::overwrite(field, &text)
    }
}

/// Puts `part` into a file path at `position`, or at its end where the path is shorter.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let mut parts: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    if parts.len() > 1 && parts.last() == Some(&"") {
        parts.pop();
    }
    let absolute = parts.first() == Some(&"");
    let position = position.min(parts.len());
    let position = if absolute && position < parts.len() { position + 1 } else { position };
    parts.insert(position, part);
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::insert_part;

    #[test]
    fn parts_of_file_paths() {
        assert_eq!(insert_part("", 0, "new"), "new");
        assert_eq!(insert_part("/", 0, "new"), "/new");
        assert_eq!(insert_part("pie", 0, "new"), "new/pie");
        assert_eq!(insert_part("/pie", 0, "new"), "/new/pie");
        assert_eq!(insert_part("raw", 1, "new"), "raw/new");
        assert_eq!(insert_part("/raw", 9999, "new"), "/raw/new");
        assert_eq!(insert_part("a/nice/warm/pie", 3, "new"), "a/nice/warm/new/pie");
        assert_eq!(insert_part("/a/nice/warm/pie", 3, "new"), "/a/nice/warm/new/pie");
    }
}
