//! The steps, with the machine's own tool on real configurations: from a plan to an apply of exactly that, and whatever
//! may come between the two.

mod support;

use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use support::{Machine, PLACEHOLDER, context, demand};
use terraform::host::Host;
use terraform::invocation::Invocation;
use terraform::manifest::{Manifest, State};
use terraform::outputs::{Applied, Planned};
use terraform::{apply, drift, plan, validate};
use tidegate::{Error, Finding, Outcome};

/// A secret that the configuration declares as one.
const PASSWORD: &str = "hunter2-hunter2";

fn planned(machine: &Machine, with: Value) -> Result<Outcome<Planned>, Error> {
    plan::run(machine, &context("plan"), &serde_json::from_value(with).expect("inputs"))
}

/// The inputs of the story's plan: one secret is declared, the other one only the host knows.
fn story(machine: &Machine) -> Value {
    json!({
        "directory": "infra",
        "backendConfig": [machine.state()],
        "variables": {"password": PASSWORD, "token": PLACEHOLDER.0, "tags": {"team": "a"}},
    })
}

fn plan_story(machine: &Machine) -> Planned {
    match planned(machine, story(machine)).expect("a plan") {
        Outcome::Succeeded(planned) => planned,
        other => panic!("{other:?}"),
    }
}

fn applied(machine: &Machine, plan: &str) -> Result<Outcome<Applied>, Error> {
    apply::run(machine, &context("apply"), &serde_json::from_value(json!({"plan": plan})).expect("inputs"))
}

fn apply_well(machine: &Machine, plan: &str) -> Applied {
    match applied(machine, plan) {
        Ok(Outcome::Succeeded(applied)) => applied,
        other => panic!("{other:?}\n{}", machine.logged()),
    }
}

fn probe(machine: &Machine, plan: &str) -> Finding<Applied> {
    apply::probe(machine, &context("apply"), &serde_json::from_value(json!({"plan": plan})).expect("inputs"))
        .expect("a finding")
}

/// Applies `before` and plans `after`.
fn second_plan(machine: &Machine) -> Planned {
    let first = plan_story(machine);
    machine.check_out("before");
    apply_well(machine, &first.plan);
    machine.check_out("after");
    plan_story(machine)
}

/// Puts a script in the tool's place, which calls it by `REAL`.
fn stand_in(machine: &mut Machine, script: &str) {
    let real = "command -v terraform || command -v tofu";
    let real = String::from_utf8(Command::new("sh").args(["-c", real]).output().expect("sh").stdout).expect("a path");
    let wrapper = machine.folder.join("home/terraform");
    fs::write(&wrapper, format!("#!/bin/sh\n{}\n", script.replace("REAL", real.trim()))).expect("a script");
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    machine.path = format!("{}:{}", machine.folder.join("home").display(), machine.path);
}

/// The last command of this name.
fn ran(machine: &Machine, name: &str) -> Option<Invocation> {
    machine.ran.borrow().iter().rfind(|command| command.arguments[0] == name).cloned()
}

fn no_secret(text: &str) {
    for secret in [PASSWORD, PLACEHOLDER.1] {
        assert!(!text.contains(secret), "a secret in: {text}");
    }
}

