//! From the text of a file to what the planner gets: each field, and what its absence means.

use super::target;
use manifest::Declaration;
use model::Timestamp;
use model::application::{Application as File, SYNC_OPTIONS};
use planner::Application;
use planner::application::Extent;
use planner::object::{GroupKind, ObjectKey};
use planner::option::Switch;

/// The application of a file with this under `metadata` and `spec`, whatever warnings it has.
fn said(metadata: &str, spec: &str) -> File {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop{metadata}}}\nspec:\n  \
         source: {{repoURL: https://git.example.com/shop, path: app}}\n{spec}"
    );
    let found = manifest::applications(&manifest::Source::new("app.yaml", &text));
    match found.documents.into_iter().next().map(|document| (document.value, document.diagnostics)) {
        Some((Some(Declaration::Application(application)), _)) => *application,
        other => panic!("{other:#?} {text}"),
    }
}

fn read(metadata: &str, spec: &str) -> Application {
    target(&said(metadata, &format!("  destination: {{name: dev, namespace: web}}\n{spec}")), Extent::Said)
}

/// What a `syncPolicy` says of retries.
fn retry(policy: &str) -> String {
    let retry = read("", &format!("  syncPolicy: {policy}\n")).retry;
    let waits: Vec<u64> = (0..3).map(|n| retry.wait(n) / 1000).collect();
    format!("{:?} {:?} {waits:?} s, {} s at most", retry.limit, retry.refresh, retry.max_duration / 1000)
}

/// Everything but the options, in lines.
fn shown(application: &Application) -> String {
    let Application { name, namespace, automated, allow_empty, namespace_metadata, max_prune, .. } = application;
    let Application { extent, confirmed, finalizer, problems, notices, .. } = application;
    let automated = automated.map(|a| format!("prune {:?}, self-heal {:?}", a.prune, a.self_heal));
    let metadata = namespace_metadata.as_ref().map(|m| format!("{:?} {:?}", m.labels, m.annotations));
    let mut lines = vec![
        format!("{name} in {namespace:?}, {extent:?}"),
        format!("{}; empty {allow_empty:?}", automated.unwrap_or_else(|| "by hand".to_owned())),
        format!("namespace {}", metadata.unwrap_or_else(|| "as it is".to_owned())),
        format!(
            "{max_prune:?}, {finalizer:?}, confirmed {}",
            confirmed.map_or("never".to_owned(), |at| at.to_string())
        ),
    ];
    lines.extend(problems.iter().map(|reason| format!("problem {reason}")));
    lines.extend(notices.iter().map(|reason| format!("note {reason}")));
    lines.join("\n")
}

#[test]
fn what_says_nothing_gets_the_defaults() {
    let bare = target(&said("", "  destination: {name: dev}\n"), Extent::Whole);
    let expected = "shop in \"\", Whole\nby hand; empty Refused\nnamespace as it is\nThird, None, confirmed never";
    assert_eq!(shown(&bare), expected);
    assert!(bare.options.has(Switch::Validate) && !bare.options.has(Switch::CreateNamespace));
}

