//! Path expressions: the part of jq that says where fields are. jq itself can run forever; what is understood here looks at
//! no value twice.
//!
//! ```text
//! expression = pipeline *("," pipeline)
//! pipeline   = stage *("|" stage)
//! stage      = path / "select(" condition ")" [path]
//! path       = 1*("." [name / string] / "[" string "]" / "[" integer "]" / "[]" / "?")
//! condition  = both *("or" both)
//! both       = term *("and" term)
//! term       = "(" condition ")" / path [test]
//! test       = ("==" / "!=") literal / "|" ("startswith" / "endswith") "(" string ")" / "|" "not"
//! literal    = string / number / "true" / "false" / "null"
//! ```
//!
//! As within jq's `del(…)` a path that leads nowhere is no error. `..`, other functions, variables, slices and arithmetic
//! are refused by name.

mod parse;

use serde_json::Value;

/// A path expression, read.
#[derive(Clone, Debug, PartialEq)]
pub struct PathExpression {
    alternatives: Vec<Vec<Move>>,
}

/// It is outside of what is understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {wanted} at {}; understood are paths such as `.spec.containers[] | select(.name == \"a\") | .image`", place(.rest))]
pub struct PathError {
    /// The whole expression.
    pub expression: String,
    /// What was expected.
    pub wanted: &'static str,
    /// What is there instead.
    pub rest: String,
}

fn place(rest: &str) -> String {
    if rest.is_empty() { "its end".to_owned() } else { format!("`{rest}`") }
}

#[derive(Clone, Debug, PartialEq)]
enum Move {
    Field(String),
    Index(i64),
    Each,
    Select(Condition),
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Test(Vec<Move>, Test),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Truthy,
    Falsy,
    Equal(Value),
    Unequal(Value),
    StartsWith(String),
    EndsWith(String),
}

impl PathExpression {
    /// Reads an expression of at most 1000 characters.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::expression(text).map(|alternatives| Self { alternatives })
    }

    /// Adds the values that it leads to.
    pub(super) fn find<'v>(&self, document: &'v Value, out: &mut Vec<&'v Value>) {
        for moves in &self.alternatives {
            follow(moves, document, out);
        }
    }
}

fn follow<'v>(moves: &[Move], value: &'v Value, out: &mut Vec<&'v Value>) {
    let Some((first, rest)) = moves.split_first() else { return out.push(value) };
    match first {
        Move::Field(name) => {
            if let Some(next) = value.as_object().and_then(|map| map.get(name)) {
                follow(rest, next, out);
            }
        }
        Move::Index(index) => {
            if let Some(next) = at(value, *index) {
                follow(rest, next, out);
            }
        }
        Move::Each => match value {
            Value::Array(items) => items.iter().for_each(|next| follow(rest, next, out)),
            Value::Object(map) => map.values().for_each(|next| follow(rest, next, out)),
            _ => {}
        },
        Move::Select(condition) => {
            if condition.holds(value) {
                follow(rest, value, out);
            }
        }
    }
}

