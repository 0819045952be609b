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

/// Every string of a field that may have vars is written anew: it loses its style, and what had no tag becomes a string.
#[test]
fn strings_without_vars() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
vars:
- {name: NAME, objref: {apiVersion: v1, kind: Thing, name: t}}
replacements:
- source: {kind: Thing, fieldPath: spec.three}
  targets: [{select: {kind: Thing}, fieldPaths: [metadata.labels.new], options: {create: true}}]
-- objects.yaml --
apiVersion: v1
kind: Thing
metadata: {name: t, labels: {a: b}}
spec: {three: "3"}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations:
    a: $(NAME)
    folded: >
      one

      two
        three
spec:
  containers:
  - name: c
    command:
    - >
      one

      two
        three
    - "on"
"#,
        "",
        r#"
apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: t
    folded: |
      one
      two
        three
  name: p
spec:
  containers:
  - command:
    - |
      one
      two
        three
    - "on"
    name: c
---
apiVersion: v1
kind: Thing
metadata:
  labels:
    a: b
    new: "3"
  name: t
spec:
  three: "3"
"#,
    );
}

/// Go prints a large float in a text with an exponent, and without one where the var is all of it.
#[test]
fn floats() {
    check(
        r#"
-- kustomization.yaml --
resources: [objects.yaml]
vars:
- {name: LARGE, objref: {apiVersion: v1, kind: Thing, name: t}, fieldref: {fieldPath: spec.large}}
- {name: EXACT, objref: {apiVersion: v1, kind: Thing, name: t}, fieldref: {fieldPath: spec.exact}}
- {name: SMALL, objref: {apiVersion: v1, kind: Thing, name: t}, fieldref: {fieldPath: spec.small}}
-- objects.yaml --
apiVersion: v1
kind: Thing
metadata: {name: t}
spec: {large: 1e7, exact: 1234567.5, small: 0.25}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    args: [$(LARGE), "a $(LARGE)", "a $(EXACT)", "a $(SMALL)"]
"#,
        "",
        r#"
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  containers:
  - args:
    - 10000000
    - a 1e+07
    - a 1.2345675e+06
    - a 0.25
    name: c
---
apiVersion: v1
kind: Thing
metadata:
  name: t
spec:
  exact: 1.2345675e+06
  large: 10000000
  small: 0.25
"#,
    );
}
