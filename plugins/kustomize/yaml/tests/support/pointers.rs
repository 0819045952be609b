//! Objects and JSON patches that mostly fit them: pointers to what is there, to ends of lists, and some to nothing.

use super::dice::Dice;

#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "replicas: 1", "a: {b: {c: 1, d: null}}", "m: {name: x, list: [1, two], a/b: 1, x~y: 2, \"\": 3}",
    "items: [x, {y: 1}, [3, 4], null]", "big: 12345678901234567890", "float: 1.50", "time: 2001-01-01", "text: \"1\"",
    "octal: 0644", "folded: >\n    a\n      b\n", "lines: |\n    a\n    b\n", "missing:", "empty: {e: , f: []}", "yes: yes",
];

#[rustfmt::skip]
const THERE: &[&str] = &[
    "/spec/replicas", "/spec/a/b/c", "/spec/a/b", "/spec/m/name", "/spec/m/list/0", "/spec/m/list/1", "/spec/m/a~1b",
    "/spec/m/x~0y", "/spec/m/", "/spec/items/0", "/spec/items/1/y", "/spec/items/2/1", "/spec/items/-1", "/spec/items/3",
    "/spec/text", "/spec/big", "/spec/empty", "spec/new", "/spec/yes",
];

#[rustfmt::skip]
const ENDS: &[&str] = &[
    "/spec/items/-", "/spec/m/list/-", "/spec/items/4", "/spec/new", "/spec/a/new", "/spec/m/list/-2", "/spec/m/list/01",
    "/spec/empty/f/-", "/status",
];

const NOWHERE: &[&str] = &["/spec/none/x", "/spec/items/99", "/spec/items/x", "/spec/text/x", "", "/spec/items/-9"];

#[rustfmt::skip]
const VALUES: &[&str] = &[
    "1", "\"1\"", "1000000", "1.5", "12345678901234567890", "true", "null", "[a, 1]", "{a: b}", "yes", "0644", "2001-01-01",
    "\"x<y\"", "[]", "{}", "\"a\\nb\\n\"", "{containerPort: 80}", "two", "x",
];

/// An object without anything that a later step of kustomize would look into.
pub fn object(dice: &mut Dice, name: &str) -> String {
    let mut text = format!("apiVersion: example.com/v1\nkind: Foo\nmetadata:\n  name: {name}\nspec:\n  first: 0\n");
    for field in FIELDS {
        if dice.percent(85) {
            text.push_str(&format!("  {field}\n"));
        }
    }
    text
}

fn pointer(dice: &mut Dice, adds: bool) -> &'static str {
    match dice.below(40) {
        0 => dice.of(NOWHERE),
        1..=20 if adds => dice.of(ENDS),
        _ => dice.of(THERE),
    }
}

/// A JSON patch in YAML.
pub fn patch(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(3) {
        let op = dice.of(&["add", "add", "add", "replace", "remove", "move", "copy", "test"]);
        let adds = matches!(op, "add" | "move" | "copy");
        text.push_str(&format!("- op: {op}\n  path: \"{}\"\n", pointer(dice, adds)));
        match op {
            "move" | "copy" => text.push_str(&format!("  from: \"{}\"\n", pointer(dice, false))),
            "remove" => {}
            "test" if dice.percent(80) => {
                let (path, value) = dice.of(&[("/spec/first", "0"), ("/spec/first", "0.0"), ("/kind", "Foo")]);
                text = format!(
                    "- op: test\n  path: {path}\n  value: {value}\n{}",
                    text.rsplit_once("- op").map_or("", |it| it.0)
                );
            }
            _ => text.push_str(&format!("  value: {}\n", dice.of(VALUES))),
        }
    }
    text
}
