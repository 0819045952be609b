//! What the reader makes of Argo CD's files.

use super::lines;
use crate::{Declaration, Declarations, DeclaredKind, Kind, Source, applications, render, schema};
use model::application::{
    Application, Attention, ClusterReference, Content, Deletion, HelmValues, MaxPrune, Project, Removal, Renderer,
    Retry, RetryLimit, SyncFlag,
};

const WHOLE: &str = include_str!("application.yaml");

fn read(text: &str) -> (Source, Declarations) {
    let source = Source::new("apps.yaml", text);
    let found = applications(&source);
    (source, found)
}

/// Every problem of a file, those of documents after those of the file.
pub(crate) fn problems(text: &str) -> String {
    let (source, found) = read(text);
    let all = found.diagnostics.into_iter().chain(found.documents.into_iter().flat_map(|d| d.diagnostics));
    lines(&source, &all.collect::<Vec<_>>())
}

pub(crate) fn application(text: &str) -> Application {
    let (_, found) = read(text);
    match found.documents.into_iter().next().unwrap().value {
        Some(Declaration::Application(found)) => *found,
        other => panic!("{other:?}\n{}", problems(text)),
    }
}

/// An application with this `spec`, which is indented by two.
fn with_spec(spec: &str) -> String {
    format!("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n{spec}")
}

/// One with this beside a destination and a source.
fn with(spec: &str) -> String {
    with_spec(&format!("  destination: {{name: dev}}\n  source: {{repoURL: x, path: .}}\n{spec}"))
}

/// One with this source, written between braces.
fn with_source(source: &str) -> String {
    with_spec(&format!("  destination: {{name: dev}}\n  source: {{repoURL: https://git.example.com/x, {source}}}\n"))
}

#[test]
fn every_field_arrives() {
    assert_eq!(problems(WHOLE), "");
    let found = application(WHOLE);
    assert_eq!((found.name.as_str(), found.project.as_str(), found.history_limit), ("shop-prod", "shop", 5));
    assert_eq!(found.destination.cluster, ClusterReference::Server("https://kubernetes.default.svc".to_owned()));
    assert_eq!((found.deletion, found.attention), (Deletion::Foreground, Attention::Reconciled));
    assert_eq!(found.depends_on.iter().map(|n| n.as_str()).collect::<Vec<_>>(), ["database", "ingress"]);
    assert_eq!((found.max_prune, found.annotations.len()), (Some(MaxPrune::Percent(25)), 5));
    let [overlay, chart, files, raw, plugin] = found.sources.as_slice() else { panic!("{:?}", found.sources) };
    let Renderer::Kustomize(kustomize) = &overlay.renderer else { panic!("{overlay:?}") };
    assert!(matches!(&overlay.content, Content::Folder(path) if path.as_str() == "apps/shop/overlays/prod"));
    assert_eq!(kustomize.replicas.iter().map(|r| r.count).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(kustomize.images[0].new_tag.as_deref(), Some("v7"));
    assert!(kustomize.label_without_selector && kustomize.label_include_templates && !kustomize.force_common_labels);
    assert!(kustomize.patches[0].allow_name_change && !kustomize.patches[0].allow_kind_change);
    assert_eq!(kustomize.common_annotations["empty"], "");
    let Renderer::Helm(helm) = &chart.renderer else { panic!("{chart:?}") };
    assert_eq!(chart.content, Content::Chart("redis".to_owned()));
    // A mapping wins over text, and Kubernetes reads a number that is a key as text.
    assert!(matches!(&helm.values, Some(HelmValues::Object(map)) if map["ports"]["6379"] == "open"));
    assert_eq!((&files.content, files.reference.as_deref()), (&Content::Reference, Some("files")));
    assert!(matches!(&raw.renderer, Renderer::Directory(d) if d.recurse && d.exclude.as_deref() == Some("test/*")));
    assert!(
        matches!(&plugin.renderer, Renderer::Plugin(p) if p.parameters[0].array.as_ref().is_some_and(|a| a.len() == 2))
    );
    let sync = &found.sync;
    assert!(sync.automated.is_some_and(|a| a.prune && a.self_heal && !a.allow_empty));
    assert_eq!((sync.options.prune, sync.options.delete), (Removal::Confirmed, Removal::Never));
    assert!(sync.options.asks(SyncFlag::CreateNamespace) && !sync.options.asks(SyncFlag::Validate));
    assert_eq!((sync.retry.limit, sync.retry.backoff.max_millis), (RetryLimit::Times(3), 5_400_000));
    assert_eq!(found.ignore_differences[0].json_pointers, ["/spec/replicas"]);
}

#[test]
fn the_model_survives_its_own_json() {
    let found = application(WHOLE);
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Application>(&text).unwrap(), found);
}