#[test]
fn what_was_planned_is_applied_once() {
    demand();
    let machine = Machine::new("before");
    let first = plan_story(&machine);
    assert_eq!(
        (first.summary.as_str(), first.creates, first.changes),
        ("9 to add, 0 to change, 0 to destroy", 9, true)
    );
    let label = machine.labels.borrow()[&first.plan].clone();
    assert!(label.confidential && !machine.labels.borrow()[&first.json_artifact].confidential);
    let members = machine.members(&first.plan);
    for member in ["README.md", "infra/main.tf", ".tidegate-terraform/plan.tfplan", ".tidegate-terraform/manifest.json"]
    {
        assert!(members.iter().any(|name| name == member), "{member} is not in {members:?}");
    }
    // The tool keeps the backend's settings there.
    assert!(
        !members.iter().any(|name| name.ends_with("terraform.tfstate") || name.ends_with("attempt.json")),
        "{members:?}"
    );
    // Nothing in clear is left: neither plan nor backend settings.
    assert!(machine.entries(".tidegate-terraform").expect("a look").is_none());
    no_secret(&machine.left());
    no_secret(&first.markdown);
    no_secret(&machine.content(&first.json_artifact));
    no_secret(&machine.logged());

    let forecast = apply::preview(&machine, &serde_json::from_value(json!({"plan": first.plan})).expect("inputs"))
        .expect("a forecast");
    assert_eq!(forecast.body, first.markdown);
    assert_eq!(forecast.effects[0].kind, "apply-plan");
    assert_eq!(forecast.effects[0].subject, format!("infra:infra:{}", first.plan));
    assert_eq!(forecast.effects[0].summary, first.summary);

    machine.check_out("before");
    assert!(matches!(probe(&machine, &first.plan), Finding::NotDone));
    let done = apply_well(&machine, &first.plan);
    assert_eq!((done.added, done.changed, done.destroyed), (9, 0, 0));
    assert_eq!(done.sensitive_outputs, ["password"]);
    assert_eq!(done.outputs["cidr"], "10.0.0.0/16");
    assert!(done.serial.is_some_and(|serial| serial > 0) && done.lineage.is_some());
    assert!(done.markdown.contains("**9 added, 0 changed, 0 destroyed.**"), "{}", done.markdown);
    assert!(machine.logged().contains("PROGRESS apply 9/9"), "{}", machine.logged());
    no_secret(&machine.left());
    no_secret(&serde_json::to_string(&done).expect("JSON"));
    // The outcome was not recorded: the notes know it, and nothing runs again.
    let Finding::Done(found) = probe(&machine, &first.plan) else { panic!("not done") };
    assert_eq!(found, done);
    let before = machine.ran.borrow().len();
    assert_eq!(apply_well(&machine, &first.plan), done);
    assert_eq!(machine.ran.borrow().len(), before);

    machine.check_out("before");
    let stale = applied(&machine, &first.plan).expect_err("the state moved");
    assert_eq!((stale.code.as_str(), stale.retryable), ("terraform-plan-stale", false));
    assert!(stale.hint.is_some_and(|hint| hint.contains("run the pipeline again")));
}

#[test]
fn nothing_to_do_is_said_so() {
    demand();
    let machine = Machine::new("before");
    let first = plan_story(&machine);
    machine.check_out("before");
    apply_well(&machine, &first.plan);
    machine.check_out("before");
    let Outcome::Unchanged(again) = planned(&machine, story(&machine)).expect("a plan") else { panic!("changes") };
    assert_eq!((again.summary.as_str(), again.changes), ("no changes", false));
    machine.check_out("before");
    let forecast = apply::preview(&machine, &serde_json::from_value(json!({"plan": again.plan})).expect("inputs"));
    assert!(forecast.expect("a forecast").effects.is_empty());
    let Outcome::Unchanged(same) = applied(&machine, &again.plan).expect("nothing") else { panic!("it did something") };
    assert_eq!(same.outputs["tags"], json!({"team": "a"}));
    assert_eq!(same.sensitive_outputs, ["password"]);
    machine.check_out("before");
    let mut with = story(&machine);
    with["failOnDrift"] = true.into();
    let drift =
        drift::run(&machine, &context("drift"), &serde_json::from_value(with).expect("inputs")).expect("no drift");
    let Outcome::Unchanged(drift) = drift else { panic!("{drift:?}") };
    assert_eq!(drift.drift, 0);
}

