//! OpenAPI 2 documents to tables. Types that lead to no list that merges become [`INERT`]: a merge
//! still tells them from fields that no schema knows, where it asks the object itself for its kind.

use std::collections::HashMap;

use super::{Gvk, INERT, SchemaError, Tables, Type, TypeId};
use crate::node::{Mapping, Node};

const REFERENCE: &str = "#/definitions/";
const KINDS: &str = "x-kubernetes-group-version-kind";

/// Schemas within schemas that name no definition.
const DEPTH: usize = 64;

pub fn tables(document: &Node) -> Result<Tables, SchemaError> {
    let fields = document.as_mapping().ok_or_else(|| problem("not a mapping"))?;
    let mut found = Tables::default();
    if let Some(definitions) = optional_mapping(fields, "definitions")? {
        Builder::new(definitions).build(&mut found)?;
    }
    if let Some(paths) = optional_mapping(fields, "paths")? {
        scopes(paths, &mut found.namespaced);
    }
    prune(&mut found);
    Ok(found)
}

fn problem(what: impl Into<String>) -> SchemaError {
    SchemaError { what: what.into() }
}

fn optional_mapping<'a>(fields: &'a Mapping, name: &str) -> Result<Option<&'a Mapping>, SchemaError> {
    match fields.get(name) {
        None => Ok(None),
        Some(node) if node.is_null() => Ok(None),
        Some(node) => node.as_mapping().map(Some).ok_or_else(|| problem(format!("`{name}` is not a mapping"))),
    }
}

/// Puts the tables of a second document behind those of a first.
pub fn merge(all: &mut Tables, more: Tables) {
    if all.types.is_empty() {
        *all = more;
        return;
    }
    // Both have the inert type first.
    let offset = all.types.len() as TypeId - 1;
    let moved = |id: &mut TypeId| *id += if *id == INERT { 0 } else { offset };
    for mut kind in more.types.into_iter().skip(1) {
        kind.fields.iter_mut().for_each(|(_, id)| moved(id));
        kind.values.iter_mut().chain(kind.items.iter_mut()).for_each(moved);
        all.types.push(kind);
    }
    for (version, kinds) in more.kinds {
        let known = all.kinds.entry(version).or_default();
        for (kind, mut id) in kinds {
            moved(&mut id);
            known.insert(kind, id);
        }
    }
    all.namespaced.extend(more.namespaced);
}

struct Builder<'a> {
    definitions: &'a Mapping,
    /// The type of each definition that was met.
    named: HashMap<&'a str, TypeId>,
    /// Definitions whose types are still to be filled in.
    pending: Vec<(&'a Node, TypeId)>,
    types: Vec<Type>,
}

impl<'a> Builder<'a> {
    fn new(definitions: &'a Mapping) -> Self {
        Self { definitions, named: HashMap::new(), pending: Vec::new(), types: vec![Type::default()] }
    }

    fn build(mut self, into: &mut Tables) -> Result<(), SchemaError> {
        for (name, definition) in self.definitions {
            let kinds = kinds(definition);
            if kinds.is_empty() {
                continue;
            }
            let Some(id) = self.definition(&name.text) else { continue };
            for (version, kind) in kinds {
                into.kinds.entry(version).or_default().insert(kind, id);
            }
        }
        while let Some((definition, id)) = self.pending.pop() {
            let filled = self.describe(definition, 0)?;
            if let Some(slot) = self.types.get_mut(id as usize) {
                *slot = filled;
            }
        }
        into.types = self.types;
        Ok(())
    }

    fn definition(&mut self, name: &str) -> Option<TypeId> {
        if let Some(id) = self.named.get(name) {
            return Some(*id);
        }
        let at = self.definitions.position(name)?;
        let (key, definition) = self.definitions.entry(at)?;
        // A definition that is a reference itself, as some documents have them.
        if let Some(next) = reference(definition) {
            self.named.insert(&key.text, INERT);
            let id = self.definition(next).unwrap_or(INERT);
            self.named.insert(&key.text, id);
            return Some(id);
        }
        let id = self.push(Type::default());
        self.named.insert(&key.text, id);
        self.pending.push((definition, id));
        Some(id)
    }

    fn push(&mut self, entry: Type) -> TypeId {
        self.types.push(entry);
        (self.types.len() - 1) as TypeId
    }

