//! Schemas.

use crate::support::check;

/// `openapi.path` says how; without it they are replaced.
#[test]
fn lists_of_custom_kinds_merge_by_a_schema_file() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
openapi: {path: schema.json}
patches:
- patch: |
    apiVersion: example.org/v1
    kind: Widget
    metadata: {name: w}
    spec: {parts: [{id: a, size: 2}, {id: c}]}
-- schema.json --
{"definitions": {"org.example.v1.Widget": {
  "properties": {"spec": {"properties": {"parts": {"type": "array", "items": {"type": "object"},
    "x-kubernetes-patch-merge-key": "id", "x-kubernetes-patch-strategy": "merge"}}}},
  "x-kubernetes-group-version-kind": [{"group": "example.org", "kind": "Widget", "version": "v1"}]}}}
-- objects.yaml --
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
spec: {parts: [{id: a, color: red}, {id: b}]}
"#,
        "",
        r"
apiVersion: example.org/v1
kind: Widget
metadata:
  name: w
spec:
  parts:
  - color: red
    id: a
    size: 2
  - id: c
  - id: b
",
    );
}
