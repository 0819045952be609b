//! What a source says to the renderer of its objects.

use super::check::refuse;
use super::read;
use super::spec::{named, number};
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::glob;
use crate::yaml::{Key, Kind, Node};
use model::application::{
    Directory, Helm, HelmFileParameter, HelmParameter, HelmValues, ImageOverride, Kustomize, KustomizePatch, Namespace,
    PatchTarget, Plugin, PluginParameter, Replicas,
};
use std::collections::HashSet;

pub(super) fn kustomize(node: &Node, path: &str, sink: &mut Sink) -> Kustomize {
    variables(node, path, sink);
    Kustomize {
        name_prefix: read::owned(node, "namePrefix").unwrap_or_default(),
        name_suffix: read::owned(node, "nameSuffix").unwrap_or_default(),
        namespace: named(node, "namespace", Namespace::parse, sink),
        images: read::items(node, "images").iter().filter_map(|n| image(n, sink)).collect(),
        replicas: read::items(node, "replicas").iter().filter_map(|n| replicas(n, sink)).collect(),
        patches: read::items(node, "patches").iter().filter_map(|n| patch(n, sink)).collect(),
        components: read::texts(node, "components"),
        ignore_missing_components: read::is_true(node, "ignoreMissingComponents"),
        common_labels: read::text_map(node, "commonLabels"),
        label_without_selector: read::is_true(node, "labelWithoutSelector"),
        label_include_templates: read::is_true(node, "labelIncludeTemplates"),
        force_common_labels: read::is_true(node, "forceCommonLabels"),
        common_annotations: read::text_map(node, "commonAnnotations"),
        force_common_annotations: read::is_true(node, "forceCommonAnnotations"),
    }
}

/// Argo CD replaces variables (`$ARGOCD_APP_REVISION`) in these, whatever else is said (util/kustomize/kustomize.go).
fn variables(node: &Node, path: &str, sink: &mut Sink) {
    let images = read::items(node, "images").iter().enumerate().map(|(index, item)| (format!("images[{index}]"), item));
    let labels = read::value(node, "commonLabels").map(Node::entries).unwrap_or_default().iter();
    let labels = labels.map(|(key, value)| (format!("commonLabels.{}", key.text), value));
    for (field, value) in
        images.chain(labels).filter(|(_, value)| value.as_str().is_some_and(|text| text.contains('$')))
    {
        let key = Key { text: field.clone(), span: value.span.clone() };
        refuse(&key, &format!("{path}.{field}"), "Argo CD would replace the variables in it", sink);
    }
}

fn image(node: &Node, sink: &mut Sink) -> Option<ImageOverride> {
    let written = node.as_str()?;
    let found = ImageOverride::parse(written);
    if found.is_none() {
        let message = format!("`{written}` is no other image");
        let hint = "write it like `app:v2`, `app=registry.example.com/app:v2` or `app@sha256:…`";
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).hint(hint));
    }
    found
}

fn replicas(node: &Node, sink: &mut Sink) -> Option<Replicas> {
    let value = read::value(node, "count")?;
    let written = match &value.kind {
        Kind::Int(count) => Some(*count),
        Kind::String(text) => text.parse().ok(),
        _ => return None,
    };
    if written.is_none() {
        let message = "`count` must be a whole number";
        sink.push(Diagnostic::error(code::WRONG_TYPE, value.span.clone(), message));
    }
    let count = number(node, "count", written?, sink)?;
    Some(Replicas { name: read::owned(node, "name")?, count })
}

fn patch(node: &Node, sink: &mut Sink) -> Option<KustomizePatch> {
    let target = read::value(node, "target").map(|target| PatchTarget {
        group: read::owned(target, "group"),
        version: read::owned(target, "version"),
        kind: read::owned(target, "kind"),
        name: read::owned(target, "name"),
        namespace: read::owned(target, "namespace"),
        label_selector: read::owned(target, "labelSelector"),
        annotation_selector: read::owned(target, "annotationSelector"),
    });
    let options = read::value(node, "options");
    let made = KustomizePatch {
        path: read::owned(node, "path"),
        patch: read::owned(node, "patch"),
        target,
        allow_name_change: options.is_some_and(|n| read::is_true(n, "allowNameChange")),
        allow_kind_change: options.is_some_and(|n| read::is_true(n, "allowKindChange")),
    };
    if made.path.is_some() == made.patch.is_some() {
        let message = "a patch has either `patch` or `path`";
        let at = node.entries().first().map_or(node.span.clone(), |(key, _)| key.span.clone());
        sink.push(Diagnostic::error(code::BAD_VALUE, at, message));
        return None;
    }
    Some(made)
}

