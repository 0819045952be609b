//! Configurations and custom kinds.

use kustomize_build::ErrorKind;

use crate::support::{check, fails};

/// Names, references, labels, images, replicas and vars of custom kinds.
#[test]
fn configurations_add_fields() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
configurations: [fields.yaml]
namePrefix: c-
commonLabels: {app: x}
images: [{name: web, newTag: "2"}]
replicas: [{name: w, count: 4}]
namespace: shop
-- fields.yaml --
nameReference:
- kind: ConfigMap
  version: v1
  fieldSpecs:
  - {kind: Widget, path: spec/configs}
- kind: Widget
  fieldSpecs:
  - {kind: Pod, path: spec/widget/name}
commonLabels:
- {kind: Widget, path: spec/selector, create: true}
images:
- {kind: Widget, path: spec/image}
replicas:
- {kind: Widget, path: spec/size, create: true}
namespace:
- {kind: Widget, path: spec/target/namespace}
namePrefix:
- {kind: Widget, path: spec/alias}
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
spec: {configs: [conf, other], image: "web:1", target: {namespace: old}, alias: w}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {widget: {name: w}}
"#,
        "",
        r"
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    app: x
  name: c-conf
  namespace: shop
---
apiVersion: example.org/v1
kind: Widget
metadata:
  labels:
    app: x
  name: c-w
  namespace: shop
spec:
  alias: c-w
  configs:
  - c-conf
  - other
  image: web:2
  selector:
    app: x
  size: 4
  target:
    namespace: shop
---
apiVersion: v1
kind: Pod
metadata:
  labels:
    app: x
  name: c-p
  namespace: shop
spec:
  widget:
    name: c-w
",
    );
}

/// Extensions of OpenAPI definitions add references, labels and annotations.
#[test]
fn crds_say_which_fields_are_what() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
crds: [widget.json]
namePrefix: c-
commonLabels: {app: x}
commonAnnotations: {note: yy}
-- widget.json --
{"org.example.v1.Widget": {"Schema": {"properties": {
  "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
  "spec": {"$ref": "org.example.v1.WidgetSpec"}}}},
 "org.example.v1.WidgetSpec": {"Schema": {"properties": {
  "secret": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret"},
  "other": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret", "x-kubernetes-object-ref-name-key": "key"},
  "selector": {"x-kubernetes-label-selector": ""},
  "notes": {"x-kubernetes-annotation": ""}}}}}
-- objects.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
spec: {secret: {name: s}, other: {key: s}, selector: {a: b}, notes: {c: d}}
"#,
        "",
        r"
apiVersion: v1
kind: Secret
metadata:
  annotations:
    note: yy
  labels:
    app: x
  name: c-s
---
apiVersion: example.org/v1
kind: Widget
metadata:
  annotations:
    note: yy
  labels:
    app: x
  name: c-w
spec:
  notes:
    c: d
    note: yy
  other:
    key: c-s
  secret:
    name: c-s
  selector:
    a: b
    app: x
",
    );
}

/// The definition of a custom resource is no OpenAPI definition, though the field's name suggests it.
#[test]
fn crds_of_another_shape() {
    for (file, message) in [
        (
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.example.org}}",
            "`apiVersion` is a scalar, not a part of an OpenAPI definition",
        ),
        ("[a]", "the file holds a list, not OpenAPI definitions by name"),
        ("text", "the file holds a scalar, not OpenAPI definitions by name"),
        ("{a: {Schema: x}}", "`a.Schema` is a scalar, not a part of an OpenAPI definition"),
        ("{a: {schema: {properties: [b]}}}", "`a.Schema.properties` is a list, not a part of an OpenAPI definition"),
        (
            "{a: {Schema: {properties: {b: c}}}}",
            "`a.Schema.properties.b` is a scalar, not a part of an OpenAPI definition",
        ),
        ("{a: {Dependencies: x}}", "`a.Dependencies` is a scalar, not a list of names"),
    ] {
        let files = format!("-- kustomization.yaml --\ncrds: [things.yaml]\n-- things.yaml --\n{file}\n");
        let error = fails(&files, "", &format!("crds: things.yaml: {message}"));
        assert!(
            error.hint.is_some_and(|hint| hint.contains("CustomResourceDefinition goes to `resources:`")),
            "{file}"
        );
        assert_eq!(error.kind, ErrorKind::Invalid { path: "things.yaml".to_owned(), line: 0, column: 0 });
    }
}
