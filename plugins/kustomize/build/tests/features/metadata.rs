//! Build metadata.

use crate::support::check;

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
