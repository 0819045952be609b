//! Text in, values out: what a file means to kustomize, and what it refuses.

use kustomize_yaml::node::{Kind, Node};
use kustomize_yaml::read::{Limits, config, documents, manifests};
use kustomize_yaml::write;

fn json(text: &str) -> String {
    let read = documents(text, Limits::default()).map(|found| {
        let printed: Result<Vec<String>, _> = found.iter().map(write::json).collect();
        printed.map_or_else(|error| format!("unprintable: {error}"), |all| all.join(" "))
    });
    read.unwrap_or_else(|error| error.to_string())
}

fn kind(text: &str) -> Option<Kind> {
    let found = documents(&format!("v: {text}\n"), Limits::default()).ok()?;
    found.first()?.get("v")?.as_scalar().map(|scalar| scalar.kind)
}

#[test]
fn plain_scalars_resolve_as_go_yaml_v3_does() {
    for (text, expected) in [
        ("yes", Kind::Str),
        ("0777", Kind::Int),
        ("08", Kind::Float),
        ("0o17", Kind::Int),
        ("1_000", Kind::Int),
        ("1e400", Kind::Str),
        (".5_5", Kind::Float),
        ("2001-12-14", Kind::Timestamp),
        ("2001-02-30", Kind::Str),
        ("~", Kind::Null),
        ("nUll", Kind::Str),
        ("!foo 1", Kind::Custom),
        ("!!binary aGk=", Kind::Binary),
    ] {
        assert_eq!(kind(text), Some(expected), "{text}");
    }
}

#[test]
fn numbers_and_times_become_what_json_holds() {
    assert_eq!(
        json("a: 0777\nb: 0x1F\nc: 1e3\nd: 1.50\ne: 12345678901234567890123\n"),
        r#"{"a":511,"b":31,"c":1000,"d":1.5,"e":1.2345678901234568e+22}"#
    );
    assert_eq!(
        json("a: 2001-1-4\nb: 2001-12-14 21:59:43.10\n"),
        r#"{"a":"2001-01-04T00:00:00Z","b":"2001-12-14T21:59:43.1Z"}"#
    );
    assert_eq!(json("a: .nan\n"), "unprintable: `.nan` is no number that JSON has");
    assert_eq!(json("a: {1: b}\n"), "unprintable: key `1` is no string: write it in quotes");
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    assert_eq!(
        json("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\ne: [*x]\n"),
        r#"{"a":{"b":1,"c":2},"d":{"b":1,"c":3},"e":[{"b":1,"c":2}]}"#
    );
    assert_eq!(json("a: {<<: [{b: 1}, {b: 2, c: 2}]}\n"), r#"{"a":{"b":1,"c":2}}"#);
    assert_eq!(json("a: &x [*x]\n"), "line 1, column 8: anchor 'x' value contains itself");
    assert_eq!(json("a: *x\n"), "line 1, column 4: unknown anchor 'x' referenced");
}

#[test]
fn streams_are_cut_where_kustomize_cuts_them() {
    assert_eq!(json("a: 1\n---\n---\n# nothing\n---\nb: 2\n...\nlost: true\n"), r#"{"a":1} {"b":2}"#);
    assert_eq!(json("\u{feff}a: 1\r\nb: |\r\n  x\r\n"), r#"{"a":1,"b":"x\n"}"#);
    assert_eq!(json("a: 1\n--- b: 2\nc: 3\n"), "line 2, column 1: invalid document separator: --- b: 2");
}

#[test]
fn errors_name_the_place_in_the_file() {
    assert_eq!(json("a: 1\n---\nb: 1\nb: 2\n"), "line 4, column 1: mapping key \"b\" already defined");
    assert_eq!(json("a:\n\tb: 1\n"), "line 2, column 1: found character that cannot start any token");
    assert_eq!(json("a: [1\n"), "line 2, column 1: did not find expected ',' or ']'");
    assert_eq!(json("a: \"\u{1}\"\n"), "line 1, column 5: control characters are not allowed");
    assert_eq!(json("{a: b}: c\n"), "line 1, column 1: invalid map key: only a scalar can be one");
}

fn config_json(text: &str) -> String {
    match config(text, Limits::default()) {
        Ok(Some(node)) => write::json(&node).expect("what JSON holds"),
        Ok(None) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn configurations_are_yaml_1_1() {
    assert_eq!(
        config_json("a: yes\nb: 0644\nc: 2001-01-01\nd: 1e3\n1: x\ntrue: y\n"),
        r#"{"1":"x","a":true,"b":420,"c":"2001-01-01","d":1000,"true":true}"#
    );
    assert_eq!(config_json("a: 1\na: 2\n---\nlost: 1\n"), r#"{"a":2}"#);
    assert_eq!(config_json("a: 1\n<<: {a: 2, b: 2}\nb: 3\n"), r#"{"a":2,"b":3}"#);
    assert_eq!(config_json("---\n"), "nothing");
    assert_eq!(config_json("~: 1\n"), "line 1, column 1: unsupported map key `~`");
}

#[test]
fn manifests_know_their_lines() {
    let found = manifests("a: on\n---\n\n---\nb: 1\n", Limits::default()).expect("two documents");
    let lines: Vec<usize> = found.iter().map(|(_, line)| *line).collect();
    assert_eq!(lines, [1, 5]);
    assert_eq!(found.first().and_then(|(node, _)| node.get("a")), Some(&Node::bool(true)));
    assert!(manifests("a: 1\na: 2\n", Limits::default()).is_err());
}

#[test]
fn limits_hold() {
    let deep = "[".repeat(100_000);
    assert!(json(&deep).contains("nested deeper than 200 levels"));
    let indented: String = (0..1000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(json(&indented).contains("nested deeper than 200 levels"));
    let dashes = "- ".repeat(5000);
    assert!(json(&dashes).contains("nested deeper than 200 levels"));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(json(&bomb).contains("grows too large"));
    let small = Limits { bytes: 10, ..Limits::default() };
    assert!(documents("a: 1234567890\n", small).is_err());
}

#[test]
fn a_scalar_of_many_megabytes_is_read_and_printed() {
    let text = format!("a: \"{}\"\nb: |\n  {}\n", "x y ".repeat(500_000), "line\n  ".repeat(300_000));
    let found = documents(&text, Limits::default()).expect("a long text");
    let printed = write::stream(&found).expect("a printable text");
    assert!(printed.len() > 3_000_000, "{}", printed.len());
}
