//! Plans of every shape, made at random: no secret is in what is shown, nothing in it leaves its place, and it is never
//! too large.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use terraform::render::{LONGEST, Title, markdown, view};

/// What every secret begins with, and nothing else.
const SECRET: &str = "S3CR3T";
/// Numbers that are secret: no other number has these digits.
const SECRET_NUMBER: u64 = 90_817_263;

/// A value with its marks, in which secrets are under marks only.
#[derive(Clone, Debug)]
struct Marked {
    value: Value,
    marks: Value,
    unknown: Value,
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..1000_u32).prop_map(Value::from),
        "[a-z\n`<>&|*_#\\-+! \"'\u{202e}\u{1b}\u{e4}]{0,60}".prop_map(Value::from),
        Just(Value::from("```\n</details>\n# heading\n")),
        Just(Value::from("{\"a\":[1,{\"b\":\"c\"}]}")),
        "[a-z]{300}".prop_map(Value::from),
    ]
}

/// Anything that holds secrets, under a mark on all of it.
fn secret() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        "[a-z0-9 \n\"\\\\]{4,20}".prop_map(|text| Value::from(format!("{SECRET}{text}"))),
        Just(Value::from(SECRET_NUMBER)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 1..3)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
    .boxed()
}

fn marked() -> BoxedStrategy<Marked> {
    let leaf = prop_oneof![
        4 => plain().prop_map(|value| Marked { value, marks: Value::Bool(false), unknown: Value::Bool(false) }),
        2 => secret().prop_map(|value| Marked { value, marks: Value::Bool(true), unknown: Value::Bool(false) }),
        // Marks for parts that the value has not: nobody can tell what they mean.
        1 => secret().prop_filter("a scalar", |value| value.is_string() || value.is_u64())
            .prop_map(|value| Marked { value, marks: json!({"x": [true]}), unknown: Value::Null }),
        1 => Just(Marked { value: Value::Null, marks: Value::Null, unknown: Value::Bool(true) }),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| Marked {
                value: items.iter().map(|item| item.value.clone()).collect(),
                marks: items.iter().map(|item| item.marks.clone()).collect(),
                unknown: items.iter().map(|item| item.unknown.clone()).collect(),
            }),
            prop::collection::btree_map("[a-z`\\-\"<|]{1,5}", inner, 0..4).prop_map(|items| {
                let part = |part: &dyn Fn(&Marked) -> Value| {
                    Value::Object(items.iter().map(|(key, item)| (key.clone(), part(item))).collect())
                };
                Marked {
                    value: part(&|item| item.value.clone()),
                    marks: part(&|item| item.marks.clone()),
                    unknown: part(&|item| item.unknown.clone()),
                }
            }),
        ]
    })
    .boxed()
}

fn change() -> impl Strategy<Value = Value> {
    let actions = prop::sample::select(vec![
        json!(["create"]),
        json!(["update"]),
        json!(["delete"]),
        json!(["delete", "create"]),
        json!(["create", "delete"]),
        json!(["read"]),
        json!(["forget"]),
        json!(["no-op"]),
        json!(["something", "new"]),
        json!([]),
    ]);
    (marked(), marked(), actions, any::<bool>()).prop_map(|(before, after, actions, same)| {
        let before = if same { after.clone() } else { before };
        json!({
            "actions": actions, "before": before.value, "after": after.value, "after_unknown": after.unknown,
            "before_sensitive": before.marks, "after_sensitive": after.marks,
            "replace_paths": [["a", 0, "b`"]], "importing": {"id": "x<y>"},
        })
    })
}

/// A plan, and a copy of each secret text where no mark is: computed attributes, messages of checks.
fn plan() -> impl Strategy<Value = Value> {
    let resource = ("[a-z]{1,8}", change(), prop::option::of(Just("replace_because_tainted"))).prop_map(|(name, change, why)| {
        json!({"address": format!("terraform_data.{name}[\"`</summary>\"]"), "mode": "managed", "change": change, "action_reason": why})
    });
    let resource = resource.boxed();
    let resources = || prop::collection::vec(resource.clone(), 0..6);
    let outputs = prop::collection::btree_map("[a-z]{1,5}", change(), 0..3);
    (resources(), resources(), outputs, secret()).prop_map(|(changes, drift, outputs, variable)| {
        let copied = texts(&variable).into_iter().next().unwrap_or_default();
        let copied = if copied.len() >= 8 { copied } else { String::new() };
        json!({
            "format_version": "1.2", "terraform_version": "1.11.4",
            "variables": {"v": {"value": variable}},
            "configuration": {"root_module": {"variables": {"v": {"sensitive": true}}}},
            "resource_changes": changes.into_iter().chain([json!({"address": "a.computed", "change": {
                "actions": ["update"], "before": {"x": format!("before {copied} after"), copied.clone(): 1}, "after": {"x": [copied]}}})])
                .collect::<Vec<_>>(),
            "resource_drift": drift,
            "output_changes": outputs,
            "checks": [{"address": {"to_display": "check.c"}, "status": "fail", "instances": [{"problems": [{"message": format!("it is {copied}")}]}]}],
        })
    })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(items) => items.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn title() -> Title {
    Title { what: "Terraform plan".into(), directory: "infra`".into(), notes: vec!["<b>".into()], ..Title::default() }
}

/// Every fence that opens is closed, and nothing that looks like ours is outside of one.
fn is_whole(text: &str) -> Result<(), String> {
    let mut fence: Option<String> = None;
    let mut details = 0;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|letter| *letter == '`').collect();
        if let Some(open) = &fence {
            if line == open {
                fence = None;
            } else if !line.starts_with(['-', '+', '!', ' ']) {
                return Err(format!("a line without a mark in a block: {line:?}"));
            }
        } else if ticks.len() >= 3 {
            fence = Some(ticks);
        } else if line.starts_with("<details") {
            details += 1;
            if !line.ends_with("</summary>") || line.matches('<').count() != line.matches('>').count() {
                return Err(format!("a broken summary: {line:?}"));
            }
        } else if line == "</details>" {
            details -= 1;
        } else if line.contains("script") || line.contains("</summary>") {
            return Err(format!("content outside of a block: {line:?}"));
        }
    }
    if fence.is_some() || details != 0 { Err(format!("open at the end: {fence:?} {details}")) } else { Ok(()) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_is_shown(plan in plan()) {
        let (view, _) = view(plan.to_string().as_bytes(), &BTreeMap::new()).expect("a plan");
        let (text, json) = (markdown(&view, &title()), view.to_json().to_string());
        for shown in [&text, &json] {
            prop_assert!(!shown.contains(SECRET), "{shown}");
            prop_assert!(!shown.contains(&SECRET_NUMBER.to_string()), "{shown}");
        }
        prop_assert!(text.len() <= LONGEST);
        let unseen = ['\u{202e}', '\u{1b}'];
        prop_assert!(!text.contains(unseen));
        if let Err(why) = is_whole(&text) {
            prop_assert!(false, "{why}\n{text}");
        }
    }

    #[test]
    fn what_is_no_plan_harms_nobody(mut plan in plan(), keys in prop::collection::vec(0..40_usize, 1..3), put in plain()) {
        // Something else in the place of parts of it.
        for key in keys {
            put_at(&mut plan, key, &put);
        }
        if let Ok((view, _)) = view(plan.to_string().as_bytes(), &BTreeMap::new()) {
            prop_assert!(markdown(&view, &title()).len() <= LONGEST);
        }
    }
}

