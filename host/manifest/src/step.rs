//! One step of a pipeline, by itself. What it needs of other steps is looked at once all are known.

use crate::catalog::StepOffer;
use crate::check::check_schema;
use crate::code;
use crate::concurrency::{self, OF_STEP};
use crate::diagnostic::{Diagnostic, Sink};
use crate::expression::{self, Place};
use crate::grant;
use crate::nearest::nearest;
use crate::pipeline::Context;
use crate::reader::{self, Fields, fields};
use crate::reference::References;
use crate::resolve::MOST_ITEMS;
use crate::template;
use crate::yaml::{Key, Kind, Node};
use model::Digest;
use model::pipeline::{Artifacts, Retry, Step};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;

const KEYS: [&str; 14] = [
    "uses",
    "with",
    "needs",
    "when",
    "timeout",
    "retry",
    "continueOnError",
    "env",
    "artifacts",
    "grants",
    "forEach",
    "steps",
    "concurrency",
    "workspace",
];
/// Keys that say how a plugin's step runs, and so nothing of a group.
const ALONE: [&str; 8] = ["with", "timeout", "retry", "env", "artifacts", "grants", "workspace", "concurrency"];
/// The longest name of a step or pipeline.
pub(crate) const LONGEST_NAME: usize = 63;

/// A step with the places that later checks need.
pub(crate) struct Draft {
    pub(crate) step: Step,
    pub(crate) span: Range<usize>,
    pub(crate) needs: Vec<(String, Range<usize>)>,
    pub(crate) workspace: Option<Range<usize>>,
    pub(crate) references: References,
    /// The schema of its outputs, where it forbids others.
    pub(crate) outputs: Option<Vec<String>>,
    pub(crate) inner: Vec<Draft>,
}

pub(crate) fn read(
    key: &Key,
    node: &Node,
    group: Option<&str>,
    context: &Context<'_>,
    sink: &mut Sink,
) -> Option<Draft> {
    check_step_name(key, sink);
    let what = format!("the step `{}`", key.text);
    let parts = fields(node, &what, &KEYS, sink)?;
    let mut step = Step { name: key.text.clone(), ..Step::default() };
    let mut references = References::default();
    let text = context.text;
    let outer = Place { item: group.is_some(), steps: true, ..Place::default() };
    if let Some(for_each) = parts.get("forEach") {
        if let Some(group) = group {
            let message = match parts.get("steps") {
                Some(_) => format!("a group cannot stand inside the group `{group}`"),
                None => format!("a step of the group `{group}` cannot have a `forEach` of its own"),
            };
            sink.push(
                Diagnostic::error(code::NESTED_GROUP, key.span.clone(), message)
                    .hint("let one `forEach` give all items, or put the inner steps into a pipeline of their own"),
            );
            return None;
        }
        step.for_each = read_for_each(for_each, text, &mut references, sink);
    }
    let place = Place { item: outer.item || parts.get("forEach").is_some(), ..outer };
    shape(&parts, key, group, sink);
    if let Some(when) = parts.get("when") {
        // The `when` of a `forEach` is asked once, before there are items.
        read_when(when, text, outer, &mut step, &mut references, sink);
    }
    if let Some(value) = parts.get("continueOnError") {
        step.continue_on_error = reader::boolean(value, "`continueOnError`", sink).unwrap_or(false);
    }
    let mut outputs = None;
    if let Some(uses) = parts.get("uses")
        && let Some(offer) = read_uses(uses, parts.get("with"), &what, &mut step, context, sink)
    {
        if offer.inputs.pointer("/properties/env").is_none()
            && let Some((key, _)) = node.entries().iter().find(|(k, v)| k.text == "env" && !v.is_null())
        {
            let message = format!("`{}` runs no program that would see `env`", offer.uses);
            sink.push(
                Diagnostic::error(code::UNKNOWN_KEY, key.span.clone(), message).hint("give values through `with`"),
            );
        }
        outputs = closed_outputs(&offer);
    }
    if let Some(with) = parts.get("with")
        && reader::mapping(with, "`with`", sink).is_some()
    {
        refuse_scripts(with, sink);
        references.template(text, with, Place { secrets: true, ..place }, true, sink);
        step.with = with.to_json();
    }
    if let Some(timeout) = parts.get("timeout") {
        step.timeout_millis = reader::millis(timeout, "`timeout`", sink);
        if step.timeout_millis == Some(0) {
            let message = "a timeout of nothing ends every attempt at once";
            sink.push(Diagnostic::error(code::BAD_DURATION, timeout.span.clone(), message));
        }
    }
    step.retry = parts.get("retry").and_then(|n| read_retry(n, sink));
    if let Some(env) = parts.get("env") {
        read_env(env, text, place, &mut step, &mut references, sink);
    }
    if let Some(artifacts) = parts.get("artifacts") {
        step.artifacts = read_artifacts(artifacts, text, place, &mut references, sink).unwrap_or_default();
    }
    step.grants = parts.get("grants").and_then(|n| grant::read(n, "`grants`", sink));
    if let Some(node) = parts.get("concurrency") {
        step.concurrency = concurrency::read(node, &OF_STEP, text, place, &mut references, sink);
    }
    let needs = parts.get("needs").map(|n| read_needs(n, sink)).unwrap_or_default();
    let mut workspace = None;
    if let Some(node) = parts.get("workspace")
        && let Some(inner) = fields(node, "`workspace`", &["from"], sink)
        && let Some(from) = inner.require("from", "`workspace`", sink)
        && let Some(name) = reader::text(from, "`from`", sink)
    {
        step.workspace_from = Some(name.to_owned());
        workspace = Some(from.span.clone());
    }
    step.secrets.clone_from(&references.secrets);
    let mut inner = Vec::new();
    if let Some(steps) = parts.get("steps")
        && group.is_none()
    {
        for (name, node) in reader::mapping(steps, "`steps`", sink).unwrap_or_default() {
            inner.extend(read(name, node, Some(&key.text), context, sink));
        }
        if steps.entries().is_empty() && matches!(steps.kind, Kind::Map(_)) {
            sink.push(Diagnostic::error(
                code::STEP_COUNT,
                key.span.clone(),
                format!("the group `{}` has no step", key.text),
            ));
        }
    }
    Some(Draft { step, span: key.span.clone(), needs, workspace, references, outputs, inner })
}

