//! What is done once, after everything is accumulated: hashes, references by name, vars, order, and the text.

use std::cmp::Ordering;

use kustomize_yaml::{Node, write};

use crate::Rendering;
use crate::accumulate::{Accumulator, Builder};
use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::files::Files;
use crate::id::{Gvk, Id};
use crate::kustomization::{Kustomization, Order};
use crate::name_reference;
use crate::order;
use crate::resource::{Notes, Resource};
use crate::scalar;
use crate::transform::{Entries, Transformer};

/// Objects that are for tools alone.
const LOCAL: &str = "config.kubernetes.io/local-config";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What kubectl 1.32 calls the kustomize that is built into it.
const MANAGER: &str = "kustomize-(devel)";

/// Turns what was accumulated into what is printed.
///
/// # Errors
/// References that may mean several objects, and values that cannot be printed.
pub fn finish<F: Files + ?Sized>(
    mut built: Accumulator,
    kustomization: &Kustomization,
    builder: Builder<'_, F>,
) -> Result<Rendering> {
    let schema = builder.schema;
    let mut warnings = builder.warnings;
    Transformer::Hash.apply(&mut built.resources, &schema)?;
    name_reference::fix(&mut built.resources, &built.config.get().name_references, &schema)?;
    warnings.extend(built.vars.resolve(&mut built.resources, &built.config.get().var_references)?);
    for resource in built.resources.iter() {
        named(resource)?;
    }
    built.resources.list_mut().retain(|resource| !is_local(resource));
    let list = std::mem::take(built.resources.list_mut());
    built.resources.append_all(list)?;
    sort(built.resources.list_mut(), kustomization);
    let metadata = |name: &str| kustomization.build_metadata.iter().any(|option| option == name);
    if metadata("managedByLabel") {
        Transformer::Entries(Entries {
            field: "buildMetadata",
            entries: [(MANAGED_BY.to_owned(), MANAGER.to_owned())].into(),
            specs: vec![FieldSpec::anywhere("metadata/labels", true)],
        })
        .apply(&mut built.resources, &schema)?;
    }
    let notes = Notes { origin: metadata("originAnnotations"), transformations: metadata("transformerAnnotations") };
    let mut yaml = String::new();
    let mut objects = Vec::with_capacity(built.resources.len());
    for mut resource in built.resources.into_list() {
        resource.finish(notes)?;
        if !objects.is_empty() {
            yaml.push_str("---\n");
        }
        print(&resource, &mut yaml)?;
        objects.push(resource.into_node());
    }
    Ok(Rendering { objects, yaml, warnings })
}

fn print(resource: &Resource, yaml: &mut String) -> Result<()> {
    if resource.overwritten {
        scalar::check(resource.node()).map_err(|error| error.within(&resource.id().to_string()))?;
    }
    write::document(resource.node(), yaml).map_err(|error| Error::invalid("", error).within(&resource.id().to_string()))
}

/// Patches can take away what every object needs.
fn named(resource: &Resource) -> Result<()> {
    let id = resource.id();
    if id.gvk.kind.is_empty() || (id.name.is_empty() && !id.gvk.kind.ends_with("List")) {
        return Err(Error::invalid("", format!("missing kind or metadata.name in object {id}")));
    }
    Ok(())
}

fn is_local(resource: &Resource) -> bool {
    let annotation = resource.node().at(&["metadata", "annotations", LOCAL]);
    annotation.map(scalar_text).is_some_and(|value| value != "false")
}

fn scalar_text(node: &Node) -> &str {
    if node.is_null() { "" } else { scalar::value(node) }
}

fn sort(resources: &mut [Resource], kustomization: &Kustomization) {
    let order = kustomization.sort_options.as_ref().map_or_else(Order::legacy, |options| options.order.clone());
    let Order::Legacy { first, last } = order else { return };
    resources
        .sort_by_cached_key(|resource| Key::new(resource.id(), order::rank(&resource.id().gvk.kind, &first, &last)));
}

/// By what two objects are ordered.
#[derive(PartialEq, Eq)]
struct Key {
    rank: i64,
    kind: String,
    gvk: Gvk,
    text: String,
}

impl Key {
    fn new(id: &Id, rank: i64) -> Self {
        let part = |value: &str, absent: &'static str| if value.is_empty() { absent } else { value }.to_owned();
        let text = format!("{}|{}|{}", id.gvk, part(&id.namespace, "~X"), part(&id.name, "~N"));
        Self { rank, kind: order::text(&id.gvk), gvk: id.gvk.clone(), text }
    }

    /// Namespaces come before kinds of others that have the same name.
    fn compare_kinds(&self, other: &Self) -> Ordering {
        let namespaces = self.gvk.kind == "Namespace" && other.gvk.kind == "Namespace";
        let core = self.gvk.group.is_empty() || other.gvk.group.is_empty();
        let order = self.kind.cmp(&other.kind);
        if namespaces && core { order.reverse() } else { order }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.gvk == other.gvk {
            return self.text.cmp(&other.text);
        }
        self.rank.cmp(&other.rank).then_with(|| self.compare_kinds(other))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
