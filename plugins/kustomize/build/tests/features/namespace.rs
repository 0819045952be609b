//! Namespaces.

use crate::support::{check, fails};

/// Cluster-wide kinds have none; subjects named default, API services and conversions follow.
#[test]
fn namespaces_of_objects_and_of_what_names_them() {
    check(
        r"
-- kustomization.yaml --
namespace: shop
resources: [objects.yaml]
-- objects.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: old}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: old}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects:
- {kind: ServiceAccount, name: default}
- {kind: ServiceAccount, name: web, namespace: old}
- {kind: ServiceAccount, name: other, namespace: elsewhere}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: old}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.metrics.example.org}
spec: {service: {name: metrics}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  conversion:
    webhook:
      clientConfig:
        service: {name: hook, namespace: old}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: hook}
webhooks:
- name: a.example.org
  clientConfig: {service: {name: web, namespace: old}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: old}
---
apiVersion: example.org/v1
kind: Namespace
metadata: {name: not-a-namespace}
",
        "",
        r"
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: example.org/v1
kind: Namespace
metadata:
  name: not-a-namespace
  namespace: shop
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.org
spec:
  conversion:
    webhook:
      clientConfig:
        service:
          name: hook
          namespace: shop
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
  namespace: shop
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: reader
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: reader
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: reader
subjects:
- kind: ServiceAccount
  name: default
  namespace: shop
- kind: ServiceAccount
  name: web
  namespace: shop
- kind: ServiceAccount
  name: other
  namespace: elsewhere
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  namespace: shop
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: v1.metrics.example.org
spec:
  service:
    name: metrics
    namespace: shop
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: hook
webhooks:
- clientConfig:
    service:
      name: web
      namespace: shop
  name: a.example.org
",
    );
}

/// What is written as null gets a value.
#[test]
fn a_null_namespace_is_filled() {
    check(
        r"
-- kustomization.yaml --
namespace: shop
resources: [object.yaml]
-- object.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  namespace:
",
        "",
        r"
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  namespace: shop
",
    );
}

/// A subject is a mapping with a name; a null in its place is passed over.
#[test]
fn subjects_of_a_wrong_shape() {
    for (subject, what) in [
        ("a", "a subject of a binding is a mapping"),
        ("{kind: User, name: {a: b}}", "the name of a binding's subject is a text"),
        ("{kind: User, name: [a]}", "the name of a binding's subject is a text"),
    ] {
        let files = format!(
            r"
-- kustomization.yaml --
namespace: shop
resources: [binding.yaml]
-- binding.yaml --
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: b}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}}
subjects: [{subject}]
"
        );
        fails(&files, "", &format!("kustomization.yaml: namespace: {what}"));
    }
}
