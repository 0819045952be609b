//! Images.

use crate::support::check;

/// Everywhere a list is called containers or initContainers, but not in custom kinds' definitions.
#[test]
fn names_tags_and_digests() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
images:
- {name: web, newTag: "2"}
- {name: db, newName: registry.example.org/db, digest: "sha256:0123"}
- {name: cache, newName: memcache, newTag: "3", digest: "sha256:4567"}
- {name: side, tagSuffix: -debug}
- {name: "re.istry.example.org:5000/x", newName: yy}
-- objects.yaml --
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  initContainers:
  - {name: a, image: "web:1"}
  containers:
  - {name: b, image: db}
  - {name: c, image: "cache:1@sha256:89"}
  - {name: d, image: "side:1"}
  - {name: e, image: "web-not"}
  - {name: f, image: "registry.example.org:5000/x:1"}
  - {name: g}
  ephemeralContainers:
  - {name: h, image: "web:1"}
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: t}
spec: {deep: [{containers: [{image: "web:1"}], image: "web:1"}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: c}
spec: {containers: [{image: "web:1"}]}
"#,
        "",
        r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: c
spec:
  containers:
  - image: web:1
---
apiVersion: example.org/v1
kind: Thing
metadata:
  name: t
spec:
  deep:
  - containers:
    - image: web:2
    image: web:1
---
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  containers:
  - image: registry.example.org/db@sha256:0123
    name: b
  - image: memcache:3@sha256:4567
    name: c
  - image: side:1-debug-debug
    name: d
  - image: web-not
    name: e
  - image: yy:1
    name: f
  - name: g
  ephemeralContainers:
  - image: web:1
    name: h
  initContainers:
  - image: web:2
    name: a
",
    );
}
