//! Grants cut down: a step may only narrow what its plugin was granted.

use crate::egress::Pattern;
use crate::environment::glob;
use model::grant::{
    ApplicationGrant, ArtifactGrant, CacheGrant, Grant, HttpGrant, NetworkGrant, PathGrant, ProcessGrant, ProfileGrant,
    RepositoryGrant, SecretGrant, SourceGrant, WriteScope,
};

/// What both allow. Where one names patterns and the other names things, the things that the patterns allow remain.
pub fn narrow(granted: &Grant, wanted: &Grant) -> Grant {
    Grant {
        workspace: granted.workspace.zip(wanted.workspace).map(|(a, b)| a.min(b)),
        process: granted.process.as_ref().zip(wanted.process.as_ref()).map(|(a, b)| ProcessGrant {
            programs: both(&a.programs, &b.programs),
            environment: both(&a.environment, &b.environment),
            paths: PathGrant { read: both(&a.paths.read, &b.paths.read), write: both(&a.paths.write, &b.paths.write) },
            network: network(&a.network, &b.network),
            profile: profile(a.profile, b.profile),
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
        application: granted
            .application
            .as_ref()
            .zip(wanted.application.as_ref())
            .map(|(a, b)| ApplicationGrant { names: both(&a.names, &b.names) }),
        http: granted
            .http
            .as_ref()
            .zip(wanted.http.as_ref())
            .map(|(a, b)| HttpGrant { hosts: both_hosts(&a.hosts, &b.hosts), methods: both(&a.methods, &b.methods) }),
        secret: granted.secret.as_ref().zip(wanted.secret.as_ref()).map(|(a, b)| SecretGrant {
            names: both(&a.names, &b.names),
            variables: both(&a.variables, &b.variables),
            hosts: both(&a.hosts, &b.hosts),
            reveal: a.reveal && b.reveal,
        }),
        cache: granted.cache.as_ref().zip(wanted.cache.as_ref()).map(|(a, b)| CacheGrant { write: a.write && b.write }),
        source: granted.source.as_ref().zip(wanted.source.as_ref()).and_then(|(a, b)| source(a, b)),
    }
}

/// The deeper of the two folders, where one is within the other.
fn source(granted: &SourceGrant, wanted: &SourceGrant) -> Option<SourceGrant> {
    let within = |inner: &str, outer: &str| {
        outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (a, b) = (granted.path.trim_matches('/'), wanted.path.trim_matches('/'));
    let path = if within(b, a) { Some(b) } else { within(a, b).then_some(a) };
    let repositories = both(&granted.repositories, &wanted.repositories);
    path.map(|path| SourceGrant { repositories, path: path.to_owned() })
}

/// The places that both allow. All of the network is more than a list of it.
fn network(granted: &NetworkGrant, wanted: &NetworkGrant) -> NetworkGrant {
    match (granted, wanted) {
        (NetworkGrant::All, other) | (other, NetworkGrant::All) => other.clone(),
        (NetworkGrant::Proxy(a), NetworkGrant::Proxy(b)) => NetworkGrant::Proxy(both_hosts(a, b)),
        (NetworkGrant::None, _) | (_, NetworkGrant::None) => NetworkGrant::None,
    }
}

/// A step may ask for a tighter jail than it was granted. Neither of `builder` and `delegated` holds the other.
fn profile(granted: ProfileGrant, wanted: ProfileGrant) -> ProfileGrant {
    if granted == wanted { granted } else { ProfileGrant::Strict }
}

/// Patterns of hosts that both lists allow; one that cannot be read allows nothing.
fn both_hosts(a: &[String], b: &[String]) -> Vec<String> {
    let covered = |p: &String, list: &[String]| {
        let Ok(pattern) = p.parse::<Pattern>() else { return false };
        list.iter().any(|q| q.parse::<Pattern>().is_ok_and(|q| q.covers(&pattern)))
    };
    let mut out: Vec<String> =
        a.iter().filter(|p| covered(p, b)).chain(b.iter().filter(|p| covered(p, a))).cloned().collect();
    out.sort();
    out.dedup();
    out
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

/// The same of globs, in which `*` stays within one name: a glob survives where the other list has the same one or
/// `**`, and a plain path where the other list matches it as writing will.
fn both_globs(a: &[String], b: &[String]) -> Vec<String> {
    let plain = |p: &str| !p.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
    let covered = |p: &String, list: &[String]| {
        list.iter().any(|q| q == p || q == "**" || (plain(p) && glob(q).is_some_and(|g| g.is_match(p))))
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
            let (branches, paths) = (both_globs(&x.branches, &y.branches), both_globs(&x.paths, &y.paths));
            Some((name, WriteScope { branches, paths }))
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
    fn names_of_applications_narrow() {
        let names = |granted: serde_json::Value, wanted: serde_json::Value| {
            let of = |names: serde_json::Value| grant(json!({"application": names}));
            narrow(&of(granted), &of(wanted)).application.map(|both| both.names)
        };
        assert_eq!(names(json!({}), json!({"names": ["shop-*"]})), Some(vec!["shop-*".to_owned()]));
        assert_eq!(
            names(json!({"names": ["shop-*"]}), json!({"names": ["shop-dev", "other"]})),
            Some(vec!["shop-dev".to_owned()])
        );
        assert_eq!(names(json!({"names": ["shop-*"]}), json!({"names": ["o*"]})), Some(vec![]));
        assert_eq!(names(json!({}), json!(null)), None);
    }

    #[test]
    fn paths_are_narrowed_as_they_are_enforced() {
        let scope = |paths: &[&str]| grant(json!({"repository": {"write": {"config": {"paths": paths}}}}));
        let paths = |granted: &[&str], wanted: &[&str]| {
            let narrowed = narrow(&scope(granted), &scope(wanted)).repository.unwrap_or_default();
            narrowed.write.get("config").map(|scope| scope.paths.join(" ")).unwrap_or_default()
        };
        assert_eq!(paths(&["apps/*/k.yaml"], &["apps/shop/overlays/x/k.yaml"]), "", "a star crosses no slash");
        assert_eq!(paths(&["apps/*/k.yaml"], &["apps/shop/k.yaml"]), "apps/shop/k.yaml");
        assert_eq!(paths(&["*"], &["**"]), "*", "one level is not everything");
        assert_eq!(paths(&["apps/**"], &["apps/**", "other/**"]), "apps/**");
    }

    #[test]
    fn networks_and_secrets_narrow() {
        let network = |value: serde_json::Value| grant(json!({"process": {"programs": ["x"], "network": value}}));
        let narrowed = |a: serde_json::Value, b: serde_json::Value| {
            serde_json::to_value(narrow(&network(a), &network(b)).process.unwrap_or_default().network).ok()
        };
        let proxy = |hosts: &[&str]| json!({"proxy": hosts});
        assert_eq!(narrowed(json!("all"), proxy(&["a.example:443"])), Some(proxy(&["a.example:443"])));
        assert_eq!(narrowed(proxy(&["*.example:443"]), json!("all")), Some(proxy(&["*.example:443"])));
        assert_eq!(narrowed(proxy(&["*.example"]), proxy(&["a.example", "b.test"])), Some(proxy(&["a.example"])));
        assert_eq!(narrowed(json!("none"), json!("all")), Some(json!("none")));
        let granted = grant(
            json!({"secret": {"names": ["aws_*"], "variables": ["AWS_*"], "reveal": true}, "http": {"hosts": ["*"]}}),
        );
        let wanted = grant(
            json!({"secret": {"names": ["aws_plan", "other"], "variables": ["*"]}, "http": {"hosts": ["a.example", "10.0.0.1"]}}),
        );
        let both = serde_json::to_value(narrow(&granted, &wanted)).unwrap_or_default();
        assert_eq!(both["secret"], json!({"names": ["aws_plan"], "variables": ["AWS_*"], "hosts": []}));
        assert_eq!(both["http"], json!({"hosts": ["a.example"], "methods": ["*"]}));
        let delegated = grant(json!({"process": {"programs": ["x"], "profile": "delegated"}}));
        let builder = grant(json!({"process": {"programs": ["x"], "profile": "builder"}}));
        let profile = narrow(&delegated, &builder).process.unwrap_or_default().profile;
        assert_eq!(profile, model::grant::ProfileGrant::Strict, "neither holds the other");
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
