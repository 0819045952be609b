//! Patches.

use crate::support::{check, fails};

/// Lists merge by their keys, new items come first, null takes away, directives replace and delete.
#[test]
fn strategic_merge_patches_by_name() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
patches:
- path: patches.yaml
-- patches.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: null
  template:
    spec:
      containers:
      - {name: sidecar, image: side}
      - name: web
        env:
        - {name: B, value: "2"}
        ports:
        - {containerPort: 8080, name: http}
      - {name: old, $patch: delete}
      tolerations:
      - $patch: replace
      - {key: new}
---
apiVersion: v1
kind: Service
metadata: {name: web}
$patch: delete
-- objects.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: web:1
        env:
        - {name: A, value: "1"}
        ports:
        - {containerPort: 80}
      - {name: old, image: old}
      tolerations:
      - {key: old}
---
apiVersion: v1
kind: Service
metadata: {name: web}
"#,
        "",
        r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - image: side
        name: sidecar
      - env:
        - name: B
          value: "2"
        - name: A
          value: "1"
        image: web:1
        name: web
        ports:
        - containerPort: 8080
          name: http
        - containerPort: 80
      tolerations:
      - $patch: replace
      - key: new
"#,
    );
}

/// Expressions match whole names; labels and annotations select as in Kubernetes; nothing selected is no mistake.
#[test]
fn selectors_of_patches() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
namePrefix: p-
patches:
- target: {kind: Config.*, name: a|b, labelSelector: "tier in (front), !skip"}
  patch: |
    - {op: add, path: /data/json, value: yes}
- target: {annotationSelector: mark=yes}
  patch: |
    apiVersion: v1
    kind: any
    metadata: {name: any}
    data: {merged: "1"}
- target: {kind: Nothing}
  patch: |
    - {op: remove, path: /data}
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {tier: front}}
data: {x: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ab, labels: {tier: front}}
data: {x: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {tier: front, skip: "1"}, annotations: {mark: "yes"}}
data: {x: "1"}
"#,
        "",
        r#"
apiVersion: v1
data:
  json: true
  x: "1"
kind: ConfigMap
metadata:
  labels:
    tier: front
  name: p-a
---
apiVersion: v1
data:
  x: "1"
kind: ConfigMap
metadata:
  labels:
    tier: front
  name: p-ab
---
apiVersion: v1
data:
  merged: "1"
  x: "1"
kind: ConfigMap
metadata:
  annotations:
    mark: "yes"
  labels:
    skip: "1"
    tier: front
  name: p-b
"#,
    );
}

/// Names and kinds only where the options say so; namespaces never.
#[test]
fn what_a_patch_may_change() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
patches:
- target: {name: a}
  options: {allowNameChange: true, allowKindChange: true}
  patch: |
    apiVersion: v1
    kind: Secret
    metadata: {name: changed, namespace: elsewhere}
- target: {name: b}
  patch: |
    apiVersion: v1
    kind: Secret
    metadata: {name: changed}
    data: {k: djI=}
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: n}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: n}
spec: {volumes: [{name: v, configMap: {name: a}}, {name: w, secret: {secretName: a}}]}
",
        "",
        r#"
apiVersion: v1
data:
  k: djI=
kind: ConfigMap
metadata:
  name: b
---
apiVersion: v1
kind: Secret
metadata:
  name: changed
  namespace: "n"
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: "n"
spec:
  volumes:
  - configMap:
      name: changed
    name: v
  - name: w
    secret:
      secretName: a
"#,
    );
}

/// Through a selector, null does not take a label away: it becomes the word.
#[test]
fn labels_of_a_selected_patch_become_strings() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
patches:
- target: {kind: ConfigMap}
  patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: any
      labels: {gone: null, count: 5}
      annotations: null
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {gone: here}, annotations: {stays: here}}
",
        "",
        r#"
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    stays: here
  labels:
    count: "5"
    gone: "null"
  name: a
"#,
    );
}

