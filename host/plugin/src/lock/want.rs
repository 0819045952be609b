//! What offers want, as grants.

use crate::component::FREE;
use model::grant::{
    ApprovalGrant, ArtifactGrant, CacheGrant, Grant, HttpGrant, NetworkGrant, ProcessGrant, RepositoryGrant,
    SecretGrant, SourceGrant, WorkspaceGrant, WriteScope,
};
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
    let star = || vec!["*".to_owned()];
    match name {
        "workspace-read" => grant.workspace = Some(WorkspaceGrant::Read),
        "workspace-write" | "archive" => grant.workspace = Some(WorkspaceGrant::Write),
        "process" if all => {
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
        "application" => grant.application = Some(read(scope)?),
        "http" if all => grant.http = Some(HttpGrant { hosts: star(), methods: star() }),
        "http" => grant.http = Some(read(scope)?),
        "secret" if all => {
            grant.secret = Some(SecretGrant { names: star(), variables: star(), hosts: star(), reveal: true });
        }
        "secret" => grant.secret = Some(read(scope)?),
        "cache" if all => grant.cache = Some(CacheGrant { write: true }),
        "cache" => grant.cache = Some(read(scope)?),
        "source" => grant.source = Some(read(scope)?),
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
        own.network = match (std::mem::take(&mut own.network), process.network) {
            (NetworkGrant::All, _) | (_, NetworkGrant::All) => NetworkGrant::All,
            (NetworkGrant::Proxy(mut hosts), NetworkGrant::Proxy(more)) => {
                hosts.extend(more);
                NetworkGrant::Proxy(hosts)
            }
            (NetworkGrant::None, other) | (other, NetworkGrant::None) => other,
        };
        // One jail for all of a plugin's children: what any of them needs.
        if !process.profile.is_strict() {
            own.profile = process.profile;
        }
    }
    match (&mut all.application, more.application) {
        (Some(own), Some(more)) => own.names.extend(more.names),
        (own, more) => *own = own.take().or(more),
    }
    if let Some(http) = more.http {
        let own = all.http.get_or_insert_with(HttpGrant::default);
        own.hosts.extend(http.hosts);
        own.methods.extend(http.methods);
    }
    if let Some(secret) = more.secret {
        let own = all.secret.get_or_insert_with(SecretGrant::default);
        own.names.extend(secret.names);
        own.variables.extend(secret.variables);
        own.hosts.extend(secret.hosts);
        own.reveal |= secret.reveal;
    }
    if let Some(cache) = more.cache {
        all.cache.get_or_insert_with(CacheGrant::default).write |= cache.write;
    }
    if let Some(source) = more.source {
        all.source = Some(match all.source.take() {
            None => source,
            // One folder for both: that of the two which holds the other, else all.
            Some(own) => SourceGrant {
                path: if own.path == source.path { own.path } else { String::new() },
                repositories: [own.repositories, source.repositories].concat(),
            },
        });
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
