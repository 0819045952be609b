//! Fields that name objects, in shapes that kustomize does not take.

use crate::support::fails;

/// kustomize looks at the shape of references whether or not any name has changed.
#[test]
fn references_of_a_wrong_shape() {
    let binding = |subject: &str| {
        format!(
            r"
-- kustomization.yaml --
resources: [binding.yaml]
-- binding.yaml --
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: b}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}
subjects: [{subject}]
"
        )
    };
    let id = "RoleBinding.v1.rbac.authorization.k8s.io/b.[noNs]";
    let blank = format!("Invalid Input: namespace is blank for resource \"{id}\"");
    fails(&binding("{kind: ServiceAccount, name: a, namespace: }"), "", &blank);
    fails(&binding("{kind: ServiceAccount, name: a, namespace: 5}"), "", &blank);
    fails(&binding("a"), "", &format!("a subject of {id} is no mapping"));
    fails(&binding("{kind: 5, name: a, namespace: n}"), "", &format!("the kind of a subject of {id} is no text"));
    fails(
        &binding("{kind: ServiceAccount, namespace: n}"),
        "",
        &format!(
            "updating name reference in 'subjects' field of '{id}': considering field 'subjects': path config error; no \
             'name' field in node"
        ),
    );
}

/// A name that a patch takes away is missing among the former names, but its namespace is not.
#[test]
fn an_object_without_a_name_has_no_history() {
    fails(
        r"
-- kustomization.yaml --
namespace: shop
nameSuffix: -suf
resources: [map.yaml]
patches:
- target: {kind: ConfigMap}
  patch: '- {op: remove, path: /metadata/name}'
-- map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
",
        "",
        "kustomization.yaml: ConfigMap.v1.[noGrp]/[noName].[noNs]: number of previous names, number of \
         previous namespaces, number of previous kinds not equal",
    );
}

/// Field specs walk one field after the other. What means an element of a list has no place in them.
#[test]
fn field_specs_have_no_wildcards() {
    let files = |path: &str| {
        format!(
            r#"
-- kustomization.yaml --
resources: [map.yaml]
configurations: [config.yaml]
commonLabels: {{a: b}}
-- config.yaml --
commonLabels:
- path: "{path}"
-- map.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {{name: a}}
data: {{}}
"#
        )
    };
    let place = "kustomization.yaml: commonLabels: ConfigMap.v1.[noGrp]/a.[noNs]: considering field";
    fails(&files("data/*"), "", &format!("{place} 'data/*': wildcard is not supported here"));
    for part in ["0", "-", "[a=b]"] {
        let message = format!("{place} 'data/{part}': wrong node kind: expected list but got mapping");
        fails(&files(&format!("data/{part}")), "", &message);
    }
    fails(&files("data/-1"), "", &format!("{place} 'data/-1': array index -1 cannot be negative"));
}
