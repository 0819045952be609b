//! Grants cut down: a step may only narrow what its plugin was granted.

use model::grant::{ArtifactGrant, Grant, NetworkGrant, PathGrant, ProcessGrant, RepositoryGrant, WriteScope};

/// What both allow. Where one names patterns and the other names things, the things that the patterns allow remain.
pub fn narrow(granted: &Grant, wanted: &Grant) -> Grant {
    Grant {
        workspace: granted.workspace.zip(wanted.workspace).map(|(a, b)| a.min(b)),
        process: granted.process.as_ref().zip(wanted.process.as_ref()).map(|(a, b)| ProcessGrant {
            programs: both(&a.programs, &b.programs),
            environment: both(&a.environment, &b.environment),
            paths: PathGrant { read: both(&a.paths.read, &b.paths.read), write: both(&a.paths.write, &b.paths.write) },
            network: if a.network == b.network { a.network } else { NetworkGrant::None },
        }),
        artifact: granted
            .artifact
            .as_ref()
            .zip(wanted.artifact.as_ref())
            .map(|(a, b)| ArtifactGrant { write: a.write && b.write }),
        repository: granted
            .repository
            .as_ref()
            .zip(wanted.repository.as_ref())
            .map(|(a, b)| RepositoryGrant { read: both(&a.read, &b.read), write: scopes(a, b) }),
        approval: granted.approval.zip(wanted.approval).map(|(a, _)| a),
    }
}

/// Patterns that both lists allow. A pattern survives where the other list has the same one, or one that covers it.
fn both(a: &[String], b: &[String]) -> Vec<String> {
    let covered = |p: &String, list: &[String]| {
        list.iter().any(|q| q == p || q == "*" || q == "**" || (!p.contains('*') && matches(q, p)))
    };
    let mut out: Vec<String> =
        a.iter().filter(|p| covered(p, b)).chain(b.iter().filter(|p| covered(p, a))).cloned().collect();
    out.sort();
    out.dedup();
    out
}

/// Whether a pattern, in which `*` stands for any text, matches a name.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter(|i| tail.is_char_boundary(*i)).any(|i| matches(rest, &tail[i..]))
        }),
    }
}

fn scopes(a: &RepositoryGrant, b: &RepositoryGrant) -> std::collections::BTreeMap<String, WriteScope> {
    let names = both(&a.write.keys().cloned().collect::<Vec<_>>(), &b.write.keys().cloned().collect::<Vec<_>>());
    names
        .into_iter()
        .filter_map(|name| {
            let (x, y) = (scope_of(a, &name)?, scope_of(b, &name)?);
            Some((name, WriteScope { branches: both(&x.branches, &y.branches), paths: both(&x.paths, &y.paths) }))
        })
        .collect()
}

/// The scope for a repository: its own entry, else the one for `*`.
pub fn scope_of<'a>(grant: &'a RepositoryGrant, repository: &str) -> Option<&'a WriteScope> {
    grant.write.get(repository).or_else(|| grant.write.get("*"))
}

#[cfg(test)]
mod tests {
    use super::{matches, narrow};
    use model::Grant;
    use serde_json::json;

    fn grant(value: serde_json::Value) -> Grant {
        serde_json::from_value(value).unwrap_or_default()
    }

    #[test]
    fn a_step_narrows_and_never_widens() {
        let granted = grant(json!({"workspace": "read", "process": {"programs": ["*"], "network": "none"},
            "repository": {"read": ["*"], "write": {"config": {}}}}));
        let wanted = grant(json!({"workspace": "write", "process": {"programs": ["sh"], "network": "all"},
            "repository": {"read": ["config"], "write": {"*": {"paths": ["apps/**"]}}}, "artifact": {"write": true}}));
        let expected = json!({"workspace": "read", "process": {"programs": ["sh"], "environment": [],
            "paths": {"read": [], "write": []}, "network": "none"},
            "repository": {"read": ["config"], "write": {"config": {"branches": ["**"], "paths": ["apps/**"]}}}});
        assert_eq!(serde_json::to_value(narrow(&granted, &wanted)).ok(), Some(expected));
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, yes) in [
            ("*", "x", true),
            ("TF_*", "TF_VAR", true),
            ("TF_*", "XTF_", false),
            ("a*b*c", "abbc", true),
            ("a*b", "abc", false),
        ] {
            assert_eq!(matches(pattern, name), yes, "{pattern} {name}");
        }
    }
}
