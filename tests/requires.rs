//! What environments require besides people's word, through the whole binary: another environment that is healthy with the same
//! images, and windows; at the write of a promotion and again before a sync.

use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant, SystemTime};
use tidegate_tests::daemon::Daemon;
use tidegate_tests::{Ran, World};

/// How long is waited for what should come: far more than it takes on a loaded machine, and less than the time after which each
/// application is looked at in any case.
const PATIENCE: Duration = Duration::from_secs(120);

const FOLLOWS: &str = "healthy: { environment: staging }";
const OPEN: &str = "window: { hours: [\"00:00-12:00\", \"12:00-24:00\"], zone: Europe/Berlin }";

/// A window that is closed, however long the test takes: of a day that is neither today nor near.
fn closed() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970");
    // 1970 began on a Thursday.
    let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let day = since.as_secs() / 86_400 + 3;
    format!("window: {{ days: [{}] }}", days[usize::try_from(day % 7).expect("a day")])
}

/// A host whose environment `prod` requires these; its applications `shop` and, first of the pair, `trial`.
fn host(world: &World, requires: &[&str]) {
    let requires = requires.iter().map(|it| format!("        - {it}\n")).collect::<String>();
    world.write(
        "tidegate.yaml",
        format!(
            "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    app: {{ url: ./app.git }}
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [here, live], namespaces: [\"*\"] }}
  clusters:
    here: {{ directory: ./clusters/here }}
    live: {{ directory: ./clusters/live }}
  environments:
    staging: {{ owns: {{ paths: [\"config:apps/trial/**\"] }} }}
    prod:
      owns: {{ paths: [\"config:apps/shop/**\"], clusters: [live] }}
      requires:
{requires}  groups: {{ team: [alice, bob] }}
"
        ),
    );
}

fn application(name: &str, cluster: &str, finalizers: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}{finalizers} }}
spec:
  destination: {{ name: {cluster}, namespace: {name} }}
  source: {{ repoURL: ./config.git, path: apps/{name}, targetRevision: HEAD }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }}, syncOptions: [CreateNamespace=true] }}
"
    )
}

/// Sets the image of an application in the clone, and pushes nothing.
fn set(world: &World, name: &str, tag: &str) {
    let text = format!("resources: [pod.yaml]\nimages:\n  - name: web\n    newTag: {tag} # now\n");
    world.write(&format!("config/apps/{name}/kustomization.yaml"), text);
}

fn world(requires: &[&str]) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: { containers: [{ name: web, image: web }] }\n";
    for (name, cluster) in [("trial", "here"), ("shop", "live")] {
        world.write(&format!("config/argocd/{name}.yaml"), application(name, cluster, ""));
        world.write(&format!("config/apps/{name}/pod.yaml"), pod);
        set(&world, name, "v1");
    }
    world.repository("config", &[]);
    let steps = "    edit:
      uses: kustomize/set-image
      with: { repository: config, path: apps/shop, image: web, tag: v2 }
    after: { uses: exec, needs: [edit], with: { command: [echo, done] } }
";
    let pipeline = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: promote }}\nspec:\n  triggers: {{ push: {{ paths: [\"src/**\"] }} }}\n  steps:\n{steps}"
    );
    world.repository("app", &[(".tidegate/promote.yaml", &pipeline), ("src/a", "1")]);
    host(&world, requires);
    world
}

/// Waits until an application is synced to what is in the clone's branch now.
#[track_caller]
fn wait(world: &World, name: &str, seconds: &str) -> Ran {
    let commit = world.git("config", &["rev-parse", "HEAD"]);
    world.tidegate(&["apps", "wait", name, "--commit", commit.trim(), "--timeout", seconds])
}

/// Expects that an application is held, and why.
#[track_caller]
fn held(world: &World, name: &str, why: &str) {
    // People can end what is required; nobody ends an hour.
    let code = if why.contains("window-closed") { 1 } else { 3 };
    let told = wait(world, name, "3").expect(code).out;
    assert!(told.contains(why), "{told}");
}

/// The image that an application's pod has at its cluster; empty where it has none.
fn runs(world: &World, cluster: &str, name: &str) -> String {
    let pod = fs::read_to_string(world.path().join(format!("clusters/{cluster}/_core/Pod/{name}/web.yaml")));
    let pod = pod.unwrap_or_default();
    pod.lines()
        .find_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image: "))
        .unwrap_or_default()
        .to_owned()
}

fn shown(world: &World, run: &str) -> Value {
    world.tidegate(&["runs", "show", run, "--output", "json"]).expect(0).json()
}

/// Waits until the first step of a run stands so; answers what it waits for.
#[track_caller]
fn until(world: &World, run: &str, status: &str) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = shown(world, run);
        let step = &now["steps"]["edit"];
        if step["status"] == status {
            return step["waiting"]["for"].as_str().unwrap_or_default().to_owned();
        }
        assert!(Instant::now() < end, "{now:#}");
    }
}

/// The id in a line such as `run 01… succeeded`.
fn run_in(line: &str) -> String {
    line.split_whitespace().nth(1).expect("an id").to_owned()
}

#[test]
fn an_image_comes_once_it_is_healthy_elsewhere() {
    let world = world(&[FOLLOWS]);
    let daemon = Daemon::start(&world);
    // Each by itself, the one after the other.
    wait(&world, "shop", "100").expect(0);
    assert_eq!((runs(&world, "here", "trial"), runs(&world, "live", "shop")), ("web:v1".into(), "web:v1".into()));
    world.tidegate(&["apps", "suspend", "trial", "--reason", "a look at it"]).expect(0);
    set(&world, "trial", "v2");
    set(&world, "shop", "v2");
    world.push("config", "two");
    held(&world, "shop", "`web:v2` is run, but `trial` is OutOfSync, Healthy");
    assert_eq!(runs(&world, "live", "shop"), "web:v1");
    let why = world.tidegate(&["why", "shop"]).expect(0).out;
    assert!(why.contains("the environment `prod` takes images that are healthy in `staging` alone"), "{why}");
    // A person's order is held as well.
    world.tidegate(&["apps", "sync", "shop"]).expect(3);
    assert_eq!(runs(&world, "live", "shop"), "web:v1");
    // Nobody tells it: that the other one stands otherwise is enough.
    world.tidegate(&["apps", "resume", "trial"]).expect(0);
    wait(&world, "shop", "100").expect(0);
    assert_eq!(runs(&world, "live", "shop"), "web:v2");
    // What nobody runs there is not taken.
    set(&world, "shop", "v3");
    world.push("config", "three");
    held(&world, "shop", "no application of `staging` runs `web:v3`");
    // Going back to what was healthy here takes no other environment's word, whatever that one runs by now.
    let first = world.git("config", &["rev-list", "--max-parents=0", "HEAD"]);
    world.tidegate(&["apps", "rollback", "shop", "--to", first.trim()]).expect(0);
    world.git("config", &["pull", "-q", "origin", "main"]);
    wait(&world, "shop", "100").expect(0);
    assert_eq!((runs(&world, "here", "trial"), runs(&world, "live", "shop")), ("web:v2".into(), "web:v1".into()));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_promotion_waits_until_its_image_is_healthy_elsewhere() {
    let world = world(&[FOLLOWS]);
    let mut daemon = Daemon::start(&world);
    wait(&world, "shop", "100").expect(0);
    world.write("app/src/a", "2");
    world.push("app", "two");
    let run = run_in(&daemon.until(" of promote at "));
    let told = until(&world, &run, "waiting");
    assert!(
        told.contains("staging to be healthy with web:v2") && told.contains("no application of `staging` runs"),
        "{told}"
    );
    assert_eq!(world.git("config.git", &["log", "--format=%s", "main"]), "begin\n", "nothing was pushed");
    set(&world, "trial", "v2");
    world.push("config", "a trial");
    daemon.until(&format!("run {run} succeeded"));
    world.git("config", &["pull", "-q", "origin", "main"]);
    wait(&world, "shop", "100").expect(0);
    assert_eq!(runs(&world, "live", "shop"), "web:v2");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_process_that_drives_a_run_looks_at_the_other_environment_itself() {
    let world = world(&[FOLLOWS]);
    set(&world, "trial", "v2");
    world.push("config", "a trial");
    // There is no daemon, and nobody has looked at any application yet.
    world.tidegate(&["run", "--repository", "app"]).expect(0);
    assert_eq!(runs(&world, "here", "trial"), "web:v2");
    assert!(world.git("config.git", &["show", "main:apps/shop/kustomization.yaml"]).contains("newTag: v2"));
}

#[test]
fn nothing_is_synced_and_nothing_goes_while_a_window_is_closed() {
    let shut = closed();
    let world = world(&[&shut]);
    let ends = |world: &World| {
        let finalizer = ", finalizers: [resources-finalizer.argocd.argoproj.io]";
        world.write("config/argocd/shop.yaml", application("shop", "live", finalizer));
        world.push("config", "a finalizer");
    };
    ends(&world);
    let daemon = Daemon::start(&world);
    held(&world, "shop", "window-closed: the environment `prod` is changed within");
    let now = world.tidegate(&["apps", "show", "shop", "--output", "json"]).expect(0).json();
    let reason = &now["reasons"][0];
    assert!(reason["code"] == "window-closed" && reason["until"].is_string(), "{now:#}");
    // The other application is in no environment that asks anything.
    wait(&world, "trial", "100").expect(0);
    world.tidegate(&["apps", "sync", "shop"]).expect(1);
    assert_eq!(runs(&world, "live", "shop"), "");
    assert_eq!(daemon.leave(), Some(0));
    host(&world, &[OPEN, OPEN]);
    let daemon = Daemon::start(&world);
    wait(&world, "shop", "100").expect(0);
    set(&world, "shop", "v2");
    world.push("config", "two");
    wait(&world, "shop", "100").expect(0);
    assert_eq!(daemon.leave(), Some(0));
    // All of them must be open, and a rollback is a change too.
    host(&world, &[OPEN, &shut]);
    let told = world.tidegate(&["apps", "rollback", "shop"]).expect(4).err;
    assert!(told.contains("which opens at"), "{told}");
    fs::remove_file(world.path().join("config/argocd/shop.yaml")).expect("removed");
    world.push("config", "gone");
    let daemon = Daemon::start(&world);
    let end = Instant::now() + PATIENCE;
    loop {
        let why = world.tidegate(&["why", "shop"]).expect(0).out;
        if why.contains("window-closed") {
            break;
        }
        assert!(Instant::now() < end, "{why}");
    }
    assert_eq!(runs(&world, "live", "shop"), "web:v2");
    assert_eq!(daemon.leave(), Some(0));
    host(&world, &[OPEN]);
    let daemon = Daemon::start(&world);
    let end = Instant::now() + PATIENCE;
    while !runs(&world, "live", "shop").is_empty() {
        assert!(Instant::now() < end, "it is still there");
    }
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_promotion_waits_for_its_window() {
    let world = world(&[&closed(), "approval: { group: team, count: 1 }"]);
    // People may agree before it is time.
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(3).json();
    let run = ran["run"].as_str().expect("an id").to_owned();
    let told = until(&world, &run, "waiting");
    assert!(told.contains("1 approval of group team for prod, and the window of prod, "), "{told}");
    world.tidegate(&["approve", &run, "edit", "--digest", &world.digest(&run, "edit"), "--as", "bob"]).expect(0);
    world.tidegate(&["runs", "resume", &run]).expect(3);
    let told = until(&world, &run, "waiting");
    assert!(told.starts_with("the window of prod, ") && told.contains("which opens at"), "{told}");
    let said = world.tidegate(&["why", &run]).expect(0).out;
    assert!(said.contains("which opens at"), "{said}");
    assert_eq!(world.git("config.git", &["log", "--format=%s", "main"]), "begin\n", "nothing was pushed");
    // A daemon lets it rest, and goes on with it once its window is open.
    let mut daemon = Daemon::begin(&world, &[]);
    daemon.until(&format!("run {run} waits"));
    assert_eq!(daemon.leave(), Some(0));
    host(&world, &[OPEN]);
    let mut daemon = Daemon::begin(&world, &[]);
    daemon.until(&format!("run {run} succeeded"));
    assert!(world.git("config.git", &["show", "main:apps/shop/kustomization.yaml"]).contains("newTag: v2"));
    assert_eq!(daemon.leave(), Some(0));
}
