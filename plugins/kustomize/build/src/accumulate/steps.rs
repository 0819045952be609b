//! The transformers of one kustomization, in the order in which kustomize runs them.

use std::collections::BTreeMap;

use super::{Builder, Target, in_file};
use crate::config::Shared;
use crate::error::Result;
use crate::fieldspec::{FieldSpec, merge_all, merge_one};
use crate::files::Files;
use crate::kustomization::{Kustomization, Label};
use crate::transform::{Affix, End, Entries, Existing, Images, Namespace, Replicas, Step, Subjects, Transformer};

impl<F: Files + ?Sized> Builder<'_, F> {
    /// The built-in ones by field, then those of `transformers:`.
    pub(super) fn steps(&mut self, target: &mut Target, config: &Shared) -> Result<Vec<Step>> {
        let built_in = self.built_in(target, config).map_err(|error| in_file(&target.place(), error))?;
        let origin = |kind: &str| target.origin.as_ref().map(|origin| origin.builtin(target.file, kind));
        let mut steps: Vec<Step> =
            built_in.into_iter().map(|(kind, transformer)| Step { transformer, origin: origin(kind) }).collect();
        let entries = target.kustomization.transformers.clone();
        steps.extend(self.plugin_steps(target, &entries)?);
        Ok(steps)
    }

    fn built_in(&self, target: &Target, config: &Shared) -> Result<Vec<(&'static str, Transformer)>> {
        let Kustomization { patches_strategic_merge, patches, patches_json6902, replacements, .. } =
            &target.kustomization;
        let place = self.at(target);
        let mut steps = Vec::new();
        if !patches_strategic_merge.is_empty() {
            steps.push(("PatchStrategicMergeTransformer", place.strategic_patches(patches_strategic_merge, "")?));
        }
        for patch in patches {
            steps.push(("PatchTransformer", place.patch(patch)?));
        }
        names(&target.kustomization, config, &mut steps);
        entries(&target.kustomization, config, &mut steps)?;
        for patch in patches_json6902 {
            steps.push((
                "PatchJson6902Transformer",
                place.json_patch(patch.target.as_ref(), &patch.path, &patch.patch)?,
            ));
        }
        counts_and_images(&target.kustomization, config, &mut steps)?;
        if !replacements.is_empty() {
            steps.push(("ReplacementTransformer", place.replacements(replacements)?));
        }
        Ok(steps)
    }
}

type Steps = Vec<(&'static str, Transformer)>;

fn names(kustomization: &Kustomization, config: &Shared, steps: &mut Steps) {
    if !kustomization.namespace.is_empty() {
        steps.push((
            "NamespaceTransformer",
            Transformer::Namespace(Namespace {
                namespace: kustomization.namespace.clone(),
                specs: config.get().namespace.clone(),
                subjects: Subjects::Default,
                existing: Existing::Replaced,
            }),
        ));
    }
    let ends = [
        ("PrefixTransformer", End::Prefix, &kustomization.name_prefix, &config.get().name_prefix),
        ("SuffixTransformer", End::Suffix, &kustomization.name_suffix, &config.get().name_suffix),
    ];
    for (kind, end, text, specs) in ends {
        if !text.is_empty() {
            steps.push((kind, Transformer::Affix(Affix { end, text: text.clone(), specs: specs.clone() })));
        }
    }
}

fn entries(kustomization: &Kustomization, config: &Shared, steps: &mut Steps) -> Result<()> {
    let Kustomization { labels, common_labels, common_annotations, .. } = kustomization;
    let mut push = |kind, field, entries: &BTreeMap<String, String>, specs| {
        steps.push((kind, Transformer::Entries(Entries { field, entries: entries.clone(), specs })));
    };
    for label in labels {
        push("LabelTransformer", "labels", &label.pairs, label_specs(label, config)?);
    }
    if !labels.is_empty() || !common_labels.is_empty() {
        push("LabelTransformer", "commonLabels", common_labels, config.get().common_labels.clone());
    }
    if !common_annotations.is_empty() {
        let specs = config.get().common_annotations.clone();
        push("AnnotationsTransformer", "commonAnnotations", common_annotations, specs);
    }
    Ok(())
}

/// Where an entry of `labels:` goes: its own fields, those that the configuration adds, and selectors or templates as
/// it says.
fn label_specs(label: &Label, config: &Shared) -> Result<Vec<FieldSpec>> {
    let mut specs = label.fields.clone();
    merge_all(&mut specs, &config.get().labels)?;
    if label.include_selectors {
        merge_all(&mut specs, &config.get().common_labels)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_all(&mut specs, &config.get().template_labels)?;
    }
    merge_one(&mut specs, &FieldSpec::anywhere("metadata/labels", true))?;
    Ok(specs)
}

fn counts_and_images(kustomization: &Kustomization, config: &Shared, steps: &mut Steps) -> Result<()> {
    for replica in &kustomization.replicas {
        let specs = config.get().replicas.clone();
        steps.push(("ReplicaCountTransformer", Transformer::Replicas(Replicas { replica: replica.clone(), specs })));
    }
    for image in &kustomization.images {
        let images = Images::new(image.clone(), config.get().images.clone())?;
        steps.push(("ImageTagTransformer", Transformer::Images(images)));
    }
    Ok(())
}