#[test]
fn drift_is_found() {
    demand();
    let machine = Machine::new("before");
    let first = plan_story(&machine);
    machine.check_out("before");
    apply_well(&machine, &first.plan);
    machine.check_out("before");
    let mut with = story(&machine);
    with["variables"]["tags"] = json!({"team": "b"});
    let run =
        |with: &Value| drift::run(&machine, &context("drift"), &serde_json::from_value(with.clone()).expect("inputs"));
    let Outcome::Succeeded(found) = run(&with).expect("drift") else { panic!("none") };
    assert_eq!(found.drift, 1);
    assert!(
        found.markdown.contains("! team = &quot;a&quot;") || found.markdown.contains("! team = \"a\" → \"b\""),
        "{}",
        found.markdown
    );
    no_secret(&found.markdown);
    let commands = machine.ran.borrow();
    let plan = commands.iter().rfind(|command| command.arguments[0] == "plan").expect("a plan");
    assert!(plan.arguments.contains(&"-lock=false".to_owned()) && plan.arguments.contains(&"-refresh-only".to_owned()));
    drop(commands);
    with["failOnDrift"] = true.into();
    machine.forget();
    let error = run(&with).expect_err("drift");
    assert_eq!((error.code.as_str(), error.message.as_str()), ("terraform-drift", "infra drifted: tags"));
}

#[test]
fn what_moved_since_is_refused() {
    demand();
    let machine = Machine::new("before");
    let second = second_plan(&machine);
    let refused = |code: &str, words: &str| {
        let error = applied(&machine, &second.plan).expect_err(code);
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
        assert!(!error.retryable && matches!(probe(&machine, &second.plan), Finding::NotDone));
    };
    machine.check_out("before");
    refused("terraform-configuration-moved", "changed infra/main.tf");
    machine.check_out("after");
    fs::write(machine.workspace().join("infra/modules/service/more.tf"), "").expect("a file");
    refused("terraform-configuration-moved", "added infra/modules/service/more.tf");
    machine.check_out("after");
    fs::write(machine.workspace().join("infra/.terraform.lock.hcl"), "").expect("a file");
    refused("terraform-lock-file-moved", "infra/.terraform.lock.hcl");
    // What is no part of it moves nothing.
    machine.check_out("after");
    fs::write(machine.workspace().join("README.md"), "moved").expect("a file");
    apply_well(&machine, &second.plan);
}

#[test]
fn another_version_of_the_tool_is_refused() {
    demand();
    let mut machine = Machine::new("before");
    let first = plan_story(&machine);
    machine.check_out("before");
    // The very tool, which says that it is another version.
    let lie = "if [ \"$1\" = version ]; then REAL \"$@\" | sed 's/\"terraform_version\": \"[^\"]*\"/\"terraform_version\": \"1.0.7\"/'; \
               else exec REAL \"$@\"; fi";
    stand_in(&mut machine, lie);
    let error = applied(&machine, &first.plan).expect_err("another version");
    assert_eq!(error.code, "terraform-tool-differs");
    assert!(error.message.contains("1.0.7"), "{}", error.message);
}

#[test]
fn a_plan_says_itself_on_which_state_it_was_made() {
    demand();
    let machine = Machine::new("before");
    let first = plan_story(&machine);
    assert_eq!(Manifest::of_artifact(&machine, &first.plan).expect("a manifest").state, None, "there is none yet");
    machine.check_out("before");
    apply_well(&machine, &first.plan);
    let state = fs::read(machine.folder.join("states/state.tfstate")).expect("a state");
    let state = State::of(&state).expect("serial and lineage");
    machine.ran.borrow_mut().clear();
    machine.check_out("after");
    let second = plan_story(&machine);
    assert_eq!(Manifest::of_artifact(&machine, &second.plan).expect("a manifest").state.as_ref(), Some(&state));
    assert_eq!(ran(&machine, "state"), None, "nobody else is asked");

    // A plan that is larger than a plugin may read.
    machine.check_out("after");
    let noise = || Command::new("head").args(["-c", "1500000", "/dev/urandom"]).output().expect("head").stdout;
    fs::write(machine.workspace().join("infra/noise"), noise()).expect("a file");
    let large = "resource \"terraform_data\" \"noise\" { input = filebase64(\"${path.module}/noise\") }\n";
    fs::write(machine.workspace().join("infra/noise.tf"), large).expect("a file");
    let third = plan_story(&machine);
    assert_eq!(Manifest::of_artifact(&machine, &third.plan).expect("a manifest").state.as_ref(), Some(&state));
    assert!(ran(&machine, "state").is_some(), "the backend knows it");
}

