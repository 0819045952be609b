//! Vars.

use crate::support::check;

/// Text around a var, kinds of values, escapes, names that nobody defines.
#[test]
fn values_in_arguments_and_environment() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
namePrefix: v-
vars:
- name: SERVICE
  objref: {apiVersion: v1, kind: Service, name: web}
- name: PORT
  objref: {apiVersion: v1, kind: Service, name: web}
  fieldref: {fieldPath: "spec.ports[0].port"}
- name: UNUSED
  objref: {apiVersion: v1, kind: Service, name: web}
-- objects.yaml --
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, targetPort: $(PORT)}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations: {a: "$(SERVICE):$(PORT)", number: $(PORT)}
spec:
  containers:
  - name: c
    image: $(SERVICE)
    args: ["$(SERVICE)", "$$(SERVICE)", "$(NOBODY)", "$", "$(", "a$b"]
    env: [{name: A, value: "http://$(SERVICE).$(SERVICE)"}]
"#,
        "",
        r#"
apiVersion: v1
kind: Service
metadata:
  name: v-web
spec:
  ports:
  - port: 80
    targetPort: 80
---
apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: v-web:80
    number: "80"
  name: v-p
spec:
  containers:
  - args:
    - v-web
    - $(SERVICE)
    - $(NOBODY)
    - $
    - $(
    - a$b
    env:
    - name: A
      value: http://v-web.v-web
    image: $(SERVICE)
    name: c
"#,
    );
}
