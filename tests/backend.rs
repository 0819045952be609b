//! Terraform with its state behind an API: in a Kubernetes cluster, reached from the jail through the proxy alone, with a
//! token that nobody but the tool hears.

use serde_json::{Value, json};
use std::process::Command;
use tidegate_tests::cluster::{ADMIN, Cluster};
use tidegate_tests::{Ran, World, holding};

const MAIN: &str = r#"terraform {
  backend "kubernetes" {}
}
variable "size" { default = 1 }
resource "terraform_data" "disk" {
  count = 2
  input = "${count.index}-${var.size}"
}
output "disks" { value = terraform_data.disk[*].output }
"#;

const PIPELINE: &str = r#"apiVersion: tidegate.dev/v1alpha1
kind: Pipeline
metadata: { name: infrastructure }
spec:
  steps:
    plan:
      uses: terraform/plan
      with:
        directory: prod
        lockTimeout: 1s
        backendConfig:
          - config_path=kubeconfig
          - insecure=true
          - namespace=default
          - secret_suffix=prod
          - "token=${{ secrets.kubernetes }}"
    apply:
      uses: terraform/apply
      with: { plan: "${{ steps.plan.outputs.plan }}", lockTimeout: 1s }
"#;

const HOST: &str = r#"apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories: { infra: { url: ./infra.git } }
  credentials:
    kubernetes: { secret: "env:KUBE_TOKEN", steps: [{ uses: [terraform/*], repositories: [infra] }] }
  environments:
    prod:
      owns: { paths: ["infra:prod/**"] }
      requires: [{ approval: { group: platform, count: 1 } }]
  groups: { platform: [alice] }
  plugins:
    grants:
      terraform:
        process: { programs: [terraform], environment: ["*"], network: NETWORK }
"#;

/// Where the cluster is, and nothing that lets anybody in.
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: here
clusters: [{ name: here, cluster: { server: \"HOST\", insecure-skip-tls-verify: true } }]
users: [{ name: here, user: {} }]
contexts: [{ name: here, context: { cluster: here, user: here } }]
";

/// What `kubectl` calls the lock of the state, and the state.
const LOCK: &str = "lock-tfstate-default-prod";
const STATE: &str = "tfstate-default-prod";

struct Scene {
    world: World,
    cluster: Cluster,
}

impl Scene {
    /// One in which the jail lets the tool to these places.
    fn new(network: impl Fn(&str) -> String) -> Self {
        let cluster = Cluster::start();
        let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
        let kubeconfig = KUBECONFIG.replace("HOST", &cluster.url());
        world.repository(
            "infra",
            &[(".tidegate/infrastructure.yaml", PIPELINE), ("prod/main.tf", MAIN), ("prod/kubeconfig", &kubeconfig)],
        );
        let address = cluster.url().replace("https://", "");
        world.write("tidegate.yaml", HOST.replace("NETWORK", &network(&address)));
        world.open_to_children();
        Self { world, cluster }
    }

    fn granted() -> Self {
        Self::new(|address| format!("{{ proxy: [\"{address}\"] }}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.env("KUBE_TOKEN", ADMIN);
        command
    }

    fn start(&self) -> (String, Ran) {
        let ran = Ran::of(&mut self.command(&["run", "--repository", "infra", "--output", "json"]));
        (ran.json()["run"].as_str().unwrap_or_default().to_owned(), ran)
    }

    fn apply(&self, run: &str) -> Ran {
        let digest = self.world.digest(run, "apply");
        self.world.tidegate(&["approve", run, "apply", "--digest", &digest, "--as", "alice"]).expect(0);
        Ran::of(&mut self.command(&["runs", "resume", run, "--output", "json"]))
    }

    /// Somebody else's lock of the state, as the tool itself takes it.
    fn lock(&self) {
        let info = json!({"ID": "6a3bf9d2-4b0f-4f0c-8a3d-000000000001", "Operation": "OperationTypeApply", "Who": "eve@laptop",
            "Version": "1.11.4", "Created": "2026-01-01T00:00:00Z", "Path": ""});
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LOCK,
            "annotations": {"app.terraform.io/lock-info": info.to_string()}},
            "spec": {"holderIdentity": info["ID"]}});
        self.cluster
            .kubectl_with(&lease.to_string(), &["apply", "--force-conflicts", "--server-side", "-f", "-"])
            .expect(0);
    }

    fn unlock(&self) {
        let patch = r#"{"metadata":{"annotations":null},"spec":{"holderIdentity":null}}"#;
        self.cluster.kubectl(&["patch", "lease", LOCK, "--type", "merge", "-p", patch]).expect(0);
    }
}

fn error<'a>(shown: &'a Value, step: &str) -> &'a Value {
    &shown["steps"][step]["error"]
}

#[test]
fn a_state_in_a_cluster_is_planned_and_applied_through_the_proxy() {
    let scene = Scene::granted();
    let (run, ran) = scene.start();
    let planned = ran.expect(3).json()["steps"]["plan"]["outputs"].clone();
    assert_eq!(planned["summary"], "2 to add, 0 to change, 0 to destroy", "{planned:#}");
    let applied = scene.apply(&run).expect(0).json()["steps"]["apply"]["outputs"].clone();
    assert_eq!(applied["outputs"]["disks"], json!(["0-1", "1-1"]), "{applied:#}");
    let state = scene.cluster.get("default", "secret", STATE).expect("the state is in the cluster");
    assert!(state["data"]["tfstate"].as_str().is_some_and(|text| !text.is_empty()));
    // The lock is given back, and the next plan reads what was written.
    let lock = scene.cluster.get("default", "lease", LOCK).expect("its lock");
    assert_eq!(lock["spec"]["holderIdentity"], Value::Null, "{lock:#}");
    let (_, again) = scene.start();
    assert_eq!(again.expect(0).json()["steps"]["plan"]["status"], "unchanged");
    // Its token is in nothing that is left, though the plan's artifact has the arguments of the backend.
    assert_eq!(holding(&scene.world.path().join("state"), ADMIN), [""; 0]);
    assert!(!scene.world.tidegate(&["runs", "logs", &run]).expect(0).out.contains(ADMIN));
}

#[test]
fn a_state_that_somebody_else_locked_or_changed_is_left_alone() {
    let scene = Scene::granted();
    scene.lock();
    let shown = scene.start().1.expect(1).json();
    assert_eq!(error(&shown, "plan")["code"], "terraform-locked", "{shown:#}");
    assert!(error(&shown, "plan")["message"].as_str().is_some_and(|text| text.contains("eve@laptop")), "{shown:#}");
    scene.unlock();
    let (first, ran) = scene.start();
    ran.expect(3);
    let (second, ran) = scene.start();
    ran.expect(3);
    scene.apply(&first).expect(0);
    // What the second one planned is of a state that is no more.
    let shown = scene.apply(&second).expect(1).json();
    assert_eq!(error(&shown, "apply")["code"], "terraform-plan-stale", "{shown:#}");
    assert!(error(&shown, "apply")["hint"].as_str().is_some(), "{shown:#}");
}

#[test]
fn a_backend_that_was_not_granted_is_out_of_reach() {
    let scene = Scene::new(|_| "{ proxy: [\"127.0.0.1:1\"] }".to_owned());
    let shown = scene.start().1.expect(1).json();
    assert_eq!(shown["steps"]["plan"]["status"], "failed", "{shown:#}");
    assert!(scene.cluster.get("default", "lease", LOCK).is_none(), "nobody got there");
}
