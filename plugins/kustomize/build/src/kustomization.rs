//! A kustomization file as a value. Reads what kustomize 5.5.0 reads, with the same strictness, and moves deprecated
//! fields to where their successors are.

mod generator;
mod image;
mod patch;
mod replacement;
mod sort;
mod var;

use std::collections::BTreeMap;

use kustomize_yaml::Node;

pub use generator::{Behavior, Generator, GeneratorOptions};
pub use image::{Image, Replica};
pub use patch::{Patch, Selector};
pub use replacement::{FieldOptions, Replacement, ReplacementField, Source, Target};
pub use sort::{Order, SortOptions};
pub use var::Var;

use crate::decode::{Fields, Mode};
use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;

const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

/// The names that a kustomization file may have. A folder has one of them.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    #[default]
    Kustomization,
    /// Changes the objects of whoever names it.
    Component,
}

/// An entry of `labels:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Label {
    pub pairs: BTreeMap<String, String>,
    pub include_selectors: bool,
    pub include_templates: bool,
    pub fields: Vec<FieldSpec>,
}

/// What a kustomization file says.
#[derive(Debug, Clone, Default)]
pub struct Kustomization {
    pub role: Role,
    pub resources: Vec<String>,
    pub components: Vec<String>,
    pub crds: Vec<String>,
    pub configurations: Vec<String>,
    pub name_prefix: String,
    pub name_suffix: String,
    pub namespace: String,
    pub common_labels: BTreeMap<String, String>,
    pub labels: Vec<Label>,
    pub common_annotations: BTreeMap<String, String>,
    pub patches_strategic_merge: Vec<String>,
    pub patches_json6902: Vec<Patch>,
    pub patches: Vec<Patch>,
    pub images: Vec<Image>,
    pub replicas: Vec<Replica>,
    pub replacements: Vec<ReplacementField>,
    pub vars: Vec<Var>,
    pub sort_options: Option<SortOptions>,
    pub config_maps: Vec<Generator>,
    pub secrets: Vec<Generator>,
    pub generator_options: Option<GeneratorOptions>,
    pub generators: Vec<String>,
    pub transformers: Vec<String>,
    pub validators: Vec<String>,
    pub build_metadata: Vec<String>,
    pub openapi: BTreeMap<String, String>,
    /// Deprecated fields that the file has.
    pub deprecated: Vec<&'static str>,
    /// Whether it says nothing at all, which kustomize refuses.
    pub empty: bool,
}

const FIELDS: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

/// What each deprecated field should be instead.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

impl Kustomization {
    /// From the tree of a file, read in the dialect of kustomizations.
    ///
    /// # Errors
    /// Unknown fields, values of the wrong kind, and what this library does not do.
    pub fn decode(node: &Node) -> Result<Self> {
        let fields = Fields::new(node, "", Mode::Strict, FIELDS)?;
        refuse_helm(&fields)?;
        fields.object("metadata", |node, place| {
            let fields = Fields::new(node, place, Mode::Strict, &["name", "namespace", "labels", "annotations"])?;
            fields.string("name")?;
            fields.string("namespace")?;
            fields.string_map("labels")?;
            fields.string_map("annotations").map(drop)
        })?;
        let mut resources = fields.strings("resources")?;
        resources.extend(fields.strings("bases")?);
        let mut images = fields.list("images", Image::decode)?;
        images.extend(fields.list("imageTags", Image::decode)?);
        Ok(Self {
            role: role(&fields)?,
            resources,
            components: fields.strings("components")?,
            crds: fields.strings("crds")?,
            configurations: fields.strings("configurations")?,
            name_prefix: fields.string("namePrefix")?,
            name_suffix: fields.string("nameSuffix")?,
            namespace: fields.string("namespace")?,
            common_labels: fields.string_map("commonLabels")?,
            labels: fields.list("labels", Label::decode)?,
            common_annotations: fields.string_map("commonAnnotations")?,
            patches_strategic_merge: fields.strings("patchesStrategicMerge")?,
            patches_json6902: fields.list("patchesJson6902", Patch::decode)?,
            patches: fields.list("patches", Patch::decode)?,
            images,
            replicas: fields.list("replicas", Replica::decode)?,
            replacements: fields.list("replacements", ReplacementField::decode)?,
            vars: fields.list("vars", Var::decode)?,
            sort_options: fields.object("sortOptions", |node, place| SortOptions::decode(node, place, Mode::Strict))?,
            config_maps: fields.list("configMapGenerator", Generator::config_map)?,
            secrets: fields.list("secretGenerator", Generator::secret)?,
            generator_options: fields
                .object("generatorOptions", |node, place| GeneratorOptions::decode(node, place, Mode::Strict))?,
            generators: fields.strings("generators")?,
            transformers: fields.strings("transformers")?,
            validators: fields.strings("validators")?,
            build_metadata: fields.strings("buildMetadata")?,
            openapi: fields.string_map("openapi")?,
            deprecated: DEPRECATED.map(|(old, _)| old).into_iter().filter(|old| fields.get(old).is_some()).collect(),
            empty: is_empty(&fields),
        })
    }

    /// One sentence for each deprecated field.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let successors = BTreeMap::from(DEPRECATED);
        self.deprecated.iter().map(move |old| {
            let new = successors.get(old).copied().unwrap_or_default();
            format!("'{old}' is deprecated. Please use '{new}' instead.")
        })
    }
}

impl Label {
    fn decode(node: &Node, place: &str) -> Result<Self> {
        let fields =
            Fields::new(node, place, Mode::Strict, &["pairs", "includeSelectors", "includeTemplates", "fields"])?;
        Ok(Self {
            pairs: fields.string_map("pairs")?,
            include_selectors: fields.bool("includeSelectors")?,
            include_templates: fields.bool("includeTemplates")?,
            fields: fields.list("fields", |node, place| FieldSpec::decode(node, place, Mode::Strict))?,
        })
    }
}

fn role(fields: &Fields<'_>) -> Result<Role> {
    let (kind, version) = (fields.string("kind")?, fields.string("apiVersion")?);
    let role = match kind.as_str() {
        "" | "Kustomization" => Role::Kustomization,
        "Component" => Role::Component,
        _ => return Err(Error::invalid("", "kind should be Kustomization or Component")),
    };
    let wanted = if role == Role::Component { COMPONENT_VERSION } else { VERSION };
    if !version.is_empty() && version != wanted {
        let kind = if kind.is_empty() { "Kustomization" } else { &kind };
        return Err(Error::invalid("", format!("apiVersion for {kind} should be {wanted}")));
    }
    Ok(role)
}

/// Charts need Helm. `helmGlobals` alone asks for nothing.
fn refuse_helm(fields: &Fields<'_>) -> Result<()> {
    for field in ["helmCharts", "helmChartInflationGenerator"] {
        if fields.get(field).is_some_and(|node| !node.is_empty()) {
            let hint = "render the chart with Helm into a file, and name that file in resources";
            return Err(Error::unsupported(field, "charts are not rendered here", hint));
        }
    }
    Ok(())
}

/// Go compares with the empty struct: an empty list that is written down is something, unless it is one of those that
/// are moved elsewhere.
fn is_empty(fields: &Fields<'_>) -> bool {
    let moved = ["bases", "imageTags", "helmChartInflationGenerator"];
    FIELDS.iter().filter(|name| !matches!(**name, "kind" | "apiVersion")).all(|name| match fields.get(name) {
        None => true,
        Some(node) if moved.contains(name) => node.is_empty(),
        Some(node) => node.as_str() == Some(""),
    })
}
