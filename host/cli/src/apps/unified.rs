//! Changes of an object as a unified diff: each changed field in its place, in YAML, `-` as it is and `+` as it would be. What is
//! hidden in the changes is hidden here.

use planner::diff::{Change, Diff, Step};
use serde_json::{Map, Value};
use similar::TextDiff;

/// Lines around a change within a long text.
const AROUND: usize = 3;

/// The lines, each with `-`, `+` or a blank in front.
pub fn unified(diff: &Diff) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Vec<&Step> = Vec::new();
    for change in &diff.changes {
        let Some((last, parents)) = change.steps.split_last() else { continue };
        let common = open.iter().zip(parents).take_while(|(a, b)| **a == *b).count();
        open.truncate(common);
        for step in parents.iter().skip(common) {
            open.push(step);
            lines.push(format!(" {}{}", indent(&open), head(step)));
        }
        let place: Vec<&Step> = change.steps.iter().collect();
        leaf(last, change, &indent(&place), &mut lines);
    }
    lines
}

/// What stands before the last of these steps. An item of a list is as far to the right as its list, as kubectl writes it.
fn indent(steps: &[&Step]) -> String {
    let items = steps.iter().filter(|step| matches!(step, Step::Item(_))).count();
    "  ".repeat(steps.len().saturating_sub(1 + items))
}

fn head(step: &Step) -> String {
    match step {
        Step::Field(name) => format!("{}:", key(name)),
        Step::Item(name) => match name.split_once('=') {
            Some((field, value)) => format!("- {field}: {value}"),
            None => format!("- # {name}"),
        },
    }
}

/// A field's name as YAML has it.
fn key(name: &str) -> String {
    let text = yaml(&Value::Object(Map::from_iter([(name.to_owned(), Value::from(0))])));
    text.first().and_then(|line| line.strip_suffix(": 0")).unwrap_or(name).to_owned()
}

fn leaf(step: &Step, change: &Change, pad: &str, lines: &mut Vec<String>) {
    let note = match change.taken_from.as_slice() {
        [] => String::new(),
        from => format!("  # taken from {}", from.join(", ")),
    };
    let sides =
        (change.before.as_ref().map(|value| shown(step, value)), change.after.as_ref().map(|value| shown(step, value)));
    if let (Some(before), Some(after)) = &sides
        && before.len().min(after.len()) > AROUND
    {
        // Long texts, such as files in a ConfigMap: only what differs in them.
        let (old, new) = (before.join("\n"), after.join("\n"));
        let diff = TextDiff::from_lines(&old, &new);
        let groups = diff.grouped_ops(AROUND);
        let first = groups.first().and_then(|group| group.first()).map(|op| op.old_range().start).unwrap_or_default();
        if let Some(head) = before.first().filter(|_| first > 0) {
            lines.push(format!(" {pad}{head}"));
        }
        for (index, group) in groups.iter().enumerate() {
            if index > 0 || first > 1 {
                lines.push(format!(" {pad}  …"));
            }
            for line in group.iter().flat_map(|op| diff.iter_changes(op)) {
                lines.push(format!("{}{pad}{}", line.tag(), line.value().trim_end_matches('\n')));
            }
        }
        if let (Some(line), false) = (lines.last_mut(), note.is_empty()) {
            line.push_str(&note);
        }
        return;
    }
    let (before, after) = sides;
    let has_after = after.is_some();
    for (sign, side) in [('-', before), ('+', after)] {
        let side = side.unwrap_or_default();
        let noted = (sign == '+') == has_after;
        for (index, line) in side.iter().enumerate() {
            let note = if noted && index == 0 { note.as_str() } else { "" };
            lines.push(format!("{sign}{pad}{line}{note}"));
        }
    }
}

/// A value in its place.
fn shown(step: &Step, value: &Value) -> Vec<String> {
    match step {
        Step::Field(name) => yaml(&Value::Object(Map::from_iter([(name.clone(), value.clone())]))),
        Step::Item(_) => yaml(&Value::Array(vec![value.clone()])),
    }
}

fn yaml(value: &Value) -> Vec<String> {
    manifest::to_yaml(value).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(steps: &[&str], before: Value, after: Value, taken_from: &[&str]) -> Change {
        let step = |text: &&str| match text.strip_prefix('*') {
            Some(item) => Step::Item(item.to_owned()),
            None => Step::Field((*text).to_owned()),
        };
        let side = |value: Value| Some(value).filter(|value| !value.is_null());
        Change {
            path: String::new(),
            steps: steps.iter().map(step).collect(),
            before: side(before),
            after: side(after),
            taken_from: taken_from.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn each_field_in_its_place() {
        let containers = ["spec", "template", "spec", "containers", "*name=web"];
        let at = |last: &'static str| [containers.as_slice(), &[last]].concat();
        let changes = vec![
            change(&["metadata", "annotations", "a.b/c"], Value::Null, json!("x"), &[]),
            change(&at("image"), json!("shop:v1"), json!("shop:v2"), &["kubectl"]),
            change(&at("args"), json!(["a"]), json!(["a", "b"]), &[]),
            change(&["spec", "paused"], json!(true), Value::Null, &[]),
        ];
        let expected = " metadata:
   annotations:
+    a.b/c: x
 spec:
   template:
     spec:
       containers:
       - name: web
-        image: shop:v1
+        image: shop:v2  # taken from kubectl
-        args:
-        - a
+        args:
+        - a
+        - b
-  paused: true";
        let lines = unified(&Diff { changes });
        let normal = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines, normal(expected));
    }

    #[test]
    fn of_long_texts_what_differs() {
        let text = |changed: &str| {
            (0..40).map(|n| if n == 20 { format!("{changed}\n") } else { format!("line {n}\n") }).collect::<String>()
        };
        let lines = unified(&Diff {
            changes: vec![change(&["data", "app.conf"], json!(text("old")), json!(text("new")), &[])],
        });
        let text = lines.join("\n");
        assert!(
            lines.len() < 14 && text.contains("line 17") && text.contains("line 23") && !text.contains("line 16"),
            "{text}"
        );
        assert!(lines.iter().any(|line| line.starts_with('-') && line.ends_with("old")), "{text}");
        assert!(lines.iter().any(|line| line.starts_with('+') && line.ends_with("new")), "{text}");
        assert!(lines[1].contains("app.conf"), "{text}");
    }
}
