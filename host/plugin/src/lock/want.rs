//! What offers want, as grants.

use crate::component::FREE;
use model::grant::{ApprovalGrant, ArtifactGrant, Grant, ProcessGrant, RepositoryGrant, WorkspaceGrant, WriteScope};
use serde_json::Value;
use std::collections::BTreeSet;

/// The imports that need a grant.
pub(super) fn capabilities(imports: &[String]) -> BTreeSet<String> {
    let inert = |name: &str| name.starts_with("wasi:") || FREE.contains(&name);
    imports.iter().filter(|name| !inert(name)).cloned().collect()
}

/// A capability's scope as a grant; `{}` asks for all of it. Capabilities that no grant has yet are empty.
pub(super) fn grant_of(name: &str, scope: &Value) -> Result<Grant, String> {
    let all = scope.as_object().is_none_or(serde_json::Map::is_empty);
    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
        serde_json::from_value(value.clone()).map_err(|e| format!("does not fit: {e}"))
    }
    let mut grant = Grant::default();
    match name {
        "workspace-read" => grant.workspace = Some(WorkspaceGrant::Read),
        "workspace-write" => grant.workspace = Some(WorkspaceGrant::Write),
        "process" if all => {
            let star = || vec!["*".to_owned()];
            grant.process = Some(ProcessGrant { programs: star(), environment: star(), ..ProcessGrant::default() });
        }
        "process" => grant.process = Some(read(scope)?),
        "artifact-read" => grant.artifact = Some(ArtifactGrant { write: false }),
        "artifact-write" => grant.artifact = Some(ArtifactGrant { write: true }),
        "repository-read" if all => {
            grant.repository = Some(RepositoryGrant { read: vec!["*".into()], ..<_>::default() })
        }
        "repository-write" if all => {
            let write = [("*".to_owned(), WriteScope::default())].into();
            grant.repository = Some(RepositoryGrant { write, ..RepositoryGrant::default() });
        }
        "repository-read" | "repository-write" => grant.repository = Some(read(scope)?),
        "approval" => grant.approval = Some(ApprovalGrant {}),
        _ => {}
    }
    Ok(grant)
}

/// Adds what another offer wants. All that both want is wanted.
pub(super) fn widen(all: &mut Grant, more: Grant) {
    all.workspace = all.workspace.max(more.workspace);
    all.approval = all.approval.or(more.approval);
    if let Some(artifact) = more.artifact {
        let write = all.artifact.as_ref().is_some_and(|a| a.write) || artifact.write;
        all.artifact = Some(ArtifactGrant { write });
    }
    if let Some(process) = more.process {
        let own = all.process.get_or_insert_with(ProcessGrant::default);
        own.programs.extend(process.programs);
        own.environment.extend(process.environment);
        own.paths.read.extend(process.paths.read);
        own.paths.write.extend(process.paths.write);
        if process.network == model::grant::NetworkGrant::All {
            own.network = process.network;
        }
    }
    if let Some(repository) = more.repository {
        let own = all.repository.get_or_insert_with(RepositoryGrant::default);
        own.read.extend(repository.read);
        for (name, scope) in repository.write {
            match own.write.get_mut(&name) {
                // A grant has one scope a repository, so each may write what either wants, where either wants.
                Some(known) => join(known, &scope),
                None => _ = own.write.insert(name, scope),
            }
        }
        // A repository's own scope hides the one for `*`, which was wanted of it as well.
        if let Some(any) = own.write.get("*").cloned() {
            for scope in own.write.values_mut() {
                join(scope, &any);
            }
        }
    }
}

fn join(scope: &mut WriteScope, more: &WriteScope) {
    for (own, more) in [(&mut scope.branches, &more.branches), (&mut scope.paths, &more.paths)] {
        let new: Vec<_> = more.iter().filter(|glob| !own.contains(glob)).cloned().collect();
        own.extend(new);
    }
}

#[cfg(test)]
mod tests {
    use super::{Grant, grant_of, widen};
    use serde_json::{Value, json};

    fn together(wants: &[Value]) -> Value {
        let mut all = Grant::default();
        for scope in wants {
            widen(&mut all, grant_of("repository-write", scope).expect("a grant"));
        }
        serde_json::to_value(all.repository.expect("all are of repositories").write).expect("JSON")
    }

    #[test]
    fn two_scopes_of_one_repository_are_joined() {
        let one = json!({"write": {"config": {"branches": ["main"], "paths": ["apps/**"]}}});
        let two = json!({"write": {"config": {"branches": ["main", "next"], "paths": ["images/**"]}}});
        let both = json!({"config": {"branches": ["main", "next"], "paths": ["apps/**", "images/**"]}});
        assert_eq!(together(&[one, two]), both);
    }

    #[test]
    fn what_is_wanted_of_any_repository_is_wanted_of_each() {
        let one = json!({"write": {"config": {"branches": ["main"], "paths": ["apps/**"]}}});
        for wants in [[one.clone(), json!({})], [json!({}), one]] {
            let all = together(&wants);
            assert_eq!(all["*"], json!({"branches": ["**"], "paths": ["**"]}));
            assert_eq!(all["config"], json!({"branches": ["main", "**"], "paths": ["apps/**", "**"]}));
        }
    }
}