fn check_step_name(key: &Key, sink: &mut Sink) {
    let name = &key.text;
    let ok = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !ok || name.len() > LONGEST_NAME {
        let message = format!("`{name}` cannot name a step");
        let better: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        let usable = better.len() <= LONGEST_NAME && better.starts_with(|c: char| c.is_ascii_lowercase());
        let hint = if usable {
            format!("write `{better}`: lower-case letters, digits and `_`, so that expressions can say it")
        } else {
            "a name is a lower-case letter, then such letters, digits and `_`, 63 in all at most".to_owned()
        };
        sink.push(Diagnostic::error(code::BAD_NAME, key.span.clone(), message).hint(hint));
    }
}

/// A step is a plugin's step, or a group of steps with a `forEach`.
fn shape(parts: &Fields<'_>, key: &Key, group: Option<&str>, sink: &mut Sink) {
    let (uses, steps, for_each) = (parts.get("uses"), parts.get("steps"), parts.get("forEach"));
    let mut bad = |message: String, hint: &str| {
        sink.push(Diagnostic::error(code::STEP_SHAPE, key.span.clone(), message).hint(hint.to_owned()));
    };
    let name = &key.text;
    match (uses, steps) {
        (None, None) => bad(format!("the step `{name}` does not say what it `uses`"), "write `uses: PLUGIN/STEP`"),
        (Some(_), Some(_)) => bad(
            format!("the step `{name}` has both `uses` and `steps`"),
            "a group has `forEach` and `steps`; a plugin's step has `uses`",
        ),
        (None, Some(_)) if group.is_some() && for_each.is_none() => {
            bad(format!("the group `{name}` stands inside a group"), "move its steps up one level");
        }
        (None, Some(_)) if for_each.is_none() => {
            bad(format!("the group `{name}` has no `forEach`"), "put its steps directly under the pipeline's `steps`");
        }
        (None, Some(_)) => {
            for alone in ALONE.iter().filter(|k| parts.get(k).is_some()) {
                bad(format!("the group `{name}` cannot have `{alone}`"), "write it at the steps of the group");
            }
        }
        (Some(_), None) => {}
    }
}

fn read_for_each(node: &Node, text: &str, references: &mut References, sink: &mut Sink) -> Option<String> {
    // A list that is written down is an expression too: JSON's texts are CEL's.
    if let Kind::Seq(nodes) = &node.kind {
        let items = reader::texts(node, "`forEach`", sink);
        check_items(nodes, sink);
        let list = serde_json::to_string(&items).ok()?;
        if list.len() > expression::LONGEST && nodes.len() <= MOST_ITEMS {
            let message = format!("the items have {} bytes as a list; the most is {}", list.len(), expression::LONGEST);
            let hint = "let an expression give them, from the outputs of a step";
            sink.push(Diagnostic::error(code::EXPRESSION_SIZE, node.span.clone(), message).hint(hint));
        }
        return Some(list);
    }
    let place = Place { steps: true, directories: true, ..Place::default() };
    references.bare(text, node, "`forEach`", place, sink).map(|(source, _)| source)
}

