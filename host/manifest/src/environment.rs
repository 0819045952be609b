//! Environments: what belongs to one, and what must hold before it is changed. Whether it holds is not judged here.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::glob;
use crate::nearest::suggestion;
use crate::reader::{self, fields};
use crate::window;
use crate::yaml::{Key, Kind, Node};
use model::Window;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// An environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// What belongs to it: whoever writes there is in it.
    pub owns: Owns,
    /// Repositories whose pipelines may change it; empty means every one.
    pub pipelines_from: Vec<String>,
    /// What must hold before it is changed; all of them.
    pub requires: Vec<Requirement>,
}

/// What belongs to an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owns {
    /// Paths within repositories.
    pub paths: Vec<Owned>,
    /// Clusters by name.
    pub clusters: Vec<String>,
}

/// Paths within a repository: `config:apps/*/overlays/prod/**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The repository's name.
    pub repository: String,
    /// A glob of paths; `*` stays within one segment, `**` does not.
    pub glob: String,
}

/// What must hold before an environment is changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// People approve exactly what is to run.
    Approval {
        /// The group that they are of; `None` means anybody known.
        group: Option<String>,
        /// How many of them.
        count: u32,
        /// How long an approval lasts, in milliseconds; `None` means until what it is for changes.
        expires_millis: Option<u64>,
        /// Whether an approval counts only with a verified identity.
        verified: bool,
    },
    /// It is changed within these hours alone.
    Window(Window),
    /// Another environment is healthy with the images that are new.
    Healthy {
        /// Its name.
        environment: String,
    },
    /// A requirement that this build cannot check. It must be denied by its name, never passed over.
    Other {
        /// Its name: `checks`.
        kind: String,
        /// Its settings as written.
        settings: Value,
    },
}

/// Names that an environment may refer to.
pub(crate) struct Known<'a> {
    pub(crate) repositories: &'a Names<'a>,
    pub(crate) clusters: &'a Names<'a>,
    pub(crate) groups: &'a BTreeMap<String, Vec<String>>,
    pub(crate) environments: &'a Names<'a>,
}

/// The names of one kind, in the order of the file.
#[derive(Default)]
pub(crate) struct Names<'a> {
    order: Vec<&'a str>,
    set: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(names: impl IntoIterator<Item = &'a str>) -> Self {
        let order: Vec<&str> = names.into_iter().collect();
        Self { set: order.iter().copied().collect(), order }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.set.contains(name)
    }
}

/// Tells that a name refers to nothing.
pub(crate) fn unknown(what: &str, name: &str, node: &Node, known: &Names<'_>, sink: &mut Sink) {
    let none = || Some(format!("this file names no {what}"));
    let hint = sink.hint(|| suggestion(name, known.order.iter().copied()).or_else(none));
    let message = format!("there is no {what} `{name}`");
    sink.push(Diagnostic::error(code::UNKNOWN_REFERENCE, node.span.clone(), message).maybe_hint(hint));
}

/// A list of names that must be known.
pub(crate) fn names(node: &Node, what: &str, of: &str, known: &Names<'_>, sink: &mut Sink) -> Vec<String> {
    let mut found = Vec::new();
    for item in reader::list(node, what, sink).unwrap_or_default() {
        let Some(name) = reader::text(item, &format!("an item of {what}"), sink) else { continue };
        if known.contains(name) {
            found.push(name.to_owned());
        } else {
            unknown(of, name, item, known, sink);
        }
    }
    found
}

pub(crate) fn read(node: &Node, name: &str, known: &Known<'_>, sink: &mut Sink) -> Option<Environment> {
    let what = format!("the environment `{name}`");
    let parts = fields(node, &what, &["owns", "pipelinesFrom", "requires"], sink)?;
    let mut made = Environment::default();
    if let Some(owns) = parts.get("owns")
        && let Some(owns) = fields(owns, "`owns`", &["paths", "clusters"], sink)
    {
        if let Some(paths) = owns.get("paths") {
            for item in reader::list(paths, "`paths`", sink).unwrap_or_default() {
                made.owns.paths.extend(owned(item, known, sink));
            }
        }
        if let Some(clusters) = owns.get("clusters") {
            made.owns.clusters = names(clusters, "`clusters`", "cluster", known.clusters, sink);
        }
    }
    if let Some(from) = parts.get("pipelinesFrom") {
        made.pipelines_from = names(from, "`pipelinesFrom`", "repository", known.repositories, sink);
    }
    if let Some(requires) = parts.get("requires") {
        for item in reader::list(requires, "`requires`", sink).unwrap_or_default() {
            made.requires.extend(requirement(item, name, known, sink));
        }
    }
    Some(made)
}

fn owned(node: &Node, known: &Known<'_>, sink: &mut Sink) -> Option<Owned> {
    let written = reader::text(node, "an owned path", sink)?;
    let Some((repository, path)) = written.split_once(':') else {
        let hint = format!("write `REPOSITORY:{written}`");
        let message = format!("`{written}` does not say in which repository it is");
        sink.push(Diagnostic::error(code::OWNED_PATH, node.span.clone(), message).hint(hint));
        return None;
    };
    if !known.repositories.contains(repository) {
        unknown("repository", repository, node, known.repositories, sink);
        return None;
    }
    if path.is_empty() || path.starts_with('/') || path.split('/').any(|s| s == "..") {
        let message = format!("`{path}` is not a path from the repository's top");
        sink.push(Diagnostic::error(code::OWNED_PATH, node.span.clone(), message));
        return None;
    }
    if let Err(why) = glob::compile(path) {
        let message = format!("`{path}` is not a glob: {why}");
        sink.push(Diagnostic::error(code::BAD_GLOB, node.span.clone(), message));
        return None;
    }
    Some(Owned { repository: repository.to_owned(), glob: path.to_owned() })
}