#[test]
fn what_is_not_said_is_as_in_argo_cd() {
    let found = application(&with(""));
    assert_eq!((found.project.as_str(), found.history_limit, found.deletion), ("default", 10, Deletion::Keeps));
    assert_eq!((found.sources[0].revision.as_str(), &found.sources[0].renderer), ("HEAD", &Renderer::Detected));
    assert_eq!((found.sync.automated, found.sync.retry), (None, Retry::NEVER));
    assert!(found.sync.options.asks(SyncFlag::Validate));
    for (policy, automated, retry) in [
        ("{automated: {}}", true, RetryLimit::Times(5)),
        ("{automated: }", false, RetryLimit::Times(0)),
        ("{automated: {enabled: }}", true, RetryLimit::Times(5)),
        ("{automated: {enabled: false, prune: true}}", false, RetryLimit::Times(0)),
        ("{automated: {}, retry: {}}", true, RetryLimit::Times(0)),
        ("{automated: {}, retry: {limit: -1}}", true, RetryLimit::Unlimited),
        ("{retry: {limit: 2}}", false, RetryLimit::Times(2)),
    ] {
        let sync = application(&with(&format!("  syncPolicy: {policy}\n"))).sync;
        assert_eq!((sync.automated.is_some(), sync.retry.limit), (automated, retry), "{policy}");
    }
    let finalizer = "resources-finalizer.argocd.argoproj.io";
    for (finalizers, deletion) in [
        (String::new(), Deletion::Keeps),
        ("post-delete-finalizer.argocd.argoproj.io/cleanup".to_owned(), Deletion::Keeps),
        (finalizer.to_owned(), Deletion::Foreground),
        (format!("{finalizer}/foreground"), Deletion::Foreground),
        (format!("{finalizer}/background"), Deletion::Background),
    ] {
        let text = with("").replace("{name: a}", &format!("{{name: a, finalizers: [{finalizers}]}}"));
        assert_eq!(application(&text).deletion, deletion, "{finalizers}");
    }
}

