//! Order of the output.

use crate::support::check;

/// Nothing is moved.
#[test]
fn in_the_order_of_the_input() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
sortOptions: {order: fifo}
-- objects.yaml --
apiVersion: v1
kind: Service
metadata: {name: b}
---
apiVersion: v1
kind: Namespace
metadata: {name: a}
",
        "",
        r"
apiVersion: v1
kind: Service
metadata:
  name: b
---
apiVersion: v1
kind: Namespace
metadata:
  name: a
",
    );
}

/// First ones, others by group, version and kind, last ones.
#[test]
fn by_lists_of_kinds() {
    check(
        r"
-- kustomization.yaml --
resources: [objects.yaml]
sortOptions:
  order: legacy
  legacySortOptions:
    orderFirst: [Service]
    orderLast: [Namespace]
-- objects.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: z.example.org/v1
kind: Thing
metadata: {name: b}
---
apiVersion: v1
kind: Service
metadata: {name: b}
---
apiVersion: a.example.org/v1
kind: Thing
metadata: {name: b, namespace: z}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: a.example.org/v1
kind: Thing
metadata: {name: c, namespace: a}
",
        "",
        r"
apiVersion: v1
kind: Service
metadata:
  name: b
---
apiVersion: a.example.org/v1
kind: Thing
metadata:
  name: c
  namespace: a
---
apiVersion: a.example.org/v1
kind: Thing
metadata:
  name: b
  namespace: z
---
apiVersion: z.example.org/v1
kind: Thing
metadata:
  name: b
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
---
apiVersion: v1
kind: Namespace
metadata:
  name: a
",
    );
}
