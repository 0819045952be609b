//! What reviewers read of plans that the real tool made.

mod support;

use serde_json::{Value, json};
use support::{Machine, PLACEHOLDER, context, demand};
use terraform::outputs::Planned;
use terraform::{apply, plan};
use tidegate::Outcome;

const PASSWORD: &str = "hunter2-hunter2";

fn planned(machine: &Machine, password: &str, more: Value) -> Planned {
    let mut with = json!({
        "directory": "infra",
        "backendConfig": [machine.state()],
        "variables": {"password": password, "token": PLACEHOLDER.0, "tags": {"team": "a"}},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        with[key] = value.clone();
    }
    match plan::run(machine, &context("plan"), &serde_json::from_value(with).expect("inputs")).expect("a plan") {
        Outcome::Succeeded(planned) => planned,
        other => panic!("{other:?}"),
    }
}

/// Applies `before`, and goes on with `after`.
fn second(password: &str, more: Value) -> (Machine, Planned) {
    let machine = Machine::new("before");
    let first = planned(&machine, PASSWORD, json!({}));
    machine.check_out("before");
    let inputs = serde_json::from_value(json!({"plan": first.plan})).expect("inputs");
    apply::run(&machine, &context("apply"), &inputs).expect("an apply");
    machine.check_out("after");
    let plan = planned(&machine, password, more);
    (machine, plan)
}

/// Ids are random, and the version is the machine's.
fn stable(machine: &Machine, markdown: &str, tool: &str) -> String {
    let mut text = markdown.replace(tool, "TOOL").replace(&machine.folder.display().to_string(), "FOLDER");
    let id = |text: &str| {
        let bytes = text.as_bytes();
        (0..bytes.len().saturating_sub(35)).find(|at| {
            bytes[*at..at + 36].iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
        })
    };
    while let Some(at) = id(&text) {
        text.replace_range(at..at + 36, "ID");
    }
    text
}

#[test]
fn a_reviewer_reads_what_will_happen() {
    demand();
    let (machine, plan) = second("hunter3-hunter3", json!({}));
    assert_eq!(plan.summary, "4 to add, 3 to change, 4 to destroy, 1 to move");
    let markdown = stable(&machine, &plan.markdown, &plan.tool);
    let expected = include_str!("after.md");
    let written = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    if written {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/after.md"), &markdown).expect("a snapshot");
    }
    assert!(written || markdown == expected, "{markdown}");
    for secret in [PASSWORD, "hunter3-hunter3", PLACEHOLDER.1] {
        assert!(!plan.markdown.contains(secret));
        assert!(!machine.content(&plan.json_artifact).contains(secret));
        assert!(!machine.logged().contains(secret), "{}", machine.logged());
    }
    assert_eq!(serde_json::from_str::<Value>(&machine.content(&plan.json_artifact)).ok(), plan.json);
}

#[test]
fn a_plan_to_destroy_says_so() {
    demand();
    let (_machine, plan) = second(PASSWORD, json!({"destroy": true}));
    assert!(plan.summary.starts_with("0 to add, 0 to change, 9 to destroy"), "{}", plan.summary);
    assert!(plan.markdown.contains("> This plan destroys everything that the state holds."), "{}", plan.markdown);
    assert!(plan.markdown.contains("#### Destroyed (9)"), "{}", plan.markdown);
    assert!(!plan.markdown.contains(PASSWORD) && !plan.markdown.contains(PLACEHOLDER.1));
}

#[test]
fn targets_are_said() {
    demand();
    let (_machine, plan) = second(
        PASSWORD,
        json!({"targets": ["terraform_data.coming", "terraform_data.new_name", "terraform_data.old_name"]}),
    );
    assert_eq!((plan.creates, plan.deletes), (1, 0));
    assert!(
        plan.markdown.contains(
            "> Only terraform_data.coming, terraform_data.new_name, terraform_data.old_name and what that depends on"
        ),
        "{}",
        plan.markdown
    );
}
