//! The real kustomize reads each edited file, and pulls what the edit says.

mod support;

use kustomize::edit::edit;
use kustomize::image::{Change, parse};
use std::fs;
use std::path::{Path, PathBuf};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: app}\n  - {name: b, image: \"b:old\"}\n";

const HEADS: [&str; 2] = [
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- pod.yaml\n",
    "# c\r\nresources: [pod.yaml]\r\n",
];

const LISTS: [&str; 14] = [
    "",
    "images:\n- name: app\n",
    "images:\n  - name: app\n    newTag: '1.0' # t\n  - {name: b, newTag: \"7\"}\n",
    "images: [{name: app, newTag: \"1.0\"}]\n",
    "images: [{\"name\": \"app\", \"digest\": \"D\"}]\n",
    "images:\n- digest: D\n  newTag: \"1\"\n  name: app\n",
    "images:\n- name: app\n  newName: other\n  newTag: v0",
    "images:\n- name: b\n  newTag: v0",
    "images: []\n",
    "images: null # none\n",
    "images: [{\n  name: app, # n\n  newTag: v0, # t\n  digest: D # d\n}]\n",
    "images:\n- # c\n  name: app\n  newTag: >-\n    v0\n",
    "images:\n-\n  name: b\n  newTag: |- # t\n    v0\n  # c\n",
    "images: [{name: app, newName: , newTag: v0}]\n",
];

/// What is refused, because kustomize pulls `app:evil` by it, whatever `newTag` of the image's item says.
const TRAPS: [&str; 9] = [
    "images:\n- name: app\n  newTag: v1\n  newtag: evil\n",
    "images:\n- name: app\n  newTag: v1\nimageſ:\n- name: app\n  newTag: evil\n",
    "commonAnnotations: {k: &k newTag}\nimages:\n- name: app\n  *k : evil\n",
    "images:\n- name: app\n  !!binary bmV3VGFn: evil\n",
    "imageTags:\n- name: app\n  newTag: evil\n",
    "images:\n- name: app\n  newTag: v1 # \u{85}  newTag: evil\n",
    "images:\n- name: app\n  newTag: v1 # \u{2028}  newTag: evil\n",
    "images:\n- name: app\n  newTag: v1\n- name: a.p\n  newTag: evil\n",
    "<<: {images: [{name: app, newTag: evil}]}\n",
];

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).expect("a folder for the test");
    fs::write(folder.join("pod.yaml"), POD).expect("a manifest");
    folder
}

#[test]
fn what_is_refused_would_pull_something_else() {
    if !support::available("what_is_refused_would_pull_something_else") {
        return;
    }
    let folder = folder("traps");
    for trap in TRAPS {
        let source = format!("resources: [pod.yaml]\n{trap}");
        fs::write(folder.join("kustomization.yaml"), &source).expect("a kustomization");
        let rendered = support::render(&folder).unwrap_or_else(|error| panic!("{error}\n{source}"));
        assert!(rendered.contains("image: app:evil\n"), "{rendered}\n{source}");
        let change = Change { image: "app".to_owned(), ..parse("v2").expect("a tag") };
        assert!(edit(&source, &change).is_err(), "{source}");
    }
}

#[test]
fn kustomize_pulls_what_the_edit_says() {
    if !support::available("kustomize_pulls_what_the_edit_says") {
        return;
    }
    let folder = folder("oracle");
    let digest = format!("sha256:{}", "cd".repeat(32));
    let references = ["v2".to_owned(), "1.10".to_owned(), "1e3".to_owned(), "r.io:5000/x/app:yes".to_owned()];
    let digests = [digest.clone(), format!("app@{digest}"), format!("r.io/app:2026-01-01@{digest}")];
    for head in HEADS {
        for list in LISTS {
            for reference in references.iter().chain(&digests) {
                let list = list.replace('D', &format!("sha256:{}", "0".repeat(64)));
                let list = if head.contains('\r') { list.replace('\n', "\r\n") } else { list };
                let source = format!("{head}{list}");
                let change = Change { image: "app".to_owned(), ..parse(reference).expect("a valid reference") };
                let edited = edit(&source, &change).unwrap_or_else(|problem| panic!("{problem}\n{source}"));
                fs::write(folder.join("kustomization.yaml"), &edited.text).expect("the edited file");
                let rendered = support::render(&folder).unwrap_or_else(|error| panic!("{error}\n{}", edited.text));
                let expected = format!("image: {}", edited.state.reference("app"));
                assert!(rendered.contains(&expected), "{expected}\n{rendered}\n{}", edited.text);
                let other = if list.contains("name: b,") {
                    "b:7"
                } else if list.contains("name: b\n") || list.contains("name: b\r\n") {
                    "b:v0"
                } else {
                    "b:old"
                };
                assert!(rendered.contains(&format!("image: {other}")), "{rendered}\n{}", edited.text);
            }
        }
    }
}
