//! kustomize keeps its notes on an object in annotations: former names, prefixes, whether a hash is due. Here they are
//! fields of [`Resource`]; this is where they come out of a file that has them, where patches see them, and where the
//! output is rid of them.

use std::collections::BTreeMap;

use kustomize_yaml::schema::Schema;
use kustomize_yaml::{Kind, Mapping, Node};

use super::{Resource, metadata, set_strings};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::kustomization::Behavior;
use crate::origin;

const DOMAIN: &str = "internal.config.kubernetes.io/";
const NAMES: &str = "internal.config.kubernetes.io/previousNames";
const NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
const HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";

/// What never reaches the output.
const INTERNAL: [&str; 18] = [
    KINDS,
    NAMES,
    PREFIXES,
    SUFFIXES,
    NAMESPACES,
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    BEHAVIOR,
    HASH,
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

/// Which notes the output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    pub origin: bool,
    pub transformations: bool,
}

/// Who looks at the notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// A strategic merge patch can take them away.
    StrategicMerge,
    /// After a JSON patch kustomize puts them back.
    Json,
}

impl Resource {
    /// Takes the notes out of a tree that was read, as if an earlier build had left them.
    pub(super) fn absorb_annotations(&mut self, schema: &Schema) {
        let found: BTreeMap<String, String> = self
            .meta_strings("annotations")
            .filter(|(key, _)| key.starts_with(DOMAIN))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        if found.is_empty() {
            return;
        }
        let list = |key: &str| -> Vec<String> {
            found.get(key).map(|value| value.split(',').map(str::to_owned).collect()).unwrap_or_default()
        };
        self.refresh(schema);
        let rows = list(NAMES).into_iter().zip(list(NAMESPACES)).zip(list(KINDS));
        self.previous = rows
            .map(|((name, namespace), kind)| {
                let mut gvk = self.id.gvk.clone();
                gvk.kind = kind;
                Id { gvk, name, namespace, cluster: false }
            })
            .collect();
        (self.prefixes, self.suffixes) = (list(PREFIXES), list(SUFFIXES));
        self.generated = found.get(BEHAVIOR).map(|behavior| Behavior::parse(behavior));
        self.needs_hash = found.get(HASH).is_some_and(|value| value == "enabled");
        if let Some(Node::Mapping(annotations)) = self.node.at_mut(&["metadata", "annotations"]) {
            annotations.retain(|key, _| !INTERNAL.contains(&key.text.as_str()) || !key.text.starts_with(DOMAIN));
        }
    }

    /// Takes the notes out of annotations that another object's were written over.
    pub fn retake_annotations(&mut self, schema: &Schema) {
        self.previous.clear();
        self.prefixes.clear();
        self.suffixes.clear();
        self.generated = None;
        self.needs_hash = false;
        self.absorb_annotations(schema);
    }