/// JSON and YAML of the older dialect; annotations are always there to be added to.
#[test]
fn json_patches() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
patches:
- target: {kind: ConfigMap}
  patch: |
    - {op: add, path: /metadata/annotations/a, value: b}
    - {op: replace, path: /data/x, value: on}
    - {op: test, path: /data/list/0, value: 1}
    - {op: add, path: /data/list/-, value: 0o17}
    - {op: add, path: /data/list/0, value: 0777}
    - {op: copy, from: /data/list, path: /data/copy}
    - {op: move, from: /data/y, path: /data/z~1z}
    - {op: remove, path: /data/gone}
- path: more.json
  target: {kind: ConfigMap}
-- more.json --
[{"op": "add", "path": "/data/big", "value": 12345678901234567890}, {"op": "add", "path": "/data/f", "value": 1.50}]
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {x: 1, y: 2, gone: 3, list: [1, 2]}
"#,
        "",
        r"
apiVersion: v1
data:
  big: 12345678901234567000
  copy:
  - 511
  - 1
  - 2
  - 15
  f: 1.5
  list:
  - 511
  - 1
  - 2
  - 15
  x: true
  z/z: 2
kind: ConfigMap
metadata:
  annotations:
    a: b
  name: a
",
    );
}

/// patchesStrategicMerge come first, patchesJson6902 after prefixes and labels.
#[test]
fn deprecated_fields() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
namePrefix: p-
patchesJson6902:
- target: {version: v1, kind: ConfigMap, name: a}
  path: json.yaml
patchesStrategicMerge:
- merge.yaml
- |-
  apiVersion: v1
  kind: ConfigMap
  metadata: {name: a}
  data: {inline: "1"}
-- json.yaml --
- {op: copy, from: /metadata/name, path: /data/name}
-- merge.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {file: "1"}
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {}
"#,
        "",
        r#"
apiVersion: v1
data:
  file: "1"
  inline: "1"
  name: p-a
kind: ConfigMap
metadata:
  name: p-a
"#,
    );
}

