//! `repositories.X.deploys`: what a repository's applications may deploy where.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::environment::{Names, unknown};
use crate::glob;
use crate::reader::{self, fields};
use crate::yaml::Node;
use model::application::{Deploys, DestinationRule, Effect, KindPattern, Kinds, Rule};

/// The most items of one list: each is compiled.
const LONGEST: usize = 1000;

pub(crate) fn read(node: &Node, what: &str, clusters: &Names<'_>, sink: &mut Sink) -> Option<Deploys> {
    let what = format!("`deploys` of {what}");
    let parts = fields(node, &what, &["clusters", "namespaces", "kinds"], sink)?;
    let names = parts.require("clusters", &what, sink).map(|n| rules(n, "`clusters`", sink)).unwrap_or_default();
    for (rule, item) in &names {
        // A glob may be there for clusters to come; a plain name that is none is a slip.
        if !rule.pattern.contains(['*', '?', '[', '{']) && !clusters.contains(&rule.pattern) {
            unknown("cluster", &rule.pattern, item, clusters, sink);
        }
    }
    let namespaces =
        parts.require("namespaces", &what, sink).map(|n| rules(n, "`namespaces`", sink)).unwrap_or_default();
    let (cluster_wide, namespaced) = parts.get("kinds").map(|n| kinds(n, sink)).unwrap_or_default();
    let only = |found: Vec<(Rule, &Node)>| found.into_iter().map(|(rule, _)| rule).collect();
    Some(Deploys {
        // Which repositories there are is said by the configuration itself.
        sources: vec![Rule::new("*")],
        destinations: vec![DestinationRule { names: only(names), servers: Vec::new(), namespaces: only(namespaces) }],
        cluster_wide,
        namespaced,
    })
}

/// Globs, with `!` in front of those that deny.
fn rules<'a>(node: &'a Node, what: &str, sink: &mut Sink) -> Vec<(Rule, &'a Node)> {
    let items = reader::list(node, what, sink).unwrap_or_default();
    if items.len() > LONGEST {
        let message = format!("{what} has {} items; the most is {LONGEST}", items.len());
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message));
        return Vec::new();
    }
    let mut found = Vec::new();
    for item in items {
        let Some(text) = reader::text(item, &format!("an item of {what}"), sink) else { continue };
        let rule = Rule::new(text);
        if rule.pattern.is_empty() {
            sink.push(Diagnostic::error(code::BAD_VALUE, item.span.clone(), format!("an item of {what} is empty")));
        } else if let Err(why) = glob::check(&rule.pattern) {
            let message = format!("`{}` is not a glob: {why}", rule.pattern);
            sink.push(Diagnostic::error(code::BAD_GLOB, item.span.clone(), message));
        }
        found.push((rule, item));
    }
    found
}

/// `Deployment` and `apps/Deployment` with globs in either half. A written list rules kinds of the whole cluster and those
/// of namespaces alike.
fn kinds(node: &Node, sink: &mut Sink) -> (Kinds, Kinds) {
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    for (rule, _) in rules(node, "`kinds`", sink) {
        let (group, kind) = match rule.pattern.split_once('/') {
            Some((group, kind)) => (group, kind),
            None if rule.pattern == "*" => ("*", "*"),
            None => ("", rule.pattern.as_str()),
        };
        let pattern = KindPattern { group: group.to_owned(), kind: kind.to_owned(), name: None };
        match rule.effect {
            Effect::Allow => allow.push(pattern),
            Effect::Deny => deny.push(pattern),
        }
    }
    let both = Kinds { allow: Some(allow), deny };
    (both.clone(), both)
}
