//! What an application's words mean under a host's configuration.

use super::wrong_host;
use crate::{
    Detected, HostConfig, KindScope, Permit, RepositoryKey, Selection, Source, Target, cluster_of, detect_renderer,
    host, repository_of, without_secret,
};
use model::application::{ClusterReference, Deploys, DestinationRule, Directory, Effect, KindPattern, Kinds, Rule};
use proptest::prelude::*;

fn config(spec: &str) -> HostConfig {
    let source = Source::new("tidegate.yaml", format!("apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n{spec}"));
    let parsed = host(&source);
    parsed.value.unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
}

#[test]
fn addresses_that_mean_one_repository() {
    for (one, other, same) in [
        ("https://git.example.com/team/app.git", "https://git.example.com/team/app", true),
        ("https://git.example.com/team/app", "git@git.example.com:team/app.git", true),
        ("ssh://git@git.example.com/team/app", "git@git.example.com:/team/app.git/", true),
        ("ssh://git@git.example.com:22/team/app", "http://git.example.com:80/team/app", true),
        ("https://git.example.com:443/a", "https://bot@git.example.com/a/", true),
        ("HTTPS://Git.Example.com/Team/App", "https://git.example.com/team/app", true),
        ("git.example.com:team/app", "https://git.example.com/team/app", true),
        ("https://[::1]:8443/a.git", "ssh://git@[::1]:8443/a", true),
        ("git@[::1]:a", "ssh://[::1]/a", true),
        ("https://git.example.com:8443/a", "https://git.example.com/a", false),
        ("ssh://git@git.example.com:443/a", "https://git.example.com/a", false),
        ("https://git.example.com/a", "https://git.example.com/a/b", false),
        ("https://git.example.com/a", "https://git.example.com.evil.example/a", false),
        ("https://git.example.com@evil.example/a", "https://git.example.com/a", false),
        ("https://evil.example/@git.example.com/a", "https://git.example.com/a", false),
        ("https://evil.example/git.example.com:a", "https://git.example.com/a", false),
        ("https://git.example.com/a.git.git", "https://git.example.com/a", false),
        ("./config.git", "./config", true),
        ("./config.git", "config", false),
        ("", "https://", true),
    ] {
        assert_eq!(RepositoryKey::new(one) == RepositoryKey::new(other), same, "{one} {other}");
    }
    assert_eq!(RepositoryKey::new("ssh://git@Git.example.com:22/a.git").as_str(), "git.example.com/a");
}

#[test]
fn addresses_without_what_could_be_a_secret() {
    for (address, clean) in [
        ("https://ghp_xxx@github.com/a/b?ref=c@d", "https://github.com/a/b?ref=c@d"),
        ("git::HTTP://a:b@c@host:8080", "git::HTTP://host:8080"),
        ("ssh://git@host/a", "ssh://git@host/a"),
        ("ssh://git:pa55@host/a", "ssh://git@host/a"),
        ("git@host:a/b", "git@host:a/b"),
        ("https://host/a@b", "https://host/a@b"),
        ("main", "main"),
        ("", ""),
    ] {
        assert_eq!(without_secret(address), clean);
        assert_eq!(RepositoryKey::new(address), RepositoryKey::new(clean));
    }
}

#[test]
fn repositories_by_url_and_alias() {
    let config = config(
        "  repositories:\n    config: {url: ./config.git, aliases: ['https://git.example.com/team/config', 'git@old.example.com:config']}\n    app: {url: ssh://git@git.example.com/team/app.git}\n",
    );
    for (address, name) in [
        ("https://git.example.com/team/config.git", Some("config")),
        ("https://old.example.com/config.git", Some("config")),
        ("git@git.example.com:team/app", Some("app")),
        ("https://git.example.com/team", None),
        ("", None),
        ("config", None),
    ] {
        assert_eq!(repository_of(address, &config), name, "{address}");
    }
}

