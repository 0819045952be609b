//! Replicas.

use crate::support::check;

/// By name, where a kind has them.
#[test]
fn numbers_of_replicas() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
namePrefix: x-
replicas:
- {name: web, count: 3}
-- objects.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec: {replicas: "1"}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
"#,
        "",
        r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: x-web
spec:
  replicas: 3
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: x-web
spec:
  replicas: "3"
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: x-web
"#,
    );
}
