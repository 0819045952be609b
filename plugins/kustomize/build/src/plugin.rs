//! Generators, transformers and validators that are written as objects of `apiVersion: builtin`. Others would run
//! programs or containers, which is not done here.

use kustomize_yaml::read::{self, Limits};
use kustomize_yaml::schema::Schema;
use kustomize_yaml::{Node, write};

use crate::decode::{Fields, Mode};
use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::files::Files;
use crate::generate::{self, Kind};
use crate::kustomization::{Generator, Image, Patch, Replacement, ReplacementField, Replica, Selector};
use crate::loader::{Loader, Root};
use crate::objects;
use crate::resource::Resource;
use crate::transform::{
    Affix, End, Entries, Existing, Images, JsonPatch, Namespace, PatchSet, Replacements, Replicas, StrategicPatches,
    Subjects, Transformer, ValueAdd, ValueTarget,
};

/// Where a kustomization reads, and what it knows of kinds.
#[derive(Debug)]
pub struct Place<'a, 'f, F: ?Sized> {
    pub loader: &'a Loader<'f, F>,
    pub root: &'a Root,
    pub schema: &'a Schema,
}

/// The kind of a builtin plugin.
///
/// # Errors
/// A plugin that is not built in.
fn builtin(resource: &Resource) -> Result<&str> {
    let gvk = &resource.id().gvk;
    if gvk.group.is_empty() && gvk.version == "builtin" {
        return Ok(&gvk.kind);
    }
    let hint = "use a built-in transformer or generator, or commit what the plugin prints";
    Err(Error::unsupported(&gvk.kind, "only plugins of apiVersion builtin are run", hint))
}

/// The object as kustomize hands it to a plugin: printed, and read again in the dialect of kustomizations.
fn configuration(resource: &Resource) -> Result<Node> {
    let mut text = String::new();
    write::document(resource.node(), &mut text).map_err(|error| Error::invalid("", error))?;
    let node = read::config(&text, Limits::default()).map_err(|error| Error::yaml("", &error))?;
    Ok(node.unwrap_or_else(Node::null))
}

fn unknown(kind: &str) -> Error {
    Error::invalid("", format!("unable to load builtin {kind}"))
}

fn specs(fields: &Fields<'_>) -> Result<Vec<FieldSpec>> {
    fields.list("fieldSpecs", |node, place| FieldSpec::decode(node, place, Mode::Lenient))
}

impl<F: Files + ?Sized> Place<'_, '_, F> {
    /// What a generator makes.
    ///
    /// # Errors
    /// One that is not built in, and a configuration that it does not take.
    pub fn generate(&self, resource: &Resource) -> Result<Vec<Resource>> {
        let kind = match builtin(resource)? {
            "ConfigMapGenerator" => Kind::ConfigMap,
            "SecretGenerator" => Kind::Secret,
            "IAMPolicyGenerator" => return self.service_account(resource.node()).map(|object| vec![object]),
            kind @ "HelmChartInflationGenerator" => {
                let hint = "render the chart with Helm into a file, and name that file in resources";
                return Err(Error::unsupported(kind, "charts are not rendered here", hint));
            }
            kind => return Err(unknown(kind)),
        };
        let generator = Generator::plugin(&configuration(resource)?)?;
        generate::make(kind, &generator, self.loader, self.root, self.schema).map(|object| vec![object])
    }

