//! Patches: strategic merge patches and JSON patches, by name or by selector.

use kustomize_yaml::json_patch::{self, Operation};
use kustomize_yaml::read::{self, Limits};
use kustomize_yaml::schema::Schema;

use crate::error::{Error, Result};
use crate::kustomization::{Patch, Selector};
use crate::objects;
use crate::resource::{Resource, Viewer};
use crate::resources::{Permission, Resources, StrategicPatch};

/// The patches of `patchesStrategicMerge:`.
#[derive(Debug)]
pub struct StrategicPatches(Vec<StrategicPatch>);

/// One entry of `patches:`.
#[derive(Debug)]
pub struct PatchSet {
    target: Option<Selector>,
    body: Body,
    source: String,
}

#[derive(Debug)]
enum Body {
    Strategic(Vec<StrategicPatch>),
    Json(Vec<Operation>),
}

/// One entry of `patchesJson6902:`.
#[derive(Debug)]
pub struct JsonPatch {
    target: Selector,
    operations: Vec<Operation>,
}

impl StrategicPatches {
    /// From objects that were read.
    ///
    /// # Errors
    /// No patch at all.
    pub fn new(resources: Vec<Resource>) -> Result<Self> {
        if resources.is_empty() {
            return Err(Error::invalid("", "patchesStrategicMerge: patch appears to be empty"));
        }
        let withheld =
            |resource| StrategicPatch { resource, rename: Permission::Withheld, change_kind: Permission::Withheld };
        Ok(Self(resources.into_iter().map(withheld).collect()))
    }

    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        for patch in &self.0 {
            let at = resources.only(patch.resource.original())?;
            resources.patch_selected(&[at], patch, schema)?;
        }
        Ok(())
    }
}

impl PatchSet {
    /// From the text of a patch. `source` is what errors call it.
    ///
    /// # Errors
    /// Text that is neither kind of patch, or both.
    pub fn new(patch: &Patch, text: &str, source: &str, schema: &Schema) -> Result<Self> {
        let permission = |name: &str| match patch.options.get(name) {
            Some(true) => Permission::Granted,
            _ => Permission::Withheld,
        };
        let strategic = objects::read(text, source, schema);
        let json = operations(text, source);
        let body = match (strategic, json) {
            (Ok(_), Ok(_)) => {
                return Err(Error::invalid(source, "illegally qualifies as both an SM and JSON patch"));
            }
            (Err(error), Err(other)) => {
                let list = text.trim_start().starts_with(['[', '-']);
                return Err(if list { other } else { error }.within("unable to parse SM or JSON patch"));
            }
            (Ok(resources), Err(_)) => {
                let (rename, change_kind) = (permission("allowNameChange"), permission("allowKindChange"));
                let patches = resources.into_iter().map(|mut resource| {
                    // kustomize notes what is granted in an annotation of the patch.
                    if rename == Permission::Granted || change_kind == Permission::Granted {
                        resource.rewrite_annotations()?;
                    }
                    Ok(StrategicPatch { resource, rename, change_kind })
                });
                Body::Strategic(patches.collect::<Result<_>>().map_err(|error| error.within(source))?)
            }
            (Err(_), Ok(operations)) => Body::Json(operations),
        };
        Ok(Self { target: patch.target.clone(), body, source: source.to_owned() })
    }

    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        match (&self.body, &self.target) {
            (Body::Json(operations), Some(target)) => {
                let history = History::Stored;
                apply_json(resources, target, operations, history, schema).map_err(|error| error.within(&self.source))
            }
            (Body::Json(_), None) => {
                Err(Error::invalid(self.source.as_str(), "must specify a target for a JSON patch"))
            }
            (Body::Strategic(patches), Some(target)) => match &patches[..] {
                [patch] => {
                    let places = resources.select(target)?;
                    resources.patch_selected(&places, patch, schema)
                }
                _ => {
                    let what = "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set \
                                `patches.target` field";
                    Err(Error::invalid(self.source.as_str(), what))
                }
            },
            (Body::Strategic(patches), None) => patches.iter().try_for_each(|patch| {
                let at = resources.only(patch.resource.original())?;
                resources.patch_one(at, patch, schema)
            }),
        }
    }
}

impl JsonPatch {
    /// From the text of a patch.
    ///
    /// # Errors
    /// No target, no operation, or text that is no JSON patch.
    pub fn new(target: Option<&Selector>, text: &str, source: &str) -> Result<Self> {
        let Some(target) = target.filter(|target| !target.id.name.is_empty()) else {
            return Err(Error::invalid(source, "patchesJson6902: must specify the target name"));
        };
        let operations = operations(text, source)?;
        if operations.is_empty() {
            return Err(Error::invalid(source, "patch appears to be empty"));
        }
        Ok(Self { target: target.clone(), operations })
    }

    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        apply_json(resources, &self.target, &self.operations, History::Untouched, schema)
    }
}

fn operations(text: &str, source: &str) -> Result<Vec<Operation>> {
    if text.is_empty() {
        return Err(Error::invalid(source, "empty json patch operations"));
    }
    if text.starts_with('[') {
        return json_patch::from_json(text, Limits::default()).map_err(|error| Error::invalid(source, error));
    }
    let node = read::config(text, Limits::default()).map_err(|error| Error::yaml(source, &error))?;
    let Some(node) = node else { return Ok(Vec::new()) };
    if node.as_sequence().is_none() {
        return Err(Error::invalid(source, format!("a JSON patch is a list, not a {}", node.shape())));
    }
    json_patch::operations(&node).map_err(|error| Error::invalid(source, error))
}

/// Whether the identity before the patch is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    Stored,
    Untouched,
}

fn apply_json(
    resources: &mut Resources,
    target: &Selector,
    operations: &[Operation],
    history: History,
    schema: &Schema,
) -> Result<()> {
    for at in resources.select(target)? {
        let Some(resource) = resources.list_mut().get_mut(at) else { continue };
        if history == History::Stored {
            resource.store_previous()?;
        }
        resource.unshare();
        let id = resource.id().to_string();
        resource.with_notes(Viewer::Json, |node| {
            json_patch::apply(node, operations).map_err(|error| Error::transform("patches", error).within(&id))
        })?;
        resource.rewrite_annotations()?;
        resource.refresh(schema);
    }
    Ok(())
}
