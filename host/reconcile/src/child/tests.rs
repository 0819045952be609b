//! What rows of children make of a catalog, and how they end.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::entry::refuse_twins;
use crate::entry::tests::entry as file;
use serde_json::{Value, json};

fn document(name: &str, more: &Value) -> Value {
    let mut metadata = json!({"name": name, "namespace": "argocd"});
    metadata
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata,
        "spec": {"project": "team", "destination": {"name": "dev"}, "source": {"repoURL": "./config.git", "path": "a"}}})
}

fn row(parent: &str, name: &str) -> ChildRow {
    let ancestors = vec![Ancestor { name: parent.to_owned(), project: "default".to_owned() }];
    let descent = serde_json::to_value(Descent { repository: "config".to_owned(), ancestors }).unwrap();
    ChildRow { parent: parent.into(), name: name.into(), document: document(name, &json!({})), descent, leaving: None }
}

fn leaves(row: ChildRow, leaving: Leaving) -> ChildRow {
    ChildRow { leaving: Some(leaving), ..row }
}

fn config() -> HostConfig {
    let text =
        "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories: { config: { url: ./config.git } }\n";
    manifest::host(&File::new("tidegate.yaml", text)).value.unwrap()
}

/// Each as `name <- ancestors (place)`, or with why it is none.
fn expanded(files: &[Entry], rows: &[ChildRow]) -> Vec<String> {
    let mut entries = files.to_vec();
    expand(&mut entries, rows, &config());
    refuse_twins(&mut entries);
    refuse_with_parents(&mut entries);
    let line = |entry: &Entry| {
        let from: Vec<&str> = entry.ancestors.iter().map(|ancestor| ancestor.name.as_str()).collect();
        let what = entry.application.as_ref().map_or_else(|why| why.message.clone(), |_| entry.place.clone());
        format!("{} <- {}: {what}", entry.name, from.join("/"))
    };
    entries.iter().skip(files.len()).map(line).collect()
}

#[test]
fn children_stand_beside_what_files_declare() {
    let root = file("argocd/root.yaml", "root", "", "apps/root");
    let rows = [row("root", "a"), row("root", "b"), row("a", "leaf"), leaves(row("root", "gone"), Leaving::Ends)];
    assert_eq!(
        expanded(std::slice::from_ref(&root), &rows),
        [
            "a <- root: application root: config:apps/root",
            "b <- root: application root: config:apps/root",
            "leaf <- root/a: application a: config:a",
        ]
    );
    let mut entries = vec![root];
    expand(&mut entries, &rows, &config());
    let leaf = &entries[3];
    let projects: Vec<&str> = leaf.ancestors.iter().map(|ancestor| ancestor.project.as_str()).collect();
    assert_eq!(
        (leaf.repository.as_str(), projects, leaf.project.as_str()),
        ("config", vec!["default", "team"], "team")
    );
    assert_eq!((leaf.parent(), leaf.path()), (Some("a"), None));
}

#[test]
fn what_cannot_be_used_is_told_and_takes_its_children_along() {
    let root = file("argocd/root.yaml", "root", "", "apps/root");
    let twin = file("argocd/a.yaml", "a", "", "apps/a");
    let mut wrong = row("root", "wrong");
    wrong.document["spec"]["synkPolicy"] = json!({});
    let rows = [row("root", "a"), row("a", "leaf"), row("root", "b"), row("b", "root"), wrong, row("nobody", "lost")];
    let all = expanded(&[root, twin], &rows);
    let told = |name: &str| all.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>().join("\n");
    let twins = "the name `a` is taken more than once: config:argocd/a.yaml:1, application root: config:apps/root";
    assert!(told("a <-").ends_with(twins), "{all:#?}");
    assert!(told("leaf <-").contains(&format!("its parent `a` cannot be used: {twins}")), "{all:#?}");
    assert!(
        told("wrong <-").contains("application root, wrong:") && told("wrong <-").contains("synkPolicy"),
        "{all:#?}"
    );
    assert!(told("lost <-").contains("its parent `nobody` is declared nowhere that could be read"), "{all:#?}");
    // One in a circle is none, and takes nobody's name.
    assert_eq!(told("root <-"), "", "{all:#?}");
}

#[test]
fn a_name_says_whether_a_child_may_be_there() {
    let from = |names: &[&str]| Descent {
        repository: String::new(),
        ancestors: names.iter().map(|name| Ancestor { name: (*name).to_owned(), project: String::new() }).collect(),
    };
    let told = from(&["a", "b", "c"]).refuses("b");
    assert_eq!(
        told.as_deref(),
        Some("applications would declare each other in a circle: `b` declares `c` declares `b`")
    );
    let deep: Vec<String> = (0..=DEEPEST).map(|level| level.to_string()).collect();
    let deep: Vec<&str> = deep.iter().map(String::as_str).collect();
    assert_eq!(from(&deep[..DEEPEST]).refuses("x"), None);
    assert!(from(&deep).refuses("x").is_some_and(|told| told.contains("a depth of 8")));
}

#[test]
fn one_that_goes_goes_by_its_document_or_by_what_was_kept_of_it() {
    let finalizer = json!({"finalizers": ["resources-finalizer.argocd.argoproj.io"]});
    let mut goes = leaves(row("root", "a"), Leaving::Ends);
    goes.document = document("a", &finalizer);
    let deletion =
        |row: &ChildRow, known: Option<&Entry>| leaving(row, known).map(|it| it.application.unwrap().deletion);
    assert_eq!(deletion(&goes, None), Some(Deletion::Foreground));
    let let_go = ChildRow { leaving: Some(Leaving::LetGo), ..goes.clone() };
    assert_eq!(deletion(&let_go, None), Some(Deletion::Keeps), "whatever its document says");
    assert_eq!(deletion(&ChildRow { leaving: None, ..goes.clone() }, None), None, "nobody said that it goes");
    // A document that was never understood.
    let kept = leaving(&goes, None).unwrap();
    let mut wrong = goes.clone();
    wrong.document["spec"]["synkPolicy"] = json!({});
    assert_eq!(deletion(&wrong, None), None);
    assert_eq!(deletion(&wrong, Some(&kept)), Some(Deletion::Foreground));
    // A file's application of that name is another one.
    assert_eq!(deletion(&wrong, Some(&file("a.yaml", "a", "", "a"))), None);
    // What another version stored gives no rights.
    let foreign = ChildRow { descent: json!("?"), ..goes };
    assert_eq!(leaving(&foreign, None).unwrap().repository, "");
}
