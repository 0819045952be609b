//! Terraform from an image, through the whole host: by the real builder, out of a real registry, with the machine's own
//! terraform put into the image. What planned is what applies, or nothing is applied.

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tidegate_tests::registry::Registry;
use tidegate_tests::{Ran, World, holding};

const MAIN: &str = r#"terraform {
  backend "local" {}
}
variable "password" { sensitive = true }
resource "terraform_data" "user" {
  input = var.password
}
output "made" { value = "in an image" }
"#;

const PIPELINE: &str = r#"apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: infrastructure }
spec:
  steps:
    check:
      uses: terraform/validate
      with: { directory: prod, image: "IMAGE", insecure: true, format: true }
    plan:
      uses: terraform/plan
      needs: [check]
      with:
        directory: prod
        image: "IMAGE"
        insecure: true
        version: "~> 1.1"
        folders: ["STATE"]
        backendConfig: ["path=STATE/prod.tfstate"]
        variables: { password: "${{ secrets.password }}" }
    apply:
      uses: terraform/apply
      with: { plan: "${{ steps.plan.outputs.plan }}" }
    drift:
      uses: terraform/drift
      needs: [apply]
      with:
        directory: prod
        image: "IMAGE"
        insecure: true
        folders: ["STATE"]
        backendConfig: ["path=STATE/prod.tfstate"]
        variables: { password: "${{ secrets.password }}" }
"#;

