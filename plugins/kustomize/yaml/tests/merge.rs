//! Merges and JSON patches, one oddity of kustomize a case.

use kustomize_yaml::Node;
use kustomize_yaml::json_patch;
use kustomize_yaml::merge::{Merged, strategic};
use kustomize_yaml::read;
use kustomize_yaml::read::{Limits, config, documents};
use kustomize_yaml::schema::Schema;
use kustomize_yaml::write;
use proptest::prelude::*;

fn one(text: &str) -> Node {
    documents(text, Limits::default()).expect("YAML").pop().expect("a document")
}

/// The JSON of `spec` after a merge into a Deployment.
fn merge(target: &str, patch: &str) -> String {
    let object = |spec: &str| one(&format!("apiVersion: apps/v1\nkind: Deployment\nspec: {spec}\n"));
    let mut merged = object(target);
    match strategic(&mut merged, &object(patch), &Schema::builtin()) {
        Ok(Merged::Changed) => merged.get("spec").map_or("gone".to_owned(), |spec| write::json(spec).expect("JSON")),
        Ok(Merged::Deleted) => "deleted".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn pod(containers: &str) -> String {
    format!("{{template: {{spec: {{containers: {containers}}}}}}}")
}

#[test]
fn lists_merge_by_their_keys_and_put_the_patch_first() {
    let merged = merge(&pod("[{name: a, image: x}, {name: b}]"), &pod("[{name: c}, {name: b, image: y}]"));
    assert_eq!(
        merged,
        r#"{"template":{"spec":{"containers":[{"name":"c"},{"image":"y","name":"b"},{"image":"x","name":"a"}]}}}"#
    );
}

#[test]
fn directives_delete_and_replace() {
    assert_eq!(
        merge(&pod("[{name: a}, {name: b}]"), &pod("[{name: a, $patch: delete}]")),
        r#"{"template":{"spec":{"containers":[{"name":"b"}]}}}"#
    );
    assert_eq!(
        merge(&pod("[{name: a}]"), &pod("[{$patch: replace}, {name: z}]")),
        r#"{"template":{"spec":{"containers":[{"name":"z"}]}}}"#
    );
    assert_eq!(
        merge("{strategy: {type: a, b: 1}}", "{strategy: {$patch: replace, type: c}}"),
        r#"{"strategy":{"type":"c"}}"#
    );
    assert_eq!(merge("{strategy: {type: a}}", "{strategy: {$patch: bogus}}"), "unknown patch strategy 'bogus'");
}

#[test]
fn nulls_clear_and_written_nulls_stay() {
    assert_eq!(merge("{a: 1, b: null, c: 3}", "{c: null, d: {e: null, f: 1}}"), r#"{"a":1,"b":null,"d":{"f":1}}"#);
}

#[test]
fn a_number_in_place_of_text_in_quotes_is_text() {
    assert_eq!(merge("{a: \"1\", b: 1}", "{a: 2, b: \"2\"}"), r#"{"a":"2","b":"2"}"#);
}

/// kyaml sets each field that it walks, and gives quotes to what YAML 1.1 takes for a bool. A second patch meets them.
#[test]
fn words_of_yaml_1_1_get_quotes() {
    let mut object = one("{apiVersion: v1, kind: Thing, word: on, deep: {word: off, list: [yes]}, text: also}");
    for (patch, expected) in [
        ("{other: x, new: {word: no}}", r#""deep":{"list":["yes"],"word":"off"}"#),
        ("{word: 1, text: 2, deep: {word: 3, list: [4]}, new: {word: 5}}", r#""deep":{"list":[4],"word":"3"}"#),
    ] {
        assert_eq!(strategic(&mut object, &one(patch), &Schema::builtin()), Ok(Merged::Changed));
        let printed = write::json(&object).expect("JSON");
        assert!(printed.contains(expected), "{printed}");
    }
    let printed = write::json(&object).expect("JSON");
    assert!(printed.contains(r#""new":{"word":"5"},"other":"x","text":2,"word":"1""#), "{printed}");
}

#[test]
fn shapes_that_differ_are_an_error() {
    assert_eq!(merge("{a: {b: 1}}", "{a: [1]}"), "wrong node kind: cannot merge a list into a mapping");
    assert_eq!(merge("{a: 1}", "{a: {b: 1}}"), "wrong node kind: cannot merge a mapping into a scalar");
}

fn apply(target: &str, patch: &str) -> String {
    let patch = config(patch, Limits::default()).expect("YAML").expect("a patch");
    let mut target = one(target);
    let before = target.clone();
    match json_patch::operations(&patch).and_then(|operations| json_patch::apply(&mut target, &operations)) {
        Ok(()) => write::json(&target).expect("JSON"),
        Err(error) => {
            assert_eq!(target, before, "a patch that fails changes nothing");
            error.to_string()
        }
    }
}

#[test]
fn json_patches_apply_as_kustomize_applies_them() {
    assert_eq!(
        apply("{a: [1, 2]}", "[{op: add, path: /a/-, value: 3}, {op: add, path: /a/0, value: 0}]"),
        r#"{"a":[0,1,2,3]}"#
    );
    assert_eq!(apply("{a: [1, 2]}", "[{op: replace, path: /a/-1, value: 9}]"), r#"{"a":[1,9]}"#);
    assert_eq!(apply("{a: 1}", "[{op: replace, path: /b, value: yes}]"), r#"{"a":1,"b":true}"#);
    assert_eq!(
        apply("{a/b: 1, c~d: 2}", "[{op: move, from: /a~1b, path: /x}, {op: copy, from: /c~0d, path: /y}]"),
        r#"{"c~d":2,"x":1,"y":2}"#
    );
    assert_eq!(apply("{a: 1}", "[{op: test, path: /a, value: 1}, {op: remove, path: /a}]"), "{}");
}

#[test]
fn json_patches_that_do_not_fit_say_why() {
    assert_eq!(
        apply("{a: 1}", "[{op: add, path: /b/c, value: 1}]"),
        "add operation does not apply: doc is missing path: \"/b/c\""
    );
    assert_eq!(
        apply("{a: [1]}", "[{op: add, path: /a/3, value: 1}]"),
        "add operation does not apply: \"/a/3\" is no index that the list has"
    );
    assert_eq!(apply("{a: 1}", "[{op: test, path: /a, value: 2}]"), "testing value /a failed");
    assert_eq!(apply("{a: 1}", "{op: add}"), "not a JSON patch: a mapping, not a list");
    assert_eq!(apply("{a: 1}", "[{op: dig, path: /a}]"), "not a JSON patch: unexpected kind of operation: dig");
}

/// A patch of a few lines cannot fill the memory or the stack.
#[test]
fn json_patches_are_bounded() {
    let copies = "{op: copy, from: /a, path: /a/-}, ".repeat(60);
    let error = apply("{a: [some text]}", &format!("[{copies}]"));
    assert!(error.starts_with("copy operation does not apply: "), "{error}");
    let wide = "{op: copy, from: /a, path: /b}, {op: copy, from: /b, path: /a/-}, ".repeat(60);
    let error = apply("{a: [some text]}", &format!("[{wide}]"));
    assert!(error.starts_with("copy operation does not apply: "), "{error}");
    let deep = format!("[{{op: add, path: {}, value: 1}}]", "/a".repeat(200));
    assert_eq!(apply("{a: 1}", &deep), "add operation does not apply: a path that leads too deep");
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::null()),
        any::<bool>().prop_map(Node::bool),
        any::<i64>().prop_map(Node::int),
        ".*".prop_map(Node::string)
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Node::Sequence),
            proptest::collection::vec((".{0,9}", inner), 0..5).prop_map(|fields| Node::Mapping(
                fields.into_iter().map(|(key, value)| (kustomize_yaml::Scalar::string(key), value)).collect()
            )),
        ]
    })
}

fn object(spec: Node) -> Node {
    let mut object = one("{apiVersion: apps/v1, kind: Deployment}");
    object.as_mapping_mut().expect("a mapping").insert("spec", spec);
    object
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same(spec in node()) {
        let object = object(spec);
        if let (Ok(printed), Ok(json)) = (write::stream([&object]), write::json(&object)) {
            let back = one(&printed);
            // Another key may also mean another place among the keys.
            let spaced = read::json(&json.replace('\u{85}', " "), Limits::default()).expect("JSON");
            prop_assert_eq!(write::json(&back).expect("JSON"), write::json(&spaced).expect("JSON"));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-:#{}\\[\\],&*!|>'\"%@` \na-c0-9\\\\~<?.\t\u{85}é]{0,80}") {
        let limits = Limits::default();
        let _ = config(&text, limits);
        if let Ok(found) = documents(&text, limits) {
            let _ = write::stream(&found);
        }
    }

    #[test]
    fn a_merge_with_itself_or_another_never_panics(target in node(), patch in node()) {
        let schema = Schema::builtin();
        let mut merged = object(target);
        let _ = strategic(&mut merged, &object(patch), &schema);
    }
}
