//! The objects of a build, in the order in which they came. No two have one identity.

use std::collections::{BTreeMap, HashSet};

use kustomize_yaml::merge::Merged;
use kustomize_yaml::schema::Schema;
use kustomize_yaml::{Node, merge};

use crate::error::{Error, Result};
use crate::id::{Gvk, Id};
use crate::kustomization::{Behavior, Selector};
use crate::resource::{Resource, Viewer, set_strings};
use crate::selector::Matcher;

/// How many objects one list may have.
const MAX_OBJECTS: usize = 200_000;

/// What identifies an object.
type Key = (Gvk, String, String);

/// A list of objects.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    list: Vec<Resource>,
    /// The identities, while nobody has changed an object since they were taken.
    keys: Option<HashSet<Key>>,
}

/// A strategic merge patch, and what it may change beside the fields it names.
#[derive(Debug, Clone)]
pub struct StrategicPatch {
    pub resource: Resource,
    pub rename: Permission,
    pub change_kind: Permission,
}

/// Whether something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Granted,
    Withheld,
}

impl Resources {
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.list.iter()
    }

    /// For changes.
    pub fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.keys = None;
        &mut self.list
    }

    pub fn into_list(self) -> Vec<Resource> {
        self.list
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds an object.
    ///
    /// # Errors
    /// One of its identity is there.
    pub fn append(&mut self, resource: Resource) -> Result<()> {
        let list = &self.list;
        let keys = self.keys.get_or_insert_with(|| list.iter().map(|known| known.id().key()).collect());
        if !keys.insert(resource.id().key()) {
            let what = "may not add resource with an already registered id";
            return Err(Error::conflict(resource.id(), what).hint("name each object once, or change it by a patch"));
        }
        if self.list.len() >= MAX_OBJECTS {
            return Err(Error::invalid("", format!("more than {MAX_OBJECTS} objects")));
        }
        self.list.push(resource);
        Ok(())
    }

    /// Adds all, in order.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    pub fn append_all(&mut self, more: impl IntoIterator<Item = Resource>) -> Result<()> {
        more.into_iter().try_for_each(|resource| self.append(resource))
    }

    /// Adds what a generator made, or puts it in place of what it replaces or is merged into.
    ///
    /// # Errors
    /// Nothing to replace or merge into; something there without either being asked for; more than one.
    pub fn absorb(&mut self, mut resource: Resource, schema: &Schema) -> Result<()> {
        let id = resource.id().clone();
        let places = self.places(&id);
        let merging = matches!(resource.generated, Some(Behavior::Merge | Behavior::Replace));
        let at = match places[..] {
            [] if merging => return Err(Error::conflict(&id, "does not exist; cannot merge or replace")),
            [] => return self.append(resource),
            [at] if merging => at,
            [_] => return Err(Error::conflict(&id, "exists; behavior must be merge or replace")),
            _ => return Err(Error::conflict(&id, "found multiple objects that could accept merge")),
        };
        let old = &self.list[at];
        let merge_data = resource.generated == Some(Behavior::Merge);
        let origin = old.origin.clone().filter(|_| merge_data);
        resource.inherit(old, schema)?;
        if merge_data {
            merge_strings(&mut resource, old, "data");
            merge_strings(&mut resource, old, "binaryData");
        }
        if origin.is_some() {
            resource.origin = origin;
        }
        self.list_mut()[at] = resource;
        Ok(())
    }

    /// Places of the objects that have or had an identity.
    pub fn places(&self, id: &Id) -> Vec<usize> {
        let has = |resource: &Resource| resource.ids().any(|known| id.same(known));
        self.list.iter().enumerate().filter(|(_, resource)| has(resource)).map(|(at, _)| at).collect()
    }

    /// The one object that has or had an identity.
    ///
    /// # Errors
    /// None, or more than one.
    pub fn only(&self, id: &Id) -> Result<usize> {
        match self.places(id)[..] {
            [at] => Ok(at),
            [] => Err(Error::transform(
                "patches",
                format!("no resource matches strategic merge patch {id}: no matches for Id"),
            )
            .hint("the patch's apiVersion, kind, name and namespace are those of an object before this kustomization")),
            _ => Err(Error::transform(
                "patches",
                format!("multiple matches for Id {id}; failed to find unique target for patch"),
            )),
        }
    }

    /// Places of the objects that a selector of patches means.
    ///
    /// # Errors
    /// An expression or a label selector that is none.
    pub fn select(&self, selector: &Selector) -> Result<Vec<usize>> {
        let matcher = Matcher::new(selector)?;
        let mut places = Vec::new();
        for (at, resource) in self.list.iter().enumerate() {
            if matcher.matches(resource)? {
                places.push(at);
            }
        }
        Ok(places)
    }

    /// Merges a patch into the objects at `places`.
    ///
    /// # Errors
    /// A patch that does not fit, and names that collide afterwards.
    pub fn patch_selected(&mut self, places: &[usize], patch: &StrategicPatch, schema: &Schema) -> Result<()> {
        for at in places {
            let Some(resource) = self.list_mut().get_mut(*at) else { continue };
            let adapted = adapt(patch, resource)?;
            apply_strategic(resource, &adapted, schema)?;
        }
        self.drop_gone();
        let list = std::mem::take(self.list_mut());
        self.append_all(list)
    }

    /// Merges a patch into the object at `at`, as it is.
    ///
    /// # Errors
    /// A patch that does not fit.
    pub fn patch_one(&mut self, at: usize, patch: &StrategicPatch, schema: &Schema) -> Result<()> {
        match self.list_mut().get_mut(at) {
            Some(resource) => apply_strategic(resource, patch, schema),
            None => Ok(()),
        }
    }

    /// Drops what patches have emptied.
    pub fn drop_gone(&mut self) {
        if self.list.iter().any(|resource| resource.gone || resource.node().is_empty()) {
            self.list_mut().retain(|resource| !resource.gone && !resource.node().is_empty());
        }
    }
}