/// Replaces one of the parts of a value, which one the number says.
fn put_at(value: &mut Value, number: usize, put: &Value) {
    let count = match value {
        Value::Object(items) => items.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    let part = match value {
        _ if number == 0 || count == 0 => None,
        Value::Object(items) => items.values_mut().nth(number % count),
        Value::Array(items) => items.get_mut(number % count),
        _ => None,
    };
    match part {
        Some(part) => put_at(part, number / 2, put),
        None => *value = put.clone(),
    }
}

fn many(count: usize, value: &str) -> Value {
    let resource = |at: usize| {
        let actions = if at.is_multiple_of(10) { json!(["delete"]) } else { json!(["create"]) };
        let side = json!({"text": value, "number": at});
        let (before, after) = if at.is_multiple_of(10) { (side, Value::Null) } else { (Value::Null, side) };
        json!({"address": format!("module.m.terraform_data.r[{at}]"), "change": {"actions": actions, "before": before, "after": after}})
    };
    json!({"format_version": "1.2", "resource_changes": (0..count).map(resource).collect::<Vec<_>>()})
}

#[test]
fn a_large_plan_says_what_is_cut() {
    for (count, value) in [(40, "x".repeat(10)), (400, "line\n".repeat(100)), (5_000, "x".repeat(1000))] {
        let (view, _) = view(many(count, &value).to_string().as_bytes(), &BTreeMap::new()).expect("a plan");
        let text = markdown(&view, &title());
        assert!(text.len() <= LONGEST, "{}", text.len());
        is_whole(&text).expect("whole");
        let cut = text.lines().find(|line| line.starts_with("**This is cut.**"));
        match count {
            40 => assert_eq!(cut, None),
            400 => {
                // All addresses are there, those that are destroyed in full first.
                assert_eq!(text.matches("module.m.terraform_data.r[").count(), 400);
                let expected = "**This is cut.** Not shown: the attributes of ";
                assert!(cut.is_some_and(|cut| cut.starts_with(expected)), "{cut:?}");
            }
            _ => {
                assert_eq!(text.matches("module.m.terraform_data.r[").count() + 4500 - created(&text), 5_000);
                assert!(text.contains("**4500 to add, 0 to change, 500 to destroy.**"), "{}", &text[..200]);
                let shown = created(&text);
                assert!(cut.is_some_and(|cut| cut.contains(&format!("{} created", 4500 - shown))), "{cut:?} {shown}");
            }
        }
    }
}

/// How many created objects are named.
fn created(text: &str) -> usize {
    text.split_once("#### Created").map_or(0, |(_, created)| created.matches("module.m.terraform_data.r[").count())
}

#[test]
fn a_variable_that_came_out_as_something_else_is_secret() {
    let plan = json!({
        "format_version": "1.2",
        "variables": {"a": {"value": "swapped-in"}, "b": {"value": ["given \"x\" ${y}"]}, "c": {"value": {"k": "swapped-too"}}},
        "configuration": {"root_module": {"variables": {"a": {}, "b": {}, "c": {}}}},
        "resource_changes": [{"address": "a.b", "change": {"actions": ["create"], "before": null, "after": {
            "a": "x swapped-in", "b": "given \"x\" ${y}", "c": "swapped-too"}}}],
    });
    let given = [("a", "PLACEHOLDER"), ("b", r#"["given \"x\" $${y}"]"#), ("c", r#"{"k":"PLACEHOLDER"}"#)];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let (view, _) = view(plan.to_string().as_bytes(), &given).expect("a plan");
    let after = &view.to_json()["resource_changes"][0]["change"]["after"];
    assert_eq!(after, &json!({"a": "x (sensitive value)", "b": "given \"x\" ${y}", "c": "(sensitive value)"}));
}
