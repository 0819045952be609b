//! What fails, and how it says so.

use crate::support::fails;

/// A field that kustomize does not know.
#[test]
fn unknown_fields() {
    fails(
        r"
-- kustomization.yaml --
resource: [x]
",
        "",
        r#"kustomization.yaml: unknown field "resource""#,
    );
}

/// Kustomizations are read strictly: a number is no string.
#[test]
fn values_of_the_wrong_kind() {
    fails(
        r"
-- kustomization.yaml --
images:
- {name: web, newTag: 1.5}
",
        "",
        r"kustomization.yaml: images[0].newTag: expected a string, found a number",
    );
}

/// Nothing at all is a mistake, an empty list is not.
#[test]
fn an_empty_kustomization() {
    fails(
        r"
-- kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
",
        "",
        r"kustomization.yaml: kustomization.yaml is empty",
    );
}

/// It is not said which of them is meant.
#[test]
fn two_kustomizations_in_one_folder() {
    fails(
        r"
-- kustomization.yaml --
resources: []
-- kustomization.yml --
resources: []
",
        "",
        r"Found multiple kustomization files: kustomization.yaml, kustomization.yml",
    );
}

/// A folder without one.
#[test]
fn no_kustomization() {
    fails(
        r"
-- kustomization.yaml --
resources: [below]
-- below/x.yaml --
a: b
",
        "",
        r"unable to find one of 'kustomization.yaml', 'kustomization.yml', 'Kustomization' in directory 'below'",
    );
}

/// Another kustomization's file is not read.
#[test]
fn files_outside_of_the_folder() {
    fails(
        r"
-- over/kustomization.yaml --
resources: [../base/object.yaml]
-- base/object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
",
        "over",
        r"file '../base/object.yaml' is not in or below 'over'",
    );
}

/// A link counts as what it leads to.
#[test]
fn a_link_out_of_the_folder() {
    fails(
        r"
-- over/kustomization.yaml --
resources: [object.yaml]
-- over/object.yaml -> ../base/object.yaml --
-- base/object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
",
        "over",
        r"file 'object.yaml' is not in or below 'over'",
    );
}

/// Folders that build on one another.
#[test]
fn cycles() {
    fails(
        r"
-- a/kustomization.yaml --
resources: [../b]
-- b/kustomization.yaml --
resources: [../a]
",
        "a",
        r"b/kustomization.yaml: cycle detected: candidate root 'a' contains visited root 'a'",
    );
}

/// A resource that is not there.
#[test]
fn missing_files() {
    fails(
        r"
-- kustomization.yaml --
resources: [nowhere.yaml]
",
        "",
        r"kustomization.yaml: nowhere.yaml: no such file or folder",
    );
}

/// The file, the line and the column.
#[test]
fn malformed_yaml() {
    fails(
        r"
-- kustomization.yaml --
resources: [object.yaml]
-- object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one
",
        "",
        r"object.yaml:4:1: did not find expected ',' or '}'",
    );
}

/// A generated name is not enough.
#[test]
fn objects_without_a_name() {
    fails(
        r"
-- kustomization.yaml --
resources: [object.yaml]
-- object.yaml --
apiVersion: batch/v1
kind: Job
metadata: {generateName: one-}
",
        "",
        r"object.yaml: missing metadata.name in object of kind Job",
    );
}

/// Two objects of one kind, name and namespace.
#[test]
fn one_identity_twice() {
    fails(
        r"
-- kustomization.yaml --
resources: [objects.yaml, more.yaml]
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
-- more.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: default}
",
        "",
        r"more.yaml: ConfigMap.v1.[noGrp]/one.default: may not add resource with an already registered id",
    );
}

/// What was apart before is not any more.
#[test]
fn namespaces_that_collide() {
    fails(
        r"
-- kustomization.yaml --
namespace: shop
resources: [objects.yaml]
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: b}
",
        "",
        r"kustomization.yaml: ConfigMap.v1.[noGrp]/one.shop: namespace transformation produces ID conflict",
    );
}

/// By name there must be one.
#[test]
fn a_patch_without_an_object() {
    fails(
        r"
-- kustomization.yaml --
resources: []
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: one}
",
        "",
        r"kustomization.yaml: patches: no resource matches strategic merge patch ConfigMap.v1.[noGrp]/one.[noNs]: no matches for Id",
    );
}

/// Nobody says what it is for.
#[test]
fn a_json_patch_without_a_target() {
    fails(
        r#"
-- kustomization.yaml --
resources: []
patches:
- patch: '[{"op": "remove", "path": "/a"}]'
"#,
        "",
        r"kustomization.yaml: patches: must specify a target for a JSON patch",
    );
}

/// A generator that merges needs something to merge into.
#[test]
fn merging_into_nothing() {
    fails(
        r"
-- kustomization.yaml --
configMapGenerator:
- {name: one, behavior: merge, literals: [a=1]}
",
        "",
        r"kustomization.yaml: ConfigMap.v1.[noGrp]/one.[noNs]: does not exist; cannot merge or replace",
    );
}

/// Two sources of one key.
#[test]
fn a_key_twice() {
    fails(
        r"
-- kustomization.yaml --
configMapGenerator:
- {name: one, literals: [a=1, a=2]}
",
        "",
        r"kustomization.yaml: configmap one illegally repeats the key `a`",
    );
}

/// No object of the name has replicas.
#[test]
fn replicas_of_nobody() {
    fails(
        r"
-- kustomization.yaml --
resources: []
replicas: [{name: web, count: 2}]
",
        "",
        r"kustomization.yaml: replicas: resource with name web does not match a config with the following GVK [Deployment.[noVer].[noGrp] StatefulSet.[noVer].[noGrp] ReplicaSet.[noVer].[noGrp] ReplicationController.[noVer].[noGrp]]",
    );
}

/// A target without the field.
#[test]
fn replacements_of_fields_that_are_not_there() {
    fails(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
replacements:
- source: {kind: ConfigMap, name: a}
  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x]}]
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
",
        "",
        r"kustomization.yaml: replacements: ConfigMap.v1.[noGrp]/a.[noNs]: field data.x: unable to find field in replacement target",
    );
}

/// A var whose object is not there.
#[test]
fn vars_of_nobody() {
    fails(
        r"
-- kustomization.yaml --
resources: []
vars:
- {name: A, objref: {apiVersion: v1, kind: Service, name: web}}
",
        "",
        r"vars: var 'A' cannot be mapped to a field in the set of known resources",
    );
}

/// Each has its own list.
#[test]
fn components_are_no_resources() {
    fails(
        r"
-- kustomization.yaml --
resources: [c]
-- c/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
namePrefix: x-
",
        "",
        r"c/kustomization.yaml: expected kind != 'Component': a component is listed in components",
    );
}

/// Only built-in ones are run.
#[test]
fn plugins_that_are_programs() {
    fails(
        r"
-- kustomization.yaml --
transformers: [t.yaml]
-- t.yaml --
apiVersion: example.org/v1
kind: Mine
metadata: {name: x}
",
        "",
        r"kustomization.yaml: Mine.v1.example.org/x.[noNs]: Mine: only plugins of apiVersion builtin are run",
    );
}

/// Not rendered here, nor by kubectl unless it is told to.
#[test]
fn helm_charts() {
    fails(
        r#"
-- kustomization.yaml --
helmCharts: [{name: web, repo: "https://charts.example.org"}]
"#,
        "",
        r"kustomization.yaml: helmCharts: charts are not rendered here",
    );
}
