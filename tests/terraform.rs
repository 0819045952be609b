//! Terraform through the whole host, with the real tool: plans are encrypted and shown without secrets, approved ones are
//! applied exactly, others are not, and whatever is killed is applied once.

use serde_json::Value;
use std::fs;
use std::process::{Child, Command, Stdio};
use tidegate_tests::{Ran, World, holding};

const MAIN: &str = r#"terraform {
  backend "local" {}
}
variable "size" { default = 1 }
variable "password" {
  sensitive = true
  default   = "none"
}
module "disk" {
  source   = "../../modules/disk"
  for_each = toset(["a", "b"])
  name     = each.key
  size     = var.size
}
resource "terraform_data" "user" {
  input = var.password
}
output "disks" { value = [for disk in module.disk : disk.id] }
output "password" {
  value     = var.password
  sensitive = true
}
"#;

const DISK: &str = r#"variable "name" {}
variable "size" {}
resource "terraform_data" "disk" {
  input = "${var.name}-${var.size}"
}
output "id" { value = terraform_data.disk.output }
"#;

const PIPELINE: &str = r#"apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: infrastructure }
spec:
  steps:
    plan:
      uses: terraform/plan
      with:
        directory: environments/prod
        backendConfig: ["path=STATE"]
        varFiles: [prod.tfvars]
        variables: { password: "${{ secrets.password }}" }
    apply:
      uses: terraform/apply
      with: { plan: "${{ steps.plan.outputs.plan }}" }
"#;

const HOST: &str = r#"apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories: { infra: { url: ./infra.git } }
  credentials:
    password: { secret: "env:DB_PASSWORD", steps: [{ uses: [terraform/plan], repositories: [infra] }] }
  environments:
    prod:
      owns: { paths: ["infra:environments/prod/**"] }
      requires: [{ approval: { group: platform, count: 1 } }]
  groups: { platform: [alice, bob] }
  plugins:
    grants:
      terraform: { process: { programs: [terraform], environment: ["*"], paths: { write: [tfstate] } } }
"#;

const PASSWORD: &str = "pl4nted-database-password";

/// A repository with one root module, and a folder for its state.
fn world(main: &str) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir(world.path().join("tfstate")).expect("a folder");
    let state = world.path().join("tfstate/prod.tfstate");
    world.repository(
        "infra",
        &[
            (".tidegate/infrastructure.yaml", &PIPELINE.replace("STATE", &state.display().to_string())),
            ("environments/prod/main.tf", main),
            ("environments/prod/prod.tfvars", "size = 1\n"),
            ("modules/disk/main.tf", DISK),
        ],
    );
    world.write("tidegate.yaml", HOST);
    world.open_to_children();
    world
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env("DB_PASSWORD", PASSWORD);
    command
}

fn tidegate(world: &World, arguments: &[&str]) -> Ran {
    Ran::of(&mut command(world, arguments))
}

fn start(world: &World) -> (String, Ran) {
    let ran = tidegate(world, &["run", "--repository", "infra", "--output", "json"]);
    (ran.json()["run"].as_str().unwrap_or_default().to_owned(), ran)
}

fn approve(world: &World, run: &str) {
    let digest = world.digest(run, "apply");
    world.tidegate(&["approve", run, "apply", "--digest", &digest, "--as", "alice"]).expect(0);
}

fn resume(world: &World, run: &str) -> Ran {
    tidegate(world, &["runs", "resume", run, "--output", "json"])
}

