//! This crate and the real kustomize print the same for random objects and patches, and refuse the same.

mod support;

use std::fs;
use std::path::Path;

use kustomize_yaml::Node;
use kustomize_yaml::json_patch;
use kustomize_yaml::merge::{Merged, strategic};
use kustomize_yaml::read::{self, Limits};
use kustomize_yaml::schema::Schema;
use kustomize_yaml::write;
use support::dice::Dice;
use support::objects::{KINDS, Maker, Role};
use support::pointers;
use support::schema_file::{OBJECT, PATCH, SCHEMA};
use support::{Case, available, compare, scalars};

fn single(text: &str) -> Result<Node, String> {
    let mut found = read::documents(text, Limits::default()).map_err(|error| error.to_string())?;
    found.pop().filter(|_| found.is_empty()).ok_or_else(|| "not one document".to_owned())
}

fn printed(node: &Node) -> Result<Option<String>, String> {
    write::stream([node]).map(Some).map_err(|error| error.to_string())
}

fn value(at: usize, text: &str) -> Case {
    let name = format!("o{at:05}");
    let object = format!("apiVersion: v1\nkind: Odd\nmetadata:\n  name: {name}\nv:{text}\n");
    Case { name, object, patch: None }
}

#[test]
fn scalars_print_alike() {
    if !available("scalars_print_alike") {
        return;
    }
    let mut dice = Dice::new(1);
    let mut cases: Vec<Case> =
        scalars::ODD.iter().enumerate().map(|(at, text)| value(at, &format!(" {text}"))).collect();
    for _ in 0..Dice::cases(500) {
        cases.push(value(cases.len(), &format!(" {}", scalars::random(&mut dice))));
    }
    compare("scalars_print_alike", &cases, |case| single(&case.object).and_then(|node| printed(&node)));
}

#[test]
fn trees_print_alike() {
    if !available("trees_print_alike") {
        return;
    }
    let mut dice = Dice::new(2);
    let shared = "w: &x\n  a: 1\n  b: {c: d}\ny:\n  <<: *x\n  a: 2\nz: [*x]\nq:\n  <<: [*x, {b: 1, n: 3}]\n  m: *x\n";
    let mut cases = Vec::new();
    for at in 0..Dice::cases(300) {
        let mut case = value(at, scalars::tree(&mut dice, 2).trim_end_matches('\n'));
        if dice.percent(20) {
            case.object.push_str(shared);
        }
        cases.push(case);
    }
    compare("trees_print_alike", &cases, |case| single(&case.object).and_then(|node| printed(&node)));
}

fn objects(
    dice: &mut Dice,
    count: usize,
    odd: usize,
    patch: impl Fn(&mut Dice, &'static str, &str) -> String,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for at in 0..count {
        let name = format!("o{at:05}");
        let kind = dice.of(KINDS);
        let object = Maker { dice, role: Role::Object, odd }.object(kind, &name);
        let patch = Some(patch(dice, kind, &name));
        cases.push(Case { name, object, patch });
    }
    cases
}

fn merge(case: &Case, schema: &Schema) -> Result<Option<String>, String> {
    let mut target = single(&case.object)?;
    let patch = single(case.patch.as_deref().unwrap_or_default())?;
    match strategic(&mut target, &patch, schema).map_err(|error| error.to_string())? {
        Merged::Changed => printed(&target),
        Merged::Deleted => Ok(None),
    }
}

#[test]
fn merges_come_out_alike() {
    if !available("merges_come_out_alike") {
        return;
    }
    let schema = Schema::builtin();
    for (seed, odd) in [(3, 0), (4, 4), (5, 15)] {
        let mut dice = Dice::new(seed);
        let cases = objects(&mut dice, Dice::cases(120), odd, |dice, kind, name| {
            Maker { dice, role: Role::Patch, odd }.object(kind, name)
        });
        compare("merges_come_out_alike", &cases, |case| merge(case, &schema));
    }
}

fn apply(case: &Case) -> Result<Option<String>, String> {
    let mut target = single(&case.object)?;
    let patch = read::config(case.patch.as_deref().unwrap_or_default(), Limits::default());
    let patch = patch.map_err(|error| error.to_string())?.ok_or("an empty patch")?;
    let operations = json_patch::operations(&patch).map_err(|error| error.to_string())?;
    json_patch::apply(&mut target, &operations).map_err(|error| error.to_string())?;
    printed(&target)
}

#[test]
fn json_patches_come_out_alike() {
    if !available("json_patches_come_out_alike") {
        return;
    }
    let mut dice = Dice::new(6);
    let mut cases = Vec::new();
    for at in 0..Dice::cases(300) {
        let name = format!("o{at:05}");
        let object = pointers::object(&mut dice, &name);
        cases.push(Case { name, object, patch: Some(pointers::patch(&mut dice)) });
    }
    compare("json_patches_come_out_alike", &cases, apply);
}

#[test]
fn a_schema_file_counts_alike() {
    if !available("a_schema_file_counts_alike") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a_schema_file_counts_alike");
    fs::create_dir_all(&folder).expect("a folder");
    let files = [
        (
            "kustomization.yaml",
            "openapi: {path: schema.json}\nresources: [object.yaml]\npatches: [{path: patch.yaml}]\n",
        ),
        ("schema.json", SCHEMA),
        ("object.yaml", OBJECT),
        ("patch.yaml", PATCH),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("a file");
    }
    let schema = single(SCHEMA).and_then(|document| Schema::custom(&document).map_err(|error| error.to_string()));
    let case = Case { name: "foo".to_owned(), object: OBJECT.to_owned(), patch: Some(PATCH.to_owned()) };
    let ours = merge(&case, &schema.expect("a schema"));
    assert_eq!(support::render(&folder).map(Some), ours);
}
