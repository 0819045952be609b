//! Where an application's objects come from, and what makes them of the files there.

use super::name::{FolderPath, Namespace};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One source of an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The repository's address, as written.
    pub repository: String,
    /// A branch, tag, commit or range of versions; `HEAD` unless it names one.
    pub revision: String,
    /// What is taken from there.
    pub content: Content,
    /// What it is called among the application's sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the value files of other sources call its files by: `$NAME/path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What makes objects of it.
    pub renderer: Renderer,
}

/// What is taken from a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// A folder.
    Folder(FolderPath),
    /// A chart of a Helm repository.
    Chart(String),
    /// Nothing of its own: it is there for the value files of others.
    Reference,
}

/// What makes objects of a source's files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Renderer {
    /// Whatever the files of the folder ask for.
    #[default]
    Detected,
    /// Kustomize.
    Kustomize(Kustomize),
    /// The objects as they are written.
    Directory(Directory),
    /// Helm.
    Helm(Helm),
    /// A plugin.
    Plugin(Plugin),
}

/// What an application changes about a kustomization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kustomize {
    /// In front of every name.
    pub name_prefix: String,
    /// Behind every name.
    pub name_suffix: String,
    /// The namespace of everything.
    pub namespace: Option<Namespace>,
    /// Other images.
    pub images: Vec<ImageOverride>,
    /// Other numbers of replicas.
    pub replicas: Vec<Replicas>,
    /// Further patches.
    pub patches: Vec<KustomizePatch>,
    /// Further components.
    pub components: Vec<String>,
    /// Whether components that are not there are passed over.
    pub ignore_missing_components: bool,
    /// Further labels.
    pub common_labels: BTreeMap<String, String>,
    /// Whether the labels stay out of selectors.
    pub label_without_selector: bool,
    /// Whether labels that stay out of selectors go into templates.
    pub label_include_templates: bool,
    /// Whether labels win over those that are there.
    pub force_common_labels: bool,
    /// Further annotations.
    pub common_annotations: BTreeMap<String, String>,
    /// Whether annotations win over those that are there.
    pub force_common_annotations: bool,
}

/// Another image, as `kustomize edit set image` reads it: `[NAME=]IMAGE[:TAG][@DIGEST]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageOverride {
    /// As it is written: `*` in it is more than nothing.
    pub written: String,
    /// The image that objects name.
    pub name: String,
    /// The image instead of it; the same one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The tag instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<String>,
    /// The digest instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl ImageOverride {
    /// Reads one; nothing where it names no image, or changes nothing about it.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('=').map_or((None, text), |(name, rest)| (Some(name), rest));
        let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash is that of a registry's port.
        let path = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (image, tag) = rest.get(path..)?.find(':').map_or((rest, None), |colon| {
            let (image, tag) = rest.split_at(path + colon);
            (image, tag.strip_prefix(':'))
        });
        // `*` is how kustomize says "as it is".
        let said = |part: &str| (part != "*").then(|| part.to_owned());
        let made = Self {
            written: text.to_owned(),
            name: name.unwrap_or(image).to_owned(),
            new_name: name.and(said(image)),
            new_tag: tag.and_then(said),
            digest: digest.and_then(said),
        };
        let whole = [Some(image), tag, digest].into_iter().flatten().all(|part| !part.is_empty());
        let changes = made.new_name.is_some() || made.new_tag.is_some() || made.digest.is_some();
        let clean = !text.contains(char::is_whitespace) && !text.contains(char::is_control);
        (whole && changes && clean && !made.name.is_empty()).then_some(made)
    }
}

/// Another number of replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// The object's name.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// A patch: its text or its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizePatch {
    /// The file that it is in, from the source's folder.
    pub path: Option<String>,
    /// The patch itself: a partial object, or a JSON 6902 list.
    pub patch: Option<String>,
    /// What is patched, where the patch does not say it itself.
    pub target: Option<PatchTarget>,
    /// Whether the patch may change names.
    pub allow_name_change: bool,
    /// Whether the patch may change kinds.
    pub allow_kind_change: bool,
}