/// What kustomize makes of a patch before it goes to an object that a selector found: labels and annotations become
/// strings, null included; version and group are the object's.
fn adapt(patch: &StrategicPatch, target: &Resource) -> Result<StrategicPatch> {
    let mut adapted = patch.clone();
    patch.resource.check_strings()?;
    let strings = |field: &str| -> BTreeMap<String, String> {
        patch.resource.meta_strings(field).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let (labels, annotations) = (strings("labels"), strings("annotations"));
    if let Some(Node::Mapping(metadata)) = adapted.resource.node_mut().get_mut("metadata") {
        set_strings(metadata, "labels", &labels);
        set_strings(metadata, "annotations", &annotations);
    }
    let id = patch.resource.id();
    adapted.resource.set_name(&id.name)?;
    adapted.resource.set_namespace(&id.namespace)?;
    adapted.resource.set_top("apiVersion", &target.id().gvk.api_version());
    Ok(adapted)
}

fn apply_strategic(resource: &mut Resource, patch: &StrategicPatch, schema: &Schema) -> Result<()> {
    let before = resource.id().clone();
    if patch.rename == Permission::Granted || patch.change_kind == Permission::Granted {
        resource.store_previous()?;
    }
    let merged = resource.with_notes(Viewer::StrategicMerge, |node| {
        let merged = merge::strategic(node, patch.resource.node(), schema);
        merged.map_err(|error| Error::transform("patches", error).within(&before.to_string()))
    })?;
    if merged == Merged::Deleted || resource.node().is_empty() {
        resource.gone = true;
        return Ok(());
    }
    if patch.change_kind == Permission::Withheld {
        resource.set_top("kind", &before.gvk.kind);
    }
    if patch.rename == Permission::Withheld {
        resource.set_name(&before.name)?;
    }
    resource.set_namespace(&before.namespace)?;
    resource.refresh(schema);
    Ok(())
}

/// `data` of the old object with that of the new one over it, all as strings.
fn merge_strings(resource: &mut Resource, old: &Resource, field: &str) {
    let strings = |node: &Node| -> BTreeMap<String, String> {
        let map = node.get(field).and_then(Node::as_mapping);
        let text = |value: &Node| value.text().unwrap_or_default().to_owned();
        map.into_iter().flatten().map(|(key, value)| (key.text.clone(), text(value))).collect()
    };
    let mut merged = strings(old.node());
    merged.extend(strings(resource.node()));
    if let Node::Mapping(top) = resource.node_mut() {
        set_strings(top, field, &merged);
    }
}