/// An item by its place; a negative one counts from the end.
fn at(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let index = if index < 0 { index.checked_add(i64::try_from(items.len()).ok()?)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Any(conditions) => conditions.iter().any(|c| c.holds(value)),
            Self::All(conditions) => conditions.iter().all(|c| c.holds(value)),
            Self::Test(moves, test) => {
                let mut found = vec![];
                follow(moves, value, &mut found);
                // In jq a field that is not there is null; what `[]` does not find is nothing.
                if found.is_empty() && !moves.contains(&Move::Each) {
                    found.push(&Value::Null);
                }
                found.into_iter().any(|value| test.holds(value))
            }
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        let truthy = !matches!(value, Value::Null | Value::Bool(false));
        let text = value.as_str();
        match self {
            Self::Truthy => truthy,
            Self::Falsy => !truthy,
            Self::Equal(wanted) => value == wanted || (value.is_number() && value.as_f64() == wanted.as_f64()),
            Self::Unequal(wanted) => !Self::Equal(wanted.clone()).holds(value),
            Self::StartsWith(start) => text.is_some_and(|text| text.starts_with(start.as_str())),
            Self::EndsWith(end) => text.is_some_and(|text| text.ends_with(end.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(expression: &str, expected: &[Value]) {
        let document = json!({
            "metadata": {"annotations": {"a.b/c": "x"}},
            "webhooks": [{"clientConfig": {"caBundle": "1"}}, {"clientConfig": {"caBundle": "2"}}, {}],
            "spec": {"replicas": 3, "containers": [
                {"name": "web", "image": "w:1", "tty": true, "env": [{"name": "A", "value": "1"}, {"name": "B"}]},
                {"name": "log", "image": "l:1", "tty": false},
            ]},
        });
        match PathExpression::parse(expression) {
            Ok(path) => {
                let mut found = vec![];
                path.find(&document, &mut found);
                assert_eq!(found.into_iter().cloned().collect::<Vec<_>>(), expected, "{expression}");
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn paths_lead_to_fields() {
        check(".spec.replicas", &[json!(3)]);
        check(".spec[\"replicas\"]", &[json!(3)]);
        check(".metadata.annotations.\"a.b/c\"", &[json!("x")]);
        check(".metadata.annotations[\"a.b/c\"]?", &[json!("x")]);
        check(".webhooks[]?.clientConfig.caBundle", &[json!("1"), json!("2")]);
        check(".webhooks[1].clientConfig | .caBundle", &[json!("2")]);
        check(".spec.containers[-1].image", &[json!("l:1")]);
        check(".spec.containers[0].image, .spec.replicas", &[json!("w:1"), json!(3)]);
        check(".nothing.at[0].all[]", &[]);
    }

    #[test]
    fn selections_choose_among_them() {
        check(".spec.containers[] | select(.name == \"log\") | .image", &[json!("l:1")]);
        check(".spec.containers[] | select(.name == \"log\").image", &[json!("l:1")]);
        check(".spec.containers[] | select(.name != \"log\") | .image", &[json!("w:1")]);
        check(".spec.containers[] | select(.name == \"web\" and .image == \"x\") | .image", &[]);
        check(
            ".spec.containers[] | select(.name == \"web\" or (.image == \"l:1\" and .tty == false)) | .name",
            &[json!("web"), json!("log")],
        );
        check(".spec.containers[] | select(.tty) | .name", &[json!("web")]);
        check(".spec.containers[] | select(.tty | not) | .name", &[json!("log")]);
        check(".spec.containers[] | select(.env == null) | .name", &[json!("log")]);
        check(".spec.containers[] | select(.env[].value == \"1\") | .name", &[json!("web")]);
        check(".spec.containers[] | select(.image | startswith(\"w\")) | .name", &[json!("web")]);
        check(".spec.containers[] | select(.image | endswith(\":1\")) | .name", &[json!("web"), json!("log")]);
        check(".spec.containers[].env[]? | select(.name == \"A\") | .value", &[json!("1")]);
    }

    #[test]
    fn what_is_outside_of_it_is_refused_with_its_place() {
        let refused = |text: &str| PathExpression::parse(text).map_err(|e| format!("{} at `{}`", e.wanted, e.rest));
        let cases = [
            (".. | .image", "a name, a text or a bracket at `. | .image`"),
            ("", "a path that begins with `.`, or `select(…)` at ``"),
            (".", "a field: the whole object cannot be ignored at ``"),
            ("spec", "a path that begins with `.`, or `select(…)` at `spec`"),
            (".spec.containers[1:2]", "`]` at `:2]`"),
            (".a | to_entries", "a path that begins with `.`, or `select(…)` at `to_entries`"),
            (".a[] | select(.b | test(\"x\"))", "`not`, `startswith(…)` or `endswith(…)` at `test(\"x\"))`"),
            (".a[] | select(.b == .c)", "a text, a number, true, false or null at `.c)`"),
            (".a[] | select(.b > 3)", "`)` at `> 3)`"),
            (".a[\"b", "the end of a text at ``"),
            (".a ] ", "the end, `|` or `,` at `] `"),
        ];
        for (text, expected) in cases {
            assert_eq!(refused(text), Err(expected.to_owned()), "{text}");
        }
        assert!(refused(&format!(".{}", "a".repeat(1000))).is_err());
        assert!(refused(&format!(".a[] | select({}.a{})", "(".repeat(200), ")".repeat(200))).is_err());
    }
}
