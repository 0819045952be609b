//! Manifests between YAML and values: a rendered stream in, files that people and other tools read out.

use crate::diagnostic::{Severity, Sink};
use crate::object::documents;
use crate::scalar::scalar;
use crate::yaml::{Document, parse_all};
use serde_json::{Map, Value};

/// The documents of a stream as values, without empty ones; a `List` stays one.
///
/// # Errors
/// What is wrong with the first document that is no YAML.
pub fn manifests(stream: &str) -> Result<Vec<Value>, String> {
    let mut values = Vec::new();
    for text in documents(stream) {
        let mut sink = Sink::default();
        for Document { node, problems } in parse_all(text, &mut sink) {
            problems.into_found().into_iter().for_each(|problem| sink.push(problem));
            values.push(node.to_json());
        }
        if let Some(problem) = sink.into_found().into_iter().find(|found| found.severity == Severity::Error) {
            return Err(format!("document {} of the stream: {}", values.len().max(1), problem.message));
        }
    }
    Ok(values)
}

/// A value as a YAML document, by which every reader of YAML 1.1 or 1.2 gets the same value again. Fields keep their order.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => write_fields(fields, indent, out),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                pad(indent, out);
                out.push('-');
                match item {
                    // Its first field stands on the line of the dash.
                    Value::Object(fields) if !fields.is_empty() => {
                        out.push(' ');
                        let start = out.len();
                        write_fields(fields, indent + 2, out);
                        out.replace_range(start..start + indent + 2, "");
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        write(item, indent + 2, out);
                    }
                    leaf => write_leaf(leaf, indent + 2, out),
                }
            }
        }
        leaf => {
            write_leaf(leaf, indent, out);
        }
    }
}

fn write_fields(fields: &Map<String, Value>, indent: usize, out: &mut String) {
    for (name, value) in fields {
        pad(indent, out);
        out.push_str(&scalar(name));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                write(value, indent + 2, out);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                write(value, indent, out);
            }
            leaf => write_leaf(leaf, indent + 2, out),
        }
    }
}

/// Behind a dash or a colon.
fn write_leaf(value: &Value, indent: usize, out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push(' ');
    }
    match value {
        Value::String(text) if is_block(text) => {
            out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
            for line in text.lines() {
                out.push('\n');
                if !line.is_empty() {
                    pad(indent, out);
                    out.push_str(line);
                }
            }
        }
        Value::String(text) => out.push_str(&scalar(text)),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
    out.push('\n');
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Whether a block scalar keeps a text as it is, byte for byte.
fn is_block(text: &str) -> bool {
    let odd = |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let edges = text.starts_with([' ', '\n', '\t']) || text.ends_with("\n\n");
    let blank = |line: &str| !line.is_empty() && line.trim().is_empty();
    text.trim_end_matches('\n').contains('\n') && !edges && !text.contains(odd) && !text.lines().any(blank)
}

#[cfg(test)]
mod tests {
    use super::{manifests, to_yaml};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    #[test]
    fn people_can_read_it() {
        let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {}},
            "data": {"on": "no", "n": "012", "script": "a\n  b\n\nc\n", "long": "x: y"},
            "items": [{"a": 1, "b": [true, null]}, "x", [1, [2]], {}]});
        let expected = "apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  labels: {}
data:
  \"on\": \"no\"
  \"n\": \"012\"
  script: |
    a
      b

    c
  long: \"x: y\"
items:
- a: 1
  b:
  - true
  - null
- x
-
  - 1
  -
    - 2
- {}
";
        assert_eq!(to_yaml(&value), expected);
        assert_eq!(manifests(expected), Ok(vec![value]));
    }

    #[test]
    fn a_stream_is_all_or_nothing() {
        assert_eq!(manifests("a: 1\n---\n# nothing\n---\nb: 2\n"), Ok(vec![json!({"a": 1}), json!({"b": 2})]));
        assert!(manifests("a: 1\n---\nb: [\n").is_err());
        assert_eq!(manifests(""), Ok(vec![]));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[a-z \n\t:#-]{0,20}".prop_map(Value::from),
            proptest::sample::select(vec!["yes", "~", "1e3", "0x1f", "2026-01-01", "- a", "null", "=", "<<", "1_000"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[a-zA-Z0-9 ./~-]{1,8}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in value()) {
            let document = json!({"a": value});
            prop_assert_eq!(manifests(&to_yaml(&document)), Ok(vec![document]));
        }
    }
}
