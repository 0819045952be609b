//! The namespace of all objects, and of what refers to it: subjects of bindings, services of API services and of the
//! conversions of custom kinds.

use std::collections::HashMap;

use kustomize_yaml::schema::Schema;
use kustomize_yaml::{Kind, Mapping, Node};

use super::named;
use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec, Shape};
use crate::resource::Resource;
use crate::resources::Resources;
use crate::scalar;

/// Which subjects of bindings are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subjects {
    /// Those named `default`.
    #[default]
    Default,
    AllServiceAccounts,
    None,
}

impl Subjects {
    /// As `setRoleBindingSubjects` has it.
    ///
    /// # Errors
    /// Any other word.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "defaultOnly" => Ok(Self::Default),
            "allServiceAccounts" => Ok(Self::AllServiceAccounts),
            "none" => Ok(Self::None),
            _ => {
                let what = "must be one of defaultOnly, none or allServiceAccounts";
                Err(Error::invalid("", format!("setRoleBindingSubjects '{text}': {what}")))
            }
        }
    }
}

/// Whether namespaces that are there stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Replaced,
    Kept,
}

/// The namespace of all objects.
#[derive(Debug)]
pub struct Namespace {
    pub namespace: String,
    pub specs: Vec<FieldSpec>,
    pub subjects: Subjects,
    pub existing: Existing,
}

impl Namespace {
    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        let mut counts = HashMap::new();
        for resource in resources.iter() {
            *counts.entry(resource.id().key()).or_insert(0_usize) += 1;
        }
        for resource in resources.list_mut() {
            let before = resource.id().key();
            resource.store_previous()?;
            self.apply_one(resource).map_err(named("namespace"))?;
            resource.refresh(schema);
            if let Some(count) = counts.get_mut(&before) {
                *count -= 1;
            }
            let count = counts.entry(resource.id().key()).or_insert(0);
            *count += 1;
            if *count > 1 {
                return Err(Error::conflict(resource.id(), "namespace transformation produces ID conflict"));
            }
        }
        Ok(())
    }

    /// The same for an object alone, without field specs: what `ValueAddTransformer` does.
    pub(super) fn apply_one(&self, resource: &mut Resource) -> Result<()> {
        let id = resource.id().clone();
        let node = resource.node_mut();
        if !id.cluster {
            let spec = FieldSpec::anywhere("metadata/namespace", true);
            spec.apply(&id.gvk, node, Create::AsSpecified(Shape::Scalar), &mut |node, _| self.set(node))?;
        }
        let binding = matches!(id.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
        if binding {
            self.set_subjects(node)?;
        }
        let core = id.gvk.group.is_empty() && id.gvk.version == "v1";
        for spec in &self.specs {
            let by_hand = match spec.path.as_str() {
                "metadata/namespace" => true,
                "metadata/name" => !core,
                "subjects/namespace" => {
                    binding && matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding")
                }
                _ => false,
            };
            if !by_hand {
                spec.apply(&id.gvk, node, Create::AsSpecified(Shape::Scalar), &mut |node, _| self.set(node))?;
            }
        }
        Ok(())
    }

    fn set(&self, node: &mut Node) -> Result<()> {
        let kept = self.existing == Existing::Kept && !node.is_empty() && !scalar::value(node).is_empty();
        if kept { Ok(()) } else { scalar::overwrite_as(node, &self.namespace, Kind::Str) }
    }

    fn set_subjects(&self, node: &mut Node) -> Result<()> {
        let Some(subjects) = node.get_mut("subjects").filter(|subjects| !subjects.is_null()) else { return Ok(()) };
        let Node::Sequence(subjects) = subjects else {
            return Err(Error::invalid("", "subjects of a binding are a list"));
        };
        for subject in subjects {
            match subject {
                Node::Mapping(subject) => {
                    if self.means(subject)? {
                        self.set(subject.get_or_insert_with("namespace", || Node::string("")))?;
                    }
                }
                subject if subject.is_null() || self.subjects == Subjects::None => {}
                _ => return Err(Error::invalid("", "a subject of a binding is a mapping")),
            }
        }
        Ok(())
    }

    fn means(&self, subject: &Mapping) -> Result<bool> {
        let (key, value) = match self.subjects {
            Subjects::Default => ("name", "default"),
            Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
            Subjects::None => return Ok(false),
        };
        match subject.get(key) {
            None => Ok(false),
            Some(Node::Scalar(_)) => Ok(subject.get(key).and_then(Node::text) == Some(value)),
            Some(_) => Err(Error::invalid("", format!("the {key} of a binding's subject is a text"))),
        }
    }
}
