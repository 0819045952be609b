//! Generators of config maps and secrets.

use kustomize_build::{Options, build};

use crate::support::{Tree, check, check_tree, check_with};

/// Literals, files and environment files; text and bytes; a hash that references follow.
#[test]
fn config_maps_and_secrets() {
    check(
        r#"
-- kustomization.yaml --
resources: [pod.yaml]
configMapGenerator:
- name: conf
  literals: [a=1, 'b="quoted"', "c='x' y", d=, e=f=g]
  files: [text.txt, key=dir/other.txt]
  envs: [settings.env]
- name: plain
  options: {disableNameSuffixHash: true, labels: {l: "1"}, annotations: {an: "2"}, immutable: true}
secretGenerator:
- name: keys
  type: example.org/own
  env: settings.env
  literals: [long=0123456789012345678901234567890123456789012345678901234567890123456789]
-- text.txt --
several
  lines: of "text"
-- dir/other.txt --
<&>
-- settings.env --
# comment
ONE=1
  TWO=two words  
EMPTY=
NOTHING

-- pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  volumes:
  - {name: a, configMap: {name: conf}}
  - {name: b, secret: {secretName: keys}}
  - {name: c, configMap: {name: plain}}
"#,
        "",
        r#"
apiVersion: v1
data:
  EMPTY: ""
  NOTHING: ""
  ONE: "1"
  TWO: 'two words  '
  a: "1"
  b: quoted
  c: '''x'' y'
  d: ""
  e: f=g
  key: |
    <&>
  text.txt: |
    several
      lines: of "text"
kind: ConfigMap
metadata:
  name: conf-fhdktbh7dg
---
apiVersion: v1
immutable: true
kind: ConfigMap
metadata:
  annotations:
    an: "2"
  labels:
    l: "1"
  name: plain
---
apiVersion: v1
data:
  EMPTY: ""
  NOTHING: ""
  ONE: MQ==
  TWO: dHdvIHdvcmRzICA=
  long: |
    MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMT
    IzNDU2Nzg5MDEyMzQ1Njc4OQ==
kind: Secret
metadata:
  name: keys-fbm64hdbdd
type: example.org/own
---
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  volumes:
  - configMap:
      name: conf-fhdktbh7dg
    name: a
  - name: b
    secret:
      secretName: keys-fbm64hdbdd
  - configMap:
      name: plain
    name: c
"#,
    );
}

/// Those of one generator win, flags add up.
#[test]
fn options_for_all_and_for_one() {
    check(
        r"
-- kustomization.yaml --
generatorOptions:
  labels: {from: all, only: all}
  disableNameSuffixHash: true
configMapGenerator:
- name: one
  namespace: shop
  literals: [a=1]
  options: {labels: {from: one}, immutable: true}
- name: two
  literals: [a=1]
",
        "",
        r#"
apiVersion: v1
data:
  a: "1"
immutable: true
kind: ConfigMap
metadata:
  labels:
    from: one
    only: all
  name: one
  namespace: shop
---
apiVersion: v1
data:
  a: "1"
kind: ConfigMap
metadata:
  labels:
    from: all
    only: all
  name: two
"#,
    );
}

/// An overlay adds to what its base generates, or puts its own in place.
#[test]
fn merge_and_replace() {
    check(
        r"
-- base/kustomization.yaml --
configMapGenerator:
- name: merged
  literals: [a=1, b=2]
  options: {labels: {old: label}}
- name: replaced
  literals: [a=1]
secretGenerator:
- name: s
  literals: [a=1]
-- overlay/kustomization.yaml --
resources: [../base, pod.yaml]
namePrefix: o-
configMapGenerator:
- name: merged
  behavior: merge
  literals: [b=3, c=4]
  options: {labels: {new: label}}
- name: replaced
  behavior: replace
  literals: [z=26]
secretGenerator:
- name: s
  behavior: merge
  literals: [b=2]
-- overlay/pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: i, envFrom: [{configMapRef: {name: merged}}, {configMapRef: {name: replaced}}, {secretRef: {name: s}}]}]}
",
        "overlay",
        r#"
apiVersion: v1
data:
  a: "1"
  b: "3"
  c: "4"
kind: ConfigMap
metadata:
  labels:
    new: label
    old: label
  name: o-merged-fbcmkbc66h
---
apiVersion: v1
data:
  z: "26"
kind: ConfigMap
metadata:
  name: o-replaced-9m94kf28mm
---
apiVersion: v1
data:
  a: MQ==
  b: Mg==
kind: Secret
metadata:
  name: o-s-8fb7cfch84
type: Opaque
---
apiVersion: v1
kind: Pod
metadata:
  name: o-p
spec:
  containers:
  - envFrom:
    - configMapRef:
        name: o-merged-fbcmkbc66h
    - configMapRef:
        name: o-replaced-9m94kf28mm
    - secretRef:
        name: o-s-8fb7cfch84
    image: i
    name: c
"#,
    );
}

/// Bytes that are no text go to `binaryData`, in lines.
#[test]
fn bytes_are_base64() {
    let files = "
-- kustomization.yaml --
configMapGenerator:
- {name: one, files: [bytes, text], options: {disableNameSuffixHash: true}}
secretGenerator:
- {name: two, files: [bytes]}
";
    let bytes: Vec<u8> = (0..=255).collect();
    let tree = Tree::parse(files).with("bytes", &bytes).with("text", b"with\r\nreturns\r\n\ttab  \n\n");
    let rendering = build(&tree, "", &Options::default()).unwrap();
    check_tree(&tree, "", &rendering.yaml);
    assert!(rendering.yaml.contains("binaryData:\n  bytes: |\n    AAECAwQ"));
    assert!(rendering.yaml.contains("text: \"with\\r\\nreturns"));
}

/// kustomize loses the quotes of such a key and fails at the end. A key of a ConfigMap is always a string, so it is one.
#[test]
fn keys_that_look_like_numbers() {
    check_with(
        r#"
-- kustomization.yaml --
configMapGenerator: [{name: c, literals: ["9000=a", "true=b"], options: {disableNameSuffixHash: true}}]
"#,
        "",
        &Options::default(),
        r#"
apiVersion: v1
data:
  "9000": a
  "true": b
kind: ConfigMap
metadata:
  name: c
"#,
    );
}
