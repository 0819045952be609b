//! The real kustomize reads each edited file, and pulls what the edit says.

mod support;

use kustomize::edit::edit;
use kustomize::image::{Change, parse};
use std::fs;
use std::path::Path;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: app}\n  - {name: b, image: \"b:old\"}\n";

const HEADS: [&str; 2] = [
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- pod.yaml\n",
    "# c\r\nresources: [pod.yaml]\r\n",
];

const LISTS: [&str; 9] = [
    "",
    "images:\n- name: app\n",
    "images:\n  - name: app\n    newTag: '1.0' # t\n  - {name: b, newTag: \"7\"}\n",
    "images: [{name: app, newTag: \"1.0\"}]\n",
    "images: [{\"name\": \"app\", \"digest\": \"D\"}]\n",
    "images:\n- digest: D\n  newTag: \"1\"\n  name: app\n",
    "images:\n- name: app\n  newName: other\n  newTag: v0",
    "images:\n- name: b\n  newTag: v0",
    "images: []\n",
];

#[test]
fn kustomize_pulls_what_the_edit_says() {
    if !support::available("kustomize_pulls_what_the_edit_says") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    fs::create_dir_all(&folder).expect("a folder for the test");
    fs::write(folder.join("pod.yaml"), POD).expect("a manifest");
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
                } else if list.contains("name: b") {
                    "b:v0"
                } else {
                    "b:old"
                };
                assert!(rendered.contains(&format!("image: {other}")), "{rendered}\n{}", edited.text);
            }
        }
    }
}
