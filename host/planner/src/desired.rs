//! What should be there: a render, read once. Every manifest gets its identity, namespace, role, wave, options and digest,
//! and every problem of every manifest is found at once. It never renders and never looks at a cluster.

use crate::application::{Application, judge};
use crate::applyset::ApplySet;
use crate::hook::Role;
use crate::object::{DEEPEST, GroupKind, Head, ObjectKey, annotation, digest, is_shallow, listed};
use crate::option::{HELM_RESOURCE_POLICY, Options, Place, Removal, SYNC_OPTIONS};
use crate::phase::wave;
use crate::reason::{Code, Reason};
use crate::scope::{Scope, Scopes};
use model::Digest;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Objects of one render. More is a mistake, such as a chart that repeats itself.
pub const MOST_OBJECTS: usize = 100_000;

/// One desired object.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is called. Of a hook with `generateName` the name is the prefix.
    pub key: ObjectKey,
    /// Its content, with namespace and mark filled in.
    pub manifest: Arc<Value>,
    /// The digest of that content, but for the label of its ApplySet.
    pub digest: Digest,
    /// What it is to a sync.
    pub role: Role,
    /// Its wave.
    pub wave: i64,
    /// Its own options.
    pub options: Options,
    /// Whether the name is only a prefix.
    pub naming: Naming,
}

/// Where an object's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `metadata.name`.
    Fixed,
    /// `metadata.generateName`: each run of the hook gets its own.
    Generated,
}

/// Whether objects are marked as their application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// They are: what the mark is good for needs it in the cluster.
    Written,
    /// They are not: rendered manifests in a branch should be what was rendered.
    Unwritten,
}

/// A render, read.
#[derive(Clone, Debug)]
pub struct Desired {
    items: Vec<Item>,
    index: HashMap<ObjectKey, usize>,
    /// The scopes of the kinds that its definitions make.
    defined: HashMap<GroupKind, Scope>,
    digest: Digest,
    /// What stops every sync.
    pub problems: Vec<Reason>,
    /// What is worth knowing.
    pub notices: Vec<Reason>,
}

impl Desired {
    /// Reads a render. The order of the manifests does not matter, but that of two of one name the last counts.
    pub fn new(manifests: Vec<Value>, application: &Application, scopes: &Scopes, marks: Marks) -> Self {
        let mut desired = Self {
            items: Vec::with_capacity(manifests.len()),
            index: HashMap::with_capacity(manifests.len()),
            defined: HashMap::new(),
            digest: Digest::of(""),
            problems: vec![],
            notices: vec![],
        };
        let mut flat = Vec::with_capacity(manifests.len());
        for manifest in manifests {
            flatten(manifest, &mut flat, DEEPEST);
        }
        if flat.len() > MOST_OBJECTS {
            let text = format!("the render has {} objects, more than the {MOST_OBJECTS} of an application", flat.len());
            desired.problems.push(Reason::new(Code::BadObject, text));
            return desired;
        }
        desired
            .defined
            .extend(flat.iter().filter(|m| m["kind"] == "CustomResourceDefinition").filter_map(Scopes::defined));
        for (place, manifest) in flat.into_iter().enumerate() {
            if let Err(problem) = desired.take(manifest, place, application, scopes, marks) {
                desired.problems.push(problem);
            }
        }
        desired.sort();
        desired
    }