/// Items that are written down are taken as they are.
fn check_items(nodes: &[Node], sink: &mut Sink) {
    if let Some(first) = nodes.get(MOST_ITEMS) {
        let message = format!("there are {} items; the most is {MOST_ITEMS}", nodes.len());
        sink.push(Diagnostic::error(code::BAD_VALUE, first.span.clone(), message).label("the first one too many"));
    }
    for node in nodes.iter().filter(|node| node.as_str().is_some_and(|text| text.contains("${{"))) {
        let hint = "write the whole list as one expression: `forEach: ${{ [\"a\", steps.x.outputs.y] }}`";
        let message = "an item that is written down cannot contain `${{`";
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).hint(hint));
    }
}

fn read_when(node: &Node, text: &str, place: Place, step: &mut Step, references: &mut References, sink: &mut Sink) {
    if let Kind::Bool(value) = node.kind {
        step.when = Some(value.to_string());
        return;
    }
    if let Some((source, analysis)) = references.bare(text, node, "`when`", place, sink) {
        step.when = Some(source);
        step.when_asks_status = analysis.asks_status;
    }
}

/// Looks the step up and checks its inputs.
fn read_uses(
    node: &Node,
    with: Option<&Node>,
    what: &str,
    step: &mut Step,
    context: &Context<'_>,
    sink: &mut Sink,
) -> Option<StepOffer> {
    let uses = reader::text(node, "`uses`", sink)?;
    uses.clone_into(&mut step.uses);
    let Some(offer) = context.catalog.offer(uses) else {
        let hint = sink.hint(|| Some(offered_instead(uses, &context.catalog.names())));
        let message = format!("no plugin offers the step `{uses}`");
        sink.push(Diagnostic::error(code::UNKNOWN_USES, node.span.clone(), message).maybe_hint(hint));
        return None;
    };
    // Without `with`, what the schema requires is missing at `uses`.
    let empty = Node { kind: Kind::Map(Vec::new()), ..node.clone() };
    let with = with.unwrap_or(&empty);
    if matches!(with.kind, Kind::Map(_)) {
        check_schema(with, &offer.inputs, &format!("`with` of {what}"), sink);
    }
    Some(offer)
}

/// The outputs that a step has at most, where its plugin says so.
fn closed_outputs(offer: &StepOffer) -> Option<Vec<String>> {
    let outputs = offer.outputs.as_ref()?;
    let closed = outputs.get("additionalProperties") == Some(&Value::Bool(false));
    let properties = outputs.get("properties")?.as_object()?;
    closed.then(|| properties.keys().cloned().collect())
}

/// What to do about a step that nobody offers.
fn offered_instead(uses: &str, names: &[String]) -> String {
    if let Some(found) = nearest(uses, names.iter().map(String::as_str)) {
        return format!("did you mean `{found}`?");
    }
    let own = uses.split('/').next().unwrap_or_default();
    let same: Vec<String> =
        names.iter().filter(|n| n.split('/').next() == Some(own)).map(|n| format!("`{n}`")).collect();
    if same.is_empty() {
        "a plugin that offers it must be locked; `tidegate plugin lock --accept` does so".to_owned()
    } else {
        format!("`{own}` offers {}", same.join(", "))
    }
}

/// A script with an expression would paste foreign text into a shell.
fn refuse_scripts(node: &Node, sink: &mut Sink) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|n| refuse_scripts(n, sink)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                if key.text == "script" {
                    refuse_expressions(value, key, sink);
                } else {
                    refuse_scripts(value, sink);
                }
            }
        }
        _ => {}
    }
}

fn refuse_expressions(node: &Node, key: &Key, sink: &mut Sink) {
    match &node.kind {
        Kind::Seq(items) => items.iter().for_each(|n| refuse_expressions(n, key, sink)),
        Kind::Map(entries) => entries.iter().for_each(|(_, n)| refuse_expressions(n, key, sink)),
        Kind::String(text) if template::has_expression(text) => sink.push(
            Diagnostic::error(code::SCRIPT_EXPRESSION, key.span.clone(), "a script cannot contain `${{`")
                .hint("give the value through `env`, and use it in the script as \"$NAME\""),
        ),
        _ => {}
    }
}

