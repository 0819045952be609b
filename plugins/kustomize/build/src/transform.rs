//! What changes objects: one variant for each built-in transformer of kustomize, configured and ready.

mod images;
mod labels;
mod names;
mod namespace;
mod patches;
mod replacements;
mod replicas;
mod value_add;

use kustomize_yaml::schema::Schema;

pub use images::{Images, split as split_image};
pub use labels::Entries;
pub use names::{Affix, End};
pub use namespace::{Existing, Namespace, Subjects};
pub use patches::{JsonPatch, PatchSet, StrategicPatches};
pub use replacements::Replacements;
pub use replicas::Replicas;
pub use value_add::{ValueAdd, ValueTarget};

use crate::error::{Error, Result};
use crate::origin::Origin;
use crate::resources::Resources;

/// A configured transformer.
#[derive(Debug)]
pub enum Transformer {
    StrategicPatches(StrategicPatches),
    Patch(PatchSet),
    JsonPatch(JsonPatch),
    Namespace(Namespace),
    Affix(Affix),
    /// A prefix and a suffix by one configuration.
    Affixes(Affix, Affix),
    Entries(Entries),
    Replicas(Replicas),
    Images(Images),
    Replacements(Replacements),
    ValueAdd(ValueAdd),
    Hash,
}

/// A transformer, and where it was written down.
#[derive(Debug)]
pub struct Step {
    pub transformer: Transformer,
    pub origin: Option<Origin>,
}

impl Transformer {
    /// Changes all objects it means.
    ///
    /// # Errors
    /// Objects that it means but does not fit.
    pub fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        match self {
            Self::StrategicPatches(patches) => patches.apply(resources, schema),
            Self::Patch(patch) => patch.apply(resources, schema),
            Self::JsonPatch(patch) => patch.apply(resources, schema),
            Self::Namespace(namespace) => namespace.apply(resources, schema),
            Self::Affix(affix) => affix.apply(resources, schema),
            Self::Affixes(prefix, suffix) => {
                prefix.apply(resources, schema)?;
                suffix.apply(resources, schema)
            }
            Self::Entries(entries) => entries.apply(resources),
            Self::Replicas(replicas) => replicas.apply(resources),
            Self::Images(images) => images.apply(resources),
            Self::Replacements(replacements) => replacements.apply(resources, schema),
            Self::ValueAdd(value) => value.apply(resources, schema),
            Self::Hash => names::add_hashes(resources, schema),
        }
    }
}

/// Runs all in order.
///
/// # Errors
/// The first that fails.
pub fn run(steps: &[Step], resources: &mut Resources, schema: &Schema) -> Result<()> {
    for step in steps {
        step.transformer.apply(resources, schema)?;
        if let Some(origin) = &step.origin {
            for resource in resources.list_mut() {
                resource.rewrite_annotations()?;
                match resource.origin {
                    None => resource.origin = Some(origin.clone()),
                    Some(_) => resource.transformations.push(origin.clone()),
                }
            }
        }
        resources.drop_gone();
    }
    Ok(())
}

/// Says which transformer failed, where the failure does not say so itself.
fn named(field: &'static str) -> impl Fn(Error) -> Error {
    move |error| error.within(field)
}
