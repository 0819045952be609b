//! `kind: AppProject`: its rules in the same words as those of a repository.

use super::check::check;
use super::fields::PROJECT;
use super::read;
use super::spec::named;
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::glob;
use crate::yaml::Node;
use model::application::{ApplicationName, Deploys, DestinationRule, KindPattern, Kinds, Project, Rule};

pub(crate) fn project(node: &Node, sink: &mut Sink) -> Option<Project> {
    check(node, "", PROJECT, sink);
    let (metadata, spec) = (read::value(node, "metadata")?, read::value(node, "spec")?);
    let name = named(metadata, "name", ApplicationName::parse, sink)?;
    let sources = read::items(spec, "sourceRepos").iter().filter_map(|n| rule(n, sink)).collect();
    let destinations = read::items(spec, "destinations").iter().map(|n| destination(n, sink)).collect();
    let deploys = Deploys {
        sources,
        destinations,
        cluster_wide: Kinds {
            allow: kinds(spec, "clusterResourceWhitelist", sink),
            deny: kinds(spec, "clusterResourceBlacklist", sink).unwrap_or_default(),
        },
        namespaced: Kinds {
            allow: kinds(spec, "namespaceResourceWhitelist", sink),
            deny: kinds(spec, "namespaceResourceBlacklist", sink).unwrap_or_default(),
        },
    };
    Some(Project { name: name.into(), description: read::owned(spec, "description"), deploys })
}

/// A glob that can be read, with `!` in front where it denies. An empty one matches nothing.
fn rule(node: &Node, sink: &mut Sink) -> Option<Rule> {
    let rule = Rule::new(node.as_str().filter(|text| !text.is_empty())?);
    if let Err(why) = glob::check(&rule.pattern) {
        let message = format!("`{}` is not a glob: {why}", rule.pattern);
        sink.push(Diagnostic::error(code::BAD_GLOB, node.span.clone(), message));
    }
    Some(rule)
}

fn destination(node: &Node, sink: &mut Sink) -> DestinationRule {
    let mut rules = |key: &str| read::value(node, key).and_then(|n| rule(n, sink)).into_iter().collect();
    DestinationRule { names: rules("name"), servers: rules("server"), namespaces: rules("namespace") }
}

/// The patterns of a list; nothing where it is not there, which is another thing than an empty one.
fn kinds(spec: &Node, key: &str, sink: &mut Sink) -> Option<Vec<KindPattern>> {
    read::value(spec, key)?;
    let mut found = Vec::new();
    for item in read::items(spec, key) {
        for part in ["group", "kind", "name"] {
            if let Some(value) = read::value(item, part) {
                rule(value, sink);
            }
        }
        let group = read::owned(item, "group").unwrap_or_default();
        let Some(kind) = read::owned(item, "kind") else { continue };
        found.push(KindPattern { group, kind, name: read::owned(item, "name") });
    }
    Some(found)
}