#[test]
fn garbage_may_wait_where_no_providers_run_side_by_side() {
    demand();
    let mut machine = Machine::new("before");
    let waits = |machine: &Machine, name: &str| ran(machine, name).expect(name).environment.get("GOGC").cloned();
    plan_story(&machine);
    for name in ["version", "init", "plan", "show"] {
        assert_eq!(waits(&machine, name).as_deref(), Some("400"), "{name}");
    }
    machine.check_out("before");
    let provider = "if [ \"$1\" = init ]; then mkdir -p \"$TF_DATA_DIR/providers\"; fi; exec REAL \"$@\"";
    stand_in(&mut machine, provider);
    plan_story(&machine);
    assert_eq!(waits(&machine, "plan"), None, "it would be inherited");
    assert_eq!(waits(&machine, "show").as_deref(), Some("400"));
    machine.check_out("before");
    let mut with = story(&machine);
    with["env"] = json!({"GOGC": "50"});
    planned(&machine, with).expect("a plan");
    for name in ["init", "plan", "show"] {
        let environment = ran(&machine, name).expect(name).environment;
        assert_eq!((environment["GOGC"].as_str(), environment.get("GOMEMLIMIT")), ("50", None), "{name}");
    }
}

#[test]
fn a_version_that_was_not_asked_for_says_only_that() {
    demand();
    let machine = Machine::new("broken");
    let mut with = story(&machine);
    with["version"] = json!("~> 0.1");
    // `init` was begun meanwhile, and fails over this configuration; nobody hears of it.
    let error = planned(&machine, with).expect_err("another version");
    assert_eq!(error.code, "terraform-version");
    assert!(machine.ran.borrow().iter().any(|command| command.arguments[0] == "init"));
    assert_eq!(machine.logged(), "");
    assert!(machine.entries(".tidegate-terraform").expect("a look").is_none());
}

#[test]
fn an_image_is_named_by_its_digest() {
    demand();
    let machine = Machine::new("before");
    let digest = "a".repeat(64);
    for (with, field) in [
        (json!({"image": "r.example/terraform:1.11"}), "/image"),
        (json!({"image": "terraform"}), "/image"),
        (json!({"image": format!("r.example/x@sha256:{digest}"), "folders": ["/srv:/etc"]}), "/folders/0"),
        (json!({"insecure": true}), "/insecure"),
        (json!({"containerTool": "podman"}), "/containerTool"),
        (json!({"folders": ["/srv"]}), "/folders"),
    ] {
        let mut inputs = story(&machine);
        let all = inputs.as_object_mut().expect("inputs");
        all.extend(with.as_object().expect("inputs").clone());
        let error = planned(&machine, inputs).expect_err(field);
        assert!(error.is("invalid") && error.details.unwrap_or_default().contains(&format!("\"{field}\"")), "{with}");
    }
    assert!(machine.ran.borrow().is_empty());
}

#[test]
fn a_state_that_would_be_lost_is_not_made() {
    demand();
    let machine = Machine::new("failing");
    let Outcome::Succeeded(plan) = planned(&machine, json!({"directory": "infra"})).expect("a plan") else { panic!() };
    assert!(plan.markdown.contains("configure a backend"), "{}", plan.markdown);
    machine.check_out("failing");
    assert_eq!(applied(&machine, &plan.plan).expect_err("lost").code, "terraform-state-in-workspace");
}

