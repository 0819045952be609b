//! What starts a pipeline.

use crate::code;
use crate::cron;
use crate::diagnostic::{Diagnostic, Sink};
use crate::reader::{self, fields, globs};
use crate::yaml::{Kind, Node};
use model::pipeline::{Filter, Triggers};

const KINDS: [&str; 7] = ["push", "changeRequest", "tag", "schedule", "manual", "webhook", "run"];

pub(crate) fn read(node: &Node, sink: &mut Sink) -> Triggers {
    let mut made = Triggers::default();
    if let Kind::Seq(items) = &node.kind {
        let hint = items.iter().find_map(Node::as_str).map(|word| format!("write `{word}:` without a dash"));
        sink.push(reader::wrong_type(node, "`triggers`", "a mapping").maybe_hint(hint));
        return made;
    }
    let Some(parts) = fields(node, "`triggers`", &KINDS, sink) else { return made };
    // An empty trigger is one without conditions, so null counts as present.
    let filter = |key: &str, names: &str, known: &[&str], sink: &mut Sink| {
        let node = parts.get_or_null(key)?;
        if node.is_null() {
            return Some(Filter::default());
        }
        let inner = fields(node, &format!("`{key}`"), known, sink)?;
        let mut list = |key: &str| inner.get(key).map(|n| globs(n, &format!("`{key}`"), sink)).unwrap_or_default();
        Some(Filter { names: list(names), paths: list("paths") })
    };
    made.push = filter("push", "branches", &["branches", "paths"], sink);
    made.change_request = filter("changeRequest", "branches", &["branches", "paths"], sink);
    made.tag = filter("tag", "names", &["names"], sink);
    if let Some(node) = parts.get("schedule") {
        made.schedule = schedules(node, sink);
    }
    if let Some(node) = parts.get("manual") {
        // Every pipeline can be started by hand; writing it down only says so.
        fields(node, "`manual`", &[], sink);
    }
    made.webhook = named(parts.get_or_null("webhook"), "webhook", "a hook's name", sink);
    made.run = named(parts.get_or_null("run"), "run", "a pipeline's name", sink);
    made
}

fn schedules(node: &Node, sink: &mut Sink) -> Vec<String> {
    let items = match &node.kind {
        Kind::Seq(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut found = Vec::new();
    for item in items {
        let expression = match &item.kind {
            Kind::Map(_) => {
                fields(item, "a schedule", &["cron"], sink).and_then(|parts| parts.require("cron", "a schedule", sink))
            }
            _ => Some(item),
        };
        let Some(node) = expression else { continue };
        let Some(text) = reader::text(node, "a schedule", sink) else { continue };
        match cron::check(text) {
            Ok(()) => found.push(text.to_owned()),
            Err(why) => sink
                .push(Diagnostic::error(code::BAD_CRON, node.span.clone(), why).hint(
                    "write minute, hour, day of the month, month and day of the week, such as `0 3 * * mon-fri`",
                )),
        }
    }
    found
}

/// A name or a list of names.
fn named(node: Option<&Node>, key: &str, what: &str, sink: &mut Sink) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    match &node.kind {
        Kind::String(name) => vec![name.clone()],
        Kind::Seq(_) => reader::texts(node, &format!("`{key}`"), sink),
        _ => {
            sink.push(reader::wrong_type(node, &format!("`{key}`"), &format!("{what} or a list of them")));
            Vec::new()
        }
    }
}