/// The kinds that this build checks, each as it is written.
const SERVED: [(&str, &str); 3] = [
    ("approval", "approval: { group: NAME, count: 1 }"),
    ("healthy", "healthy: { environment: NAME }"),
    ("window", "window: { days: [mon, tue], hours: \"09:00-16:00\" }"),
];

fn requirement(node: &Node, of: &str, known: &Known<'_>, sink: &mut Sink) -> Option<Requirement> {
    let entries = match &node.kind {
        // `- checks` is the same as `- checks: {}`.
        Kind::String(word) => {
            if let Some((_, written)) = SERVED.iter().find(|(kind, _)| kind == word) {
                let message = format!("the requirement `{word}` needs its settings");
                let hint = format!("write `{written}`");
                sink.push(Diagnostic::error(code::WRONG_TYPE, node.span.clone(), message).hint(hint));
                return None;
            }
            warn_unserved(word, node, sink);
            return Some(Requirement::Other { kind: word.clone(), settings: Value::Null });
        }
        _ => reader::mapping(node, "a requirement", sink)?,
    };
    let [(key, value)] = entries else {
        let message = "a requirement is a mapping with one key, its kind";
        let hint = "begin each requirement with a `-` of its own";
        sink.push(Diagnostic::error(code::WRONG_TYPE, node.span.clone(), message).hint(hint));
        return None;
    };
    match key.text.as_str() {
        "approval" => approval(key, value, known, sink),
        "window" => window::read(key, value, sink).map(Requirement::Window),
        "healthy" => healthy(value, of, known, sink),
        kind => {
            warn_unserved(kind, &Node { span: key.span.clone(), ..value.clone() }, sink);
            Some(Requirement::Other { kind: kind.to_owned(), settings: value.to_json() })
        }
    }
}

fn warn_unserved(kind: &str, node: &Node, sink: &mut Sink) {
    let message = format!("this build cannot check the requirement `{kind}`; what needs it will be denied");
    let hint = crate::nearest::nearest(kind, SERVED.map(|(kind, _)| kind)).map(|n| format!("did you mean `{n}`?"));
    sink.push(Diagnostic::warning(code::UNSERVED_REQUIREMENT, node.span.clone(), message).maybe_hint(hint));
}

fn healthy(node: &Node, of: &str, known: &Known<'_>, sink: &mut Sink) -> Option<Requirement> {
    let what = "the requirement `healthy`";
    let named = fields(node, what, &["environment"], sink)?.require("environment", what, sink)?;
    let name = reader::text(named, "`environment`", sink)?;
    if !known.environments.contains(name) {
        unknown("environment", name, named, known.environments, sink);
    } else if name == of {
        let message = format!("`{of}` would have to be healthy with an image before it may have it");
        let hint = "name the environment that has it first";
        sink.push(Diagnostic::error(code::OWN_HEALTH, named.span.clone(), message).hint(hint));
    }
    Some(Requirement::Healthy { environment: name.to_owned() })
}

fn approval(key: &Key, node: &Node, known: &Known<'_>, sink: &mut Sink) -> Option<Requirement> {
    // `approval:` alone asks for anybody's approval.
    let empty = Node { kind: Kind::Map(Vec::new()), ..node.clone() };
    let written = if node.is_null() { &empty } else { node };
    let parts = fields(written, "an approval", &["group", "count", "expires", "verified"], sink)?;
    // A blank is no answer to who, how many or how long; taken for an absent key, each would ask for less.
    for (blank, _) in written.entries().iter().filter(|(_, value)| value.is_null()) {
        let message = format!("`{}` of an approval is blank", blank.text);
        sink.push(
            Diagnostic::error(code::WRONG_TYPE, blank.span.clone(), message).hint("give it a value, or leave it out"),
        );
    }
    if parts.get_or_null("group").is_none() {
        let message = "an approval without a `group` may be given by anybody";
        let hint = "write `group: NAME`, and who is in it under `groups`";
        sink.push(Diagnostic::warning(code::ANYBODY, key.span.clone(), message).hint(hint));
    }
    let mut group = None;
    if let Some(named) = parts.get("group")
        && let Some(name) = reader::text(named, "`group`", sink)
    {
        if !known.groups.contains_key(name) {
            let all = Names::new(known.groups.keys().map(String::as_str));
            unknown("group", name, named, &all, sink);
        }
        group = Some(name.to_owned());
    }
    let count = match parts.get("count") {
        Some(count) => reader::integer(count, "`count`", 1..=1000, sink)?,
        None => 1,
    };
    if let Some(members) = group.as_ref().and_then(|g| known.groups.get(g)) {
        let people: std::collections::BTreeSet<&String> = members.iter().collect();
        if (people.len() as i64) < count {
            let message = format!("{count} approvals are required, but the group has {} members", people.len());
            let at = parts.get("count").or(parts.get("group")).map_or(node.span.clone(), |n| n.span.clone());
            sink.push(Diagnostic::error(code::GROUP_TOO_SMALL, at, message));
        }
    }
    let expires_millis = parts.get("expires").and_then(|n| reader::millis(n, "`expires`", sink));
    let verified = parts.get("verified").and_then(|n| reader::boolean(n, "`verified`", sink)).unwrap_or(false);
    Some(Requirement::Approval { group, count: u32::try_from(count).unwrap_or(1), expires_millis, verified })
}
