//! One object of a build: its tree, its identity now and before, and what kustomize keeps in annotations of its own
//! while it builds. Those annotations are never in the tree here, except while a patch looks.

use std::collections::BTreeMap;

mod annotations;
mod shared;

use kustomize_yaml::schema::{Schema, Scope};
use kustomize_yaml::{Mapping, Node, Scalar};

use crate::error::{Error, Result};
use crate::id::{Gvk, Id, split_api_version};
use crate::kustomization::Behavior;
use crate::origin::Origin;
use crate::scalar;

pub use annotations::{Notes, Viewer, has_notes};
pub use shared::Entry;

/// An object.
#[derive(Debug, Clone)]
pub struct Resource {
    node: Node,
    id: Id,
    /// The oldest first. Group and version are always those of now.
    previous: Vec<Id>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Made by a generator, and how; `None` for what was read.
    pub generated: Option<Behavior>,
    /// Whether the content's hash becomes part of the name.
    pub needs_hash: bool,
    pub origin: Option<Origin>,
    pub transformations: Vec<Origin>,
    /// Names of vars that take their value from here.
    pub vars: Vec<String>,
    shared: shared::Groups,
    /// Text was written over values of other kinds: they may not fit.
    pub overwritten: bool,
    /// Emptied by a patch: to be dropped.
    pub gone: bool,
    /// A replacement wrote below a null: kustomize prints the null, but what makes a mapping of it later would bring out
    /// what was written.
    pub below_null: bool,
    /// An identity was remembered that had no name.
    nameless: bool,
}

impl Resource {
    /// From a tree that has a kind.
    pub fn new(node: Node, schema: &Schema) -> Self {
        let mut resource = Self {
            node,
            id: Id::default(),
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            generated: None,
            needs_hash: false,
            origin: None,
            transformations: Vec::new(),
            vars: Vec::new(),
            shared: shared::Groups::default(),
            overwritten: false,
            gone: false,
            below_null: false,
            nameless: false,
        };
        resource.absorb_annotations(schema);
        resource.refresh(schema);
        resource
    }

    pub fn node(&self) -> &Node {
        &self.node
    }

    /// For changes. [`refresh`](Self::refresh) must follow one that may touch the identity.
    pub fn node_mut(&mut self) -> &mut Node {
        &mut self.node
    }

    pub fn into_node(self) -> Node {
        self.node
    }

    /// The identity now.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The first identity.
    pub fn original(&self) -> &Id {
        self.previous.first().unwrap_or(&self.id)
    }

    /// All identities before the one of now.
    pub fn previous(&self) -> &[Id] {
        &self.previous
    }

    /// All identities.
    pub fn ids(&self) -> impl Iterator<Item = &Id> {
        std::iter::once(&self.id).chain(&self.previous)
    }

    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    pub fn suffixes(&self) -> &[String] {
        &self.suffixes
    }

    pub fn add_prefix(&mut self, prefix: &str) {
        if !prefix.is_empty() {
            self.prefixes.push(prefix.to_owned());
        }
    }

    pub fn add_suffix(&mut self, suffix: &str) {
        if !suffix.is_empty() {
            self.suffixes.push(suffix.to_owned());
        }
    }

    /// Remembers the identity of now, before it changes. kustomize forgets an empty name but not the namespace beside
    /// it, and stops where it counts other numbers of the two.
    ///
    /// # Errors
    /// An object that has a name at one time and none at another.
    pub fn store_previous(&mut self) -> Result<()> {
        self.nameless |= self.id.name.is_empty();
        if !self.nameless {
            let namespace = self.id.effective_namespace().to_owned();
            self.previous.push(Id { namespace, cluster: false, ..self.id.clone() });
        } else if !(self.id.name.is_empty() && self.previous.is_empty()) {
            let what = "number of previous names, number of previous namespaces, number of previous kinds not equal";
            return Err(Error::conflict(&self.id, what).hint("a patch may not take an object's name away"));
        }
        Ok(())
    }

    /// Takes the identity from the tree anew.
    pub fn refresh(&mut self, schema: &Schema) {
        let field = |key: &str| self.node.get(key).map_or("", scalar::value);
        let meta = |key: &str| {
            let value = self.node.get("metadata").and_then(|metadata| metadata.get(key));
            value.filter(|value| !value.is_null()).map_or("", scalar::value)
        };
        let (api_version, kind) = (field("apiVersion"), field("kind"));
        let (group, version) = split_api_version(api_version);
        let known = &self.id.gvk;
        if known.group != group || known.version != version || known.kind != kind {
            let gvk = Gvk::new(api_version, kind);
            self.id.cluster = schema.scope(api_version, kind) == Scope::Cluster;
            for previous in &mut self.previous {
                previous.gvk.group.clone_from(&gvk.group);
                previous.gvk.version.clone_from(&gvk.version);
            }
            self.id.gvk = gvk;
        }
        let (name, namespace) = (meta("name"), meta("namespace"));
        if self.id.name != name {
            self.id.name = name.to_owned();
        }
        if self.id.namespace != namespace {
            self.id.namespace = namespace.to_owned();
        }
    }

