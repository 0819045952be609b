//! Terraform from an image, through the whole host: by the real builder, out of a real registry, with the machine's own
//! terraform put into the image. What planned is what applies, or nothing is applied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tidegate_tests::registry::Registry;
use tidegate_tests::{Ran, World};

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
}

fn terraform() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("terraform")).find(|path| path.is_file());
    found.expect("these tests put the machine's `terraform` into an image, and there is none in PATH")
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
