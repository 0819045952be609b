//! Files in other encodings.

use kustomize_build::{Options, build};

use crate::support::{Tree, check_tree};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ä\n";

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(order).collect()
}

#[test]
fn utf_16_in_either_order() {
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let tree = Tree::default()
            .with("kustomization.yaml", &utf16("resources: [map.yaml]\n", order))
            .with("map.yaml", &utf16(MAP, order));
        check_tree(&tree, "", MAP);
    }
}

/// kustomize would print the first document alone.
#[test]
fn several_documents_in_utf_16_are_refused() {
    let tree = Tree::default()
        .with("kustomization.yaml", b"resources: [map.yaml]\n")
        .with("map.yaml", &utf16(&format!("{MAP}---\n{MAP}"), u16::to_le_bytes));
    let error = build(&tree, "", &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "map.yaml: several documents in UTF-16: write the file in UTF-8");
}