/// Text that YAML 1.1 takes for something else gets quotes in a new place, and what a later patch writes there keeps them.
#[test]
fn quotes_outlive_the_text_that_needed_them() {
    check(
        r"
-- kustomization.yaml --
resources: [map.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: Foo
    metadata: {name: a}
    spec: {a: on, b: text}
- patch: |
    apiVersion: v1
    kind: Foo
    metadata: {name: a}
    spec: {a: 1.50, b: 1.50}
-- map.yaml --
apiVersion: v1
kind: Foo
metadata: {name: a}
spec: {c: 1}
",
        "",
        r#"
apiVersion: v1
kind: Foo
metadata:
  name: a
spec:
  a: "1.50"
  b: 1.5
  c: 1
"#,
    );
}

/// A patch that begins with `[` is JSON, and what it tests must be written as Go writes it.
#[test]
fn patches_in_json() {
    let files = |patch: &str| {
        format!(
            r"
-- kustomization.yaml --
resources: [foo.yaml]
patches:
- target: {{kind: Foo}}
  path: patch.json
-- patch.json --
{patch}
-- foo.yaml --
apiVersion: v1
kind: Foo
metadata: {{name: a}}
spec: {{a: a<b, b: 1, c: A}}
"
        )
    };
    let printed = "
apiVersion: v1
kind: Foo
metadata:
  name: a
spec:
  a: a<b
  b: 1
  c: A
";
    for value in [r#"{"c": "A", "b": 1, "a": "a\u003cb"}"#, r#"{"a": "a\u003cb", "b": 1, "c": "A"}"#] {
        check(&files(&format!(r#"[{{"op": "test", "path": "/spec", "value": {value}}}]"#)), "", printed);
    }
    check(&files("- {op: test, path: /spec/a, value: a<b}\n- {op: test, path: /spec/b, value: 1.0}"), "", printed);
    for (path, value) in [("a", r#""a<b""#), ("b", "1.0"), ("c", r#""\u0041""#), ("b", r#""1""#), ("b", "[1]")] {
        let patch = format!(r#"[{{"op": "test", "path": "/spec/{path}", "value": {value}}}]"#);
        let message = format!(
            "kustomization.yaml: patch.json: Foo.v1.[noGrp]/a.[noNs]: patches: testing value /spec/{path} failed"
        );
        fails(&files(&patch), "", &message);
    }
    let what = "invalid character looking for beginning of object key string";
    fails(
        &files("[{op: test, path: /spec/b, value: 1}]"),
        "",
        &format!(
            "kustomization.yaml: unable to parse SM or JSON patch: patch.json: not JSON: line 1, column 3: {what}"
        ),
    );
}

/// What kustomize notes of an option on a patch makes strings of the patch's annotations, as a selector does.
#[test]
fn annotations_of_a_patch_with_options_become_strings() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
patches:
- patch: '{apiVersion: v1, kind: Thing, metadata: {name: a, annotations: {gone: null, count: 5}}}'
  options: {allowNameChange: true}
- patch: '{apiVersion: v1, kind: Thing, metadata: {name: b, annotations: null}}'
  options: {allowKindChange: true}
- patch: '{apiVersion: v1, kind: Thing, metadata: {name: c, annotations: {gone: null}}}'
-- objects.yaml --
apiVersion: v1
kind: Thing
metadata: {name: a, annotations: {gone: x, kept: x}}
---
apiVersion: v1
kind: Thing
metadata: {name: b, annotations: {gone: x, kept: x}}
---
apiVersion: v1
kind: Thing
metadata: {name: c, annotations: {gone: x, kept: x}}
",
        "",
        r#"
apiVersion: v1
kind: Thing
metadata:
  annotations:
    count: "5"
    gone: "null"
    kept: x
  name: a
---
apiVersion: v1
kind: Thing
metadata:
  annotations:
    gone: x
    kept: x
  name: b
---
apiVersion: v1
kind: Thing
metadata:
  annotations:
    kept: x
  name: c
"#,
    );
}

/// A merge gives quotes to what YAML 1.1 takes for a bool, and later values keep them.
#[test]
fn words_of_yaml_1_1() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
patches:
- patch: '{apiVersion: v1, kind: Thing, metadata: {name: a}, other: x, deep: {new: {word: on}}}'
- patch: '{apiVersion: v1, kind: Thing, metadata: {name: a}, word: 5, text: also, deep: {word: 6, new: {word: 7}}}'
- patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {paused: true}}'
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: d}
    spec: {template: {spec: {containers: [{name: c, env: [{name: A, value: 8}]}]}}}
-- objects.yaml --
apiVersion: v1
kind: Thing
metadata: {name: a}
word: on
text: no
deep: {word: off}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {containers: [{name: c, env: [{name: A, value: yes}]}]}}}
",
        "",
        r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  paused: true
  template:
    spec:
      containers:
      - env:
        - name: A
          value: "8"
        name: c
---
apiVersion: v1
deep:
  new:
    word: "7"
  word: "6"
kind: Thing
metadata:
  name: a
other: x
text: also
word: "5"
"#,
    );
}

/// Labels have fewer characters than annotations, and a selector of either has those of labels.
#[test]
fn selectors_that_no_label_fits() {
    let long = "a".repeat(64);
    for (selector, why) in [
        ("a=https://x", "invalid label value 'https://x': a value"),
        ("a=-bad", "invalid label value '-bad': a value"),
        ("a in (x, y/z)", "invalid label value 'y/z': a value"),
        ("a>-1", "invalid label value '-1': a value"),
        ("a/b/c=x", "invalid label key 'a/b/c': a name"),
        (&long, &format!("invalid label key '{long}': a name")),
    ] {
        for field in ["labelSelector", "annotationSelector"] {
            let files = format!(
                "-- kustomization.yaml --\nresources: [object.yaml]\npatches:\n- target: {{{field}: '{selector}'}}\n  patch: \
                 '- {{op: add, path: /x, value: 1}}'\n-- object.yaml --\n{{apiVersion: v1, kind: Thing, metadata: {{name: a}}}}\n"
            );
            let rule = "is up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
            let message = format!(
                "kustomization.yaml: patches: selector: unable to parse label selector '{selector}': {why} {rule}"
            );
            fails(&files, "", &message);
            // Nobody reads the selector where nothing else fits.
            let files = files.replace("target: {", "target: {kind: Other, ");
            check(&files, "", "apiVersion: v1\nkind: Thing\nmetadata:\n  name: a\n");
        }
    }
}