    /// The annotations that kustomize would have here now.
    fn notes(&self) -> Result<Vec<(&'static str, String)>> {
        let list = |part: fn(&Id) -> &str| self.previous.iter().map(part).collect::<Vec<_>>().join(",");
        let mut notes = Vec::new();
        if !self.previous.is_empty() {
            notes.push((NAMES, list(|id| &id.name)));
            notes.push((NAMESPACES, list(|id| &id.namespace)));
            notes.push((KINDS, list(|id| &id.gvk.kind)));
        }
        let lists = [(PREFIXES, &self.prefixes), (SUFFIXES, &self.suffixes)];
        notes.extend(lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(key, list)| (key, list.join(","))));
        notes.extend(self.generated.map(|behavior| (BEHAVIOR, behavior.text().to_owned())));
        if self.needs_hash {
            notes.push((HASH, "enabled".to_owned()));
        }
        if let Some(origin) = &self.origin {
            notes.push((origin::ORIGIN, origin.text()?));
        }
        if !self.transformations.is_empty() {
            notes.push((origin::TRANSFORMATIONS, origin::list(&self.transformations)?));
        }
        Ok(notes)
    }

    /// A value for others to copy: in `metadata` and `metadata.annotations` the notes are part of it.
    ///
    /// # Errors
    /// Those of `look`, and an origin that cannot be written.
    pub fn copied(&self, path: &[String], look: impl Fn(&Node) -> Result<Option<&Node>>) -> Result<Option<Node>> {
        if !has_notes(path) {
            return Ok(look(&self.node)?.cloned());
        }
        let mut node = self.node.clone();
        put_notes(&mut node, &self.notes()?)?;
        Ok(look(&node)?.cloned())
    }

    /// Runs a patch while the notes are in the tree: whether `metadata.annotations` is there matters to it.
    ///
    /// # Errors
    /// Those of `patch`.
    pub fn with_notes<T>(&mut self, viewer: Viewer, patch: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        let notes = self.notes()?;
        put_notes(&mut self.node, &notes)?;
        let result = self.changing_shared(patch)?;
        self.take_notes(viewer, &notes);
        Ok(result)
    }

    fn take_notes(&mut self, viewer: Viewer, notes: &[(&'static str, String)]) {
        let keys = notes.iter().map(|(key, _)| *key);
        let mut lost: Vec<&str> = Vec::new();
        match self.node.at_mut(&["metadata", "annotations"]) {
            Some(Node::Mapping(annotations)) => {
                lost.extend(keys.filter(|key| annotations.remove(key).is_none()));
                if annotations.is_empty()
                    && !notes.is_empty()
                    && let Some(Node::Mapping(metadata)) = self.node.get_mut("metadata")
                {
                    metadata.remove("annotations");
                }
            }
            _ => lost.extend(keys),
        }
        for note in lost {
            match note {
                origin::ORIGIN => self.origin = None,
                origin::TRANSFORMATIONS => self.transformations.clear(),
                _ if viewer == Viewer::Json => {}
                NAMES | NAMESPACES | KINDS => self.previous.clear(),
                PREFIXES => self.prefixes.clear(),
                SUFFIXES => self.suffixes.clear(),
                BEHAVIOR => self.generated = None,
                HASH => self.needs_hash = false,
                _ => {}
            }
        }
    }

    /// Makes strings of all annotations, as kustomize does whenever it writes one of its own.
    ///
    /// # Errors
    /// An object whose `metadata`, labels or annotations are no mapping.
    pub fn rewrite_annotations(&mut self) -> Result<()> {
        self.check_strings()?;
        let strings = self.meta_strings("annotations").map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        set_strings(metadata(&mut self.node)?, "annotations", &strings);
        self.shared.forget(&["metadata", "annotations"]);
        Ok(())
    }

    /// Leaves the annotations that the output has, all of them strings.
    ///
    /// # Errors
    /// An object whose `metadata` or annotations are no mapping, and annotations whose names are no strings.
    pub fn finish(&mut self, notes: Notes) -> Result<()> {
        self.check_strings()?;
        let annotations = self.node.at(&["metadata", "annotations"]).and_then(Node::as_mapping);
        if let Some((key, _)) = annotations.into_iter().flatten().find(|(key, _)| key.kind != Kind::Str) {
            let what = format!("the annotation '{}' of {} has no string for a name", key.text, self.id);
            return Err(Error::invalid("", what).hint("write the annotation's name in quotes"));
        }
        let mut strings: BTreeMap<String, String> = self
            .meta_strings("annotations")
            .filter(|(key, _)| !INTERNAL.contains(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        set_note(&mut strings, origin::ORIGIN, notes.origin, || {
            self.origin.as_ref().map(crate::origin::Origin::text).transpose()
        })?;
        set_note(&mut strings, origin::TRANSFORMATIONS, notes.transformations, || {
            Some(&self.transformations).filter(|list| !list.is_empty()).map(|list| origin::list(list)).transpose()
        })?;
        set_strings(metadata(&mut self.node)?, "annotations", &strings);
        Ok(())
    }
}

/// Whether the notes are part of what is at a path.
pub fn has_notes(path: &[String]) -> bool {
    let mut parts = path.iter().map(String::as_str);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("metadata"), annotations, None) => matches!(annotations, None | Some("annotations")),
        _ => false,
    }
}

fn put_notes(node: &mut Node, notes: &[(&'static str, String)]) -> Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    let annotations = metadata(node)?.get_or_insert_with("annotations", || Node::Mapping(Mapping::new()));
    if !matches!(annotations, Node::Mapping(_)) {
        *annotations = Node::Mapping(Mapping::new());
    }
    if let Node::Mapping(annotations) = annotations {
        for (key, text) in notes {
            annotations.insert(*key, Node::string(text.as_str()));
        }
    }
    Ok(())
}

fn set_note(
    strings: &mut BTreeMap<String, String>,
    key: &str,
    wanted: bool,
    text: impl FnOnce() -> Result<Option<String>>,
) -> Result<()> {
    if !wanted {
        strings.remove(key);
    } else if let Some(text) = text()? {
        strings.insert(key.to_owned(), text);
    }
    Ok(())
}