/// What is patched: every field that is there must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PatchTarget {
    /// The group.
    pub group: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The name, as an anchored regular expression.
    pub name: Option<String>,
    /// The namespace, as an anchored regular expression.
    pub namespace: Option<String>,
    /// A selector of labels.
    pub label_selector: Option<String>,
    /// A selector of annotations.
    pub annotation_selector: Option<String>,
}

/// A folder of objects as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Directory {
    /// Whether folders below it belong to it.
    pub recurse: bool,
    /// A glob of what belongs to it; everything without one.
    pub include: Option<String>,
    /// A glob of what does not; it wins.
    pub exclude: Option<String>,
}

/// What an application says to Helm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Helm {
    /// The release's name; the application's without one.
    pub release_name: Option<String>,
    /// Files of values, a later one winning; `$NAME/path` is in another source.
    pub value_files: Vec<String>,
    /// Whether files of values that are not there are passed over.
    pub ignore_missing_value_files: bool,
    /// Values in the application itself; they win over files.
    pub values: Option<HelmValues>,
    /// Single values; they win over all others.
    pub parameters: Vec<HelmParameter>,
    /// Single values out of files.
    pub file_parameters: Vec<HelmFileParameter>,
    /// Whether custom resource definitions are left out.
    pub skip_crds: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// Whether values are not held to the chart's schema.
    pub skip_schema_validation: bool,
    /// The namespace of the release.
    pub namespace: Option<String>,
    /// The version of Kubernetes that templates see.
    pub kube_version: Option<String>,
    /// The versions of APIs that templates see.
    pub api_versions: Vec<String>,
}

/// Values in the application itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HelmValues {
    /// YAML as text.
    Text(String),
    /// A mapping; it wins where both are written.
    Object(Map<String, Value>),
}

/// A single value for Helm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmParameter {
    /// Its path within the values.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether it is text whatever it looks like.
    #[serde(default)]
    pub force_string: bool,
}

/// A single value out of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmFileParameter {
    /// Its path within the values.
    pub name: String,
    /// The file.
    pub path: String,
}

/// A renderer that is a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its environment, in the order of the file, each name once.
    pub env: Vec<(String, String)>,
    /// Its parameters, each name once.
    pub parameters: Vec<PluginParameter>,
}

/// A parameter of a plugin, in one of its forms or without a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginParameter {
    /// Its name.
    pub name: String,
    /// As text.
    pub string: Option<String>,
    /// As a mapping.
    pub map: Option<BTreeMap<String, String>>,
    /// As a list.
    pub array: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::ImageOverride;

    fn show(text: &str) -> String {
        let Some(image) = ImageOverride::parse(text) else { return "nothing".to_owned() };
        let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        format!("{} {} {} {}", image.name, part(image.new_name), part(image.new_tag), part(image.digest))
    }

    #[test]
    fn images_as_kustomize_reads_them() {
        for (text, meant) in [
            ("app:v2", "app - v2 -"),
            ("app@sha256:0f", "app - - sha256:0f"),
            ("app=registry.example:5000/team/app", "app registry.example:5000/team/app - -"),
            ("app=registry.example:5000/team/app:v2", "app registry.example:5000/team/app v2 -"),
            ("registry.example:5000/app:v2@sha256:0f", "registry.example:5000/app - v2 sha256:0f"),
            ("app=*:v2", "app - v2 -"),
            ("app=other:*@sha256:0f", "app other - sha256:0f"),
            ("app", "nothing"),
            ("app=", "nothing"),
            ("=other:v2", "nothing"),
            ("app:", "nothing"),
            ("app=*", "nothing"),
            ("app: v2", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(show(text), meant, "{text}");
        }
    }
}
