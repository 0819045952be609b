//! What the OpenAPI of Kubernetes says of a field: how its lists merge, and whether its kind lives in a namespace.
//!
//! kustomize 5.5.0 carries the OpenAPI of Kubernetes 1.21.2. Of its four megabytes, a merge asks a few hundred facts:
//! they stand in `schema/builtin.txt`, which `examples/schema_table.rs` writes.

mod openapi;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::node::Node;

/// Facts of the OpenAPI v2 document of Kubernetes v1.21.2 (Apache-2.0, The Kubernetes Authors) and of the one that
/// kustomize adds for its own kinds (Apache-2.0, The Kubernetes Authors).
const BUILTIN: &str = include_str!("schema/builtin.txt");

/// A place in [`Tables::types`].
type TypeId = u32;

/// Known to the OpenAPI, but of no list that merges.
const INERT: TypeId = 0;

/// What is known of one type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Type {
    /// Sorted by name.
    fields: Vec<(String, TypeId)>,
    /// Of each field of a map.
    values: Option<TypeId>,
    /// Of each item of a list.
    items: Option<TypeId>,
    /// The keys that items of a list merge by; none for a list of plain values. `None` where the list is replaced.
    merge_keys: Option<Vec<String>>,
}

/// A version and a kind, as an object names them.
type Gvk = (String, String);

#[derive(Debug, Clone, Default)]
struct Tables {
    types: Vec<Type>,
    /// By `apiVersion` and `kind`.
    kinds: HashMap<String, HashMap<String, TypeId>>,
    namespaced: HashMap<Gvk, bool>,
}

/// Built-in types, or those that `openapi:` of a kustomization puts in their place. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schema {
    tables: Arc<Tables>,
}

/// A schema file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid schema file: {what}")]
pub struct SchemaError {
    pub what: String,
}

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Namespaced,
    Cluster,
    /// No schema knows the kind.
    Unknown,
}

impl Default for Schema {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Schema {
    /// Kubernetes 1.21.2 as kustomize 5.5.0 carries it.
    pub fn builtin() -> Self {
        static TABLES: OnceLock<Arc<Tables>> = OnceLock::new();
        let tables = TABLES.get_or_init(|| Arc::new(table::parse(BUILTIN)));
        Self { tables: Arc::clone(tables) }
    }

    /// The file that `openapi: {path: …}` names, in place of the built-in types. Which of the built-in kinds live in
    /// a namespace stays known.
    ///
    /// # Errors
    /// Text that is no OpenAPI 2 document.
    pub fn custom(document: &Node) -> Result<Self, SchemaError> {
        let mut tables = openapi::tables(document)?;
        for (kind, namespaced) in &Self::builtin().tables.namespaced {
            tables.namespaced.insert(kind.clone(), *namespaced);
        }
        Ok(Self { tables: Arc::new(tables) })
    }

    /// The lines of `schema/builtin.txt` for one or more OpenAPI 2 documents, the last of which wins.
    ///
    /// # Errors
    /// Anything but OpenAPI 2 documents.
    pub fn table(documents: &[Node]) -> Result<String, SchemaError> {
        let mut all = Tables::default();
        for document in documents {
            openapi::merge(&mut all, openapi::tables(document)?);
        }
        Ok(table::print(&all))
    }

    /// `api_version` is `apps/v1` or `v1`.
    pub fn scope(&self, api_version: &str, kind: &str) -> Scope {
        match self.tables.namespaced.get(&(api_version.to_owned(), kind.to_owned())) {
            Some(true) => Scope::Namespaced,
            Some(false) => Scope::Cluster,
            None => Scope::Unknown,
        }
    }

    /// The type of a kind, where the schema knows it.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Known<'_>> {
        let id = *self.tables.kinds.get(api_version)?.get(kind)?;
        Some(Known { tables: &self.tables, id })
    }
}

/// A type that the schema knows.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    tables: &'a Tables,
    id: TypeId,
}

impl<'a> Known<'a> {
    fn entry(&self) -> Option<&'a Type> {
        self.tables.types.get(self.id as usize)
    }

    fn at(&self, id: TypeId) -> Self {
        Self { tables: self.tables, id }
    }

    pub(crate) fn field(&self, name: &str) -> Option<Self> {
        let entry = self.entry()?;
        let found = entry.fields.binary_search_by(|(field, _)| field.as_str().cmp(name)).ok();
        let id = found.and_then(|at| entry.fields.get(at)).map(|(_, id)| *id);
        id.or(entry.values).map(|id| self.at(id))
    }

    pub(crate) fn items(&self) -> Option<Self> {
        self.entry()?.items.map(|id| self.at(id))
    }

    /// The keys of a list whose items merge, empty for a list of plain values.
    pub(crate) fn merge_keys(&self) -> Option<&'a [String]> {
        self.entry()?.merge_keys.as_deref()
    }
}