    fn take(
        &mut self,
        mut manifest: Value,
        place: usize,
        application: &Application,
        scopes: &Scopes,
        marks: Marks,
    ) -> Result<(), Reason> {
        let bad = |text: String| Reason::new(Code::BadObject, format!("object {} of the render: {text}", place + 1));
        if !is_shallow(&manifest) {
            return Err(bad(format!("it nests deeper than {DEEPEST}")));
        }
        let head = Head::of(&manifest).map_err(|field| bad(format!("it lacks {field}")))?;
        let kind = GroupKind::new(head.group, head.kind);
        if kind.is("argoproj.io", "Application") {
            let item = child(ObjectKey::new(kind, "", head.name), manifest, &mut self.notices)?;
            return self.add_child(item);
        }
        if kind.is("argoproj.io", "ApplicationSet") {
            let text =
                format!("{} {}: write its applications as files, generators are not built", head.kind, head.name);
            return Err(Reason::new(Code::Refused, text));
        }
        if kind.is("argoproj.io", "AppProject") {
            let text = format!(
                "{} {}: nobody gets a right from a render; let `applications` in tidegate.yaml name its file",
                head.kind, head.name
            );
            return Err(Reason::new(Code::Refused, text));
        }
        let naming = if head.name.is_empty() { Naming::Generated } else { Naming::Fixed };
        let name = if head.name.is_empty() { head.generate_name } else { head.name }.to_owned();
        let scope = self.defined.get(&kind).copied().or_else(|| scopes.of(&kind)).unwrap_or(Scope::Namespaced);
        let namespace = match scope {
            Scope::Cluster => String::new(),
            Scope::Namespaced if head.namespace.is_empty() => application.namespace.clone(),
            Scope::Namespaced => head.namespace.to_owned(),
        };
        let key = ObjectKey::new(kind, &namespace, &name);
        if scope == Scope::Namespaced && namespace.is_empty() {
            let text = "it lives in a namespace and names none, and the application's destination has none either";
            return Err(Reason::new(Code::BadObject, text).about(&key));
        }
        place_in(&mut manifest, &namespace);
        let item = self.item(key, manifest, naming, application, marks)?;
        self.add(item);
        Ok(())
    }

    fn item(
        &mut self,
        key: ObjectKey,
        mut manifest: Value,
        naming: Naming,
        application: &Application,
        marks: Marks,
    ) -> Result<Item, Reason> {
        let bad = |code: Code, text: String| Reason::new(code, text).about(&key);
        let role = Role::of(&manifest)
            .map_err(|(name, word)| bad(Code::BadObject, format!("`{name}` has no value `{word}`")))?;
        let wave = wave(&manifest).map_err(|name| bad(Code::BadObject, format!("`{name}` is no whole number")))?;
        if naming == Naming::Generated && role.is_resource() {
            let text = "only a hook may have `generateName`: applying it again would make another object each time";
            return Err(bad(Code::BadObject, text.to_owned()));
        }
        let (mut options, misfits) = Options::parse(Place::Object, listed(&manifest, SYNC_OPTIONS));
        for misfit in misfits {
            self.notices.push(judge(misfit).map_err(|problem| problem.about(&key))?.about(&key));
        }
        keep(&manifest, &mut options);
        if marks == Marks::Written {
            application.name.mark(&mut manifest);
        }
        let digest = digest(&manifest);
        // After the digest: an object that was applied without it is not applied for its sake.
        if marks == Marks::Written && role.is_resource() {
            ApplySet::new(&application.name, &application.namespace).label(&mut manifest);
        }
        Ok(Item { key, manifest: Arc::new(manifest), digest, role, wave, options, naming })
    }

    /// Of two children of one name nobody can say which is meant, whatever namespaces Argo CD would keep them in.
    fn add_child(&mut self, item: Item) -> Result<(), Reason> {
        if self.index.contains_key(&item.key) {
            let text = "the render declares it more than once";
            return Err(Reason::new(Code::RepeatedObject, text).about(&item.key));
        }
        self.add(item);
        Ok(())
    }

    fn add(&mut self, item: Item) {
        if let Role::Left(why) = item.role {
            self.notices.push(Reason::new(Code::LeftOut, why).about(&item.key));
        }
        if item.naming == Naming::Generated {
            return self.items.push(item);
        }
        match self.index.get(&item.key) {
            Some(&earlier) => {
                let text = "the render has it more than once; the last one counts";
                self.notices.push(Reason::new(Code::RepeatedObject, text).about(&item.key));
                self.items[earlier] = item;
            }
            None => {
                self.index.insert(item.key.clone(), self.items.len());
                self.items.push(item);
            }
        }
    }

