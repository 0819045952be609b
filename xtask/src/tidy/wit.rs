//! The plugin interface: every item is documented, and every function that needs a grant can be refused.

use anyhow::{Context, Result};
use std::path::Path;
use wit_parser::{Function, Interface, Resolve, Type, TypeDefKind};

/// Interfaces whose functions need no grant, so that nothing can be refused.
const UNGRANTED: [&str; 4] = ["log", "clock", "random", "cancellation"];

/// What is wrong with the package in this folder.
pub fn problems(folder: &Path) -> Result<Vec<String>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).context("parsing wit/")?;
    let mut problems = Vec::new();
    let interfaces: Vec<_> = resolve.packages[package].interfaces.values().copied().collect();
    for id in interfaces {
        interface(&resolve, &resolve.interfaces[id], &mut problems);
    }
    for (name, world) in &resolve.packages[package].worlds {
        if resolve.worlds[*world].docs.is_empty() {
            problems.push(format!("wit: the world {name} is undocumented"));
        }
    }
    Ok(problems)
}

fn interface(resolve: &Resolve, interface: &Interface, problems: &mut Vec<String>) {
    let name = interface.name.as_deref().unwrap_or("?");
    if interface.docs.is_empty() {
        problems.push(format!("wit: the interface {name} is undocumented"));
    }
    for (item, id) in &interface.types {
        let definition = &resolve.types[*id];
        // `use types.{error}` brings an item that is documented where it is defined.
        if matches!(definition.kind, TypeDefKind::Type(Type::Id(_))) {
            continue;
        }
        if definition.docs.is_empty() {
            problems.push(format!("wit: {name}.{item} is undocumented"));
        }
        for member in undocumented(&definition.kind) {
            problems.push(format!("wit: {name}.{item}.{member} is undocumented"));
        }
    }
    let imported = !["plugin", "step", "renderer", "health", "forge", "secrets", "notifier"].contains(&name);
    for (item, function) in &interface.functions {
        if function.docs.is_empty() {
            problems.push(format!("wit: {name}.{item} is undocumented"));
        }
        if imported && !UNGRANTED.contains(&name) && !refusable(resolve, function) {
            problems.push(format!("wit: {name}.{item} cannot be refused: it must return `result<_, error>`"));
        }
    }
}

fn undocumented(kind: &TypeDefKind) -> Vec<&str> {
    match kind {
        TypeDefKind::Record(r) => r.fields.iter().filter(|f| f.docs.is_empty()).map(|f| f.name.as_str()).collect(),
        TypeDefKind::Variant(v) => v.cases.iter().filter(|c| c.docs.is_empty()).map(|c| c.name.as_str()).collect(),
        TypeDefKind::Enum(e) => e.cases.iter().filter(|c| c.docs.is_empty()).map(|c| c.name.as_str()).collect(),
        TypeDefKind::Flags(f) => f.flags.iter().filter(|f| f.docs.is_empty()).map(|f| f.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// Whether the function answers `result<_, error>`.
fn refusable(resolve: &Resolve, function: &Function) -> bool {
    let Some(Type::Id(id)) = function.result else { return false };
    let TypeDefKind::Result(result) = &resolve.types[id].kind else { return false };
    let Some(Type::Id(error)) = result.err else { return false };
    resolve.types[error].name.as_deref() == Some("error")
}