    /// Sets `metadata.name`.
    ///
    /// # Errors
    /// An object whose `metadata` is no mapping.
    pub fn set_name(&mut self, name: &str) -> Result<()> {
        scalar::set_field(self.metadata()?, "name", name);
        Ok(())
    }

    /// Sets `metadata.namespace`, or takes it away where `namespace` is empty.
    ///
    /// # Errors
    /// An object whose `metadata` is no mapping.
    pub fn set_namespace(&mut self, namespace: &str) -> Result<()> {
        if !namespace.is_empty() {
            scalar::set_field(self.metadata()?, "namespace", namespace);
        } else if let Some(Node::Mapping(metadata)) = self.node.get_mut("metadata") {
            metadata.remove("namespace");
        }
        Ok(())
    }

    /// Sets a field at the top.
    pub fn set_top(&mut self, key: &str, text: &str) {
        if let Node::Mapping(mapping) = &mut self.node {
            scalar::set_field(mapping, key, text);
        }
    }

    fn metadata(&mut self) -> Result<&mut Mapping> {
        metadata(&mut self.node)
    }

    /// Strings of `metadata.labels` or `metadata.annotations`, in order.
    pub fn meta_strings(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self.node.at(&["metadata", field]).and_then(Node::as_mapping);
        map.into_iter().flatten().map(|(key, value)| (key.text.as_str(), scalar::value(value)))
    }

    /// Looks at the shape of labels and annotations. kustomize reads a list of them two by two, and stops where one is
    /// left over.
    ///
    /// # Errors
    /// A list.
    pub fn check_strings(&self) -> Result<()> {
        for field in ["labels", "annotations"] {
            if let Some(Node::Sequence(_)) = self.node.at(&["metadata", field]) {
                return Err(Error::invalid("", format!("metadata.{field} of {} is a list, not a mapping", self.id)));
            }
        }
        Ok(())
    }

    /// Notes what a label or annotation that was set in several places shares.
    pub fn settle(&mut self, entry: Entry) {
        self.shared.settle(&mut self.node, entry);
    }

    /// Runs `change` on the tree, and then lets shared values follow the one that was changed.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn changing_shared<T>(&mut self, change: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        let result = change(&mut self.node)?;
        self.shared.follow(&mut self.node);
        Ok(result)
    }

    /// Forgets which values are shared: the tree was made anew.
    pub fn unshare(&mut self) {
        self.shared = shared::Groups::default();
    }

    /// Takes name, namespace, labels, annotations and history from the object that a generator's one replaces or is
    /// merged into.
    pub fn inherit(&mut self, old: &Resource, schema: &Schema) -> Result<()> {
        for field in ["labels", "annotations"] {
            let mut merged: BTreeMap<String, String> = BTreeMap::new();
            let both = old.meta_strings(field).chain(self.meta_strings(field));
            merged.extend(both.map(|(key, value)| (key.to_owned(), value.to_owned())));
            set_strings(self.metadata()?, field, &merged);
        }
        self.set_name(&old.id.name)?;
        self.set_namespace(&old.id.namespace)?;
        self.previous.clone_from(&old.previous);
        self.prefixes.clone_from(&old.prefixes);
        self.suffixes.clone_from(&old.suffixes);
        self.generated = old.generated;
        self.needs_hash &= old.needs_hash;
        self.origin = self.origin.take().or_else(|| old.origin.clone());
        self.transformations.clone_from(&old.transformations);
        self.vars.clone_from(&old.vars);
        self.refresh(schema);
        Ok(())
    }
}

fn metadata(node: &mut Node) -> Result<&mut Mapping> {
    let top = node.as_mapping_mut().ok_or_else(|| Error::invalid("", "an object is a mapping"))?;
    let metadata = top.get_or_insert_with("metadata", || Node::Mapping(Mapping::new()));
    if metadata.is_null() {
        *metadata = Node::Mapping(Mapping::new());
    }
    metadata.as_mapping_mut().ok_or_else(|| Error::invalid("", "metadata is no mapping"))
}

/// Replaces a field of metadata by strings; takes it away where there are none.
pub fn set_strings(metadata: &mut Mapping, field: &str, strings: &BTreeMap<String, String>) {
    metadata.remove(field);
    if !strings.is_empty() {
        let entries = strings.iter().map(|(key, value)| (Scalar::string(key.as_str()), scalar::fresh(value)));
        metadata.insert(field, Node::Mapping(entries.collect()));
    }
}