fn state(world: &World) -> Value {
    let text = fs::read_to_string(world.path().join("tfstate/prod.tfstate")).expect("a state");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_plan_that_was_approved_is_applied_and_no_secret_is_kept() {
    let world = world(MAIN);
    let (run, ran) = start(&world);
    let ran = ran.expect(3);
    let planned = &ran.json()["steps"]["plan"]["outputs"];
    assert_eq!(planned["summary"], "3 to add, 0 to change, 0 to destroy", "{planned:#}");
    let markdown = planned["markdown"].as_str().expect("a text");
    assert!(markdown.contains("module.disk[&quot;a&quot;]") && !markdown.contains(PASSWORD), "{markdown}");
    assert!(!world.path().join("tfstate/prod.tfstate").exists(), "nothing is applied that nobody approved");
    // What people are asked about is the plan.
    let shown = world.tidegate(&["runs", "show", &run]).expect(0).out;
    assert!(shown.contains("apply needs 1 approval of group platform"), "{shown}");
    // Whoever started it does not count, nor does another digest.
    let digest = world.digest(&run, "apply");
    world.tidegate(&["approve", &run, "apply", "--digest", &digest, "--as", "tester"]).expect(4);
    let other = format!("sha256:{}", "0".repeat(64));
    assert_ne!(world.tidegate(&["approve", &run, "apply", "--digest", &other, "--as", "alice"]).code, 0);
    resume(&world, &run).expect(3);
    approve(&world, &run);
    let ran = resume(&world, &run).expect(0);
    let applied = &ran.json()["steps"]["apply"]["outputs"];
    assert_eq!(applied["outputs"]["disks"], serde_json::json!(["a-1", "b-1"]), "{applied:#}");
    assert_eq!((applied["added"].as_u64(), applied["sensitiveOutputs"][0].as_str()), (Some(3), Some("password")));
    assert_eq!(state(&world)["outputs"]["password"]["value"], PASSWORD, "the real value was applied");
    // It was everywhere in the plan, and is nowhere but in the state file.
    assert_eq!(holding(&world.path().join("state"), PASSWORD), [""; 0]);
    let logs = world.tidegate(&["runs", "logs", &run]).expect(0).out;
    assert!(!logs.contains(PASSWORD) && !ran.out.contains(PASSWORD), "{logs}");
    // Once more there is nothing to do, and nobody is asked.
    let (_, again) = start(&world);
    let again = again.expect(0);
    assert_eq!(again.json()["steps"]["plan"]["status"], "unchanged", "{}", again.out);
}

#[test]
fn a_state_that_moved_after_the_plan_is_not_applied_over() {
    let world = world(MAIN);
    let (first, ran) = start(&world);
    ran.expect(3);
    let (second, ran) = start(&world);
    ran.expect(3);
    for run in [&first, &second] {
        approve(&world, run);
    }
    resume(&world, &first).expect(0);
    let serial = state(&world)["serial"].clone();
    let ran = resume(&world, &second).expect(1);
    let error = &ran.json()["steps"]["apply"]["error"];
    assert!(error["message"].as_str().is_some_and(|message| message.contains("stale")), "{error:#}");
    assert!(error["hint"].as_str().is_some(), "what to do: {error:#}");
    assert_eq!(state(&world)["serial"], serial);
}

#[test]
fn a_confidential_plan_is_for_terraform_alone() {
    let world = world(MAIN);
    let state = world.path().join("tfstate/prod.tfstate").display().to_string();
    let thief = "    steal:\n      uses: exec\n      artifacts: { extract: { stolen: \"${{ steps.plan.outputs.plan }}\" } }\n      with: { script: \"cat stolen\" }\n";
    let pipeline = format!("{}{thief}", PIPELINE.replace("STATE", &state));
    world.write("infra/.tidegate/infrastructure.yaml", pipeline);
    world.push("infra", "steal");
    let (_, ran) = start(&world);
    let error = &ran.json()["steps"]["steal"]["error"];
    assert!(error["message"].as_str().is_some_and(|m| m.contains("is confidential")), "{error:#}");
    assert_eq!(error["code"], "denied");
}

#[test]
fn nothing_to_plan_is_an_error() {
    let world = world(MAIN);
    world.git("infra", &["rm", "-q", "environments/prod/main.tf"]);
    world.push("infra", "nothing left");
    let (_, ran) = start(&world);
    let ran = ran.expect(1);
    let error = &ran.json()["steps"]["plan"]["error"];
    assert!(error["message"].as_str().is_some_and(|m| m.contains("environments/prod")), "{error:#}");
}

#[test]
fn mistakes_of_a_configuration_have_their_places() {
    let world = world(&format!("{MAIN}\nresource \"terraform_data\" \"x\" {{\n  input = var.nope\n}}\n"));
    let pipeline = "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: check }\nspec:\n  steps:\n    check: { uses: terraform/validate, with: { directory: environments/prod } }\n";
    world.write("infra/.tidegate/infrastructure.yaml", pipeline);
    world.push("infra", "check");
    let (run, ran) = start(&world);
    let ran = ran.expect(1);
    let logs = world.tidegate(&["runs", "logs", &run]).expect(0).out;
    let line = MAIN.lines().count() + 3;
    assert!(logs.contains(&format!("main.tf:{line}")) && logs.contains("var.nope"), "{logs}\n{}", ran.err);
}

/// A provisioner that says when it is there, and waits to be let on.
fn slow(world: &World) -> String {
    let pipes = world.path().join("tfstate");
    let (up, down) = (pipes.join("up").display().to_string(), pipes.join("down").display().to_string());
    let count = pipes.join("count").display().to_string();
    format!(
        "terraform {{\n  backend \"local\" {{}}\n}}\nvariable \"size\" {{}}\nvariable \"password\" {{\n  sensitive = true\n}}\nresource \"terraform_data\" \"slow\" {{\n  provisioner \"local-exec\" {{\n    command = \"echo once >> '{count}'; echo there > '{up}'; read -r word < '{down}'\"\n  }}\n}}\n"
    )
}

fn kill(mut child: Child) {
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
}

#[test]
fn an_apply_whose_host_is_killed_is_finished_and_not_repeated() {
    let world = world(MAIN);
    world.write("infra/environments/prod/main.tf", slow(&world));
    world.push("infra", "slow");
    for name in ["up", "down"] {
        let made = Command::new("mkfifo").arg(world.path().join("tfstate").join(name)).status().expect("mkfifo");
        assert!(made.success());
    }
    world.open_to_children();
    let (run, ran) = start(&world);
    ran.expect(3);
    approve(&world, &run);
    let child = command(&world, &["runs", "resume", &run]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("the binary");
    // Ends once the provisioner runs.
    assert_eq!(fs::read_to_string(world.path().join("tfstate/up")).expect("a word"), "there\n");
    kill(child);
    // The apply goes on without its host; a second one would wait for this pipe as well.
    let down = world.path().join("tfstate/down");
    let writer = std::thread::spawn(move || fs::write(down, "on\n"));
    let ran = resume(&world, &run).expect(0);
    writer.join().expect("a thread").expect("the provisioner reads");
    assert_eq!(ran.json()["steps"]["apply"]["status"], "succeeded", "{}", ran.out);
    let count = fs::read_to_string(world.path().join("tfstate/count")).expect("the count");
    assert_eq!(count, "once\n");
    assert_eq!(state(&world)["resources"][0]["name"], "slow");
}

/// A world whose pipeline is this one, with the state's place for `STATE`.
fn with_pipeline(steps: &str) -> World {
    let world = world(MAIN);
    let state = world.path().join("tfstate/prod.tfstate").display().to_string();
    let head = PIPELINE.split("    plan:").next().expect("the head");
    world.write("infra/.tidegate/infrastructure.yaml", format!("{head}{}", steps.replace("STATE", &state)));
    world.push("infra", "another pipeline");
    world
}

const PLAN: &str = "    plan:
      uses: terraform/plan
      with: { directory: environments/prod, backendConfig: [\"path=STATE\"], varFiles: [prod.tfvars] }
";

fn error(ran: &Ran, step: &str) -> Value {
    ran.json()["steps"][step]["error"].clone()
}

#[test]
fn a_file_that_calls_itself_a_plan_is_none() {
    let steps = "    forge:
      uses: exec
      with:
        script: |
          mkdir .tidegate-terraform; cp forged.json .tidegate-terraform/manifest.json; tar cf forged.tar .tidegate-terraform
          echo \"plan=sha256:$(sha256sum forged.tar | cut -d' ' -f1)\" >> \"$TIDEGATE_OUTPUT\"
      artifacts: { store: { plan: forged.tar } }
    apply:
      uses: terraform/apply
      with: { plan: \"${{ steps.forge.outputs.plan }}\" }
";
    // All that a manifest has, so that the plugin itself sees nothing wrong, for a directory that nobody owns.
    let forged = serde_json::json!({
        "form": 1, "tool": {"tool": "terraform", "version": "1.11.4", "platform": "linux_amd64"},
        "root": {"directory": "elsewhere", "workspace": null, "backend": [], "varFiles": [], "variables": {}},
        "repository": "infra", "commit": null, "run": "x", "backend": {"kind": "local", "passes": false},
        "state": null, "lockFile": null, "planFile": "sha256:00", "files": {"folders": [], "singles": [], "digests": {}},
        "summary": "only a tag changes", "changes": true, "objects": 1, "outputs": {}, "sensitiveOutputs": [],
    });
    let world = with_pipeline(steps);
    world.write("infra/forged.json", forged.to_string());
    world.push("infra", "forged");
    let ran = start(&world).1.expect(4);
    let error = error(&ran, "apply");
    assert!(
        error["message"].as_str().is_some_and(|m| m.contains("no plan that a step of `terraform` made")),
        "{error:#}"
    );
}

#[test]
fn notes_of_a_plugin_are_its_own() {
    // A note as `terraform/apply` leaves it for a call after a crash, forged by a script for a tree of its own.
    let steps = format!(
        "{PLAN}    prepare:
      uses: exec
      with: {{ script: \"echo forged > .tidegate-apply-$TIDEGATE_RUN-look-1.json; echo x > .tidegate-other; echo y > kept\" }}
    look:
      uses: exec
      needs: [prepare]
      workspace: {{ from: prepare }}
      with: {{ script: \"ls -a; test -f kept; test -z \\\"$(ls -a | grep '^.tidegate-[ao]' | grep -v output)\\\"\" }}
"
    );
    let (run, ran) = start(&with_pipeline(&steps));
    let logs = world_logs(&ran, &run);
    assert_eq!(ran.code, 0, "{logs}");
}

fn world_logs(ran: &Ran, run: &str) -> String {
    format!("{run}: {}{}", ran.out, ran.err)
}

#[test]
fn what_changes_an_environment_is_made_of_the_commit_alone() {
    let steps = format!(
        "    generate: {{ uses: exec, with: {{ script: \"echo 'output \\\"more\\\" {{ value = 1 }}' > environments/prod/more.tf\" }} }}
{}      workspace: {{ from: generate }}
    apply:
      uses: terraform/apply
      with: {{ plan: \"${{{{ steps.plan.outputs.plan }}}}\" }}
",
        PLAN.replace("    plan:\n", "    plan:\n      needs: [generate]\n")
    );
    let ran = start(&with_pipeline(&steps)).1.expect(4);
    let error = error(&ran, "apply");
    assert!(error["message"].as_str().is_some_and(|m| m.contains("the step `plan` are not the commit's")), "{error:#}");
}

#[test]
fn a_confidential_artifact_is_put_into_no_other_steps_files() {
    let steps = format!(
        "{PLAN}    carry:
      uses: terraform/validate
      artifacts: {{ extract: {{ stolen: \"${{{{ steps.plan.outputs.plan }}}}\" }}, store: {{ leak: stolen }} }}
      with: {{ directory: environments/prod }}
"
    );
    let ran = start(&with_pipeline(&steps)).1.expect(4);
    assert_eq!(error(&ran, "carry")["code"], "denied", "{}", ran.out);
}

#[test]
fn an_apply_that_failed_is_not_tried_again_and_leaves_nothing_behind() {
    let world = with_pipeline(&format!(
        "{PLAN}    apply:
      uses: terraform/apply
      retry: {{ limit: 2, backoff: {{ duration: 1ms }} }}
      with: {{ plan: \"${{{{ steps.plan.outputs.plan }}}}\" }}
"
    ));
    let count = world.path().join("tfstate/count").display().to_string();
    let failing = format!(
        "terraform {{\n  backend \"local\" {{}}\n}}\nvariable \"size\" {{}}\nresource \"terraform_data\" \"x\" {{\n  input = join(\"-\", [\"planted\", \"in\", \"state\"])\n  provisioner \"local-exec\" {{\n    command = \"echo once >> '{count}'; exit 1\"\n  }}\n}}\n"
    );
    world.write("infra/environments/prod/main.tf", failing);
    world.push("infra", "failing");
    let (run, ran) = start(&world);
    ran.expect(3);
    // While it waits for people, for days perhaps, what the tool said of plan and state is not on the disk.
    assert_eq!(holding(&world.path().join("state/runs"), "planted-in-state"), [""; 0]);
    approve(&world, &run);
    let ran = resume(&world, &run).expect(1);
    assert_eq!(ran.json()["steps"]["apply"]["attempts"], 1, "{}", ran.out);
    assert_eq!(fs::read_to_string(world.path().join("tfstate/count")).expect("the count"), "once\n");
}

#[test]
fn a_way_around_through_a_link_is_refused() {
    let steps = |directory: &str| {
        let plan = PLAN.replace("environments/prod", directory);
        let apply = "    apply: { uses: terraform/apply, with: { plan: \"${{ steps.plan.outputs.plan }}\" } }\n";
        format!("{plan}{apply}")
    };
    // As deep as the folder that it leads to, so that the module's own path to others fits.
    let world = with_pipeline(&steps("envs/prod"));
    std::os::unix::fs::symlink("environments", world.path().join("infra/envs")).expect("a link");
    world.push("infra", "a link");
    let ran = start(&world).1.expect(4);
    let error = error(&ran, "apply");
    assert!(error["message"].as_str().is_some_and(|m| m.contains("`envs` is a link")), "{error:#}");
    assert!(!world.path().join("tfstate/prod.tfstate").exists(), "nothing is applied that nobody approved");
}

#[test]
fn moved_objects_and_places_of_the_tool_are_the_same_at_plan_and_apply() {
    let main = |name: &str, more: &str| {
        format!(
            "terraform {{\n  backend \"local\" {{}}\n}}\nvariable \"size\" {{}}\nvariable \"password\" {{\n  sensitive = true\n}}\nresource \"terraform_data\" \"{name}\" {{\n  input = \"${{path.cwd}} ${{path.root}} ${{abspath(path.module)}} ${{terraform.workspace}}\"\n}}\n{more}"
        )
    };
    let world = world(&main("before", ""));
    let (run, ran) = start(&world);
    ran.expect(3);
    approve(&world, &run);
    resume(&world, &run).expect(0);
    let made = state(&world)["resources"][0].clone();
    assert_eq!(
        made["instances"][0]["attributes"]["input"]["value"],
        "/workspace/environments/prod . /workspace/environments/prod default"
    );
    // Another run is in another folder of the host, and nothing of it has changed.
    start(&world).1.expect(0);
    let moved = "moved {\n  from = terraform_data.before\n  to   = terraform_data.after\n}\n";
    world.write("infra/environments/prod/main.tf", main("after", moved));
    world.push("infra", "moved");
    let (run, ran) = start(&world);
    let planned = ran.expect(3).json()["steps"]["plan"]["outputs"].clone();
    assert_eq!(planned["summary"], "0 to add, 0 to change, 0 to destroy, 1 to move", "{planned:#}");
    approve(&world, &run);
    resume(&world, &run).expect(0);
    let now = state(&world)["resources"][0].clone();
    assert_eq!(
        (now["name"].as_str(), &now["instances"][0]["attributes"]["id"]),
        (Some("after"), &made["instances"][0]["attributes"]["id"])
    );
}

#[test]
fn what_the_plan_hid_the_apply_does_not_show() {
    // Not from a credential, so that nothing of the host knows it: only the configuration says that it is secret.
    let main = "terraform {\n  backend \"local\" {}\n}\nvariable \"size\" {}\nvariable \"password\" {}\nvariable \"token\" {\n  sensitive = true\n  default   = \"t0ken-of-the-module\"\n}\nresource \"terraform_data\" \"x\" {\n  input = var.token\n}\noutput \"copy\" { value = terraform_data.x.output }\n";
    let world = world(main);
    let (run, ran) = start(&world);
    let planned = ran.expect(3).json()["steps"]["plan"]["outputs"].clone();
    assert!(!planned["markdown"].as_str().expect("a text").contains("t0ken"), "{planned:#}");
    approve(&world, &run);
    let ran = resume(&world, &run).expect(0);
    let applied = ran.json()["steps"]["apply"]["outputs"].clone();
    assert_eq!(state(&world)["outputs"]["copy"]["value"], "t0ken-of-the-module", "it is what was applied");
    assert!(applied["outputs"]["copy"].as_str().is_some_and(|text| !text.contains("t0ken")), "{applied:#}");
    let logs = world.tidegate(&["runs", "logs", &run]).expect(0).out;
    assert!(!ran.out.contains("t0ken") && !logs.contains("t0ken"), "{logs}");
}

#[test]
fn a_state_that_would_be_lost_is_refused_before_anything_is_made() {
    let world = world(MAIN);
    let pipeline = PIPELINE.replace("path=STATE", "path=/tmp/prod.tfstate");
    world.write("infra/.tidegate/infrastructure.yaml", pipeline);
    world.push("infra", "a state in /tmp");
    let (run, ran) = start(&world);
    let planned = ran.expect(3).json()["steps"]["plan"]["outputs"].clone();
    assert!(planned["markdown"].as_str().is_some_and(|text| text.contains("will refuse this plan")), "{planned:#}");
    approve(&world, &run);
    let ran = resume(&world, &run).expect(1);
    assert_eq!(error(&ran, "apply")["code"], "terraform-state-in-workspace", "{}", ran.out);
}

#[test]
fn a_directory_with_a_colon_is_owned_like_any_other() {
    let world = with_pipeline(&format!(
        "{}    apply:
      uses: terraform/apply
      with: {{ plan: \"${{{{ steps.plan.outputs.plan }}}}\" }}
",
        PLAN.replace("environments/prod", "x:live/prod").replace(", varFiles: [prod.tfvars]", "")
    ));
    world.write("infra/x:live/prod/main.tf", "terraform {\n  backend \"local\" {}\n}\noutput \"x\" { value = 1 }\n");
    world.push("infra", "a colon");
    world.write("tidegate.yaml", HOST.replace("infra:environments/prod/**", "infra:**/prod/**"));
    let (run, ran) = start(&world);
    ran.expect(3);
    assert!(world.digest(&run, "apply").starts_with("sha256:"));
}

#[test]
fn a_plan_whose_host_is_killed_is_made_all_the_same() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let world = world(MAIN);
    let fifo = world.path().join("tfstate/slow");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    // Whoever reads a pipe as a file waits until somebody writes it.
    let slow = format!(
        "terraform {{\n  backend \"local\" {{}}\n}}\nvariable \"size\" {{}}\nvariable \"password\" {{\n  sensitive = true\n}}\nresource \"terraform_data\" \"x\" {{\n  input = file(\"{}\")\n}}\n",
        fifo.display()
    );
    world.write("infra/environments/prod/main.tf", slow);
    world.push("infra", "slow");
    world.open_to_children();
    let child = command(&world, &["run", "--repository", "infra"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("the binary");
    // Opens once terraform reads, in the middle of its plan.
    let mut first = fs::OpenOptions::new().write(true).open(&fifo).expect("a reader");
    kill(child);
    std::io::Write::write_all(&mut first, b"x").expect("it reads");
    drop(first);
    // It may read more than once, and so may the one after it.
    let over = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (over, fifo) = (over.clone(), fifo.clone());
        move || {
            while !over.load(Ordering::SeqCst) {
                let _ = fs::write(&fifo, "x");
            }
        }
    });
    let run = world.newest();
    let ran = resume(&world, &run).expect(3);
    assert_eq!(ran.json()["steps"]["plan"]["outputs"]["summary"], "1 to add, 0 to change, 0 to destroy", "{}", ran.out);
    over.store(true, Ordering::SeqCst);
    // Lets the writer's last try go on.
    let mut rest = String::new();
    let mut reader = fs::File::open(&fifo).expect("the pipe");
    let _ = std::io::Read::read_to_string(&mut reader, &mut rest);
    writer.join().expect("a thread");
}