fn read_retry(node: &Node, sink: &mut Sink) -> Option<Retry> {
    let parts = fields(node, "`retry`", &["limit", "backoff", "on"], sink)?;
    let limit = reader::integer(parts.require("limit", "`retry`", sink)?, "`limit`", 0..=100, sink)?;
    let mut made = Retry {
        limit: u32::try_from(limit).unwrap_or(0),
        duration_millis: 5000,
        factor: 2.0,
        max_millis: 180_000,
        on: Vec::new(),
    };
    if let Some(backoff) = parts.get("backoff")
        && let Some(backoff) = fields(backoff, "`backoff`", &["duration", "factor", "maxDuration"], sink)
    {
        if let Some(n) = backoff.get("duration") {
            made.duration_millis = reader::millis(n, "`duration`", sink).unwrap_or(made.duration_millis);
        }
        if let Some(n) = backoff.get("maxDuration") {
            made.max_millis = reader::millis(n, "`maxDuration`", sink).unwrap_or(made.max_millis);
        }
        match backoff.get("factor").map(|n| (n, &n.kind)) {
            None => {}
            Some((_, Kind::Int(i))) if (1..=100).contains(i) => made.factor = *i as f64,
            Some((_, Kind::Float(f))) if (1.0..=100.0).contains(f) => made.factor = *f,
            Some((n, _)) => {
                let message = "`factor` must be a number from 1 to 100";
                sink.push(Diagnostic::error(code::BAD_VALUE, n.span.clone(), message));
            }
        }
    }
    if let Some(on) = parts.get("on") {
        made.on = reader::texts(on, "`on`", sink);
    }
    Some(made)
}

fn read_env(node: &Node, text: &str, place: Place, step: &mut Step, references: &mut References, sink: &mut Sink) {
    for (key, value) in reader::mapping(node, "`env`", sink).unwrap_or_default() {
        let name = &key.text;
        let ok = !name.bytes().next().is_none_or(|b| b.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !ok {
            let message = format!("`{name}` cannot name an environment variable");
            sink.push(Diagnostic::error(code::BAD_NAME, key.span.clone(), message).hint("use letters, digits and `_`"));
        }
        let written = match &value.kind {
            Kind::String(written) => written.clone(),
            // As it is written: 1.10 stays 1.10.
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                text.get(value.span.clone()).unwrap_or_default().to_owned()
            }
            Kind::Null => String::new(),
            _ => {
                sink.push(reader::wrong_type(value, &format!("the variable `{name}`"), "text"));
                continue;
            }
        };
        references.template(text, value, Place { secrets: true, ..place }, true, sink);
        step.env.insert(name.clone(), written);
    }
}

fn read_artifacts(
    node: &Node,
    text: &str,
    place: Place,
    references: &mut References,
    sink: &mut Sink,
) -> Option<Artifacts> {
    let parts = fields(node, "`artifacts`", &["store", "extract"], sink)?;
    let mut made = Artifacts::default();
    if let Some(store) = parts.get("store") {
        for (key, value) in reader::mapping(store, "`store`", sink).unwrap_or_default() {
            if !reader::check_name(key, "an artifact", sink) {
                continue;
            }
            if let Some(path) = reader::text(value, "an artifact's path", sink) {
                check_path(path, &value.span, sink);
                references.template(text, value, place, false, sink);
                made.store.insert(key.text.clone(), path.to_owned());
            }
        }
    }
    if let Some(extract) = parts.get("extract") {
        for (key, value) in reader::mapping(extract, "`extract`", sink).unwrap_or_default() {
            check_path(&key.text, &key.span, sink);
            if let Some(artifact) = reader::text(value, "an artifact's name or digest", sink) {
                references.template(text, value, place, true, sink);
                if !template::has_expression(artifact) && Digest::parse(artifact).is_err() && !reader::is_name(artifact)
                {
                    let message = format!("`{artifact}` is neither an artifact's name nor its digest");
                    let hint = "write the name under which a step stores it, `sha256:…`, or an expression";
                    sink.push(Diagnostic::error(code::BAD_VALUE, value.span.clone(), message).hint(hint));
                }
                made.extract.insert(key.text.clone(), artifact.to_owned());
            }
        }
    }
    Some(made)
}

fn check_path(path: &str, span: &Range<usize>, sink: &mut Sink) {
    let bad = path.is_empty() || path.starts_with('/') || path.contains('\0') || path.split('/').any(|s| s == "..");
    if bad {
        let message = format!("`{path}` does not lie within the workspace");
        sink.push(Diagnostic::error(code::BAD_VALUE, span.clone(), message).hint("write a relative path without `..`"));
    }
}

fn read_needs(node: &Node, sink: &mut Sink) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut seen: HashMap<&str, &Range<usize>> = HashMap::new();
    for item in reader::list(node, "`needs`", sink).unwrap_or_default() {
        let Some(name) = reader::text(item, "an item of `needs`", sink) else { continue };
        if let Some(first) = seen.get(name) {
            sink.push(
                Diagnostic::warning(code::NEEDED_TWICE, item.span.clone(), format!("`{name}` is needed twice"))
                    .label("again here")
                    .related((*first).clone(), "first here"),
            );
            continue;
        }
        seen.insert(name, &item.span);
        found.push((name.to_owned(), item.span.clone()));
    }
    found
}
