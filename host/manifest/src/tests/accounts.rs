//! Whom a host acts as in a cluster.

use super::wrong_host;
use crate::{Account, Source, host};

fn account(impersonate: &str, project: &str) -> String {
    let text = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  clusters:\n    prod: {{ kubeconfig: k{impersonate} }}\n"
    );
    let parsed = host(&Source::new("tidegate.yaml", text));
    let config = parsed.value.unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics));
    format!("{:?}", config.clusters["prod"].account(project))
}

#[test]
fn a_project_has_its_own_account_or_the_default_one_or_nobodys() {
    let own = format!("{:?}", Account::Own);
    assert_eq!(account("", "shop"), own);
    let both = ", impersonate: { default: d, projects: { shop: s } }";
    assert_eq!((account(both, "shop"), account(both, "blog")), ("Of(\"s\")".into(), "Of(\"d\")".into()));
    let one = ", impersonate: { projects: { shop: s } }";
    assert_eq!((account(one, "shop"), account(one, "blog")), ("Of(\"s\")".into(), "Nobody".into()));
    assert_eq!(account(", impersonate: {}", "shop"), "Nobody");
}

#[test]
fn what_is_no_account_is_told() {
    let told = wrong_host(
        r#"  clusters:
    dev: { directory: ./dev, impersonate: { default: a } }
    one: { kubeconfig: k, impersonate: null }
    two: { kubeconfig: k, impersonate: { default: "", projects: { shop: "a\nb", blog: } } }
    three: { kubeconfig: k, impersonate: { default: null, project: { shop: a } } }
"#,
    );
    let lines: Vec<&str> = told.lines().map(|line| line.split(" | ").next().unwrap_or_default()).collect();
    for expected in [
        "`impersonate` is of a `kubeconfig`: a folder knows no accounts",
        "`impersonate` of the cluster `one` must be a mapping, not nothing",
        "`default` is no account",
        "the account of `shop` is no account",
        "the account of `blog` must be text, not nothing",
        "`impersonate` of the cluster `three` has no key `project`",
        "`default` must be text, not nothing",
    ] {
        assert!(lines.iter().any(|line| line.ends_with(expected)), "{expected}\n{told}");
    }
}
