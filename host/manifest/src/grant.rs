//! What a plugin or a step may do, read with places and without gaps: a misspelt grant must not become none or all.

use crate::check::check_schema;
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::reader;
use crate::yaml::{Key, Kind, Node, Style};
use model::Grant;
use model::grant::NetworkGrant;
use model::place::Pattern;
use serde_json::Value;

/// Capabilities of the interface that this build does not serve.
const UNSERVED: [&str; 4] = ["state", "change", "cluster", "notify"];

pub(crate) fn schema() -> Value {
    schemars::schema_for!(Grant).to_value()
}

pub(crate) fn read(node: &Node, what: &str, sink: &mut Sink) -> Option<Grant> {
    let before = sink.errors();
    let entries = reader::mapping(node, what, sink)?;
    let mut kept: Vec<(Key, Node)> = Vec::new();
    let mut process: Vec<(Key, Node)> = Vec::new();
    for (key, value) in entries {
        if value.is_null() {
            // Left out, a first-party plugin keeps its default; a blank looks like nothing and would be that.
            let message = format!("`{}` in {what} is blank", key.text);
            let hint = "say what it may do, or leave the key out";
            sink.push(Diagnostic::error(code::WRONG_TYPE, key.span.clone(), message).hint(hint));
            continue;
        }
        match key.text.as_str() {
            // What concerns programs may stand beside them.
            "paths" | "network" | "profile" => process.push((key.clone(), value.clone())),
            unserved if UNSERVED.contains(&unserved) => {
                let message = format!("this build does not serve the capability `{unserved}`, so it is not granted");
                sink.push(Diagnostic::warning(code::UNSERVED_CAPABILITY, key.span.clone(), message));
            }
            _ => kept.push((key.clone(), value.clone())),
        }
    }
    merge_process(&mut kept, process, sink);
    let node = Node { kind: Kind::Map(kept), ..node.clone() };
    check_schema(&node, &schema(), what, sink);
    if sink.errors() > before {
        return None;
    }
    match serde_json::from_value(node.to_json()) {
        Ok(grant) => {
            check_places(&grant, &node, what, sink);
            Some(grant)
        }
        Err(error) => {
            let message = format!("{what} cannot be read: {error}");
            sink.push(Diagnostic::error(code::WRONG_TYPE, node.span.clone(), message));
            None
        }
    }
}

fn merge_process(kept: &mut Vec<(Key, Node)>, extra: Vec<(Key, Node)>, sink: &mut Sink) {
    let Some((first, _)) = extra.first() else { return };
    let span = first.span.clone();
    if !kept.iter().any(|(k, _)| k.text == "process") {
        let empty = Node { span: span.clone(), kind: Kind::Map(Vec::new()), style: Style::Plain };
        kept.push((Key { text: "process".to_owned(), span }, empty));
    }
    let Some((_, node)) = kept.iter_mut().find(|(k, _)| k.text == "process") else { return };
    let Kind::Map(inner) = &mut node.kind else { return };
    for (key, value) in extra {
        if let Some((there, _)) = inner.iter().find(|(k, _)| k.text == key.text) {
            let message = format!("`{}` is also written under `process`", key.text);
            sink.push(
                Diagnostic::error(code::DUPLICATE_KEY, key.span.clone(), message)
                    .related(there.span.clone(), "and here"),
            );
        } else {
            inner.push((key, value));
        }
    }
}

/// A pattern that cannot be read would silently allow nothing.
fn check_places(grant: &Grant, node: &Node, what: &str, sink: &mut Sink) {
    let proxied = match grant.process.as_ref().map(|process| &process.network) {
        Some(NetworkGrant::Proxy(hosts)) => hosts.as_slice(),
        _ => &[],
    };
    let called = grant.http.as_ref().map(|http| http.hosts.as_slice()).unwrap_or_default();
    for host in proxied.iter().chain(called) {
        if let Err(why) = host.parse::<Pattern>() {
            let message = format!("in {what}, {why}");
            sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message));
        }
    }
}