#[test]
fn a_failure_half_way_says_how_far_it_came() {
    demand();
    let machine = Machine::new("failing");
    let with = json!({"directory": "infra", "backendConfig": [machine.state()]});
    let Outcome::Succeeded(plan) = planned(&machine, with).expect("a plan") else { panic!() };
    machine.check_out("failing");
    let error = applied(&machine, &plan.plan).expect_err("a provisioner fails");
    assert_eq!(error.code, "terraform-apply-failed");
    assert!(error.message.starts_with("1 of 3 objects were done, then: "), "{}", error.message);
    assert!(error.message.contains("infra/main.tf:12:"), "{}", error.message);
    assert!(error.details.expect("details").contains("terraform_data.second"));
    assert!(machine.logged().contains("terraform_data.second: trying"), "{}", machine.logged());
    let Finding::Unknown(why) = probe(&machine, &plan.plan) else { panic!("it is known") };
    assert!(why.contains("at least 1 of 3 objects were done, terraform_data.first last"), "{why}");
    assert!(machine.entries(".tidegate-terraform").expect("a look").is_none());
    // The host did not record that: the same child answers, and nothing is done again.
    let before = machine.ran.borrow().len();
    assert_eq!(applied(&machine, &plan.plan).expect_err("the same").message, error.message);
    assert_eq!(machine.ran.borrow().len(), before);
}

