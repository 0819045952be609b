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

/// kustomize leaves no tag where it writes over a scalar: what is written there later is resolved anew.
#[test]
fn a_kind_follows_the_text_of_what_was_written_before() {
    check(
        r#"
-- base/kustomization.yaml --
resources: [objects.yaml]
replacements:
- source: {kind: ConfigMap, name: c, fieldPath: data.account}
  targets: [{select: {kind: Bucket}, fieldPaths: [spec.name], options: {create: true}}]
- source: {kind: ConfigMap, name: c, fieldPath: data.env}
  targets: [{select: {kind: Bucket}, fieldPaths: [spec.name], options: {delimiter: "-", index: 1}}]
- source: {kind: ConfigMap, name: c, fieldPath: data.one}
  targets: [{select: {kind: Bucket}, fieldPaths: [metadata.labels.v], options: {create: true}}]
- source: {kind: ConfigMap, name: c, fieldPath: data.two}
  targets: [{select: {kind: Bucket}, fieldPaths: [metadata.labels.v], options: {delimiter: ".", index: 1}}]
- source: {kind: ConfigMap, name: c, fieldPath: data.port}
  targets: [{select: {kind: Bucket}, fieldPaths: [spec.port, spec.list.0], options: {create: true}}]
- source: {kind: ConfigMap, name: c, fieldPath: data.env}
  targets: [{select: {kind: Bucket}, fieldPaths: [spec.text], options: {create: true}}]
-- base/objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {account: "123456789012", env: prod, one: "1", two: 2-rc1, port: "8080", three: "3"}
---
apiVersion: example.org/v1
kind: Bucket
metadata: {name: b}
spec: {list: []}
-- kustomization.yaml --
resources: [base]
replacements:
- source: {kind: ConfigMap, name: c, fieldPath: data.env}
  targets: [{select: {kind: Bucket}, fieldPaths: [spec.port, spec.list.0]}]
- source: {kind: ConfigMap, name: c, fieldPath: data.three}
  targets: [{select: {kind: Bucket}, fieldPaths: [spec.text]}]
"#,
        "",
        r#"
apiVersion: v1
data:
  account: "123456789012"
  env: prod
  one: "1"
  port: "8080"
  three: "3"
  two: 2-rc1
kind: ConfigMap
metadata:
  name: c
---
apiVersion: example.org/v1
kind: Bucket
metadata:
  labels:
    v: 1.2-rc1
  name: b
spec:
  list:
  - prod
  name: 123456789012-prod
  port: prod
  text: 3
"#,
    );
}

/// Prefixes, images and names behind a patch leave no tag either; the namespace of all objects has one.
#[test]
fn a_kind_follows_the_text_of_what_transformers_wrote() {
    check(
        r#"
-- base/kustomization.yaml --
resources: [objects.yaml]
namePrefix: p-
namespace: shop
images: [{name: app, newName: "5"}, {name: side, newName: x}]
-- base/objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {tag: v1, three: "3"}
---
apiVersion: example.org/v1
kind: Named
metadata: {name: a}
---
apiVersion: example.org/v1
kind: Patched
metadata: {name: b}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers: [{name: a, image: app}, {name: b, image: side}]
-- kustomization.yaml --
resources: [base]
patches:
- patch: '{apiVersion: example.org/v1, kind: Patched, metadata: {name: p-b, namespace: shop}, x: z}'
replacements:
- source: {kind: ConfigMap, fieldPath: data.tag}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=a].image"]
    options: {delimiter: ":", index: 1}
- source: {kind: ConfigMap, fieldPath: data.three}
  targets:
  - {select: {kind: Deployment}, fieldPaths: ["spec.template.spec.containers.[name=b].image"]}
  - {select: {kind: Named}, fieldPaths: [metadata.name, metadata.namespace]}
  - {select: {kind: Patched}, fieldPaths: [metadata.name, metadata.namespace]}
"#,
        "",
        r#"
apiVersion: v1
data:
  tag: v1
  three: "3"
kind: ConfigMap
metadata:
  name: p-c
  namespace: shop
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: p-d
  namespace: shop
spec:
  template:
    spec:
      containers:
      - image: 5:v1
        name: a
      - image: 3
        name: b
---
apiVersion: example.org/v1
kind: Named
metadata:
  name: 3
  namespace: "3"
---
apiVersion: example.org/v1
kind: Patched
metadata:
  name: 3
  namespace: 3
x: z
"#,
    );
}
