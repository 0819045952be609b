//! What an application says beside its kustomization: the fields that Argo CD's `kustomize:` has. They have the meaning
//! of `kustomize edit` on a copy of the file.

use std::collections::BTreeMap;

use crate::accumulate::{Builder, Target};
use crate::error::{Error, Result};
use crate::files::Files;
use crate::kustomization::{Image, Kustomization, Label, Patch, Replica};

/// What happens where a key is in the kustomization already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Collision {
    #[default]
    Refused,
    Replaced,
}

/// Where labels go beside the metadata of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelReach {
    /// Selectors, and the templates that they select.
    #[default]
    Selectors,
    Metadata,
    Templates,
}

/// What becomes of components that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingComponents {
    #[default]
    Refused,
    Ignored,
}

/// Changes to the kustomization that a build starts from.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub name_prefix: String,
    pub name_suffix: String,
    pub namespace: String,
    /// As `kustomize edit set image` takes them: `nginx:1.27`, `nginx=registry/nginx:1.27`, `nginx@sha256:…`; `*` keeps
    /// what the kustomization has.
    pub images: Vec<String>,
    /// Counts by name.
    pub replicas: BTreeMap<String, i64>,
    pub patches: Vec<Patch>,
    pub components: Vec<String>,
    pub missing_components: MissingComponents,
    pub common_labels: BTreeMap<String, String>,
    pub label_reach: LabelReach,
    pub label_collision: Collision,
    pub common_annotations: BTreeMap<String, String>,
    pub annotation_collision: Collision,
}

impl Options {
    /// Whether any of it is done by `kustomize edit`, which rewrites the file as a whole.
    fn edits(&self) -> bool {
        !(self.name_prefix.is_empty()
            && self.name_suffix.is_empty()
            && self.namespace.is_empty()
            && self.images.is_empty()
            && self.replicas.is_empty()
            && self.common_labels.is_empty()
            && self.common_annotations.is_empty())
    }

    /// Changes the kustomization.
    ///
    /// # Errors
    /// Images that are none, and keys that are there already.
    pub(crate) fn apply<F: Files + ?Sized>(&self, builder: &Builder<'_, F>, target: &mut Target) -> Result<()> {
        if self.edits() {
            renew(builder, target)?;
            self.edit(&mut target.kustomization)?;
        }
        target.kustomization.patches.extend(self.patches.iter().cloned());
        let mut components = Vec::new();
        for component in &self.components {
            let ignored =
                self.missing_components == MissingComponents::Ignored && !builder.has_folder(target, component)?;
            if !ignored && !target.kustomization.components.contains(component) {
                components.push(component.clone());
            }
        }
        if !components.is_empty() && !self.edits() {
            renew(builder, target)?;
        }
        target.kustomization.components.extend(components);
        Ok(())
    }

    fn edit(&self, kustomization: &mut Kustomization) -> Result<()> {
        let set = |field: &mut String, value: &String| {
            if !value.is_empty() {
                field.clone_from(value);
            }
        };
        set(&mut kustomization.name_prefix, &self.name_prefix);
        set(&mut kustomization.name_suffix, &self.name_suffix);
        set(&mut kustomization.namespace, &self.namespace);
        if !self.images.is_empty() {
            self.set_images(kustomization)?;
        }
        if !self.replicas.is_empty() {
            let mut counts: BTreeMap<String, i64> =
                kustomization.replicas.drain(..).map(|replica| (replica.name, replica.count)).collect();
            counts.extend(self.replicas.iter().map(|(name, count)| (name.clone(), *count)));
            kustomization.replicas = counts.into_iter().map(|(name, count)| Replica { name, count }).collect();
        }
        if !self.common_labels.is_empty() {
            self.add_labels(kustomization)?;
        }
        let annotations = &mut kustomization.common_annotations;
        add(annotations, &self.common_annotations, self.annotation_collision, "annotation")
    }