    /// Brings everything into an order that does not depend on the render's.
    fn sort(&mut self) {
        // Items are large, so that it pays to sort places instead.
        self.items.sort_by_cached_key(|item| (item.key.clone(), item.digest.clone()));
        let fixed = self.items.iter().enumerate().filter(|(_, item)| item.naming == Naming::Fixed);
        self.index = fixed.map(|(i, item)| (item.key.clone(), i)).collect();
        self.digest = Digest::of_parts(self.items.iter().map(|item| item.digest.as_str().as_bytes()));
        for reasons in [&mut self.notices, &mut self.problems] {
            reasons.sort_by(|a, b| (a.code, &a.object, &a.text).cmp(&(b.code, &b.object, &b.text)));
        }
    }

    /// Every object, by key.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Item> {
        self.index.get(key).and_then(|i| self.items.get(*i))
    }

    /// The objects that are kept: all but hooks and what is left alone.
    pub fn resources(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.role.is_resource())
    }

    /// Whether one of its definitions makes this kind.
    pub fn defines(&self, kind: &GroupKind) -> bool {
        self.defined.contains_key(kind)
    }

    /// Applications found in the render: children of this one, which the host keeps and no cluster.
    pub fn children(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.key.is_application())
    }

    /// The digest of all objects: two renders with the same one are the same, whatever revision they are of.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// What only a server writes into an object; nobody means it.
const SERVERS: [&str; 6] =
    ["managedFields", "deletionTimestamp", "uid", "resourceVersion", "generation", "creationTimestamp"];

/// An application in a render. It carries no mark, so that it is what its document says; whose it is the host knows.
fn child(key: ObjectKey, mut manifest: Value, notices: &mut Vec<Reason>) -> Result<Item, Reason> {
    let bad = |text: String| Reason::new(Code::BadObject, text).about(&key);
    if key.name().is_empty() {
        return Err(Reason::new(Code::BadObject, "an application in the render has no `metadata.name`"));
    }
    let role = Role::of(&manifest).map_err(|(name, word)| bad(format!("`{name}` has no value `{word}`")))?;
    if matches!(role, Role::Hook { .. }) {
        return Err(Reason::new(Code::Refused, "an application cannot be a hook").about(&key));
    }
    let wave = wave(&manifest).map_err(|name| bad(format!("`{name}` is no whole number")))?;
    let (options, misfits) = Options::parse(Place::Object, listed(&manifest, SYNC_OPTIONS));
    for misfit in misfits {
        notices.push(judge(misfit).map_err(|problem| problem.about(&key))?.about(&key));
    }
    if let Some(root) = manifest.as_object_mut() {
        root.retain(|field, _| field != "status" && field != "operation");
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
        }
    }
    let digest = digest(&manifest);
    Ok(Item { key, manifest: Arc::new(manifest), digest, role, wave, options, naming: Naming::Fixed })
}

/// Lists are taken apart, as `kubectl` does.
fn flatten(mut manifest: Value, out: &mut Vec<Value>, left: usize) {
    let listing = manifest["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && manifest["items"].is_array();
    match manifest.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if listing && left > 0 => {
            for item in items {
                flatten(item, out, left - 1);
            }
        }
        items => {
            if let (Some(items), Some(place)) = (items, manifest.get_mut("items")) {
                *place = items;
            }
            // An empty document says nothing.
            if !manifest.is_null() {
                out.push(manifest);
            }
        }
    }
}

/// Says the namespace, or takes it out where the object lives in none.
fn place_in(manifest: &mut Value, namespace: &str) {
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        if namespace.is_empty() {
            metadata.remove("namespace");
        } else if metadata.get("namespace").and_then(Value::as_str) != Some(namespace) {
            metadata.insert("namespace".to_owned(), Value::String(namespace.to_owned()));
        }
    }
}

/// Helm's own way to say `Delete=false`. Argo CD honours it when an application is deleted, and so it is for prunes here:
/// whoever writes it wants the object kept.
fn keep(manifest: &Value, options: &mut Options) {
    if annotation(manifest, HELM_RESOURCE_POLICY) == "keep" {
        options.delete.get_or_insert(Removal::Never);
        options.prune.get_or_insert(Removal::Never);
    }
}

#[cfg(test)]
mod tests;