const HOST: &str = r#"apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories: { infra: { url: ./infra.git } }
  credentials:
    password: { secret: "env:DB_PASSWORD", steps: [{ uses: [terraform/*], repositories: [infra] }] }
  environments:
    prod:
      owns: { paths: ["infra:prod/**"] }
      requires: [{ approval: { group: platform, count: 1 } }]
  groups: { platform: [alice, bob] }
  plugins:
    grants:
      terraform:
        process:
          programs: [sh]
          environment: ["*"]
          profile: builder
          network: { proxy: ["REGISTRY"] }
          paths: { write: [tfstate] }
"#;

const PASSWORD: &str = "pl4nted-database-password";

/// A registry with one image, a repository whose pipeline uses it, and a folder for the state.
struct Scene {
    registry: Option<Registry>,
    image: String,
    world: World,
}

impl Scene {
    fn new(tools: &[(&Path, &str)]) -> Self {
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        let registry = Registry::start(world.path());
        let image = registry.image(world.path(), tools);
        fs::create_dir(world.path().join("tfstate")).expect("a folder");
        let state = world.path().join("tfstate").canonicalize().expect("its place").display().to_string();
        let pipeline = PIPELINE.replace("IMAGE", &image).replace("STATE", &state);
        world.repository("infra", &[(".tidegate/infrastructure.yaml", &pipeline), ("prod/main.tf", MAIN)]);
        world.write("tidegate.yaml", HOST.replace("REGISTRY", &registry.host));
        world.open_to_children();
        Self { registry: Some(registry), image, world }
    }

    /// The same with this tool for containers, not the first there is.
    fn by(self, tool: &str) -> Self {
        let place = self.world.path().join("infra/.tidegate/infrastructure.yaml");
        let pipeline = fs::read_to_string(place).expect("a pipeline");
        let flow = pipeline.replace("insecure: true,", &format!("insecure: true, containerTool: {tool},"));
        let block = flow.replace("insecure: true\n", &format!("insecure: true\n        containerTool: {tool}\n"));
        assert_eq!(block.matches(tool).count(), 3, "{block}");
        self.world.write("infra/.tidegate/infrastructure.yaml", block);
        self.world.push("infra", tool);
        self
    }

    /// One whose image has terraform and a shell.
    fn with_terraform() -> Self {
        let terraform = terraform();
        let busybox = Path::new("/bin/busybox");
        Self::new(&[
            (&terraform, "/bin/terraform"),
            (busybox, "/bin/busybox"),
            (busybox, "/bin/sh"),
            (busybox, "/bin/cat"),
        ])
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.env("DB_PASSWORD", PASSWORD);
        command
    }

    fn start(&self) -> (String, Ran) {
        let ran = Ran::of(&mut self.command(&["run", "--repository", "infra", "--output", "json"]));
        (ran.json()["run"].as_str().unwrap_or_default().to_owned(), ran)
    }

    fn approve(&self, run: &str) {
        let digest = self.world.digest(run, "apply");
        self.world.tidegate(&["approve", run, "apply", "--digest", &digest, "--as", "alice"]).expect(0);
    }

    fn resume(&self, run: &str) -> Ran {
        Ran::of(&mut self.command(&["runs", "resume", run, "--output", "json"]))
    }

    fn logs(&self, run: &str) -> String {
        self.world.tidegate(&["runs", "logs", run]).expect(0).out
    }

    fn state(&self) -> Value {
        let text = fs::read_to_string(self.world.path().join("tfstate/prod.tfstate")).expect("a state");
        serde_json::from_str(&text).expect("JSON")
    }
}

fn terraform() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("terraform")).find(|path| path.is_file());
    found.expect("these tests put the machine's `terraform` into an image, and there is none in PATH")
}

/// The names of everything below a folder.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() && !entry.path().is_symlink() {
            below(&entry.path(), found);
        }
        found.push(entry.path());
    }
}

#[test]
fn the_tool_of_an_image_plans_and_applies() {
    plans_and_applies(&Scene::with_terraform());
}

#[test]
fn so_it_does_by_podman() {
    plans_and_applies(&Scene::with_terraform().by("podman"));
}

fn plans_and_applies(scene: &Scene) {
    let (run, ran) = scene.start();
    let steps = ran.expect(3).json()["steps"].clone();
    let planned = &steps["plan"]["outputs"];
    assert_eq!(planned["summary"], "1 to add, 0 to change, 0 to destroy", "{planned:#}");
    let tool = planned["tool"].as_str().expect("a tool");
    assert!(tool.starts_with("terraform 1.") && tool.ends_with(&format!(" in {}", scene.image)), "{tool}");
    assert_eq!(steps["check"]["outputs"]["tool"], tool);
    // People see which image it is, and what the tool said as it came.
    assert!(planned["markdown"].as_str().is_some_and(|text| text.contains(&scene.image)), "{planned:#}");
    let logs = scene.logs(&run);
    assert_eq!(logs.matches("pulling the image").count(), 2, "once a step: {logs}");
    assert!(!logs.contains("exit status") && !logs.contains("exited with status"), "{logs}");
    // The image is in no artifact, and in no file that is left.
    let mut left = Vec::new();
    below(&scene.world.path().join("state"), &mut left);
    for path in &left {
        assert!(!path.to_string_lossy().contains(".tidegate-image"), "{}", path.display());
        assert!(!path.is_file() || path.metadata().expect("its size").len() < 8 << 20, "{}", path.display());
    }
    scene.approve(&run);
    let ran = scene.resume(&run).expect(0);
    let steps = &ran.json()["steps"];
    assert_eq!(steps["apply"]["outputs"]["outputs"]["made"], "in an image", "{steps:#}");
    assert_eq!(steps["drift"]["outputs"]["drift"], 0, "{steps:#}");
    let logs = scene.logs(&run);
    assert_eq!(logs.matches("pulling the image").count(), 4, "{logs}");
    assert_eq!(scene.state()["resources"][0]["instances"][0]["attributes"]["input"]["value"], PASSWORD);
    assert_eq!(holding(&scene.world.path().join("state"), PASSWORD), [""; 0]);
    assert!(!logs.contains(PASSWORD) && !ran.out.contains(PASSWORD), "{logs}");
}

#[test]
fn without_the_image_that_planned_nothing_is_applied() {
    let mut scene = Scene::with_terraform();
    let (run, ran) = scene.start();
    ran.expect(3);
    scene.approve(&run);
    // Nobody has the image any more; the machine's own terraform is the same one, and is not taken for it.
    drop(scene.registry.take());
    let ran = scene.resume(&run).expect(1);
    let error = &ran.json()["steps"]["apply"]["error"];
    assert_eq!(error["code"], "image-not-ready", "{error:#}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(&scene.image)), "{error:#}");
    assert!(!scene.world.path().join("tfstate/prod.tfstate").exists());
}

#[test]
fn an_image_without_terraform_is_explained_and_a_tag_is_refused() {
    let busybox = Path::new("/bin/busybox");
    let scene = Scene::new(&[(busybox, "/bin/sh"), (busybox, "/bin/cat")]);
    let ran = scene.start().1.expect(1);
    let error = &ran.json()["steps"]["check"]["error"];
    assert_eq!(error["code"], "terraform-missing", "{error:#}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains("no terraform and no tofu") && message.contains(&scene.image), "{error:#}");
    assert!(error["hint"].as_str().is_some(), "{error:#}");
    let pipeline =
        fs::read_to_string(scene.world.path().join("infra/.tidegate/infrastructure.yaml")).expect("a pipeline");
    let tag = format!("{}:1", scene.image.split('@').next().expect("a name"));
    scene.world.write("infra/.tidegate/infrastructure.yaml", pipeline.replace(&scene.image, &tag));
    scene.world.push("infra", "a tag");
    let ran = scene.start().1.expect(1);
    let error = &ran.json()["steps"]["check"]["error"];
    assert_eq!(error["code"], "invalid", "{error:#}");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("by digest")), "{error:#}");
}

#[test]
fn a_cancel_reaches_terraform_once_and_it_saves_its_state() {
    let scene = Scene::with_terraform();
    let pipes = scene.world.path().join("tfstate").canonicalize().expect("its place");
    let up = pipes.join("up").display().to_string();
    // A second interrupt would have the tool leave at once.
    let slow = format!(
        "terraform {{\n  backend \"local\" {{}}\n}}\nvariable \"password\" {{ sensitive = true }}\nresource \"terraform_data\" \"first\" {{}}\nresource \"terraform_data\" \"slow\" {{\n  depends_on = [terraform_data.first]\n  provisioner \"local-exec\" {{\n    command = \"echo there > '{up}'; busybox sleep 600\"\n  }}\n}}\n"
    );
    scene.world.write("infra/prod/main.tf", slow);
    scene.world.push("infra", "slow");
    assert!(Command::new("mkfifo").arg(&up).status().expect("mkfifo").success());
    scene.world.open_to_children();
    let (run, ran) = scene.start();
    ran.expect(3);
    scene.approve(&run);
    let mut going = scene.command(&["runs", "resume", &run]);
    let mut going = going.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary");
    // Ends once the provisioner runs.
    let mut there = String::new();
    BufReader::new(fs::File::open(&up).expect("the pipe")).read_line(&mut there).expect("a word");
    assert_eq!(there, "there\n");
    scene.world.tidegate(&["runs", "cancel", &run]).expect(0);
    going.wait().expect("it ends");
    let logs = scene.logs(&run);
    assert!(logs.to_lowercase().contains("interrupt"), "{logs}");
    assert!(!logs.contains("Two interrupts"), "{logs}");
    let shown = scene.world.tidegate(&["runs", "show", &run, "--output", "json"]).expect(0).json();
    assert_eq!(shown["status"], "cancelled", "{shown:#}");
    let resources = scene.state()["resources"].clone();
    assert!(resources.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "first")), "{resources:#}");
}
