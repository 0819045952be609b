//! Components.

use crate::support::check;

/// A component's patches and generators act on what its user has so far.
#[test]
fn components_change_their_user() {
    check(
        r"
-- app/kustomization.yaml --
resources: [deployment.yaml]
components: [../debug, ../extra]
namePrefix: app-
-- app/deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - {name: web, image: web:1}
-- debug/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
- name: debug
  literals: [level=debug]
patches:
- target: {kind: Deployment}
  patch: |
    - op: add
      path: /spec/template/spec/containers/0/envFrom
      value: [{configMapRef: {name: debug}}]
-- extra/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers:
          - {name: sidecar, image: sidecar:2}
",
        "app",
        r"
apiVersion: v1
data:
  level: debug
kind: ConfigMap
metadata:
  name: app-debug-ck5fk26hc4
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-web
spec:
  template:
    spec:
      containers:
      - image: sidecar:2
        name: sidecar
      - envFrom:
        - configMapRef:
            name: app-debug-ck5fk26hc4
        image: web:1
        name: web
",
    );
}
