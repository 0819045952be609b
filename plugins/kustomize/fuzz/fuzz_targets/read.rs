//! Any text is read or refused, and what is printed of it reads back as the same.
//!
//! With cargo-fuzz: `RUSTC_BOOTSTRAP=1 cargo fuzz run read -- -max_total_time=600`.

#![no_main]

use kustomize_yaml::read::{Limits, config, documents, manifests};
use kustomize_yaml::write;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let limits = Limits { nodes: 20_000, bytes: 1 << 20, ..Limits::default() };
    let _ = config(text, limits);
    let _ = manifests(text, limits);
    for node in documents(text, limits).unwrap_or_default() {
        let (Ok(printed), Ok(json)) = (write::stream([&node]), write::json(&node)) else { continue };
        let back = documents(&printed, Limits::default()).expect("what was printed is YAML");
        let again: Vec<String> = back.iter().map(|node| write::json(node).expect("what was read is JSON")).collect();
        // A next-line character reads as a line break; an empty object reads as one, not as nothing.
        if !json.contains('\u{85}') {
            assert_eq!(again, [json], "{printed}");
        }
    }
});
