//! What the built-in types and a schema file say.

#[path = "support/schema_file.rs"]
mod schema_file;

use kustomize_yaml::Node;
use kustomize_yaml::merge::strategic;
use kustomize_yaml::read::{Limits, documents};
use kustomize_yaml::schema::{Schema, Scope};
use kustomize_yaml::write;
use schema_file::{OBJECT, PATCH, SCHEMA};

fn one(text: &str) -> Node {
    documents(text, Limits::default()).expect("YAML").pop().expect("a document")
}

fn merged(schema: &Schema) -> String {
    let mut target = one(OBJECT);
    strategic(&mut target, &one(PATCH), schema).expect("a patch that fits");
    write::stream([&target]).expect("a printable object")
}

#[test]
fn a_schema_file_decides_on_lists() {
    let schema = Schema::custom(&one(SCHEMA)).expect("a schema");
    let expected = "apiVersion: example.com/v1\nkind: Foo\nmetadata:\n  name: foo\nspec:\n  byName:\n    k:\n      words:\n      - k2\n      \
        - k1\n  parts:\n  - id: b\n    nested:\n      words:\n      - z\n      - x\n  - id: c\n  - id: a\n    size: 1\n  plain:\n  - 3\n  \
        words:\n  - three\n  - one\n  - two\n";
    assert_eq!(merged(&schema), expected);
    assert!(
        merged(&Schema::builtin())
            .contains("  parts:\n  - id: b\n    nested:\n      words:\n      - z\n  - id: c\n  plain:")
    );
}

#[test]
fn kinds_live_where_kubernetes_keeps_them() {
    let builtin = Schema::builtin();
    assert_eq!(builtin.scope("apps/v1", "Deployment"), Scope::Namespaced);
    assert_eq!(builtin.scope("v1", "Node"), Scope::Cluster);
    assert_eq!(builtin.scope("example.com/v1", "Foo"), Scope::Unknown);
    let custom = Schema::custom(&one(SCHEMA)).expect("a schema");
    assert_eq!(custom.scope("example.com/v1", "Foo"), Scope::Cluster);
    assert_eq!(custom.scope("v1", "Node"), Scope::Cluster);
}

#[test]
fn a_table_says_what_its_document_said() {
    let table = Schema::table(&[one(SCHEMA)]).expect("a schema");
    assert!(table.contains("kind example.com/v1 Foo 1\n"), "{table}");
    assert!(table.contains("merge=id"), "{table}");
    assert!(table.ends_with("cluster example.com/v1 Foo\nkind example.com/v1 Foo 1\n"), "{table}");
}

#[test]
fn what_is_no_schema_is_refused() {
    let problem = |text: &str| Schema::custom(&one(text)).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(problem("[1]"), Err("invalid schema file: not a mapping".to_owned()));
    assert_eq!(problem("definitions: [1]"), Err("invalid schema file: `definitions` is not a mapping".to_owned()));
    assert_eq!(problem("definitions: {a: {$ref: '#/definitions/a'}}"), Ok(()));
}
