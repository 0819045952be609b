//! Merges each patch of one file into the object at the same place of another, and prints the results.

use std::error::Error;
use std::io::Write as _;

use kustomize_yaml::merge::{Merged, strategic};
use kustomize_yaml::read::{Limits, documents};
use kustomize_yaml::schema::Schema;
use kustomize_yaml::write;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [targets, patches] = paths.as_slice() else { return Err("usage: merge TARGETS PATCHES".into()) };
    let read = |path: &str| -> Result<_, Box<dyn Error>> {
        Ok(documents(&std::fs::read_to_string(path)?, Limits::default())?)
    };
    let schema = Schema::builtin();
    let mut left = Vec::new();
    for (mut target, patch) in read(targets)?.into_iter().zip(read(patches)?) {
        if strategic(&mut target, &patch, &schema)? == Merged::Changed {
            left.push(target);
        }
    }
    std::io::stdout().write_all(write::stream(&left)?.as_bytes())?;
    Ok(())
}
