//! Prefixes, suffixes, and references by name.

use crate::support::check;

/// Volumes, environment, scalers, bindings, ingresses and hooks follow; namespaces and custom kinds keep their names.
#[test]
fn prefixes_and_suffixes_reach_all_that_names_an_object() {
    check(
        r#"
-- kustomization.yaml --
namePrefix: pre-
nameSuffix: -suf
resources: [objects.yaml]
-- objects.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
imagePullSecrets: [{name: keys}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {storageClassName: fast, volumeName: pv}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      serviceAccountName: web
      priorityClassName: high
      imagePullSecrets: [{name: keys}]
      volumes:
      - {name: a, configMap: {name: conf}}
      - {name: b, secret: {secretName: keys}}
      - {name: c, persistentVolumeClaim: {claimName: disk}}
      - name: d
        projected:
          sources:
          - configMap: {name: conf}
          - secret: {name: keys}
      initContainers:
      - name: init
        image: i
        env: [{name: A, valueFrom: {configMapKeyRef: {name: conf, key: a}}}]
      containers:
      - name: web
        image: i
        envFrom: [{secretRef: {name: keys}}, {configMapRef: {name: unknown}}]
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {nginx.ingress.kubernetes.io/auth-secret: keys}
spec:
  tls: [{secretName: keys}]
  rules:
  - http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [configmaps, secrets], resourceNames: [conf, keys, other], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
"#,
        "",
        r#"
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: pre-fast-suf
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.org
---
apiVersion: v1
imagePullSecrets:
- name: pre-keys-suf
kind: ServiceAccount
metadata:
  name: pre-web-suf
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: pre-reader-suf
rules:
- apiGroups:
  - ""
  resourceNames:
  - pre-conf-suf
  - pre-keys-suf
  - other
  resources:
  - configmaps
  - secrets
  verbs:
  - get
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: pre-reader-suf
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: pre-reader-suf
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: pre-reader-suf
subjects:
- kind: ServiceAccount
  name: pre-web-suf
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: pre-conf-suf
---
apiVersion: v1
kind: Secret
metadata:
  name: pre-keys-suf
---
apiVersion: v1
kind: Service
metadata:
  name: pre-web-suf
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: pre-high-suf
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: pre-disk-suf
spec:
  storageClassName: pre-fast-suf
  volumeName: pv
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: pre-web-suf
spec:
  template:
    spec:
      containers:
      - envFrom:
        - secretRef:
            name: pre-keys-suf
        - configMapRef:
            name: unknown
        image: i
        name: web
      imagePullSecrets:
      - name: pre-keys-suf
      initContainers:
      - env:
        - name: A
          valueFrom:
            configMapKeyRef:
              key: a
              name: pre-conf-suf
        image: i
        name: init
      priorityClassName: pre-high-suf
      serviceAccountName: pre-web-suf
      volumes:
      - configMap:
          name: pre-conf-suf
        name: a
      - name: b
        secret:
          secretName: pre-keys-suf
      - name: c
        persistentVolumeClaim:
          claimName: pre-disk-suf
      - name: d
        projected:
          sources:
          - configMap:
              name: pre-conf-suf
          - secret:
              name: pre-keys-suf
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: pre-web-suf
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: pre-web-suf
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  annotations:
    nginx.ingress.kubernetes.io/auth-secret: pre-keys-suf
  name: pre-web-suf
spec:
  rules:
  - http:
      paths:
      - backend:
          service:
            name: pre-web-suf
            port:
              number: 80
        path: /
  tls:
  - secretName: pre-keys-suf
"#,
    );
}

/// Quotes of a name survive a prefix; a number without quotes is text as soon as it has one.
#[test]
fn numbers_as_names_stay_strings() {
    check(
        r#"
-- kustomization.yaml --
namePrefix: "0"
resources: [objects.yaml]
-- objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: "12"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: x7}
"#,
        "",
        r#"
apiVersion: v1
kind: ConfigMap
metadata:
  name: "012"
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: 7
"#,
    );
}

/// Of two objects of one former name, the one that shares the referrer's prefixes is meant.
#[test]
fn each_overlay_names_its_own_objects() {
    check(
        r"
-- base/kustomization.yaml --
resources: [objects.yaml]
-- base/objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: c, image: i, envFrom: [{configMapRef: {name: conf}}]}]
-- one/kustomization.yaml --
namePrefix: one-
resources: [../base]
-- two/kustomization.yaml --
namePrefix: two-
resources: [../base]
-- all/kustomization.yaml --
namePrefix: all-
resources: [../one, ../two]
",
        "all",
        r"
apiVersion: v1
kind: ConfigMap
metadata:
  name: all-one-conf
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: all-two-conf
---
apiVersion: v1
kind: Pod
metadata:
  name: all-one-web
spec:
  containers:
  - envFrom:
    - configMapRef:
        name: all-one-conf
    image: i
    name: c
---
apiVersion: v1
kind: Pod
metadata:
  name: all-two-web
spec:
  containers:
  - envFrom:
    - configMapRef:
        name: all-two-conf
    image: i
    name: c
",
    );
}

/// A reference stays within its namespace; bindings reach accounts of others.
#[test]
fn references_across_namespaces() {
    check(
        r"
-- kustomization.yaml --
resources: [one, two]
nameSuffix: -x
-- one/kustomization.yaml --
namespace: one
resources: [objects.yaml]
-- one/objects.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: bot}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {serviceAccountName: bot, volumes: [{name: v, configMap: {name: conf}}]}
-- two/kustomization.yaml --
namespace: two
resources: [objects.yaml]
-- two/objects.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: bot, namespace: one}
",
        "",
        r"
apiVersion: v1
kind: ServiceAccount
metadata:
  name: bot-x
  namespace: one
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: b-x
  namespace: two
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: view
subjects:
- kind: ServiceAccount
  name: bot-x
  namespace: one
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: conf-x
  namespace: one
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: conf-x
  namespace: two
---
apiVersion: v1
kind: Pod
metadata:
  name: p-x
  namespace: one
spec:
  serviceAccountName: bot-x
  volumes:
  - configMap:
      name: conf-x
    name: v
",
    );
}
