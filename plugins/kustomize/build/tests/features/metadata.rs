//! Build metadata.

use crate::support::{check, fails};

/// Where each object came from, what changed it, and who manages it.
#[test]
fn origins_and_transformations() {
    check(
        r"
-- base/kustomization.yaml --
resources: [object.yaml]
configMapGenerator:
- {name: made, literals: [a=1]}
-- base/object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: read}
-- overlay/kustomization.yaml --
resources: [../base]
buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]
namePrefix: o-
commonLabels: {app: x}
transformers:
- |-
  apiVersion: builtin
  kind: AnnotationsTransformer
  metadata: {name: notes}
  annotations: {n: o}
  fieldSpecs: [{path: metadata/annotations, create: true}]
",
        "overlay",
        r#"
apiVersion: v1
data:
  a: "1"
kind: ConfigMap
metadata:
  annotations:
    alpha.config.kubernetes.io/transformations: |
      - configuredIn: kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: PrefixTransformer
      - configuredIn: kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: LabelTransformer
      - configuredIn: kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: AnnotationsTransformer
          name: notes
    config.kubernetes.io/origin: |
      configuredIn: ../base/kustomization.yaml
      configuredBy:
        apiVersion: builtin
        kind: ConfigMapGenerator
    "n": o
  labels:
    app: x
    app.kubernetes.io/managed-by: kustomize-(devel)
  name: o-made-h29d89cmmt
---
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    alpha.config.kubernetes.io/transformations: |
      - configuredIn: kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: PrefixTransformer
      - configuredIn: kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: LabelTransformer
      - configuredIn: kustomization.yaml
        configuredBy:
          apiVersion: builtin
          kind: AnnotationsTransformer
          name: notes
    config.kubernetes.io/origin: |
      path: ../base/object.yaml
    "n": o
  labels:
    app: x
    app.kubernetes.io/managed-by: kustomize-(devel)
  name: o-read
"#,
    );
}

/// What kustomize and its neighbours note on objects does not reach the output.
#[test]
fn annotations_of_the_tools_are_taken_away() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  annotations: {config.kubernetes.io/path: x, config.kubernetes.io/index: "0", internal.config.kubernetes.io/id: "1", keep: me}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
  annotations: {}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: c
  annotations: {config.kubernetes.io/origin: "path: y", internal.config.kubernetes.io/needsHashSuffix: enabled}
"#,
        "",
        r"
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    keep: me
  name: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: c-6ct58987ht
",
    );
}

/// Whoever copies the annotations as a whole gets kustomize's own notes with them.
#[test]
fn copies_of_annotations_have_the_notes() {
    check(
        r"
-- kustomization.yaml --
namespace: shop
namePrefix: pre-
resources: [deployment.yaml]
patches:
- target: {kind: Deployment}
  patch: '- {op: copy, from: /metadata, path: /spec/first}'
replacements:
- source: {kind: Deployment, fieldPath: metadata.annotations}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [spec.template.metadata.annotations]
    options: {create: true}
-- deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {}}
",
        "",
        "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: pre-web
  namespace: shop
spec:
  first:
    annotations:
      internal.config.kubernetes.io/previousKinds: Deployment
      internal.config.kubernetes.io/previousNames: web
      internal.config.kubernetes.io/previousNamespaces: default
    name: web
  template:
    metadata:
      annotations:
        internal.config.kubernetes.io/prefixes: pre-
        internal.config.kubernetes.io/previousKinds: Deployment,Deployment,Deployment
        internal.config.kubernetes.io/previousNames: web,web,web
        internal.config.kubernetes.io/previousNamespaces: default,default,shop
",
    );
}

/// Annotations that are none: kustomize stops, in one way or another.
#[test]
fn annotations_of_a_wrong_shape() {
    let map = |metadata: &str| {
        format!(
            r"
-- kustomization.yaml --
resources: [map.yaml]
-- map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {{name: a, {metadata}}}
"
        )
    };
    let id = "ConfigMap.v1.[noGrp]/a.[noNs]";
    fails(&map("annotations: [a]"), "", &format!("metadata.annotations of {id} is a list, not a mapping"));
    fails(&map("annotations: {5: a}"), "", &format!("the annotation '5' of {id} has no string for a name"));
}