#[test]
fn clusters_by_name_and_server() {
    let config = config(
        "  clusters:\n    dev: {directory: ./dev, server: 'https://kubernetes.default.svc'}\n    prod: {kubeconfig: ./k, server: 'https://API.example.com:443/', mode: observe}\n",
    );
    let by = |reference: ClusterReference| cluster_of(&reference, &config).map(|(name, _)| name);
    let server = |text: &str| by(ClusterReference::Server(text.to_owned()));
    let name = |text: &str| by(ClusterReference::Name(text.to_owned()));
    assert_eq!(name("prod"), Some("prod"));
    assert_eq!(name("in-cluster"), Some("dev"));
    assert_eq!((name("https://api.example.com"), name("Prod"), name("")), (None, None, None));
    assert_eq!(server("https://kubernetes.default.svc/"), Some("dev"));
    assert_eq!(server("https://api.example.com"), Some("prod"));
    assert_eq!(
        (server("http://api.example.com"), server("dev"), server("https://api.example.com:6443")),
        (None, None, None)
    );
}

#[test]
fn renderers_by_files() {
    for (names, found) in [
        (&["Chart.yaml", "kustomization.yml"][..], Detected::Kustomize),
        (&["Kustomization"], Detected::Kustomize),
        (&["Chart.yaml", "values.yaml"], Detected::Helm),
        (&["deployment.yaml", "chart.yaml", "kustomization.json"], Detected::Directory),
        (&[], Detected::Directory),
    ] {
        assert_eq!(detect_renderer(names.iter().copied()), found, "{names:?}");
    }
}