    /// The type of a schema that stands in another. A reference to nothing is as no schema at all, and so is a scalar,
    /// which always merges alike.
    fn nested(&mut self, schema: &'a Node, depth: usize) -> Result<Option<TypeId>, SchemaError> {
        if let Some(name) = reference(schema) {
            return Ok(self.definition(name));
        }
        if matches!(schema.get("type").and_then(Node::text), Some("string" | "integer" | "number" | "boolean")) {
            return Ok(None);
        }
        let entry = self.describe(schema, depth + 1)?;
        Ok(Some(if entry == Type::default() { INERT } else { self.push(entry) }))
    }

    fn describe(&mut self, schema: &'a Node, depth: usize) -> Result<Type, SchemaError> {
        if depth > DEPTH {
            return Err(problem(format!("schemas nested deeper than {DEPTH}")));
        }
        let mut entry = Type { merge_keys: merge_keys(schema), ..Type::default() };
        for (name, property) in schema.get("properties").and_then(Node::as_mapping).into_iter().flatten() {
            if let Some(id) = self.nested(property, depth)? {
                entry.fields.push((name.text.clone(), id));
            }
        }
        entry.fields.sort();
        if let Some(values @ Node::Mapping(_)) = schema.get("additionalProperties") {
            entry.values = self.nested(values, depth)?;
        }
        if let (true, Some(items @ Node::Mapping(_))) = (is_array(schema), schema.get("items")) {
            entry.items = self.nested(items, depth)?;
        }
        Ok(entry)
    }
}

fn reference(schema: &Node) -> Option<&str> {
    schema.get("$ref").and_then(Node::text)?.strip_prefix(REFERENCE)
}

fn is_array(schema: &Node) -> bool {
    let one = |node: &Node| node.text() == Some("array");
    match schema.get("type") {
        Some(Node::Sequence(types)) => types.len() == 1 && types.iter().all(one),
        Some(node) => one(node),
        None => false,
    }
}

fn merge_keys(schema: &Node) -> Option<Vec<String>> {
    let strategy = schema.get("x-kubernetes-patch-strategy").and_then(Node::text)?;
    if !strategy.split(',').any(|part| part == "merge") {
        return None;
    }
    if let Some(Node::Sequence(keys)) = schema.get("x-kubernetes-list-map-keys") {
        return Some(keys.iter().filter_map(Node::text).map(str::to_owned).collect());
    }
    let key = schema.get("x-kubernetes-patch-merge-key").and_then(Node::text);
    Some(key.map(str::to_owned).into_iter().collect())
}

/// The versions and kinds that a definition is for.
fn kinds(definition: &Node) -> Vec<Gvk> {
    let list = definition.get(KINDS).and_then(Node::as_sequence).unwrap_or_default();
    list.iter().filter_map(version_and_kind).collect()
}

fn version_and_kind(entry: &Node) -> Option<Gvk> {
    let part = |name: &str| entry.get(name).and_then(Node::text);
    let (version, kind) = (part("version")?, part("kind")?);
    let group = part("group").unwrap_or_default();
    let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some((version, kind.to_owned()))
}

/// A kind lives in a namespace where any of its paths goes through one.
fn scopes(paths: &Mapping, namespaced: &mut HashMap<Gvk, bool>) {
    for (path, item) in paths {
        let Some(kind) = item.at(&["get", KINDS]).and_then(version_and_kind) else { continue };
        *namespaced.entry(kind).or_default() |= path.text.contains("namespaces/{namespace}");
    }
}

/// Replaces each type from which no list that merges can be reached, and drops what is not used any more.
fn prune(tables: &mut Tables) {
    let live = live(&tables.types);
    let mut places = vec![INERT; tables.types.len()];
    let mut kept = vec![Type::default()];
    for (at, entry) in tables.types.iter().enumerate() {
        if live[at] {
            places[at] = kept.len() as TypeId;
            kept.push(entry.clone());
        }
    }
    let moved = |id: &mut TypeId| *id = places.get(*id as usize).copied().unwrap_or(INERT);
    for entry in &mut kept {
        entry.fields.iter_mut().for_each(|(_, id)| moved(id));
        entry.values.iter_mut().chain(entry.items.iter_mut()).for_each(moved);
    }
    tables.kinds.values_mut().flat_map(HashMap::values_mut).for_each(moved);
    tables.types = kept;
}

fn live(types: &[Type]) -> Vec<bool> {
    let mut live: Vec<bool> = types.iter().map(|entry| entry.merge_keys.is_some()).collect();
    loop {
        let mut grown = false;
        for (at, entry) in types.iter().enumerate() {
            let parts = entry.fields.iter().map(|(_, id)| id).chain(&entry.values).chain(&entry.items);
            if !live[at] && parts.into_iter().any(|id| live[*id as usize]) {
                live[at] = true;
                grown = true;
            }
        }
        if !grown {
            return live;
        }
    }
}
