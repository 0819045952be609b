//! Labels and annotations.

use crate::support::check;

/// Metadata alone, with templates, with selectors, and fields of one's own.
#[test]
fn labels_reach_what_each_entry_says() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
labels:
- pairs: {meta: only}
- pairs: {team: shop}
  includeTemplates: true
- pairs: {app: web}
  includeSelectors: true
- pairs: {own: field}
  fields:
  - {path: spec/labels, kind: Widget, create: true}
-- objects.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec: {}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  template: {}
  volumeClaimTemplates:
  - metadata: {name: data}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np}
spec:
  podSelector: {matchLabels: {old: one}}
  ingress: [{from: [{podSelector: {matchLabels: {a: b}}}, {namespaceSelector: {}}]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec: {jobTemplate: {spec: {template: {spec: {}}}}}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
",
        "",
        r"
apiVersion: v1
kind: Service
metadata:
  labels:
    app: web
    meta: only
    own: field
    team: shop
  name: web
spec:
  selector:
    app: web
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: web
    meta: only
    own: field
    team: shop
  name: web
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
        team: shop
    spec: {}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  labels:
    app: web
    meta: only
    own: field
    team: shop
  name: db
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
        team: shop
  volumeClaimTemplates:
  - metadata:
      labels:
        app: web
        team: shop
      name: data
---
apiVersion: batch/v1
kind: CronJob
metadata:
  labels:
    app: web
    meta: only
    own: field
    team: shop
  name: tick
spec:
  jobTemplate:
    metadata:
      labels:
        app: web
        team: shop
    spec:
      template:
        metadata:
          labels:
            app: web
            team: shop
        spec: {}
---
apiVersion: example.org/v1
kind: Widget
metadata:
  labels:
    app: web
    meta: only
    own: field
    team: shop
  name: w
spec:
  labels:
    own: field
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  labels:
    app: web
    meta: only
    own: field
    team: shop
  name: np
spec:
  ingress:
  - from:
    - podSelector:
        matchLabels:
          a: b
          app: web
    - namespaceSelector: {}
  podSelector:
    matchLabels:
      app: web
      old: one
",
    );
}

/// Both, over those that are there; values that look like other kinds stay strings.
#[test]
fn common_labels_and_annotations() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
commonLabels: {app: web, version: "1"}
commonAnnotations: {note: "true", existing: new}
-- objects.yaml --
apiVersion: batch/v1
kind: Job
metadata:
  name: j
  annotations: {existing: old, number: 5, flag: yes}
spec:
  template: {metadata: {labels: {app: other}}, spec: {}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: rc}
spec: {template: {}}
"#,
        "",
        r#"
apiVersion: batch/v1
kind: Job
metadata:
  annotations:
    existing: new
    flag: "yes"
    note: "true"
    number: "5"
  labels:
    app: web
    version: "1"
  name: j
spec:
  template:
    metadata:
      annotations:
        existing: new
        note: "true"
      labels:
        app: web
        version: "1"
    spec: {}
---
apiVersion: v1
kind: ReplicationController
metadata:
  annotations:
    existing: new
    note: "true"
  labels:
    app: web
    version: "1"
  name: rc
spec:
  selector:
    app: web
    version: "1"
  template:
    metadata:
      annotations:
        existing: new
        note: "true"
      labels:
        app: web
        version: "1"
"#,
    );
}

/// kyaml keeps a label of a base in one place of memory: an overlay that changes it in the metadata changes the selector as well.
#[test]
fn a_label_that_was_set_in_many_places_changes_in_all() {
    check(
        r"
-- base/kustomization.yaml --
resources: [deployment.yaml]
labels:
- pairs: {app: web}
  includeSelectors: true
-- base/deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {}}
-- labels/kustomization.yaml --
resources: [../base]
labels:
- pairs: {app: shop}
",
        "labels",
        r"
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: shop
  name: web
spec:
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
",
    );
}

/// The same by a patch, and not after a JSON patch has made the object anew.
#[test]
fn a_patch_of_a_shared_label_changes_all_places() {
    check(
        r#"
-- base/kustomization.yaml --
resources: [deployments.yaml]
commonLabels: {app: web}
-- base/deployments.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: one}
spec: {template: {}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: two}
spec: {template: {}}
-- anew/kustomization.yaml --
resources: [../base]
patches:
- target: {name: two}
  patch: '[{"op": "add", "path": "/spec/replicas", "value": 2}]'
-- top/kustomization.yaml --
resources: [../anew]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: one, labels: {app: shop}}
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: two, labels: {app: shop}}
"#,
        "top",
        r"
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: shop
  name: one
spec:
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: shop
  name: two
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
",
    );
}