    /// A service account of GKE that stands for one of the cloud.
    fn service_account(&self, node: &Node) -> Result<Resource> {
        let text = |keys: &[&str]| node.at(keys).and_then(Node::text).unwrap_or_default().to_owned();
        let cloud = text(&["cloud"]);
        if cloud != "gke" {
            return Err(Error::invalid("", format!("cloud provider {cloud} not supported yet")));
        }
        let (name, project) = (text(&["serviceAccount", "name"]), text(&["serviceAccount", "projectId"]));
        let namespace = text(&["kubernetesService", "namespace"]);
        let namespace = if namespace.is_empty() { namespace } else { format!("\n  namespace: {namespace}") };
        let yaml = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: \
             {name}@{project}.iam.gserviceaccount.com\n  name: {}{namespace}\n",
            text(&["kubernetesService", "name"])
        );
        let mut objects = objects::read(&yaml, "IAMPolicyGenerator", self.schema)?;
        objects.pop().ok_or_else(|| unknown("IAMPolicyGenerator"))
    }

    /// A transformer, configured.
    ///
    /// # Errors
    /// One that is not built in, and a configuration that it does not take.
    pub fn transformer(&self, resource: &Resource) -> Result<Transformer> {
        let kind = builtin(resource)?;
        let node = &configuration(resource)?;
        let fields = Fields::new(node, "", Mode::Lenient, &[])?;
        Ok(match kind {
            "AnnotationsTransformer" => entries("annotations", &fields)?,
            "LabelTransformer" => entries("labels", &fields)?,
            "HashTransformer" => Transformer::Hash,
            "ImageTagTransformer" => {
                let image = fields.object("imageTag", |node, place| Image::decode_as(node, place, Mode::Lenient))?;
                Transformer::Images(Images::new(image.unwrap_or_default(), specs(&fields)?)?)
            }
            "ReplicaCountTransformer" => {
                let replica = fields.object("replica", |node, place| Replica::decode_as(node, place, Mode::Lenient))?;
                Transformer::Replicas(Replicas { replica: replica.unwrap_or_default(), specs: specs(&fields)? })
            }
            "NamespaceTransformer" => Transformer::Namespace(namespace(&fields)?),
            "PrefixTransformer" => Transformer::Affix(affix(End::Prefix, &fields)?),
            "SuffixTransformer" => Transformer::Affix(affix(End::Suffix, &fields)?),
            "PrefixSuffixTransformer" => {
                Transformer::Affixes(affix(End::Prefix, &fields)?, affix(End::Suffix, &fields)?)
            }
            "PatchTransformer" => self.patch(&Patch::decode_as(node, "", Mode::Lenient)?)?,
            "PatchJson6902Transformer" => {
                let target = fields.object("target", |node, place| Selector::decode(node, place, Mode::Lenient))?;
                self.json_patch(target.as_ref(), &fields.string("path")?, &fields.string("jsonOp")?)?
            }
            "PatchStrategicMergeTransformer" => {
                self.strategic_patches(&fields.strings("paths")?, &fields.string("patches")?)?
            }
            "ReplacementTransformer" => {
                let list = fields
                    .list("replacements", |node, place| ReplacementField::decode_as(node, place, Mode::Lenient))?;
                self.replacements(&list)?
            }
            "ValueAddTransformer" => Transformer::ValueAdd(self.value_add(&fields)?),
            kind => return Err(unknown(kind)),
        })
    }

    /// An entry of `patches:`.
    ///
    /// # Errors
    /// Both or neither of `path` and `patch`, and text that is no patch.
    pub fn patch(&self, patch: &Patch) -> Result<Transformer> {
        let inline = patch.patch.trim();
        let (text, source) = match (inline, patch.path.as_str()) {
            ("", "") => return Err(Error::invalid("", "patches: must specify one of patch and path")),
            ("", path) => (self.loader.text(self.root, path)?, self.root.show(path)),
            (inline, "") => (inline.to_owned(), "patches".to_owned()),
            _ => return Err(Error::invalid("", "patches: patch and path can't be set at the same time")),
        };
        PatchSet::new(patch, &text, &source, self.schema).map(Transformer::Patch)
    }

    /// An entry of `patchesJson6902:`.
    ///
    /// # Errors
    /// As for [`patch`](Self::patch).
    pub fn json_patch(&self, target: Option<&Selector>, path: &str, inline: &str) -> Result<Transformer> {
        let (text, source) = match (inline, path) {
            ("", "") => return Err(Error::invalid("", "patchesJson6902: empty file path and empty jsonOp")),
            ("", path) => (self.loader.text(self.root, path)?, self.root.show(path)),
            (inline, "") => (inline.to_owned(), "patchesJson6902".to_owned()),
            _ => return Err(Error::invalid("", "patchesJson6902: must specify a file path or jsonOp, not both")),
        };
        JsonPatch::new(target, &text, &source).map(Transformer::JsonPatch)
    }

    /// `patchesStrategicMerge:`, whose entries are patches or paths of such.
    ///
    /// # Errors
    /// Files that cannot be read, and text that is no patch.
    pub fn strategic_patches(&self, paths: &[String], inline: &str) -> Result<Transformer> {
        let mut patches = Vec::new();
        for path in paths {
            let read = match objects::read(path, "patchesStrategicMerge", self.schema) {
                Ok(read) => read,
                Err(_) => objects::read(&self.loader.text(self.root, path)?, &self.root.show(path), self.schema)?,
            };
            patches.extend(read);
        }
        if !inline.is_empty() {
            patches.extend(objects::read(inline, "patches", self.schema)?);
        }
        StrategicPatches::new(patches).map(Transformer::StrategicPatches)
    }

    /// `replacements:`, with those that stand in files of their own.
    ///
    /// # Errors
    /// Files that cannot be read, and both of `path` and a replacement in one entry.
    pub fn replacements(&self, list: &[ReplacementField]) -> Result<Transformer> {
        let mut replacements = Vec::new();
        for field in list {
            let Replacement { source, targets } = &field.replacement;
            if field.path.is_empty() {
                replacements.push(field.replacement.clone());
                continue;
            }
            if source.is_some() || targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
                return Err(Error::invalid("", "cannot specify both path and inline replacement"));
            }
            let place = self.root.show(&field.path);
            let decode =
                |node: &Node| Replacement::decode(node, "", Mode::Lenient).map_err(|error| error.within(&place));
            match self.config(&field.path)? {
                Some(Node::Sequence(items)) => {
                    for item in &items {
                        replacements.push(decode(item)?);
                    }
                }
                Some(node @ Node::Mapping(_)) => replacements.push(decode(&node)?),
                _ => {
                    return Err(Error::invalid(
                        place,
                        "unsupported replacement type encountered within replacement path",
                    ));
                }
            }
        }
        Ok(Transformer::Replacements(Replacements(replacements)))
    }

    /// The tree of a file in the dialect of kustomizations.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn config(&self, path: &str) -> Result<Option<Node>> {
        let text = self.loader.text(self.root, path)?;
        read::config(&text, Limits::default()).map_err(|error| Error::yaml(&self.root.show(path), &error))
    }

    fn value_add(&self, fields: &Fields<'_>) -> Result<ValueAdd> {
        let target = |node: &Node, place: &str| {
            let fields = Fields::new(node, place, Mode::Lenient, &[])?;
            let field_path = fields.string("fieldPath")?;
            if field_path.is_empty() {
                return Err(Error::invalid("", "fieldPath cannot be empty"));
            }
            let position = usize::try_from(fields.int("filePathPosition")?);
            Ok(ValueTarget {
                selector: fields.object("selector", |node, place| Selector::decode(node, place, Mode::Lenient))?,
                field_path,
                position: position.map_err(|_| Error::invalid("", "value of FilePathPosition cannot be negative"))?,
            })
        };
        let mut targets = fields.list("targets", target)?;
        let file = fields.string("targetFilePath")?;
        if !file.is_empty()
            && let Some(node) = self.config(&file)?
        {
            targets.extend(Fields::new(&node, "", Mode::Lenient, &[])?.list("targets", target)?);
        }
        if targets.is_empty() {
            return Err(Error::invalid("", "must specify at least one target"));
        }
        let value = fields.string("value")?;
        let folder = self.root.path.rsplit('/').next().unwrap_or_default();
        let value = if value.trim().is_empty() { folder } else { value.trim() };
        Ok(ValueAdd { value: value.to_owned(), targets })
    }
}

fn entries(field: &'static str, fields: &Fields<'_>) -> Result<Transformer> {
    Ok(Transformer::Entries(Entries { field, entries: fields.string_map(field)?, specs: specs(fields)? }))
}

fn affix(end: End, fields: &Fields<'_>) -> Result<Affix> {
    if fields.get("fieldSpecs").is_none() {
        return Err(Error::invalid("", "fieldSpecs is not expected to be nil"));
    }
    let text = fields.string(if end == End::Prefix { "prefix" } else { "suffix" })?;
    Ok(Affix { end, text, specs: specs(fields)? })
}

fn namespace(fields: &Fields<'_>) -> Result<Namespace> {
    let namespace =
        fields.object("metadata", |node, place| Fields::new(node, place, Mode::Lenient, &[])?.string("namespace"))?;
    Ok(Namespace {
        namespace: namespace.unwrap_or_default(),
        specs: specs(fields)?,
        subjects: Subjects::parse(&fields.string("setRoleBindingSubjects")?)?,
        existing: if fields.bool("unsetOnly")? { Existing::Kept } else { Existing::Replaced },
    })
}
