//! The renderer `kustomize`: what `kustomize build` would print for a folder of a commit. It builds nothing itself, and reads
//! only what it is asked for.

use crate::address::without_secrets;
use crate::remotes::Remotes;
use kustomize_build::{
    Collision, Error as BuildError, ErrorKind, Gvk, Id, LabelReach, MissingComponents, Options, Patch, Selector,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use tidegate::{Error, Renderer, Rendering, Request};

/// The renderer.
#[derive(Debug)]
pub struct Kustomize;

/// What an application changes about its kustomization: the fields of Argo CD's `kustomize`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Parameters {
    /// In front of every name.
    name_prefix: String,
    /// Behind every name.
    name_suffix: String,
    /// The namespace of everything.
    namespace: Option<String>,
    /// Other images, as `kustomize edit set image` takes them: `[NAME=]IMAGE[:TAG][@DIGEST]`.
    images: Vec<String>,
    /// Other numbers of replicas.
    replicas: Vec<Replicas>,
    /// Further patches.
    patches: Vec<FurtherPatch>,
    /// Further components.
    components: Vec<String>,
    /// Whether components that are not there are passed over.
    ignore_missing_components: bool,
    /// Further labels.
    common_labels: BTreeMap<String, String>,
    /// Whether the labels stay out of selectors.
    label_without_selector: bool,
    /// Whether labels that stay out of selectors go into templates.
    label_include_templates: bool,
    /// Whether labels win over those that are there.
    force_common_labels: bool,
    /// Further annotations.
    common_annotations: BTreeMap<String, String>,
    /// Whether annotations win over those that are there.
    force_common_annotations: bool,
}

/// Another number of replicas.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replicas {
    /// The object's name.
    name: String,
    /// How many.
    count: u32,
}

/// A patch: its text or its file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FurtherPatch {
    /// The file that it is in, from the folder.
    path: Option<String>,
    /// The patch itself: a partial object, or a JSON 6902 list.
    patch: Option<String>,
    /// What is patched, where the patch does not say it itself.
    target: Option<Target>,
    /// Whether the patch may change names.
    allow_name_change: bool,
    /// Whether the patch may change kinds.
    allow_kind_change: bool,
}

/// What is patched: every field that is there must match.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Target {
    /// The group.
    group: Option<String>,
    /// The version.
    version: Option<String>,
    /// The kind.
    kind: Option<String>,
    /// The name, as an anchored regular expression.
    name: Option<String>,
    /// The namespace, as an anchored regular expression.
    namespace: Option<String>,
    /// A selector of labels.
    label_selector: Option<String>,
    /// A selector of annotations.
    annotation_selector: Option<String>,
}

impl Renderer for Kustomize {
    const NAME: &'static str = "kustomize";
    const SUMMARY: &'static str = "Builds kustomizations, byte for byte as `kustomize build` does";
    type Parameters = Parameters;

    fn render(request: &Request, parameters: Parameters) -> Result<Rendering, Error> {
        let files = Remotes::default();
        let built = kustomize_build::build(&files, &request.path, &parameters.into()).map_err(|error| {
            files.failure().filter(|_| error.kind == ErrorKind::Host).unwrap_or_else(|| explained(error))
        })?;
        let warnings = built.warnings.iter().map(|warning| without_secrets(warning)).collect();
        Ok(Rendering { manifests: built.yaml, warnings })
    }
}

impl From<Parameters> for Options {
    fn from(it: Parameters) -> Self {
        let collision = |forced| if forced { Collision::Replaced } else { Collision::Refused };
        Self {
            name_prefix: it.name_prefix,
            name_suffix: it.name_suffix,
            namespace: it.namespace.unwrap_or_default(),
            images: it.images,
            replicas: it.replicas.into_iter().map(|replicas| (replicas.name, i64::from(replicas.count))).collect(),
            patches: it.patches.into_iter().map(Patch::from).collect(),
            components: it.components,
            missing_components: match it.ignore_missing_components {
                true => MissingComponents::Ignored,
                false => MissingComponents::Refused,
            },
            common_labels: it.common_labels,
            label_reach: match (it.label_without_selector, it.label_include_templates) {
                (false, _) => LabelReach::Selectors,
                (true, false) => LabelReach::Metadata,
                (true, true) => LabelReach::Templates,
            },
            label_collision: collision(it.force_common_labels),
            common_annotations: it.common_annotations,
            annotation_collision: collision(it.force_common_annotations),
        }
    }
}

impl From<FurtherPatch> for Patch {
    fn from(it: FurtherPatch) -> Self {
        let allowed = [("allowNameChange", it.allow_name_change), ("allowKindChange", it.allow_kind_change)];
        Self {
            path: it.path.unwrap_or_default(),
            patch: it.patch.unwrap_or_default(),
            target: it.target.map(Selector::from),
            options: allowed.into_iter().filter(|(_, yes)| *yes).map(|(name, yes)| (name.to_owned(), yes)).collect(),
        }
    }
}

impl From<Target> for Selector {
    fn from(it: Target) -> Self {
        let gvk = Gvk {
            group: it.group.unwrap_or_default(),
            version: it.version.unwrap_or_default(),
            kind: it.kind.unwrap_or_default(),
        };
        let (name, namespace) = (it.name.unwrap_or_default(), it.namespace.unwrap_or_default());
        Self {
            id: Id { gvk, name, namespace, cluster: false },
            annotations: it.annotation_selector.unwrap_or_default(),
            labels: it.label_selector.unwrap_or_default(),
        }
    }
}

/// The build's words, with a code and the place for programs.
fn explained(error: BuildError) -> Error {
    let (code, details) = match &error.kind {
        ErrorKind::Invalid { path, line, column } if *line > 0 => {
            ("invalid", json!({ "path": path, "line": line, "column": column }))
        }
        ErrorKind::Invalid { path, .. } | ErrorKind::Cycle { path } | ErrorKind::Outside { path } => {
            ("invalid", json!({ "path": path }))
        }
        ErrorKind::Missing { path } => ("not-found", json!({ "path": path })),
        ErrorKind::Unsupported { field } => ("unsupported", json!({ "field": field })),
        ErrorKind::Remote { spec } => ("unsupported", json!({ "field": "resources", "url": spec })),
        ErrorKind::Conflict { id } => ("invalid", json!({ "object": id })),
        ErrorKind::Transform { field } => ("invalid", json!({ "field": field })),
        ErrorKind::Host => ("unavailable", json!({})),
    };
    // They are shown, and kept.
    let details = Some(without_secrets(&details.to_string()));
    Error {
        hint: error.hint.as_deref().map(without_secrets),
        details,
        ..Error::new(code, without_secrets(&error.message))
    }
}
