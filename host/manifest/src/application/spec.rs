//! `kind: Application`: what its fields mean, once they have the right shapes.

use super::check::{check, refuse};
use super::fields::APPLICATION;
use super::{annotation, read, source, sync};
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::yaml::{Key, Node};
use model::application::{
    Application, ApplicationName, BadName, ClusterReference, Deletion, Destination, IgnoreDifference, Info, Namespace,
};

pub(crate) fn application(node: &Node, sink: &mut Sink) -> Option<Application> {
    check(node, "", APPLICATION, sink);
    let (metadata, spec) = (read::value(node, "metadata")?, read::value(node, "spec")?);
    let name = named(metadata, "name", ApplicationName::parse, sink);
    let namespace = named(metadata, "namespace", Namespace::parse, sink);
    let annotations = annotation::read(metadata, sink);
    let deletion = deletion(metadata, sink);
    let destination = read::value(spec, "destination").and_then(|n| destination(n, sink));
    let sources = source::sources(spec, sink);
    let sync = sync::policy(spec, sink);
    let ignore_differences = read::items(spec, "ignoreDifferences").iter().map(|n| ignored(n, sink)).collect();
    Some(Application {
        name: name?,
        namespace,
        labels: read::text_map(metadata, "labels"),
        annotations: read::text_map(metadata, "annotations"),
        project: read::owned(spec, "project").unwrap_or_else(|| Application::DEFAULT_PROJECT.to_owned()),
        destination: destination?,
        sources,
        sync,
        ignore_differences,
        info: read::items(spec, "info").iter().filter_map(info).collect(),
        history_limit: history_limit(spec, sink),
        deletion,
        attention: annotations.attention,
        depends_on: annotations.depends_on,
        max_prune: annotations.max_prune,
    })
}

/// A text that must be a name of some kind; an empty one is absent.
pub(super) fn named<T>(
    node: &Node,
    key: &str,
    parse: impl Fn(&str) -> Result<T, BadName>,
    sink: &mut Sink,
) -> Option<T> {
    let (_, value) = read::entry(node, key)?;
    let text = value.as_str().filter(|text| !text.is_empty() || key == "name")?;
    match parse(text) {
        Ok(name) => Some(name),
        Err(why) => {
            sink.push(Diagnostic::error(code::BAD_NAME, value.span.clone(), why.to_string()));
            None
        }
    }
}

/// Argo CD's own finalizers (pkg/apis/application/v1alpha1/application_defaults.go). Those of hooks are set by its
/// controller; one of somebody else keeps an object from being deleted until that one agrees.
fn deletion(metadata: &Node, sink: &mut Sink) -> Deletion {
    let mut made = Deletion::Keeps;
    let Some((key, _)) = read::entry(metadata, "finalizers") else { return made };
    for item in read::items(metadata, "finalizers") {
        let Some(written) = item.as_str() else { continue };
        match written {
            "resources-finalizer.argocd.argoproj.io" | "resources-finalizer.argocd.argoproj.io/foreground" => {
                made = Deletion::Foreground;
            }
            "resources-finalizer.argocd.argoproj.io/background" => made = Deletion::Background,
            _ if written.starts_with("pre-delete-finalizer.argocd.argoproj.io")
                || written.starts_with("post-delete-finalizer.argocd.argoproj.io") => {}
            _ => {
                let key = Key { text: key.text.clone(), span: item.span.clone() };
                refuse(&key, "metadata.finalizers", &format!("nobody here would wait for `{written}`"), sink);
            }
        }
    }
    made
}

fn destination(node: &Node, sink: &mut Sink) -> Option<Destination> {
    let namespace = named(node, "namespace", Namespace::parse, sink);
    let (name, server) = (read::owned(node, "name"), read::owned(node, "server"));
    let wrong = |message: &str| {
        let at = node.entries().first().map_or(node.span.clone(), |(key, _)| key.span.clone());
        Diagnostic::error(code::DESTINATION, at, message.to_owned()).hint("write either `name` or `server`")
    };
    let cluster = match (name, server) {
        (Some(name), None) => ClusterReference::Name(name),
        (None, Some(server)) => ClusterReference::Server(server),
        (Some(_), Some(_)) => {
            sink.push(wrong("`spec.destination` names a cluster by both `name` and `server`"));
            return None;
        }
        (None, None) => {
            sink.push(wrong("`spec.destination` names no cluster"));
            return None;
        }
    };
    Some(Destination { cluster, namespace })
}

fn ignored(node: &Node, sink: &mut Sink) -> IgnoreDifference {
    for pointer in read::items(node, "jsonPointers") {
        // RFC 6901: a pointer is empty or begins with a slash. Read as anything else, it would ignore nothing.
        if let Some(written) = pointer.as_str().filter(|written| !written.starts_with('/')) {
            let message = format!("`{written}` is no JSON pointer");
            let hint = format!("write `/{}`", written.trim_start_matches('.').replace('.', "/"));
            sink.push(Diagnostic::error(code::BAD_VALUE, pointer.span.clone(), message).hint(hint));
        }
    }
    let made = IgnoreDifference {
        group: read::owned(node, "group").unwrap_or_default(),
        kind: read::owned(node, "kind").unwrap_or_default(),
        name: read::owned(node, "name"),
        namespace: read::owned(node, "namespace"),
        json_pointers: read::texts(node, "jsonPointers"),
        jq_path_expressions: read::texts(node, "jqPathExpressions"),
        managed_fields_managers: read::texts(node, "managedFieldsManagers"),
    };
    if made.json_pointers.is_empty() && made.jq_path_expressions.is_empty() && made.managed_fields_managers.is_empty() {
        let message = "an item of `spec.ignoreDifferences` has no effect: it names no field";
        let at = node.entries().first().map_or(node.span.clone(), |(key, _)| key.span.clone());
        let hint = "write `jsonPointers`, `jqPathExpressions` or `managedFieldsManagers`";
        sink.push(Diagnostic::warning(code::NO_EFFECT, at, message).hint(hint));
    }
    made
}

fn info(node: &Node) -> Option<Info> {
    let value = read::owned(node, "value").unwrap_or_default();
    Some(Info { name: read::owned(node, "name")?, value })
}

fn history_limit(spec: &Node, sink: &mut Sink) -> u32 {
    let Some(written) = read::whole(spec, "revisionHistoryLimit") else { return Application::HISTORY_LIMIT };
    number(spec, "revisionHistoryLimit", written, sink).unwrap_or(Application::HISTORY_LIMIT)
}

/// A number that is neither negative nor beyond 32 bits.
pub(super) fn number(node: &Node, key: &str, written: i64, sink: &mut Sink) -> Option<u32> {
    let found = u32::try_from(written).ok();
    if found.is_none() {
        let message = format!("`{key}` must be from 0 to {}, not {written}", u32::MAX);
        let at = read::value(node, key).map_or(node.span.clone(), |value| value.span.clone());
        sink.push(Diagnostic::error(code::BAD_VALUE, at, message));
    }
    found
}
