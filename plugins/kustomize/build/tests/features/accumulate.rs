//! Resources: files, folders, lists, links.

use crate::support::check;

/// Files, folders beside and below, and several documents of one file come out in kustomize's order of kinds.
#[test]
fn files_folders_and_order() {
    check(
        r"
-- base/kustomization.yaml --
resources:
- ../shared
- objects.yaml
-- base/objects.yaml --
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
# nothing but a comment
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
-- shared/kustomization.yml --
resources: [hook.yaml, account.yaml]
-- shared/hook.yaml --
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
-- shared/account.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
-- overlay/Kustomization --
resources: [../base]
",
        "overlay",
        r"
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - port: 80
---
apiVersion: example.org/v1
kind: Widget
metadata:
  name: w
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: hook
",
    );
}

/// A deprecated field works, and says so.
#[test]
fn bases_is_an_old_name_for_resources() {
    check(
        r"
-- base/kustomization.yaml --
resources: [account.yaml]
-- base/account.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
-- overlay/kustomization.yaml --
bases: [../base]
",
        "overlay",
        r"
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
",
    );
}

/// A `List` and a list of one kind become their items; a kind that only ends so stays.
#[test]
fn lists_are_taken_apart() {
    check(
        r"
-- kustomization.yaml --
resources: [list.yaml, role-list.yaml, allow-list.yaml]
-- list.yaml --
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: one}
- apiVersion: v1
  kind: List
  items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: two}
-- role-list.yaml --
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleList
items:
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: {name: reader}
-- allow-list.yaml --
apiVersion: example.org/v1
kind: AllowList
metadata: {name: hosts}
spec: [a, b]
",
        "",
        r"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reader
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: two
---
apiVersion: example.org/v1
kind: AllowList
metadata:
  name: hosts
spec:
- a
- b
",
    );
}

/// A link counts as what it leads to.
#[test]
fn links_are_followed_within_the_folder() {
    check(
        r"
-- kustomization.yaml --
resources: [here.yaml, linked]
-- here.yaml -> deep/object.yaml --
-- deep/object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
-- linked -> elsewhere/real --
-- elsewhere/real/kustomization.yaml --
resources: [object.yaml]
namePrefix: real-
-- elsewhere/real/object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
",
        "",
        r"
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: real-two
",
    );
}

/// Objects for tools alone do not reach the output, but can be read by replacements before.
#[test]
fn local_objects_are_left_out() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
replacements:
- source: {kind: Settings, fieldPath: spec.host}
  targets:
  - select: {kind: ConfigMap}
    fieldPaths: [data.host]
-- objects.yaml --
apiVersion: example.org/v1
kind: Settings
metadata:
  name: settings
  annotations: {config.kubernetes.io/local-config: "true"}
spec: {host: example.org}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  annotations: {config.kubernetes.io/local-config: "false"}
data: {host: unset}
"#,
        "",
        r#"
apiVersion: v1
data:
  host: example.org
kind: ConfigMap
metadata:
  annotations:
    config.kubernetes.io/local-config: "false"
  name: one
"#,
    );
}

/// Two variants of one base live side by side.
#[test]
fn the_same_base_twice_with_prefixes() {
    check(
        r"
-- base/kustomization.yaml --
resources: [objects.yaml]
-- base/objects.yaml --
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec: {serviceName: web, template: {spec: {containers: [{name: c, image: i}]}}}
-- a/kustomization.yaml --
resources: [../base]
namePrefix: a-
-- b/kustomization.yaml --
resources: [../base]
namePrefix: b-
-- all/kustomization.yaml --
resources: [../a, ../b]
nameSuffix: -v1
",
        "all",
        r"
apiVersion: v1
kind: Service
metadata:
  name: a-web-v1
---
apiVersion: v1
kind: Service
metadata:
  name: b-web-v1
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: a-web-v1
spec:
  serviceName: a-web-v1
  template:
    spec:
      containers:
      - image: i
        name: c
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: b-web-v1
spec:
  serviceName: b-web-v1
  template:
    spec:
      containers:
      - image: i
        name: c
",
    );
}
