//! Replacements: a value of one object into fields of others.

use kustomize_yaml::Node;
use kustomize_yaml::schema::Schema;

use crate::error::{Error, Result};
use crate::id::Id;
use crate::kustomization::{FieldOptions, Replacement, Source, Target};
use crate::path::{self, Shape, Walked};
use crate::resource::{Resource, has_notes};
use crate::resources::Resources;
use crate::scalar;
use crate::selector::MetaMatcher;

/// Where a value is read and written when nothing is said.
const DEFAULT_PATH: &str = "metadata.name";

/// How much text all replacements of a kustomization may copy, in bytes. Without a bound, a few that copy an object into
/// itself would fill any memory.
const MAX_COPIED: usize = 32 << 20;

/// How deep a value may be nested that is copied.
const MAX_DEPTH: usize = 128;

/// The entries of `replacements:`.
#[derive(Debug)]
pub struct Replacements(pub Vec<Replacement>);

impl Replacements {
    pub(super) fn apply(&self, resources: &mut Resources, schema: &Schema) -> Result<()> {
        let mut budget = MAX_COPIED;
        for replacement in &self.0 {
            let (Some(source), Some(targets)) = (&replacement.source, &replacement.targets) else {
                return Err(failure("replacements must specify a source and at least one target"));
            };
            let value = source_value(resources, source)?;
            for target in targets {
                apply_target(resources, target, &value, schema, &mut budget)?;
            }
        }
        Ok(())
    }
}

fn failure(what: impl std::fmt::Display) -> Error {
    Error::transform("replacements", what)
}

fn source_value(resources: &Resources, source: &Source) -> Result<Node> {
    let mut matches = resources.iter().filter(|resource| resource.ids().any(|id| id.is_selected(&source.id)));
    let Some(object) = matches.next() else { return Err(failure(format!("nothing selected by {}", source.id))) };
    if matches.next().is_some() {
        return Err(failure(format!("multiple matches for selector {}", source.id)));
    }
    let field = if source.field_path.is_empty() { DEFAULT_PATH } else { &source.field_path };
    let path = path::split(field);
    let found = object
        .copied(&path, |node| path::lookup(node, &path))
        .map_err(|error| failure(format!("error looking up replacement source: {error}")))?;
    let Some(value) = found.filter(|value| !value.is_empty()) else {
        return Err(failure(format!("fieldPath `{field}` is missing for replacement source {}", source.id)));
    };
    refine(&value, &source.options)
}

/// The part of a value that a delimiter and an index mean.
fn refine(value: &Node, options: &FieldOptions) -> Result<Node> {
    if options.delimiter.is_empty() {
        return Ok(value.clone());
    }
    let Node::Scalar(scalar) = value else {
        return Err(failure("delimiter option can only be used with scalar nodes"));
    };
    let index = usize::try_from(options.index).ok();
    let part = index.and_then(|index| scalar.text.split(&options.delimiter).nth(index)).ok_or_else(|| {
        failure(format!("options.index {} is out of bounds for value {}", options.index, scalar.text))
    })?;
    let mut part_of = scalar.clone();
    part_of.text = part.to_owned();
    Ok(Node::Scalar(part_of))
}

fn apply_target(
    resources: &mut Resources,
    target: &Target,
    value: &Node,
    schema: &Schema,
    budget: &mut usize,
) -> Result<()> {
    let Some(select) = &target.select else { return Err(failure("target must specify resources to select")) };
    let wanted = MetaMatcher::new(select)?;
    let rejected = target.reject.iter().filter(|reject| !reject.labels.is_empty() || !reject.annotations.is_empty());
    let rejected: Vec<MetaMatcher> = rejected.map(MetaMatcher::new).collect::<Result<_>>()?;
    let fields = if target.field_paths.is_empty() { vec![DEFAULT_PATH.to_owned()] } else { target.field_paths.clone() };
    let paths: Vec<(&String, Vec<String>)> = fields.iter().map(|field| (field, path::split(field))).collect();
    let meant = |resource: &Resource| {
        let rejects = |id: &Id| target.reject.iter().any(|reject| !reject.id.is_empty() && id.is_selected(&reject.id));
        resource.ids().any(|id| id.is_selected(&select.id))
            && wanted.matches(resource)
            && !rejected.iter().any(|reject| reject.matches(resource))
            && !resource.ids().any(rejects)
    };
    let places: Vec<usize> =
        resources.iter().enumerate().filter(|(_, resource)| meant(resource)).map(|(at, _)| at).collect();
    let weight = value.weight(MAX_DEPTH).ok_or_else(|| failure("a value that is nested too deep"))?;
    for at in places {
        let Some(resource) = resources.list_mut().get_mut(at) else { continue };
        let id = resource.id().to_string();
        resource.overwritten = true;
        for (field, path) in &paths {
            let walked = write(resource, path, &target.options, value)
                .map_err(|error| failure(format!("{id}: field {field}: {error}")))?;
            let left = weight.checked_mul(walked.places).and_then(|copied| budget.checked_sub(copied));
            *budget = left.ok_or_else(|| failure("copy more than 32 MiB"))?;
            resource.below_null |= walked.below_null;
            if has_notes(path) {
                resource.retake_annotations(schema);
            }
        }
        resource.refresh(schema);
    }
    Ok(())
}

fn write(resource: &mut Resource, path: &[String], options: &FieldOptions, value: &Node) -> Result<Walked> {
    let create = options.create.then(|| Shape::of(value));
    resource.changing_shared(|node| {
        let walked = path::for_each(node, path, create, &mut |field| set(field, options, value))?;
        if walked.places == 0 {
            return Err(
                Error::invalid("", "unable to find field in replacement target").hint("set options.create to add it")
            );
        }
        Ok(walked)
    })
}

fn set(field: &mut Node, options: &FieldOptions, value: &Node) -> Result<()> {
    let mut text = scalar::value(value).to_owned();
    if !options.delimiter.is_empty() {
        let Node::Scalar(scalar) = field else {
            return Err(Error::invalid("", "delimiter option can only be used with scalar nodes"));
        };
        text = splice(&scalar.text, &text, options);
        if text.len() > MAX_COPIED {
            return Err(failure("a text of more than 32 MiB"));
        }
    }
    let Node::Scalar(scalar) = field else {
        *field = value.clone();
        return Ok(());
    };
    // Where a value that keeps its kind gets text of another, the output fails, unless something else overwrites it
    // before.
    scalar.overwrite(text);
    Ok(())
}

/// Puts `part` in place of one of the parts of `text`, before the first, or behind the last.
fn splice(text: &str, part: &str, options: &FieldOptions) -> String {
    let mut parts: Vec<&str> = text.split(&options.delimiter).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, part),
        Ok(at) => match parts.get_mut(at) {
            Some(slot) => *slot = part,
            None => parts.push(part),
        },
    }
    parts.join(&options.delimiter)
}
