//! What an application says beside its kustomization.

use std::collections::BTreeMap;

use kustomize_build::{Collision, ErrorKind, LabelReach, MissingComponents, Options, Patch, build};

use crate::support::{Tree, check, check_with};

const FILES: &str = r#"
-- kustomization.yaml --
resources: [deployment.yaml]
images:
- {name: web, newName: registry/web, newTag: "1"}
- {name: db, newTag: "1"}
commonLabels: {app: web}
replicas: [{name: other, count: 1}]
patchesStrategicMerge: [patch.yaml]
-- patch.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {paused: true}
-- deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - {name: web, image: web}
      - {name: db, image: db}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
"#;

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The same as the kustomization that `kustomize edit` would leave, which is in the other folder.
#[test]
fn all_of_them_are_edits_of_the_kustomization() {
    let edited = r#"
-- edited/kustomization.yaml --
resources: [deployment.yaml]
namePrefix: pre-
nameSuffix: -suf
namespace: shop
images:
- {name: db, newTag: "1"}
- {name: web, newName: registry/web, newTag: "2"}
replicas: [{name: other, count: 1}, {name: web, count: 4}]
labels:
- {pairs: {app: web}, includeSelectors: true}
- {pairs: {team: shop}, includeTemplates: true}
commonAnnotations: {note: here}
patches:
- path: patch.yaml
- target: {name: other}
  patch: '[{"op": "add", "path": "/spec", "value": {"paused": false}}]'
components: [part]
-- edited/part/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
commonAnnotations: {part: "1"}
"#;
    let part = edited.split_once("-- edited/part/").unwrap().1;
    let files =
        FILES.trim_start().replace("-- patch", "-- edited/patch").replace("-- deployment", "-- edited/deployment");
    let sources = files.split_once("-- edited/patch").unwrap().1;
    let expected = {
        let tree = format!("{edited}-- edited/patch{sources}");
        let rendering = build(&Tree::parse(&tree), "edited", &Options::default()).unwrap();
        check(&tree, "edited", &rendering.yaml).yaml
    };
    let selector = named("other");
    let options = Options {
        name_prefix: "pre-".to_owned(),
        name_suffix: "-suf".to_owned(),
        namespace: "shop".to_owned(),
        images: vec!["web=*:2".to_owned()],
        replicas: [("web".to_owned(), 4)].into(),
        patches: vec![Patch {
            patch: r#"[{"op": "add", "path": "/spec", "value": {"paused": false}}]"#.to_owned(),
            target: Some(selector),
            ..Patch::default()
        }],
        components: vec!["part".to_owned(), "nowhere".to_owned()],
        missing_components: MissingComponents::Ignored,
        common_labels: strings(&[("team", "shop")]),
        label_reach: LabelReach::Templates,
        common_annotations: strings(&[("note", "here")]),
        ..Options::default()
    };
    check_with(&format!("{FILES}-- part/{part}"), "", &options, &expected);
}

fn named(name: &str) -> kustomize_build::Selector {
    let mut selector = kustomize_build::Selector::default();
    selector.id.name = name.to_owned();
    selector
}

#[track_caller]
fn refused(options: &Options, message: &str) -> ErrorKind {
    let error = build(&Tree::parse(FILES), "", options).unwrap_err();
    assert_eq!(error.to_string(), message);
    error.kind
}

/// Labels with selectors may not be in the kustomization under another name.
#[test]
fn labels_that_are_there_already() {
    let options = Options { common_labels: strings(&[("app", "shop")]), ..Options::default() };
    refused(&options, "label name 'app' exists in both commonLabels and labels");
}

/// Annotations may be replaced by force alone.
#[test]
fn annotations_that_are_there_already() {
    let files = "
-- kustomization.yaml --
resources: [object.yaml]
commonAnnotations: {note: old}
-- object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
";
    let mut options = Options { common_annotations: strings(&[("note", "new")]), ..Options::default() };
    let error = build(&Tree::parse(files), "", &options).unwrap_err();
    assert_eq!(error.to_string(), "annotation note already in kustomization file");
    options.annotation_collision = Collision::Replaced;
    let expected = "
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    note: new
  name: one
";
    check_with(files, "", &options, expected);
}

/// A component that is not there is an error unless it is to be ignored.
#[test]
fn components_that_are_not_there() {
    let options = Options { components: vec!["nowhere".to_owned()], ..Options::default() };
    let kind = refused(&options, "kustomization.yaml: nowhere: no such file or folder");
    assert_eq!(kind, ErrorKind::Missing { path: "nowhere".to_owned() });
}

/// An image is a name with something new.
#[test]
fn images_that_are_none() {
    let options = Options { images: vec!["web".to_owned()], ..Options::default() };
    refused(&options, "invalid format of image 'web'");
}