    fn add_labels(&self, kustomization: &mut Kustomization) -> Result<()> {
        let pairs = self.common_labels.clone();
        let label = match self.label_reach {
            LabelReach::Selectors => return with_selectors(kustomization, pairs),
            LabelReach::Metadata => Label { pairs, ..Label::default() },
            LabelReach::Templates => Label { pairs, include_templates: true, ..Label::default() },
        };
        kustomization.labels.push(label);
        Ok(())
    }

    fn set_images(&self, kustomization: &mut Kustomization) -> Result<()> {
        let mut images: BTreeMap<String, Image> = BTreeMap::new();
        for argument in &self.images {
            let image = parse_image(argument)?;
            images.insert(image.name.clone(), image);
        }
        for known in kustomization.images.drain(..) {
            match images.get_mut(&known.name) {
                Some(image) => keep(image, &known),
                None => {
                    images.insert(known.name.clone(), known);
                }
            }
        }
        let nothing = Image::default();
        kustomization.images = images
            .into_values()
            .map(|mut image| {
                keep(&mut image, &nothing);
                image
            })
            .collect();
        Ok(())
    }
}

/// Writes a file as `kustomize edit` does: deprecated fields become what replaced them.
fn renew<F: Files + ?Sized>(builder: &Builder<'_, F>, target: &mut Target) -> Result<()> {
    let kustomization = &mut target.kustomization;
    let json = std::mem::take(&mut kustomization.patches_json6902);
    kustomization.patches.extend(json);
    let strategic = std::mem::take(&mut kustomization.patches_strategic_merge);
    for entry in strategic {
        let patch = match builder.has_file(target, &entry)? {
            true => Patch { path: entry, ..Patch::default() },
            false => Patch { patch: entry, ..Patch::default() },
        };
        target.kustomization.patches.push(patch);
    }
    let kustomization = &mut target.kustomization;
    let pairs = std::mem::take(&mut kustomization.common_labels);
    if pairs.is_empty() { Ok(()) } else { with_selectors(kustomization, pairs) }
}

/// What common labels become when a file is written.
fn with_selectors(kustomization: &mut Kustomization, pairs: BTreeMap<String, String>) -> Result<()> {
    let mut known = kustomization.labels.iter().flat_map(|label| label.pairs.keys());
    if let Some(key) = known.find(|key| pairs.contains_key(*key)) {
        let what = format!("label name '{key}' exists in both commonLabels and labels");
        return Err(Error::invalid("", what));
    }
    kustomization.labels.push(Label { pairs, include_selectors: true, ..Label::default() });
    Ok(())
}

fn add(
    map: &mut BTreeMap<String, String>,
    more: &BTreeMap<String, String>,
    collision: Collision,
    what: &str,
) -> Result<()> {
    for (key, value) in more {
        if collision == Collision::Refused && map.contains_key(key) {
            return Err(Error::invalid("", format!("{what} {key} already in kustomization file"))
                .hint("force it, or take it out of one of the two"));
        }
        map.insert(key.clone(), value.clone());
    }
    Ok(())
}

/// What `*` stands for.
fn keep(image: &mut Image, known: &Image) {
    let parts = [
        (&mut image.new_name, &known.new_name),
        (&mut image.new_tag, &known.new_tag),
        (&mut image.digest, &known.digest),
    ];
    for (part, known) in parts {
        if part == "*" {
            part.clone_from(known);
        }
    }
}

fn parse_image(argument: &str) -> Result<Image> {
    let (key, value) = match argument.split_once('=') {
        Some((key, value)) => (Some(key), value),
        None => (None, argument),
    };
    let (name, tag, digest) = crate::transform::split_image(value);
    if name == argument {
        let what = format!("invalid format of image '{argument}'");
        return Err(Error::invalid("", what).hint("name:tag, name@digest, name=new or name=new:tag"));
    }
    let (name, new_name) = key.map_or((name, ""), |key| (key, name));
    Ok(Image {
        name: name.to_owned(),
        new_name: new_name.to_owned(),
        new_tag: tag.to_owned(),
        digest: digest.to_owned(),
        tag_suffix: String::new(),
    })
}