#[test]
fn every_field_arrives() {
    let metadata = ", finalizers: [resources-finalizer.argocd.argoproj.io/background], annotations: \
        {tidegate.dev/max-prune: 25%, argocd.argoproj.io/deletion-approved: '2026-01-31T12:00:00Z'}";
    let spec = "  syncPolicy:
    automated: {prune: true, selfHeal: true, allowEmpty: true}
    syncOptions: [CreateNamespace=true]
    managedNamespaceMetadata: {labels: {team: shop}, annotations: {a: b}}
";
    let expected = "shop in \"web\", Said
prune Granted, self-heal Granted; empty Granted
namespace {\"team\": \"shop\"} {\"a\": \"b\"}
Percent(25), Background, confirmed 2026-01-31T12:00:00.000Z";
    assert_eq!(shown(&read(metadata, spec)), expected);
    let metadata = ", finalizers: [resources-finalizer.argocd.argoproj.io], annotations: {tidegate.dev/max-prune: '3'}";
    let expected = "shop in \"web\", Said
prune Refused, self-heal Refused; empty Refused
namespace as it is
Objects(3), Foreground, confirmed never";
    assert_eq!(shown(&read(metadata, "  syncPolicy: {automated: {}}\n")), expected);
    // What is switched off grants nothing.
    let off = read("", "  syncPolicy: {automated: {enabled: false, prune: true, allowEmpty: true}}\n");
    assert!(shown(&off).contains("by hand; empty Refused"), "{}", shown(&off));
}

#[test]
fn retries_are_those_of_the_file_or_of_its_silence() {
    for (policy, expected) in [
        ("{automated: {}}", "Times(5) Same [5, 10, 20] s, 180 s at most"),
        ("{}", "Times(0) Same [5, 10, 20] s, 180 s at most"),
        ("{automated: {enabled: false}}", "Times(0) Same [5, 10, 20] s, 180 s at most"),
        ("{automated: {}, retry: {backoff: {duration: 1s}}}", "Times(0) Same [1, 2, 4] s, 180 s at most"),
        ("{automated: {}, retry: {limit: 2, refresh: true}}", "Times(2) Newest [5, 10, 20] s, 180 s at most"),
        (
            "{retry: {limit: -1, backoff: {duration: 10s, factor: 3, maxDuration: 1m}}}",
            "Unlimited Same [10, 30, 60] s, 60 s at most",
        ),
        ("{retry: {limit: 1, backoff: {maxDuration: '0'}}}", "Times(1) Same [5, 10, 20] s, 0 s at most"),
    ] {
        assert_eq!(retry(policy), expected, "{policy}");
    }
}

#[test]
fn every_option_of_a_file_is_understood() {
    let options = |list: &str| read("", &format!("  syncPolicy: {{syncOptions: [{list}]}}\n"));
    for key in SYNC_OPTIONS.iter().filter(|key| **key != "PrunePropagationPolicy") {
        for value in ["true", "false"] {
            let read = options(&format!("{key}={value}"));
            assert_eq!((&read.problems, &read.notices), (&vec![], &vec![]), "{key}={value}");
        }
    }
    let read = options(
        "Prune=confirm, Delete=false, PrunePropagationPolicy=orphan, Replace=true, Validate=false, Force=true, \
         RespectIgnoreDifferences=true",
    );
    let removals = format!("{:?} {:?} {:?}", read.options.prune, read.options.delete, read.options.propagation);
    assert_eq!(removals, "Some(Confirmed) Some(Never) Some(Orphan)");
    let on = [Switch::Replace, Switch::RespectIgnoreDifferences];
    let off = [Switch::Validate, Switch::Force, Switch::CreateNamespace];
    assert!(on.iter().all(|switch| read.options.has(*switch)) && !off.iter().any(|switch| read.options.has(*switch)));
}

#[test]
fn rules_are_the_planners_and_bad_ones_are_problems() {
    let rules = "  ignoreDifferences:
  - {group: apps, kind: Deployment, name: web, namespace: shop, jsonPointers: [/spec/replicas]}
  - {kind: Secret, jqPathExpressions: [.data], managedFieldsManagers: [injector]}
";
    let application = read("", rules);
    let concern = |group: &str, kind: &str, namespace: &str, name: &str| {
        application.rules.concern(&ObjectKey::new(GroupKind::new(group, kind), namespace, name))
    };
    assert!(concern("apps", "Deployment", "shop", "web") && concern("", "Secret", "any", "any"));
    assert!(!concern("apps", "Deployment", "shop", "api") && !concern("apps", "Deployment", "other", "web"));
    assert_eq!(application.problems, []);
    let bad = read("", "  ignoreDifferences: [{kind: Secret, jqPathExpressions: ['.. | .image']}]\n");
    let told: Vec<String> = bad.problems.iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].starts_with("bad-rule: ignoreDifferences: `.. | .image`"), "{told:?}");
}

#[test]
fn the_same_file_is_the_same_attempt() {
    let digest = |metadata: &str, spec: &str| read(metadata, spec).digest;
    let base = digest(", annotations: {a: b}", "  info: [{name: x, value: y}]\n");
    for (metadata, spec) in [
        ("", "  info: [{name: x, value: y}]\n"),
        (", annotations: {a: b}", ""),
        (", annotations: {a: b}", "  info: [{name: x, value: y}]\n  syncPolicy: {automated: {}}\n"),
    ] {
        assert_ne!(digest(metadata, spec), base, "{metadata} {spec}");
    }
    // How it is written is no part of it, and neither is the answer to a sync that waits for it.
    let approved = ", annotations: {argocd.argoproj.io/deletion-approved: '2026-01-31T12:00:00Z', a: b}";
    assert_eq!(digest(approved, "  info:\n  - value: y\n    name: x\n"), base);
}

#[test]
fn a_confirmation_that_is_no_instant_confirms_nothing_and_is_told() {
    let confirmed = |text: &str| {
        let read = read(&format!(", annotations: {{argocd.argoproj.io/deletion-approved: '{text}'}}"), "");
        (read.confirmed, read.notices.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(confirmed(""), (None, vec![]));
    assert_eq!(confirmed("2026-01-31T12:00:00Z"), (Timestamp::parse("2026-01-31T12:00:00Z"), vec![]));
    let (at, told) = confirmed("yes");
    assert!(at.is_none() && told.len() == 1, "{told:?}");
    assert!(told[0].contains("`argocd.argoproj.io/deletion-approved: yes` confirms nothing"), "{told:?}");
}