#[test]
fn files_of_a_directory() {
    let select = |recurse, include: &str, exclude: &str| {
        let glob = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let selection = Selection::new(&Directory { recurse, include: glob(include), exclude: glob(exclude) }).unwrap();
        ["a.yaml", "b.json", "c.txt", "d/e.yml", "d/f/g.yaml"]
            .into_iter()
            .filter(|path| selection.takes(path))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(select(false, "", ""), "a.yaml b.json");
    assert_eq!(select(true, "", ""), "a.yaml b.json d/e.yml d/f/g.yaml");
    assert_eq!(select(true, "*.yaml", ""), "a.yaml d/f/g.yaml");
    assert_eq!(select(true, "{*.yaml,*.yml}", "d/*"), "a.yaml");
    assert_eq!(select(true, "", "*"), "");
}

/// Rules of a project with these destinations: cluster's address and namespace.
fn project(destinations: &[(&str, &str)]) -> Permit {
    let rule = |(server, namespace): &(&str, &str)| DestinationRule {
        servers: vec![Rule::new(server)],
        namespaces: vec![Rule::new(namespace)],
        ..DestinationRule::default()
    };
    Permit::new(&Deploys { destinations: destinations.iter().map(rule).collect(), ..Deploys::default() }).unwrap()
}

#[test]
fn destinations_are_allowed_by_one_rule_and_denied_by_any() {
    let judge = |rules: &[(&str, &str)], server: &str, namespace: &str| {
        project(rules).allows_destination(&Target { name: "c", server: Some(server), namespace })
    };
    assert!(!judge(&[], "https://a", "x"));
    assert!(judge(&[("https://a", "x-*")], "https://a", "x-1"));
    assert!(!judge(&[("https://a", "x-*")], "https://b", "x-1"));
    assert!(!judge(&[("https://a", "x-*")], "https://a", "kube-system"));
    let open = [("*", "!kube-system"), ("!https://team1-*", "*"), ("*", "*")];
    assert!(judge(&open, "https://a", "x"));
    assert!(!judge(&open, "https://a", "kube-system"));
    assert!(!judge(&open, "https://team1-a", "x"));
    // A rule that denies says nothing about places that it does not name.
    assert!(judge(&[("https://a", "!x"), ("https://b", "*")], "https://b", "x"));
    assert!(!judge(&[("*", "!kube-system")], "https://a", "x"), "a denial alone allows nothing");
    assert!(!judge(&[("!https://a", "!x"), ("*", "*")], "https://a", "y"), "as Argo CD, which is strict here");
}

#[test]
fn kinds_and_sources() {
    let pattern = |group: &str, kind: &str, name: Option<&str>| KindPattern {
        group: group.to_owned(),
        kind: kind.to_owned(),
        name: name.map(str::to_owned),
    };
    let permit = Permit::new(&Deploys {
        sources: vec![Rule::new("https://git.example.com/shop/*"), Rule::new("!git@git.example.com:shop/secret.git")],
        cluster_wide: Kinds { allow: Some(vec![pattern("", "Namespace", Some("shop-*"))]), deny: vec![] },
        namespaced: Kinds { allow: None, deny: vec![pattern("", "Secret", None), pattern("*.internal", "*", None)] },
        ..Deploys::default()
    })
    .unwrap();
    let kind = |scope, group, kind, name| permit.allows_kind(scope, group, kind, name);
    assert!(kind(KindScope::ClusterWide, "", "Namespace", "shop-dev"));
    assert!(!kind(KindScope::ClusterWide, "", "Namespace", "kube-system"));
    assert!(!kind(KindScope::ClusterWide, "rbac.authorization.k8s.io", "ClusterRole", "x"));
    assert!(kind(KindScope::Namespaced, "apps", "Deployment", "x"));
    assert!(!kind(KindScope::Namespaced, "", "Secret", "x"));
    assert!(kind(KindScope::Namespaced, "other.example", "Secret", "x"));
    assert!(!kind(KindScope::Namespaced, "x.internal", "Thing", "x"));
    assert!(permit.allows_source("git@git.example.com:shop/config.git"));
    assert!(!permit.allows_source("https://git.example.com/shop/secret"));
    assert!(!permit.allows_source("https://git.example.com/shop/a/b"));
    assert!(!permit.allows_source("https://evil.example/git.example.com/shop/a"));
    let nothing = Permit::new(&Deploys::default()).unwrap();
    assert!(!nothing.allows_source("x"));
    assert!(!nothing.allows_destination(&Target { name: "c", server: None, namespace: "x" }));
    assert!(!nothing.allows_kind(KindScope::ClusterWide, "", "Namespace", "x"));
}

#[test]
fn what_a_host_lets_a_repository_deploy() {
    let config = config(
        "  repositories:\n    app:\n      url: ./app\n      deploys: {clusters: [dev, 'stage-*'], namespaces: ['shop-*', '!shop-secret'], kinds: [apps/*, ConfigMap, Namespace, '!apps/DaemonSet']}\n    other: {url: ./other, deploys: {clusters: ['*', '!prod'], namespaces: ['*']}}\n    none: {url: ./none}\n  clusters: {dev: {directory: ./dev}, prod: {directory: ./prod}}\n",
    );
    let permit = |name: &str| Permit::new(&config.repositories[name].deploys).unwrap();
    let goes = |name: &str, cluster: &str, namespace: &str| {
        permit(name).allows_destination(&Target { name: cluster, server: Some("https://x"), namespace })
    };
    assert!(goes("app", "dev", "shop-a") && goes("app", "stage-1", "shop-a"));
    assert!(!goes("app", "dev", "shop-secret") && !goes("app", "prod", "shop-a") && !goes("app", "dev", "default"));
    assert!(goes("other", "dev", "x") && !goes("other", "prod", "x") && !goes("none", "dev", "x"));
    let kind = |name: &str, scope, group: &str, kind: &str| permit(name).allows_kind(scope, group, kind, "x");
    assert!(
        kind("app", KindScope::Namespaced, "apps", "Deployment")
            && kind("app", KindScope::ClusterWide, "", "Namespace")
    );
    assert!(
        !kind("app", KindScope::Namespaced, "apps", "DaemonSet") && !kind("app", KindScope::Namespaced, "", "Secret")
    );
    assert!(
        kind("other", KindScope::Namespaced, "", "Secret") && !kind("other", KindScope::ClusterWide, "", "Namespace")
    );
    assert!(permit("app").allows_source("anything") && !permit("none").allows_source("anything"));
}

#[test]
fn mistakes_of_repositories_and_clusters() {
    insta::assert_snapshot!(wrong_host(
        r#"  repositories:
    a: {url: https://git.example.com/x, aliases: [git@git.example.com:x.git, "https://u:p@git.example.com/x"]}
    b: {url: ./b, aliases: ["ssh://git@git.example.com/x.git"], deploys: {cluster: [dev]}}
    c: {url: ./c, deploys: {clusters: [dve, "!prod", "[a"], namespaces: [""], kinds: ["{"]}}
  clusters:
    dev: {directory: ./dev, kubeconfig: k, mode: look}
    one: {directory: ./one, context: c, server: "https://kubernetes.default.svc"}
    two: {directory: ./two, server: "https://kubernetes.default.svc:443/"}
    three: {server: kubernetes.default.svc}
    four: {directory: ./four, server: "https://u:p@api.example.com", serve: x}
"#
    ), @r##"
TG-181 5:78 ["https://u:p@git.example.com/x"] the URL contains credentials | name a credential under `credentials` and refer to it with `credential`; replace this one, for Git keeps it
TG-208 6:29 ["ssh://git@git.example.com/x.git"] `ssh://git@git.example.com/x.git` would mean both `a` and `b` | addresses are compared without scheme, user and `.git`
TG-120 6:75 [cluster] `deploys` of the repository `b` has no key `cluster` | did you mean `clusters`?
TG-121 6:75 [cluster] `deploys` of the repository `b` needs `clusters`
TG-121 6:75 [cluster] `deploys` of the repository `b` needs `namespaces`
TG-182 7:40 [dve] there is no cluster `dve` | did you mean `dev`?
TG-182 7:45 ["!prod"] there is no cluster `prod` | known here: `dev`, `one`, `two`, `three`, `four`
TG-126 7:54 ["[a"] `[a` is not a glob: unclosed character class; missing ']'
TG-123 7:74 [""] an item of `namespaces` is empty
TG-126 7:87 ["{"] `{` is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
TG-123 9:11 [directory] the cluster `dev` is either a `directory`, or has a `kubeconfig`, or is a `branch` of a `repository`
TG-123 9:50 [look] `mode` cannot be `look` | known here: `apply`, `observe`
TG-123 10:38 [c] a `context` is one of a `kubeconfig`
TG-208 11:37 ["https://kubernetes.default.svc:443/"] `https://kubernetes.default.svc:443/` would mean both `one` and `two`
TG-123 12:13 [server] the cluster `three` is either a `directory`, or has a `kubeconfig`, or is a `branch` of a `repository`
TG-123 12:21 [kubernetes.default.svc] this is not the address of an API | write it as applications do: `https://kubernetes.default.svc`
TG-181 13:39 ["https://u:p@api.example.com"] the address contains credentials | write it as applications do: `https://kubernetes.default.svc`
TG-120 13:70 [serve] the cluster `four` has no key `serve` | did you mean `server`?
"##);
}

/// A few clusters, namespaces and patterns, so that rules and places meet often.
fn any_rule() -> impl Strategy<Value = DestinationRule> {
    let rules = |patterns: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(patterns), 0..3)
            .prop_map(|found| found.into_iter().map(Rule::new).collect::<Vec<_>>())
    };
    let clusters = &["*", "a", "!a", "b*", "!b*"];
    (rules(clusters), rules(clusters), rules(&["*", "x", "!x", "y-*", "!y-*"]))
        .prop_map(|(names, servers, namespaces)| DestinationRule { names, servers, namespaces })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_denial_never_allows(
        rules in prop::collection::vec(any_rule(), 0..4),
        at in any::<prop::sample::Index>(),
        half in 0usize..3,
        pattern in prop::sample::select(vec!["!*", "!a", "!x"]),
        name in prop::sample::select(vec!["a", "b1", "c"]),
        namespace in prop::sample::select(vec!["x", "y-1", "z"]),
    ) {
        let target = Target { name, server: Some("b2"), namespace };
        let allows = |rules: &[DestinationRule]| {
            Permit::new(&Deploys { destinations: rules.to_vec(), ..Deploys::default() }).unwrap().allows_destination(&target)
        };
        let before = allows(&rules);
        let grants = |rules: &[Rule]| rules.iter().any(|rule| rule.effect == Effect::Allow);
        let granted = rules.iter().any(|r| (grants(&r.names) || grants(&r.servers)) && grants(&r.namespaces));
        prop_assert!(!before || granted, "nothing is allowed that no rule allows");
        let mut more = rules.clone();
        if !more.is_empty() {
            let index = at.index(more.len());
            let rule = &mut more[index];
            [&mut rule.names, &mut rule.servers, &mut rule.namespaces][half].push(Rule::new(pattern));
        }
        prop_assert!(before || !allows(&more), "{rules:?} {more:?}");
        more.push(DestinationRule {
            names: vec![Rule::new("!*")], servers: vec![], namespaces: vec![Rule::new("*")],
        });
        prop_assert!(!allows(&more), "a denial of everything is of everything");
    }
}
