//! Expressions in selectors and in the names of images, in Go's syntax.

use crate::support::{check, fails};

/// A brace that counts nothing is a brace, a dollar in the middle matches nothing, and quotes quote.
#[test]
fn what_go_reads_otherwise() {
    check(
        r#"
-- kustomization.yaml --
resources: [maps.yaml]
patches:
- target: {name: '${NAME}'}
  patch: '[{"op": "add", "path": "/data/a", "value": "never"}]'
- target: {name: '\$\{NAME}|\Qa.b\E'}
  patch: '[{"op": "add", "path": "/data/b", "value": "both"}]'
- target: {name: '[[:alpha:]][.-][a-c]{1}'}
  patch: '[{"op": "add", "path": "/data/c", "value": "one"}]'
images:
- {name: 'we{b', newTag: '2'}
-- maps.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: '${NAME}'}
data: {}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a.b}
data: {}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'we{b:1'}]}
"#,
        "",
        "
apiVersion: v1
data:
  b: both
kind: ConfigMap
metadata:
  name: ${NAME}
---
apiVersion: v1
data:
  b: both
  c: one
kind: ConfigMap
metadata:
  name: a.b
---
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - image: we{b:2
    name: web
",
    );
}

/// What Go refuses is refused, even where the engine would take it.
#[test]
fn no_expressions() {
    for (name, what) in [
        ("a**", "invalid nested repetition operator"),
        ("(?x)a", "invalid or unsupported Perl syntax"),
        (r"\y", "invalid escape sequence"),
    ] {
        let files = format!(
            r#"
-- kustomization.yaml --
resources: [map.yaml]
patches:
- target: {{name: '{name}'}}
  patch: '[{{"op": "add", "path": "/data", "value": {{}}}}]'
-- map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {{name: a}}
"#
        );
        let message =
            format!("kustomization.yaml: patches: selector: name: error parsing regexp '^(?:{name})$': {what}");
        fails(&files, "", &message);
    }
}