#[test]
fn what_guards_is_never_passed_over() {
    insta::assert_snapshot!(problems(&with(
        r#"  sourceHydrator: {drySource: {repoURL: x}}
  syncPolicy:
    automated: {prune: true, purge: true}
    syncOptions: [Prune=sometimes, Purge=false, PruneLast, Prune=confirm, Prune=false, "Delete = false"]
    retry: {limit: many, backoff: {duration: 5 minutes, factor: -1}}
  ignoreDiferences: []
  ignoreDifferences: [{kind: Deployment, jsonPointers: [spec.replicas]}, {kind: X}, {group: apps, jsonPointer: [/a]}]
"#
    )), @r##"
TG-200 7:3 [sourceHydrator] `spec.sourceHydrator` is not honoured, and nothing is synced without it: the branch that it renders to is not what `source` names
TG-120 9:30 [purge] `spec.syncPolicy.automated` has no key `purge` | known here: `enabled`, `prune`, `selfHeal`, `allowEmpty`
TG-203 10:19 [Prune=sometimes] `spec.syncPolicy.syncOptions`: `Prune` cannot be `sometimes` | known here: `Prune=true`, `Prune=false`, `Prune=confirm`
TG-203 10:36 [Purge=false] `spec.syncPolicy.syncOptions`: there is no sync option `Purge` | known here: `Prune`, `Delete`, `PrunePropagationPolicy`, `CreateNamespace`, `PruneLast`, `ApplyOutOfSyncOnly`, `Replace`, `Force`, `ServerSideApply`, `ClientSideApplyMigration`, `FailOnSharedResource`, `RespectIgnoreDifferences`, `SkipDryRunOnMissingResource`, `Validate`
TG-203 10:49 [PruneLast] `spec.syncPolicy.syncOptions`: `PruneLast` has no value | write `PruneLast=true` or `PruneLast=false`
TG-203 10:75 [Prune=false] `Prune` says two things
TG-203 10:88 ["Delete = false"] `spec.syncPolicy.syncOptions`: there is no sync option `Delete ` | did you mean `Delete`?
TG-122 11:20 [many] `spec.syncPolicy.retry.limit` must be a whole number, not text
TG-125 11:46 [5 minutes] `duration` cannot be `5 minutes` | write it like `5s`, `3m` or `1h30m`; a bare number means seconds
TG-123 11:65 [-1] `factor` must be from 0 to 4294967295, not -1
TG-120 12:3 [ignoreDiferences] `spec` has no key `ignoreDiferences` | did you mean `ignoreDifferences`?
TG-123 13:57 [spec.replicas] `spec.replicas` is no JSON pointer | write `/spec/replicas`
TG-201 13:75 [kind] an item of `spec.ignoreDifferences` has no effect: it names no field | write `jsonPointers`, `jqPathExpressions` or `managedFieldsManagers`
TG-121 13:86 [group] `spec.ignoreDifferences[2]` needs `kind`
TG-201 13:86 [group] an item of `spec.ignoreDifferences` has no effect: it names no field | write `jsonPointers`, `jqPathExpressions` or `managedFieldsManagers`
TG-120 13:99 [jsonPointer] `spec.ignoreDifferences[2]` has no key `jsonPointer` | did you mean `jsonPointers`?
"##);
    insta::assert_snapshot!(problems(
        r#"apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: a
  finalizers: [resources-finalizer.argocd.argoproj.io/background, backup.example.com/keep, post-delete-finalizer.argocd.argoproj.io/cleanup]
  annotations:
    argocd.argoproj.io/skip-reconcile: "yes"
    tidegate.dev/depends_on: b
    tidegate.dev/max-prune: 120%
    tidegate.dev/depends-on: "b, B!"
spec: {destination: {name: dev}, source: {repoURL: x, path: .}}
"#
    ), @r##"
TG-200 5:67 [backup.example.com/keep] `metadata.finalizers` is not honoured, and nothing is synced without it: nobody here would wait for `backup.example.com/keep`
TG-123 7:40 ["yes"] `argocd.argoproj.io/skip-reconcile` cannot be `yes` | known here: `true`, `false`
TG-120 8:5 [tidegate.dev/depends_on] `metadata.annotations` has no key `tidegate.dev/depends_on` | did you mean `tidegate.dev/depends-on`?
TG-123 9:29 [120%] `tidegate.dev/max-prune` cannot be `120%` | write how many objects one sync may prune, `12`, or how many in a hundred, `25%`
TG-124 10:30 ["b, B!"] `B!` cannot be an application's name: it has letters a to z, digits, `-` and `.`, begins and ends with a letter or digit, and has 253 characters at most | write names of applications with commas between them
"##);
}

#[test]
fn sources_that_would_deploy_something_else() {
    let all: Vec<String> = [
        "path: /etc",
        "path: a/../../b",
        "path: a, chart: b",
        "ref: x",
        "path: a, kustomize: {}, helm: {}",
        "path: a, tagPrefix: v",
        "path: a, plugin: {env: [{name: A, value: b}]}",
        "path: a, directory: {jsonnet: {tlas: [{name: a, value: b}]}}",
        "path: a, directory: {disableExtensionFilter: true}",
        "path: a, directory: {include: '{a'}",
        "path: a, kustomize: {commonAnnotationsEnvsubst: true, images: [app], namespace: A}",
        "path: a, kustomize: {images: [a:v2, 'b:${ARGOCD_APP_REVISION}'], commonLabels: {a: x, b: $ARGOCD_APP_NAME}}",
        "path: a, kustomize: {patches: [{target: {kind: A}}], replicas: [{name: a, count: many}, {name: b, count: -1}]}",
        "path: a, kustomize: {patches: [{path: p, options: {allowAnything: true}}]}",
        "path: a, plugin: {name: x, env: [{name: A, value: a}, {name: A, value: b}], parameters: [{name: p, string: s}, {name: p}]}",
        "path: a, plugin: {name: x, env: [{name: A, value: a}], parameters: [{name: env, map: {a: b}}]}",
        "path: a, plugin: {name: x, parameters: [{name: env, array: [a]}, {name: p, string: s, map: {a: b}}]}",
        "path: a, cue: {}",
        "path: 1.10",
    ]
    .iter()
    .map(|source| problems(&with_source(source)))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r##"
TG-206 6:54 [/etc] `/etc` cannot be a folder of the repository: it leaves the repository, or is no path | write the path from the top of the repository, without `/` in front
TG-206 6:54 [a/../../b] `a/../../b` cannot be a folder of the repository: it leaves the repository, or is no path | write the path from the top of the repository, without `/` in front
TG-205 6:12 [repoURL] `spec.source` has both `path` and `chart` | leave one of them out
TG-205 6:12 [repoURL] `spec.source` has neither `path` nor `chart` | for the whole repository write `path: .`
TG-205 6:72 [helm] `spec.source` has both `kustomize` and `helm` | leave one of them out
TG-200 6:57 [tagPrefix] `spec.source.tagPrefix` is not honoured, and nothing is synced without it: another revision would be deployed
TG-200 6:57 [plugin] `spec.source.plugin.name` is not honoured, and nothing is synced without it: a plugin is never guessed
TG-200 6:69 [jsonnet] `spec.source.directory.jsonnet` is not honoured, and nothing is synced without it: Jsonnet is not rendered
TG-200 6:69 [disableExtensionFilter] `spec.source.directory.disableExtensionFilter` is not honoured, and nothing is synced without it: objects in files of other extensions would be missing
TG-126 6:78 ['{a'] `{a` is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
TG-200 6:69 [commonAnnotationsEnvsubst] `spec.source.kustomize.commonAnnotationsEnvsubst` is not honoured, and nothing is synced without it: annotations would get the names of variables instead of their values
TG-123 6:111 [app] `app` is no other image | write it like `app:v2`, `app=registry.example.com/app:v2` or `app@sha256:…`
TG-124 6:128 [A] `A` cannot be a namespace: it has letters a to z, digits and `-`, begins and ends with a letter or digit, and has 63 characters at most
TG-200 6:84 ['b:${ARGOCD_APP_REVISION}'] `spec.source.kustomize.images[1]` is not honoured, and nothing is synced without it: Argo CD would replace the variables in it
TG-200 6:137 [$ARGOCD_APP_NAME] `spec.source.kustomize.commonLabels.b` is not honoured, and nothing is synced without it: Argo CD would replace the variables in it
TG-123 6:80 [target] a patch has either `patch` or `path`
TG-122 6:129 [many] `count` must be a whole number
TG-123 6:153 [-1] `count` must be from 0 to 4294967295, not -1
TG-120 6:99 [allowAnything] `spec.source.kustomize.patches[0].options` has no key `allowAnything` | known here: `allowNameChange`, `allowKindChange`
TG-123 6:109 [A] `A` is written twice in `env`
TG-123 6:166 [p] `p` is written twice in `parameters`
TG-123 6:123 [env] the parameter `env` would be taken for the environment, which there is as well
TG-123 6:134 [map] a parameter has both `string` and `map` | a renderer gets one value of each; leave one of them out
TG-120 6:57 [cue] `spec.source` has no key `cue` | known here: `repoURL`, `path`, `targetRevision`, `chart`, `ref`, `name`, `tagPrefix`, `kustomize`, `directory`, `helm`, `plugin`
TG-122 6:54 [1.10] `spec.source.path` must be text, not a number | put it between quotes
"##);
    let of = |spec: &str| problems(&with_spec(&format!("  destination: {{name: dev}}\n{spec}")));
    insta::assert_snapshot!([
        of("  sources: [{repoURL: oci://registry.example.com/app, path: .}, {repoURL: 'https://u:p@git.example.com/x', path: .}, {path: .}]\n"),
        of("  sources: [{repoURL: 'https://ghp_x@git.example.com/x', path: .}, {repoURL: 'ssh://git:p@git.example.com/x', path: .}]\n"),
        of("  sources: [{repoURL: 'git@git.example.com:x', path: .}, {repoURL: 'ssh://git@git.example.com/x', path: .}]\n"),
        of("  source: {repoURL: x, path: .}\n  sources: [{repoURL: x, path: .}]\n"),
        of("  sources: []\n"),
    ].join("\n"), @r##"
TG-200 6:14 [repoURL] `spec.sources[0].repoURL` is not honoured, and nothing is synced without it: objects are not read from an image
TG-181 6:75 ['https://u:p@git.example.com/x'] the URL contains credentials | leave out what stands before the `@`; a token or password that was there is to be replaced, for Git keeps it
TG-121 6:119 [path] `spec.sources[2]` needs `repoURL`
TG-181 6:23 ['https://ghp_x@git.example.com/x'] the URL contains credentials | leave out what stands before the `@`; a token or password that was there is to be replaced, for Git keeps it
TG-181 6:78 ['ssh://git:p@git.example.com/x'] the URL contains credentials | leave out what stands before the `@`; a token or password that was there is to be replaced, for Git keeps it

TG-205 6:3 [source] there are both `source` and `sources` | leave one of them out
TG-205 5:3 [destination] `spec` names no source | write `source`, or a list of `sources`
"##);
}

#[test]
fn destinations_name_one_cluster() {
    let of = |destination: &str| {
        problems(&with_spec(&format!("  destination: {destination}\n  source: {{repoURL: x, path: .}}\n")))
    };
    insta::assert_snapshot!([
        of("{name: dev, server: https://kubernetes.default.svc}"),
        of("{name: '', namespace: a}"),
        of("{name: dev, namespace: ../other}"),
        of("dev"),
        of("{clustername: dev}"),
    ].join("\n"), @r##"
TG-204 5:17 [name] `spec.destination` names a cluster by both `name` and `server` | write either `name` or `server`
TG-204 5:17 [name] `spec.destination` names no cluster | write either `name` or `server`
TG-124 5:39 [../other] `../other` cannot be a namespace: it has letters a to z, digits and `-`, begins and ends with a letter or digit, and has 63 characters at most
TG-122 5:16 [dev] `spec.destination` must be a mapping, not text
TG-204 5:16 [dev] `spec.destination` names no cluster | write either `name` or `server`
TG-120 5:17 [clustername] `spec.destination` has no key `clustername` | known here: `server`, `name`, `namespace`
TG-204 5:17 [clustername] `spec.destination` names no cluster | write either `name` or `server`
"##);
}

#[test]
fn what_is_cosmetic_warns_and_loads() {
    let text = with_source("path: a, helm: {version: v3, passCredentials: true, valuesObject: {}, values: 'a: 1'}")
        + "  syncPolicy: {syncOptions: [Force=true, ServerSideApply=false, ClientSideApplyMigration=true, Force=true], managedNamespaceMetadata: {labels: {a: b}}}\n";
    insta::assert_snapshot!(problems(&text), @r##"
TG-201 6:64 [version] `spec.source.helm.version` has no effect: Argo CD has not read it since Helm 2 is gone
TG-201 6:77 [passCredentials] `spec.source.helm.passCredentials` has no effect: a credential goes to what it is for and nowhere else
TG-201 7:30 [Force=true] the sync option `Force=true` has no effect: it is heeded on an object's own annotation only, as in Argo CD
TG-201 7:42 [ServerSideApply=false] the sync option `ServerSideApply=false` has no effect: every object is applied by the server
TG-201 7:65 [ClientSideApplyMigration=true] the sync option `ClientSideApplyMigration=true` has no effect: fields of other managers are never taken over unasked
TG-201 7:96 [Force=true] the sync option `Force=true` has no effect: it is heeded on an object's own annotation only, as in Argo CD
TG-201 7:109 [managedNamespaceMetadata] `managedNamespaceMetadata` has no effect: no namespace is made | write `CreateNamespace=true` under `syncOptions`
"##);
    assert!(
        matches!(&application(&text).sources[0].renderer, Renderer::Helm(h) if h.values == Some(HelmValues::Text("a: 1".to_owned())))
    );
    // What a server writes for nothing is nothing.
    let empty =
        with_source("path: a, tagPrefix: '', directory: {jsonnet: {tlas: [], libs: }, disableExtensionFilter: false}");
    assert_eq!(problems(&empty), "");
}

#[test]
fn carets_point_at_the_field() {
    let (source, found) =
        read(&with("  sourceHydrator:\n    drySource: {repoURL: x}\n  syncPolicy:\n    syncOptions: [Prune=never]\n"));
    insta::assert_snapshot!(render(&source, &found.documents[0].diagnostics, false), @r##"
error[TG-200]: `spec.sourceHydrator` is not honoured, and nothing is synced without it: the branch that it renders to is not what `source` names
 --> apps.yaml:7:3
  |
7 |   sourceHydrator:
  |   ^^^^^^^^^^^^^^

error[TG-203]: `spec.syncPolicy.syncOptions`: `Prune` cannot be `never`
  --> apps.yaml:10:19
   |
10 |     syncOptions: [Prune=never]
   |                   ^^^^^^^^^^^
   |
   = hint: known here: `Prune=true`, `Prune=false`, `Prune=confirm`
"##);
}

#[test]
fn one_bad_document_never_hides_the_others() {
    let text = format!(
        "# a file of several\n---\n{}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, name: a}}\ndata: {{1: a, on: !x b}}\n---\n{}---\n---\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: many}}\nspec: {{}}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Aplication\n---\napiVersion: app.k8s.io/v1beta1\nkind: Application\n---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\n---\napiVersion: argoproj.io/v1\nkind: Application\nmetadata: {{name: c}}\n",
        with("  sourceHydrator: {a: b}\n"),
        with("").replace("name: a}", "name: b}"),
    );
    let (source, found) = read(&text);
    let shown: Vec<String> = found
        .documents
        .iter()
        .map(|d| format!("{:?} {} {}", d.kind, d.name.as_deref().unwrap_or("-"), d.value.is_some()))
        .collect();
    assert_eq!(
        shown,
        ["Application a false", "Application b true", "ApplicationSet many false", "Application c false"]
    );
    assert!(text[found.documents[1].span.clone()].contains("name: b"));
    insta::assert_snapshot!(lines(&source, &found.diagnostics), @r##"TG-131 30:7 [Aplication] there is no kind `Aplication` of Argo CD's; the document is not read | did you mean `Application`?"##);
    insta::assert_snapshot!(problems(&text), @r##"
TG-131 30:7 [Aplication] there is no kind `Aplication` of Argo CD's; the document is not read | did you mean `Application`?
TG-200 9:3 [sourceHydrator] `spec.sourceHydrator` is not honoured, and nothing is synced without it: the branch that it renders to is not what `source` names
TG-202 25:7 [ApplicationSet] an `ApplicationSet` is not read by this version: none of its applications is there | write the applications that it makes into files, or leave it to Argo CD
TG-130 38:13 [argoproj.io/v1] the apiVersion `argoproj.io/v1` is not served | write `argoproj.io/v1alpha1`
"##);
}

#[test]
fn lists_are_read_and_names_are_unique() {
    let item = with("").replace('\n', "\n    ").trim_end().to_owned();
    let text =
        format!("apiVersion: v1\nkind: List\nitems:\n  - {item}\n  - {item}\n  - {{apiVersion: v1, kind: Secret}}\n");
    let (_, found) = read(&text);
    assert_eq!(found.documents.iter().map(|d| d.value.is_some()).collect::<Vec<_>>(), [true, false]);
    insta::assert_snapshot!(problems(&text), @r##"TG-207 12:22 [a] `a` is declared twice in this file"##);
}

#[test]
fn a_key_written_twice_is_of_its_own_object() {
    let item = |name: &str, more: &str| {
        format!(
            "- {{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {{name: {name}}}, spec: {{destination: {{name: dev}}, source: {{repoURL: x, path: .}}{more}}}}}\n"
        )
    };
    let text = format!("kind: List\nitems:\n{}{}", item("a", ""), item("b", ", project: x, project: y"));
    assert_eq!(read(&text).1.documents.iter().map(|d| d.value.is_some()).collect::<Vec<_>>(), [true, false]);
    // One that stands in none of them may concern any.
    let text = format!("kind: List\nkind: List\nitems:\n{}{}", item("a", ""), item("b", ""));
    assert_eq!(read(&text).1.documents.iter().map(|d| d.value.is_some()).collect::<Vec<_>>(), [false, false]);
}

#[test]
fn a_broken_file_keeps_what_came_before() {
    let text = format!("{}---\nkind: [\n", with(""));
    let (_, found) = read(&text);
    assert!(found.documents.len() == 1 && found.documents[0].value.is_some());
    insta::assert_snapshot!(problems(&text), @r##"TG-102 8:7 [[] this is not YAML: unclosed bracket '['"##);
    insta::assert_snapshot!(problems("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: {{ .Values.x }}}\nspec: {destination: {name: a}, source: {repoURL: x, path: .}, source: {}}\n"), @r##"
TG-122 3:18 [{{ .Values.x }}] `metadata.name` must be text, not a mapping
TG-108 3:19 [{ .Values.x }] a key must be text, not a mapping | `{{ … }}` is a template, and only what it becomes is read
TG-107 4:63 [source] the key `source` is written twice
"##);
    assert_eq!(read("# nothing\n").1.documents.len(), 0);
    assert_eq!(problems("---\n...\n---\n"), "");
}

fn project(text: &str) -> Project {
    match read(text).1.documents.into_iter().next().unwrap().value {
        Some(Declaration::Project(found)) => *found,
        other => panic!("{other:?}\n{}", problems(text)),
    }
}

#[test]
fn projects_become_rules() {
    let head = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop, namespace: argocd}\nspec:\n";
    let text = format!(
        "{head}  description: The shop\n  sourceRepos: ['https://git.example.com/shop/*', '!https://git.example.com/shop/secret']\n  destinations: [{{server: https://kubernetes.default.svc, namespace: shop-*}}, {{name: '*', namespace: '!kube-system'}}]\n  clusterResourceWhitelist: [{{group: '', kind: Namespace, name: shop-*}}]\n  namespaceResourceBlacklist: [{{group: '', kind: ResourceQuota}}]\n  roles: [{{name: ci, policies: ['p, x']}}]\n  syncWindows: []\n"
    );
    insta::assert_snapshot!(problems(&text), @r##"TG-201 10:3 [roles] `spec.roles` has no effect: nobody gets a right from it; people are in the host's configuration"##);
    let found = project(&text);
    assert_eq!((found.name.as_str(), found.deploys.destinations.len()), ("shop", 2));
    assert!(found.deploys.namespaced.allow.is_none() && found.deploys.cluster_wide.allow.is_some());
    insta::assert_snapshot!(problems(&format!(
        "{head}  syncWindows: [{{kind: deny}}]\n  signatureKeys: [{{keyID: A}}]\n  destinationServiceAccounts: [{{server: x}}]\n  permitOnlyProjectScopedClusters: true\n  destination: []\n  sourceRepos: ['[a']\n"
    )), @r##"
TG-200 5:3 [syncWindows] `spec.syncWindows` is not honoured, and nothing is synced without it: applications would be synced outside of them
TG-200 6:3 [signatureKeys] `spec.signatureKeys` is not honoured, and nothing is synced without it: signatures of commits are not checked
TG-200 7:3 [destinationServiceAccounts] `spec.destinationServiceAccounts` is not honoured, and nothing is synced without it: syncs would run with more than the account may
TG-200 8:3 [permitOnlyProjectScopedClusters] `spec.permitOnlyProjectScopedClusters` is not honoured, and nothing is synced without it: clusters belong to no project
TG-120 9:3 [destination] `spec` has no key `destination` | did you mean `destinations`?
TG-126 10:17 ['[a'] `[a` is not a glob: unclosed character class; missing ']'
"##);
    assert_eq!(read(&text).1.documents[0].kind, DeclaredKind::AppProject);
}

#[test]
fn the_schema_goes_by_the_reader() {
    let schema = schema(Kind::Application, &super::Fake);
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let json = |text: &str| crate::yaml::parse_all(text, &mut Default::default()).remove(0).node.to_json();
    // An editor speaks YAML 1.2, in which `yes` and `on` are text and a blank is null.
    let whole = WHOLE.replace(": yes", ": true").replace(": on\n", ": true\n").replace("empty: ", "empty: ''");
    let errors: Vec<String> =
        validator.iter_errors(&json(&whole)).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.iter().all(|e| e.contains("jsonnet")), "{errors:#?}");
    for wrong in [
        with("  sourceHydrator: {}\n"),
        with("  syncPolicy: {automated: {purge: true}}\n"),
        with_source("path: 1"),
        with_spec("  source: {repoURL: x}\n"),
    ] {
        assert!(!validator.is_valid(&json(&wrong)), "{wrong}");
    }
}

#[test]
fn the_book_names_every_field() {
    let book = include_str!("../../../../docs/applications.md");
    let missing: Vec<&str> = crate::application::fields_of_the_book()
        .into_iter()
        .filter(|key| !book.contains(&format!("`{key}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
