//! What a folder says about the source that it is.

use super::applications::application;
use super::lines;
use crate::{OVERRIDES, Source, overridden, own_overrides};
use model::application::Renderer;

const WHOLE: &str = include_str!("application.yaml");

/// A renderer as an application's source, written between braces, says it.
fn renderer(source: &str) -> Renderer {
    let spec = format!("{{destination: {{name: dev}}, source: {{repoURL: x, path: ., {source}}}}}");
    let text = format!("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec: {spec}\n");
    application(&text).sources.remove(0).renderer
}

/// What becomes of a source with a file over it, and what is said about the file.
fn merged(source: &str, file: &str) -> (Option<Renderer>, String) {
    let file = Source::new(OVERRIDES, file);
    let found = overridden(&renderer(source), &file);
    (found.value, lines(&file, &found.diagnostics))
}

#[test]
fn nothing_said_changes_nothing() {
    let renderers: Vec<_> = application(WHOLE).sources.into_iter().map(|source| source.renderer).collect();
    assert_eq!(renderers.len(), 5);
    for renderer in renderers.iter().chain([&Renderer::Detected]) {
        let found = overridden(renderer, &Source::new(OVERRIDES, "{}"));
        assert_eq!((found.value.as_ref(), found.diagnostics.len()), (Some(renderer), 0));
    }
}

#[test]
fn a_file_is_merged_as_rfc_7396_says() {
    for (source, file, result) in [
        ("kustomize: {}", "kustomize: {images: [a:v2]}", "kustomize: {images: [a:v2]}"),
        // What is in none of the two decides nothing: the files of the folder do.
        ("name: x", "kustomize: {namePrefix: x-}", "kustomize: {namePrefix: x-}"),
        // Lists are replaced, mappings are merged, null removes.
        (
            "kustomize: {images: [a:v1, b:v1], commonLabels: {a: x, b: y}, namePrefix: p-}",
            "kustomize: {images: [a:v2], commonLabels: {a: , c: z}, namePrefix: null}",
            "kustomize: {images: [a:v2], commonLabels: {b: y, c: z}}",
        ),
        ("directory: {recurse: true}", "directory: null\nkustomize: {namespace: n}", "kustomize: {namespace: n}"),
        ("directory: {recurse: true, include: a}", "directory: {recurse: no}", "directory: {include: a}"),
        // As Argo CD Image Updater writes it, by a library that knows no upper case.
        (
            "helm: {releaseName: r}",
            "helm:\n  parameters:\n  - name: image.tag\n    value: v2\n    forcestring: true\n",
            "helm: {releaseName: r, parameters: [{name: image.tag, value: v2, forceString: true}]}",
        ),
        (
            "helm: {valuesObject: {a: {b: 1, c: 2}}}",
            "helm: {valuesObject: {a: {b: 3, 80: x}}}",
            "helm: {valuesObject: {a: {b: 3, c: 2, \"80\": x}}}",
        ),
        (
            "plugin: {name: x, env: [{name: A, value: b}], parameters: [{name: p, string: s}]}",
            "plugin: {parameters: [{name: q, array: [s]}]}",
            "plugin: {name: x, env: [{name: A, value: b}], parameters: [{name: q, array: [s]}]}",
        ),
    ] {
        assert_eq!(merged(source, file), (Some(renderer(result)), String::new()), "{source}\n{file}");
    }
}

#[test]
fn where_a_source_is_says_the_application_alone() {
    let (found, said) =
        merged("kustomize: {}", "targetRevision: v2\nkustomize: {images: [a:v2], version: v5}\npath: ..\n");
    assert_eq!(found, Some(renderer("kustomize: {images: [a:v2]}")));
    insta::assert_snapshot!(said, @"
    TG-201 1:1 [targetRevision] `targetRevision` has no effect: where a source is says the application alone
    TG-201 2:29 [version] `kustomize.version` has no effect: kustomize is part of Tidegate
    TG-201 3:1 [path] `path` has no effect: where a source is says the application alone
    ");
}

#[test]
fn a_file_is_held_to_the_rules_of_a_source() {
    let said = |file: &str| {
        let (found, said) = merged("kustomize: {}", file);
        assert_eq!(found, None, "{file}");
        said
    };
    let all = [
        "kustomise: {images: [a:v2]}",
        "kustomize:\n  image: [a:v2]\n  images: [a, 'b:$ARGOCD_APP_REVISION']\n  commonAnnotationsEnvsubst: true\n",
        "kustomize: {images: a:v2}",
        "helm: {parameters: []}",
        "kustomize: null\nhelm: {}\nplugin: {name: x}",
        "kustomize: {Images: [a:v2]}",
        "[a]",
        "a: [",
        "",
        "kustomize: {}\n---\nkustomize: {}\n",
        "plugin: {name: }",
    ];
    insta::assert_snapshot!(all.map(said).join("\n"), @r##"
    TG-120 1:1 [kustomise] the document has no key `kustomise` | did you mean `kustomize`?
    TG-120 2:3 [image] `kustomize` has no key `image` | did you mean `images`?
    TG-123 3:12 [a] `a` is no other image | write it like `app:v2`, `app=registry.example.com/app:v2` or `app@sha256:…`
    TG-200 3:15 ['b:$ARGOCD_APP_REVISION'] `kustomize.images[1]` is not honoured, and nothing is synced without it: Argo CD would replace the variables in it
    TG-200 4:3 [commonAnnotationsEnvsubst] `kustomize.commonAnnotationsEnvsubst` is not honoured, and nothing is synced without it: annotations would get the names of variables instead of their values
    TG-122 1:21 [a:v2] `kustomize.images` must be a list, not text | write `[a:v2]`
    TG-205 1:1 [helm] `helm` is for a source that has `kustomize` already | leave one of them out; `kustomize: null` takes away what the application says
    TG-205 3:1 [plugin] the document has both `helm` and `plugin` | leave one of them out
    TG-120 1:13 [Images] `kustomize` has no key `Images` | did you mean `images`?
    TG-122 1:1 [[a]] the document must be a mapping, not a list
    TG-102 1:4 [[] this is not YAML: unclosed bracket '['
    TG-103 1:1 [] the file holds no document
    TG-104 2:1 [---] the file holds more than one document | put each document into a file of its own
    TG-205 1:1 [plugin] `plugin` is for a source that has `kustomize` already | leave one of them out; `kustomize: null` takes away what the application says
    "##);
}

#[test]
fn an_application_of_another_namespace_has_both_names() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: team}\nspec: {destination: {name: dev}, source: {repoURL: x, path: .}}\n";
    assert_eq!(own_overrides(&application(text)), [".argocd-source-a.yaml", ".argocd-source-team_a.yaml"]);
    assert_eq!(own_overrides(&application(&text.replace(", namespace: team", ""))), [".argocd-source-a.yaml"]);
}
