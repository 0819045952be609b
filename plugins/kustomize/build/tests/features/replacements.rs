//! Replacements.

use kustomize_build::{ErrorKind, Options, build};

use crate::support::{Tree, check};

/// Whole values, parts of them, list elements, every element, new fields.
#[test]
fn values_from_one_object_into_others() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
replacements:
- source: {kind: ConfigMap, name: source, fieldPath: data.host}
  targets:
  - select: {kind: Deployment}
    fieldPaths:
    - spec.template.spec.containers.[name=web].env.[name=HOST].value
    - spec.template.spec.containers.*.image
    options: {delimiter: /, index: 0}
  - select: {kind: Widget}
    reject: [{name: skip}]
    fieldPaths: [spec.made.deep.field, "metadata.annotations.[example.org/host]"]
    options: {create: true}
- source: {kind: ConfigMap, name: source, fieldPath: data.host, options: {delimiter: ".", index: 1}}
  targets:
  - select: {kind: Widget}
    fieldPaths: [spec.ports.1.host]
- source: {kind: ConfigMap, name: source, fieldPath: data.count}
  targets:
  - select: {kind: Widget, name: w}
    fieldPaths: [spec.count, spec.fresh]
    options: {create: true}
- path: more.yaml
-- more.yaml --
- source: {kind: ConfigMap, name: source}
  targets:
  - select: {kind: Widget}
    fieldPaths: [spec.name]
- source: {kind: ConfigMap, name: source, fieldPath: data}
  targets:
  - select: {kind: Widget, name: w}
    fieldPaths: [spec.whole]
    options: {create: true}
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: source}
data: {host: www.example.org, count: "5"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - {name: web, image: registry/web:1, env: [{name: HOST, value: none/x}]}
      - {name: web-side, image: registry/side:1, env: [{name: HOST, value: none/y}]}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
spec: {ports: [{host: a}, {host: b}], count: 1, name: x}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: skip}
spec: {ports: [{host: a}, {host: b}], name: x}
"#,
        "",
        r#"
apiVersion: v1
data:
  count: "5"
  host: www.example.org
kind: ConfigMap
metadata:
  name: source
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - env:
        - name: HOST
          value: www.example.org/x
        image: www.example.org/web:1
        name: web
      - env:
        - name: HOST
          value: www.example.org/y
        image: www.example.org/side:1
        name: web-side
---
apiVersion: example.org/v1
kind: Widget
metadata:
  name: skip
spec:
  name: source
  ports:
  - host: a
  - host: example
---
apiVersion: example.org/v1
kind: Widget
metadata:
  annotations:
    example.org/host: www.example.org
  name: w
spec:
  count: 5
  fresh: 5
  made:
    deep:
      field: www.example.org
  name: source
  ports:
  - host: a
  - host: example
  whole:
    count: "5"
    host: www.example.org
"#,
    );
}

/// An object that is copied into itself again and again must not fill the memory.
#[test]
fn copies_are_bounded() {
    let mut files =
        String::from("-- object.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: b}}\n");
    files.push_str("-- kustomization.yaml --\nresources: [object.yaml]\nreplacements:\n");
    for _ in 0..80 {
        files.push_str(
            "- source: {kind: ConfigMap, fieldPath: data}\n  targets:\n  - {select: {kind: ConfigMap}, fieldPaths: [data.x], \
             options: {create: true}}\n",
        );
        files.push_str(
            "- source: {kind: ConfigMap, fieldPath: data}\n  targets:\n  - {select: {kind: ConfigMap}, fieldPaths: [data.y], \
             options: {create: true}}\n",
        );
    }
    let error = build(&Tree::parse(&files), "", &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "kustomization.yaml: replacements: copy more than 32 MiB");
}

/// kustomize writes below a null and prints the null. What it wrote would come out with the next label.
#[test]
fn below_a_null() {
    let base = r"
-- base/kustomization.yaml --
resources: [objects.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [spec.template.metadata.labels.x]
    options: {create: true}
-- base/objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template: null
-- overlay/kustomization.yaml --
resources: [../base]
labels: [{pairs: {l: m}, includeSelectors: true}]
";
    let printed = "
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template: null
";
    check(base, "base", printed);
    let error = build(&Tree::parse(base), "overlay", &Options::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported { field: "labels".to_owned() });
}