pub(super) fn directory(node: &Node, sink: &mut Sink) -> Directory {
    let mut glob = |key: &str| {
        let written = read::owned(node, key)?;
        if let Err(why) = glob::check(&written) {
            let at = read::value(node, key)?.span.clone();
            sink.push(Diagnostic::error(code::BAD_GLOB, at, format!("`{written}` is not a glob: {why}")));
        }
        Some(written)
    };
    let (include, exclude) = (glob("include"), glob("exclude"));
    Directory { recurse: read::is_true(node, "recurse"), include, exclude }
}

pub(super) fn helm(node: &Node) -> Helm {
    let object = read::value(node, "valuesObject").map(Node::to_json);
    let values = match object {
        // An empty mapping is what a server writes for none.
        Some(serde_json::Value::Object(map)) if !map.is_empty() => Some(HelmValues::Object(map)),
        _ => read::owned(node, "values").map(HelmValues::Text),
    };
    let parameter = |node: &Node| {
        let value = read::owned(node, "value").unwrap_or_default();
        Some(HelmParameter {
            name: read::owned(node, "name")?,
            value,
            force_string: read::is_true(node, "forceString"),
        })
    };
    let file_parameter =
        |node: &Node| Some(HelmFileParameter { name: read::owned(node, "name")?, path: read::owned(node, "path")? });
    Helm {
        release_name: read::owned(node, "releaseName"),
        value_files: read::texts(node, "valueFiles"),
        ignore_missing_value_files: read::is_true(node, "ignoreMissingValueFiles"),
        values,
        parameters: read::items(node, "parameters").iter().filter_map(parameter).collect(),
        file_parameters: read::items(node, "fileParameters").iter().filter_map(file_parameter).collect(),
        skip_crds: read::is_true(node, "skipCrds"),
        skip_tests: read::is_true(node, "skipTests"),
        skip_schema_validation: read::is_true(node, "skipSchemaValidation"),
        namespace: read::owned(node, "namespace"),
        kube_version: read::owned(node, "kubeVersion"),
        api_versions: read::texts(node, "apiVersions"),
    }
}

/// Argo CD looks for a plugin that fits where none is named; what would be chosen here is anybody's guess.
pub(super) fn plugin(key: &Key, node: &Node, path: &str, sink: &mut Sink) -> Option<Plugin> {
    let Some(name) = read::owned(node, "name") else {
        refuse(key, &format!("{path}.name"), "a plugin is never guessed", sink);
        return None;
    };
    plugin_values(node, sink);
    let env = |node: &Node| Some((read::owned(node, "name")?, read::owned(node, "value").unwrap_or_default()));
    let parameter = |node: &Node| {
        Some(PluginParameter {
            name: read::owned(node, "name")?,
            string: read::value(node, "string").and_then(Node::as_str).map(str::to_owned),
            map: read::value(node, "map").map(|_| read::text_map(node, "map")),
            array: read::value(node, "array").map(|_| read::texts(node, "array")),
        })
    };
    Some(Plugin {
        name,
        env: read::items(node, "env").iter().filter_map(env).collect(),
        parameters: read::items(node, "parameters").iter().filter_map(parameter).collect(),
    })
}

/// A renderer gets its parameters as one object, so each has one name and one value. Argo CD gives all of them as variables,
/// where several can stand beside each other.
fn plugin_values(node: &Node, sink: &mut Sink) {
    let mut twice = |key: &str, taken: &[&str]| {
        let mut seen: HashSet<&str> = taken.iter().copied().collect();
        for item in read::items(node, key) {
            let (Some(name), Some(at)) = (read::text(item, "name"), read::value(item, "name")) else { continue };
            if !seen.insert(name) {
                let message = if taken.contains(&name) {
                    "the parameter `env` would be taken for the environment, which there is as well".to_owned()
                } else {
                    format!("`{name}` is written twice in `{key}`")
                };
                sink.push(Diagnostic::error(code::BAD_VALUE, at.span.clone(), message));
            }
        }
    };
    twice("env", &[]);
    twice("parameters", if read::items(node, "env").is_empty() { &[] } else { &["env"] });
    for item in read::items(node, "parameters") {
        let mut forms = ["string", "array", "map"].iter().filter_map(|form| read::entry(item, form));
        if let (Some((first, _)), Some((second, _))) = (forms.next(), forms.next()) {
            let message = format!("a parameter has both `{}` and `{}`", first.text, second.text);
            let hint = "a renderer gets one value of each; leave one of them out";
            sink.push(Diagnostic::error(code::BAD_VALUE, second.span.clone(), message).hint(hint));
        }
    }
}