#[test]
fn a_cancel_lets_the_tool_save_its_state() {
    demand();
    let machine = Machine::new("slow");
    let until = machine.folder.join("home/until");
    let with = json!({"directory": "infra", "backendConfig": [machine.state()], "variables": {"until": until}});
    let Outcome::Succeeded(plan) = planned(&machine, with).expect("a plan") else { panic!() };
    machine.check_out("slow");
    *machine.cancel_at.borrow_mut() = Some(r#""output":"waiting""#.to_owned());
    let error = applied(&machine, &plan.plan).expect_err("cancelled");
    assert_eq!(error.code, "cancelled");
    assert!(error.message.starts_with("1 of 3 objects were done, then: "), "{}", error.message);
    let state = fs::read_to_string(machine.folder.join("states/state.tfstate")).expect("a state");
    assert!(state.contains("\"first\""), "{state}");
    assert!(matches!(probe(&machine, &plan.plan), Finding::Unknown(_)));
}

#[test]
fn an_interrupted_apply_is_unknown_and_says_what_is_known() {
    demand();
    let machine = Machine::new("before");
    let first = plan_story(&machine);
    machine.check_out("before");
    let notes = ".tidegate-apply-run-1-apply-1.json";
    // The workspace is full after the notes `compared`, `unpacked` and `applying` and those of four events.
    machine.writes.set(7);
    apply_well(&machine, &first.plan);
    let text = String::from_utf8(machine.read(notes).expect("a look").expect("notes")).expect("text");
    let noted: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(noted["phase"], "applying", "{text}");
    let Finding::Unknown(why) = probe(&machine, &first.plan) else { panic!("it is known") };
    assert!(why.contains("the apply was interrupted: at least"), "{why}");
    assert!(why.contains("there was no state before"), "{why}");
    // Where the child lived on in the shim's care, the step goes on with it, and nothing is done again.
    machine.writes.set(u32::MAX);
    let before = machine.ran.borrow().len();
    let done = apply_well(&machine, &first.plan);
    assert_eq!((done.added, machine.ran.borrow().len()), (9, before));
    let Finding::Done(found) = probe(&machine, &first.plan) else { panic!("not done") };
    assert_eq!(found, done);
    // Without the workspace nobody knows.
    fs::remove_dir_all(machine.workspace()).expect("a workspace");
    assert!(matches!(probe(&machine, &first.plan), Finding::Unknown(_)));
}

#[test]
fn a_plan_goes_on_after_a_restart_of_the_host() {
    demand();
    let machine = Machine::new("before");
    let begun = |attempt: &str| {
        let marker = json!({"attempt": attempt, "generation": "seven"}).to_string();
        machine.write(".tidegate-terraform/attempt.json", marker.as_bytes()).expect("a marker");
        machine.write(".tidegate-terraform/terraform/providers/evil", b"x").expect("a file");
        plan_story(&machine);
        let ran = machine.ran.borrow();
        ran.iter().rfind(|command| command.arguments[0] == "plan").expect("a plan").key == "plan-seven"
    };
    // The children that it had begun are found by their keys. What a commit put there is not believed.
    assert!(begun("run-1/plan/1"));
    assert!(!begun("run-0/plan/1"));
    machine.forget();
    // It stops between the plan and its archive.
    machine.writes.set(1);
    let error = planned(&machine, story(&machine)).expect_err("the workspace is full");
    assert_eq!(error.code, "exhausted");
    assert!(machine.entries(".tidegate-terraform").expect("a look").is_none(), "it is removed after an error, too");
    machine.writes.set(u32::MAX);
    plan_story(&machine);
}

#[test]
fn a_held_lock_names_its_holder() {
    demand();
    let machine = Machine::new("slow");
    let until = machine.folder.join("home/until");
    let with = json!({"directory": "infra", "backendConfig": [machine.state()], "variables": {"until": until}, "lockTimeout": "0s"});
    let Outcome::Succeeded(plan) = planned(&machine, with.clone()).expect("a plan") else { panic!() };
    machine.check_out("slow");
    std::thread::scope(|scope| {
        // Somebody else applies, and waits.
        let folder = machine.folder.clone();
        let state = machine.state();
        let holder = scope.spawn(move || {
            let work = folder.join("holder");
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configurations/slow");
            Command::new("cp").args(["-r", source]).arg(&work).status().expect("cp");
            let script = format!(
                "tool=$(command -v terraform || command -v tofu); \"$tool\" init -input=false -backend-config='{state}' && \
                 \"$tool\" apply -input=false -auto-approve -var until='{}'",
                folder.join("home/until").display()
            );
            let mut command = Command::new("sh");
            command.args(["-c", &script]).current_dir(&work).env_remove("TF_CLI_CONFIG_FILE").env_remove("TF_DATA_DIR");
            command.output().expect("an apply")
        });
        // It holds the lock once it has made the first object.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let file = machine.folder.join("states/.state.tfstate.lock.info");
        while !file.exists() {
            assert!(std::time::Instant::now() < deadline, "nobody took the lock");
            std::thread::yield_now();
        }
        let error = planned(&machine, with.clone());
        fs::write(&until, "").expect("a file");
        let held = holder.join().expect("an apply");
        assert!(held.status.success(), "{}", String::from_utf8_lossy(&held.stderr));
        let error = error.expect_err("it is locked");
        assert_eq!((error.code.as_str(), error.retryable), ("terraform-locked", true), "{}", error.message);
        assert!(error.message.contains("held by ") && error.message.contains(" since "), "{}", error.message);
        assert!(error.hint.is_some_and(|hint| hint.contains("force-unlock ")));
    });
    drop(plan);
}

#[test]
fn a_broken_configuration_is_shown_with_carets() {
    demand();
    let machine = Machine::new("broken");
    let run =
        |with: Value| validate::run(&machine, &context("validate"), &serde_json::from_value(with).expect("inputs"));
    let error = run(json!({"directory": "infra"})).expect_err("broken");
    assert_eq!(error.code, "terraform-invalid");
    assert!(error.message.contains("infra/main.tf:6:3: Unsupported argument"), "{}", error.message);
    assert!(error.message.contains("infra/main.tf:10:11: Reference to undeclared resource"), "{}", error.message);
    assert!(error.details.expect("a place").contains(r#""path":"infra/main.tf""#));
    let caret = "6 |   inptu = var.name\n    |   ^^^^^\n";
    assert!(machine.logged().contains(caret), "{}", machine.logged());

    machine.check_out("before");
    let Outcome::Succeeded(good) = run(json!({"directory": "infra", "format": true})).expect("good") else { panic!() };
    assert_eq!(good.warnings, 0);
    fs::write(machine.workspace().join("infra/extra.tf"), "output \"x\" {\n      value = 1\n}\n").expect("a file");
    machine.forget();
    let error = run(json!({"directory": "infra", "format": true})).expect_err("badly written");
    assert_eq!(error.code, "terraform-format");
    assert!(error.message.contains("would write infra/extra.tf differently"), "{}", error.message);
    assert!(machine.logged().contains("+  value = 1"), "{}", machine.logged());
}

#[test]
fn nothing_is_no_success() {
    demand();
    let machine = Machine::new("before");
    let code = |with: Value| {
        machine.forget();
        planned(&machine, with).expect_err("an error").code
    };
    fs::create_dir(machine.workspace().join("empty")).expect("a folder");
    fs::write(machine.workspace().join("empty/notes.md"), "# nothing").expect("a file");
    assert_eq!(code(json!({"directory": "empty"})), "terraform-no-configuration");
    assert_eq!(code(json!({"directory": "absent"})), "not-found");
    assert_eq!(code(json!({"directory": "infra", "varFiles": ["x.tfvars"]})), "not-found");
    assert_eq!(code(json!({"directory": "infra", "version": "~> 0.11"})), "terraform-version");
    assert_eq!(code(json!({"directory": "infra", "backendConfig": [machine.state()]})), "terraform-variable-missing");
    assert_eq!(code(json!({"directory": "infra", "variables": {"password": "x"}, "targets": [" "]})), "invalid");
    let mut nowhere = Machine::new("before");
    nowhere.path = nowhere.folder.join("home").display().to_string();
    let error = planned(&nowhere, json!({"directory": "infra"})).expect_err("no tool");
    assert_eq!(error.code, "terraform-missing");
    assert_eq!(error.message, "there is no terraform and no tofu on this machine");
    assert!(nowhere.entries(".tidegate-terraform").expect("a look").is_none());
}

#[test]
fn workspaces_and_files_of_variables_reach_the_tool() {
    demand();
    let machine = Machine::new("before");
    let states = machine.folder.join("states").display().to_string();
    fs::write(machine.workspace().join("infra/backend.hcl"), format!("workspace_dir = \"{states}\"\n"))
        .expect("a file");
    fs::write(machine.workspace().join("common.tfvars"), "size = 7\ntoken = \"plain\"\n").expect("a file");
    let with = json!({
        "directory": "infra", "workspace": "dev", "backendConfig": ["backend.hcl"], "varFiles": ["../common.tfvars"],
        "variables": {"password": PASSWORD, "tags": {"a": "${not.a.template}"}},
    });
    let Outcome::Succeeded(plan) = planned(&machine, with).expect("a plan") else { panic!() };
    assert!(plan.markdown.contains("(`dev`)"), "{}", plan.markdown);
    assert!(!plan.markdown.contains("Checks that do not pass"), "size is 7: {}", plan.markdown);
    // Each step has the files of its commit.
    let error = {
        machine.check_out("before");
        applied(&machine, &plan.plan).expect_err("files are missing")
    };
    assert!(error.message.contains("removed common.tfvars"), "{}", error.message);
    fs::write(machine.workspace().join("infra/backend.hcl"), format!("workspace_dir = \"{states}\"\n"))
        .expect("a file");
    fs::write(machine.workspace().join("common.tfvars"), "size = 7\ntoken = \"plain\"\n").expect("a file");
    machine.forget();
    let done = apply_well(&machine, &plan.plan);
    assert_eq!(done.outputs["tags"], json!({"a": "${not.a.template}"}));
    assert!(done.serial.is_some());
    assert!(machine.folder.join("states/dev/terraform.tfstate").exists());
}

#[test]
fn settings_of_the_backend_may_be_secret() {
    demand();
    let machine = Machine::new("failing");
    // The secret is a path with blanks in it, relative, so the state lies in the workspace.
    let with = json!({"directory": "infra", "backendConfig": [format!("path={}", PLACEHOLDER.0)]});
    let Outcome::Succeeded(plan) = planned(&machine, with).expect("a plan") else { panic!() };
    let init = machine.ran.borrow().iter().find(|command| command.arguments[0] == "init").expect("an init").clone();
    assert_eq!(init.environment["TF_CLI_ARGS_init"], format!("'-backend-config=path={}'", PLACEHOLDER.0));
    assert!(!machine.left().contains(PLACEHOLDER.1));
    drop(plan);
}
