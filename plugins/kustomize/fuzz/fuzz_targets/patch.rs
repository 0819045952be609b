//! Any two texts merge, or do not: no patch makes this crate panic or run away.

#![no_main]

use kustomize_yaml::read::{Limits, config, documents};
use kustomize_yaml::schema::Schema;
use kustomize_yaml::{json_patch, merge, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let limits = Limits { nodes: 5_000, bytes: 1 << 20, ..Limits::default() };
    let Some((object, patch)) = text.split_once("\n===\n") else { return };
    let Ok([target]) = <[_; 1]>::try_from(documents(object, limits).unwrap_or_default()) else { return };
    for patch in documents(patch, limits).unwrap_or_default() {
        let mut merged = target.clone();
        if merge::strategic(&mut merged, &patch, &Schema::builtin()).is_ok() {
            let _ = write::stream([&merged]);
        }
    }
    let Ok(Some(patch)) = config(patch, limits) else { return };
    let Ok(operations) = json_patch::operations(&patch) else { return };
    let mut patched = target.clone();
    if json_patch::apply(&mut patched, &operations).is_err() {
        assert_eq!(patched, target, "a patch that fails changes nothing");
    }
});
