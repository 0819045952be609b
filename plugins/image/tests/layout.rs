//! Layouts that a tool wrote are read, and those that are not what they say are refused.

mod support;

use image::assemble::{Inputs, assemble};
use image::digest::Digest;
use image::facts::Facts;
use image::layout;
use serde_json::{Value, json};
use support::machine::Native;
use support::{available, folder, put};
use tidegate::Outcome;

#[test]
fn a_layout_is_what_it_says_or_refused() {
    if !available("a_layout_is_what_it_says_or_refused", &["tar", "gzip"]) {
        return;
    }
    let root = folder("layout").join("w");
    put(&root, "file", "content\n");
    let machine = Native::new(&root);
    let with = json!({
        "base": "scratch", "layers": [{"from": "file", "to": "/"}], "layout": "out", "platforms": ["linux/amd64", "linux/arm64"],
    });
    let inputs: Inputs = serde_json::from_value(with).expect("inputs");
    let facts = Facts { key: "image".into(), attempt: 1, ..Facts::default() };
    let Outcome::Succeeded(outputs) = assemble(&machine, &facts, &inputs).expect("written") else {
        panic!("not written")
    };
    assert!(outputs.reference.is_none() && outputs.tags.is_empty());
    assert_eq!(machine.taken(""), Vec::<String>::new(), "no registry is asked for a layout upon nothing");
    let image = layout::read(&machine, "out").expect("a layout");
    assert_eq!(image.root().expect("an index").digest.as_str(), outputs.digest);
    assert_eq!((image.manifests.len(), image.layers.len(), image.configs.len()), (3, 1, 2));
    assert_eq!(image.size(), outputs.size);

    let refused = |code: &str, why: &str| {
        let error = layout::read(&machine, "out").expect_err(why);
        assert!(error.is(code) && error.message.contains(why), "{error:?}");
    };
    let index = std::fs::read_to_string(root.join("out/index.json")).expect("an index");
    let mut two: Value = serde_json::from_str(&index).expect("JSON");
    let other = json!({"mediaType": "x", "digest": Digest::of(b"other"), "size": 1});
    two["manifests"].as_array_mut().expect("a list").push(other);
    put(&root, "out/index.json", &two.to_string());
    refused("image-no-digest", "2 images");
    put(&root, "out/index.json", r#"{"manifests":[]}"#);
    refused("image-no-digest", "0 images");
    put(&root, "out/index.json", "[");
    refused("image-no-digest", "cannot be read");
    std::fs::remove_file(root.join("out/index.json")).expect("removed");
    refused("image-no-digest", "no index.json");
    put(&root, "out/index.json", &index);
    // The index itself, and then one of its images.
    for document in [&image.manifests[2], &image.manifests[0]] {
        let path = layout::blob("out", &document.digest);
        let text = String::from_utf8(document.bytes.clone()).expect("text");
        put(&root, &path, &text.replace("schemaVersion\":2", "schemaVersion\":2 "));
        refused("image-digest", document.digest.as_str());
        std::fs::remove_file(root.join(&path)).expect("removed");
        refused("image-no-digest", "lacks the manifest");
        put(&root, &path, &text);
    }
    layout::read(&machine, "out").expect("whole again");
}
