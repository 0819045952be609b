//! Built-in plugins.

use crate::support::check;

/// As objects in files, in a kustomization of their own, and inline.
#[test]
fn built_in_transformers() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
transformers:
- names.yaml
- more
- |-
  apiVersion: builtin
  kind: NamespaceTransformer
  metadata: {name: x, namespace: shop}
  unsetOnly: true
  setRoleBindingSubjects: allServiceAccounts
- |-
  apiVersion: builtin
  kind: ValueAddTransformer
  metadata: {name: x}
  value: eu
  targets:
  - {selector: {kind: ConfigMap}, fieldPath: data/path, filePathPosition: 2}
  - {fieldPath: metadata/annotations/example.org\/region}
-- names.yaml --
apiVersion: builtin
kind: PrefixTransformer
metadata: {name: x}
prefix: pre-
fieldSpecs: [{path: metadata/name}]
---
apiVersion: builtin
kind: SuffixTransformer
metadata: {name: y}
suffix: -suf
fieldSpecs: [{path: metadata/name, kind: ConfigMap}]
-- more/kustomization.yaml --
resources: [list.yaml]
-- more/list.yaml --
apiVersion: builtin
kind: LabelTransformer
metadata: {name: a}
labels: {app: 5}
fieldSpecs: [{path: metadata/labels, create: true}]
---
apiVersion: builtin
kind: ReplicaCountTransformer
metadata: {name: b}
replica: {name: web, count: 7}
fieldSpecs: [{path: spec/replicas, create: true, kind: Deployment}]
---
apiVersion: builtin
kind: ImageTagTransformer
metadata: {name: c}
imageTag: {name: web, newTag: 3}
---
apiVersion: builtin
kind: PatchTransformer
metadata: {name: d}
target: {kind: Deployment}
patch: '[{"op": "add", "path": "/spec/paused", "value": true}]'
-- objects.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: c, image: web}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf, namespace: set}
data: {path: a/b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: a}, {kind: User, name: b}, {kind: ServiceAccount, name: c, namespace: set}]
"#,
        "",
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  annotations:
    example.org/region: eu
  labels:
    app: "5"
  name: pre-b
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: view
subjects:
- kind: ServiceAccount
  name: a
  namespace: shop
- kind: User
  name: b
- kind: ServiceAccount
  name: c
  namespace: set
---
apiVersion: v1
data:
  path: a/eu/b
kind: ConfigMap
metadata:
  annotations:
    example.org/region: eu
  labels:
    app: "5"
  name: pre-conf-suf
  namespace: set
---
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    example.org/region: eu
  labels:
    app: "5"
  name: pre-web
  namespace: shop
spec:
  paused: true
  replicas: 7
  template:
    spec:
      containers:
      - image: web:3
        name: c
"#,
    );
}

/// A generator as an object; a validator that changes nothing.
#[test]
fn built_in_generators_and_validators() {
    check(
        r"
-- kustomization.yaml --
generators: [generator.yaml]
validators:
- |-
  apiVersion: builtin
  kind: LabelTransformer
  metadata: {name: v}
  labels: {app: x}
  fieldSpecs: [{path: metadata/labels}]
-- generator.yaml --
apiVersion: builtin
kind: ConfigMapGenerator
metadata: {name: conf}
literals: [a=1]
---
apiVersion: builtin
kind: SecretGenerator
metadata: {name: keys, namespace: n}
behavior: create
literals: [b=2]
options: {disableNameSuffixHash: true, labels: {app: x}}
---
apiVersion: builtin
kind: IAMPolicyGenerator
metadata: {name: policy}
cloud: gke
kubernetesService: {name: account, namespace: n}
serviceAccount: {name: google, projectId: p}
",
        "",
        r#"
apiVersion: v1
kind: ServiceAccount
metadata:
  annotations:
    iam.gke.io/gcp-service-account: google@p.iam.gserviceaccount.com
  name: account
  namespace: "n"
---
apiVersion: v1
data:
  a: "1"
kind: ConfigMap
metadata:
  name: conf-h29d89cmmt
---
apiVersion: v1
data:
  b: Mg==
kind: Secret
metadata:
  labels:
    app: x
  name: keys
  namespace: "n"
type: Opaque
"#,
    );
}
