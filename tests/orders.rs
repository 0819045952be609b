//! What people ask of a daemon about an application that is at something else: orders that wait, an application that goes, a file
//! that is refused.

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use tidegate_tests::World;
use tidegate_tests::daemon::Daemon;

const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: { clusters: [dev], namespaces: [\"*\"] }
  clusters:
    dev: { directory: ./clusters/dev }
";

const AUTOMATED: &str = "{ automated: { prune: true, selfHeal: true } }";

fn application(policy: &str, metadata: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: one{metadata} }}
spec:
  destination: {{ name: dev, namespace: one }}
  source: {{ repoURL: ./config.git, path: apps/one, targetRevision: HEAD }}
  syncPolicy: {policy}
"
    )
}

/// One that asks a person before it goes.
fn asks(name: &str, option: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, annotations: {{ argocd.argoproj.io/sync-options: {option} }} }}\n"
    )
}

fn settings(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: settings }}\ndata: {{ value: \"{value}\" }}\n")
}

fn world(application: &str) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let files = [
        ("argocd/one.yaml", application),
        ("apps/one/settings.yaml", &settings("1")),
        ("apps/one/asks.yaml", &asks("asks", "Prune=confirm")),
    ];
    world.repository("config", &files);
    world.write("tidegate.yaml", HOST);
    world
}

fn place(world: &World, name: &str) -> PathBuf {
    world.path().join(format!("clusters/dev/_core/ConfigMap/one/{name}.yaml"))
}

fn text(world: &World, name: &str) -> String {
    fs::read_to_string(place(world, name)).expect("a file")
}

fn head(world: &World) -> String {
    world.git("config", &["rev-parse", "HEAD"]).trim().to_owned()
}

fn remove(world: &World, path: &str) {
    fs::remove_file(world.path().join("config").join(path)).expect("removed");
}

fn history(world: &World) -> Vec<Value> {
    let all = world.tidegate(&["apps", "history", "one", "--output", "json"]).expect(0).json();
    all.as_array().expect("a list").clone()
}

fn row(world: &World) -> Value {
    world.tidegate(&["apps", "list", "--output", "json"]).json()[0].clone()
}

/// Looks again and again until its row tells this.
#[track_caller]
fn until_told(world: &World, text: &str) -> Value {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let row = row(world);
        if row["message"].as_str().is_some_and(|message| message.contains(text)) {
            return row;
        }
        assert!(std::time::Instant::now() < end, "never `{text}`: {row:#}");
    }
}

#[track_caller]
fn wait(world: &World) {
    world.tidegate(&["apps", "wait", "one", "--commit", &head(world), "--timeout", "120"]).expect(0);
}

/// A command that goes on beside the test, with what it says.
struct Beside {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Beside {
    fn begin(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary");
        let said = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, said }
    }

    /// Reads until a line holds this.
    #[track_caller]
    fn until(&mut self, text: &str) {
        let mut all = String::new();
        while !all.contains(text) {
            assert_ne!(self.said.read_line(&mut all).expect("a line"), 0, "it never said `{text}`: {all}");
        }
    }

    fn interrupt(&self) {
        let sent = std::process::Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    fn ends(mut self) -> Option<i32> {
        self.child.wait().expect("it was there").code()
    }
}

#[test]
fn ctrl_c_takes_an_order_back_that_waits_and_stops_nobody_elses_sync() {
    let world = world(&application(AUTOMATED, ""));
    let mut daemon = Daemon::start(&world);
    wait(&world);
    remove(&world, "apps/one/asks.yaml");
    world.write("config/apps/one/settings.yaml", settings("2"));
    world.push("config", "one goes");
    // It is synced by itself, and waits for a person.
    while !text(&world, "settings").contains("value: \"2\"") {
        std::thread::yield_now();
    }
    let mut first = Beside::begin(&world, &["apps", "sync", "one"]);
    first.until("waits for what is at work already");
    let mut second = Beside::begin(&world, &["apps", "sync", "one", "--prune"]);
    second.until("waits for what is at work already");
    first.interrupt();
    assert_eq!(first.ends(), Some(1));
    world.tidegate(&["apps", "confirm", "one"]).expect(0);
    assert_eq!(second.ends(), Some(0), "it was not taken back");
    daemon.until(&format!("one at {}: healthy", &head(&world)[..7]));
    let ended: Vec<Value> = history(&world).iter().map(|sync| sync["sync"]["outcome"].clone()).collect();
    assert_eq!(ended, ["healthy", "healthy"], "no sync was stopped");
    assert!(!place(&world, "asks").exists());
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_sync_by_hand_takes_the_place_of_one_that_hangs() {
    let world = world(&application("{}", ""));
    let daemon = Daemon::start(&world);
    world.tidegate(&["apps", "sync", "one"]).expect(0);
    remove(&world, "apps/one/asks.yaml");
    world.push("config", "one goes");
    let mut hangs = Beside::begin(&world, &["apps", "sync", "one", "--prune"]);
    hangs.until("a person must confirm");
    // Nothing syncs it by itself: a commit alone takes nobody's place.
    world.write("config/apps/one/asks.yaml", asks("asks", "Prune=confirm"));
    world.write("config/apps/one/settings.yaml", settings("2"));
    world.push("config", "it stays");
    world.tidegate(&["apps", "sync", "one"]).expect(0);
    assert_eq!(hangs.ends(), Some(1));
    assert!(text(&world, "settings").contains("value: \"2\"") && place(&world, "asks").exists());
    assert_eq!(history(&world)[1]["sync"]["outcome"], "superseded");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_sync_of_a_few_objects_is_told_by_its_own_revision() {
    let world = world(&application("{}", ""));
    let mut daemon = Daemon::start(&world);
    world.tidegate(&["apps", "sync", "one"]).expect(0);
    world.write("config/apps/one/settings.yaml", settings("2"));
    world.push("config", "two");
    world.tidegate(&["apps", "sync", "one", "--only", "/ConfigMap/one/asks"]).expect(0);
    world.tidegate(&["apps", "sync", "one", "--only", "/ConfigMap/one/settings"]).expect(0);
    daemon.until(&format!("one at {}: healthy", &head(&world)[..7]));
    assert!(text(&world, "settings").contains("value: \"2\""));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn one_that_is_being_deleted_is_shown_and_hears_people() {
    let finalizer = ", finalizers: [resources-finalizer.argocd.argoproj.io]";
    let world = world(&application(AUTOMATED, finalizer));
    world.write("config/apps/one/asks.yaml", asks("asks", "Delete=confirm"));
    world.push("config", "its end asks");
    let mut daemon = Daemon::start(&world);
    wait(&world);
    remove(&world, "argocd/one.yaml");
    world.push("config", "gone");
    let row = until_told(&world, "somebody confirms");
    assert_eq!((&row["name"], &row["deleting"]), (&"one".into(), &true.into()), "{row:#}");
    let shown = world.tidegate(&["apps", "show", "one"]).expect(0).out;
    assert!(shown.contains("being deleted") && shown.contains("was declared in"), "{shown}");
    assert_eq!(history(&world).len(), 1);
    for command in ["sync", "diff", "rollback", "manifests"] {
        let refused = world.tidegate(&["apps", command, "one"]).expect(2).err;
        assert!(refused.contains("`one` is being deleted"), "{command}: {refused}");
    }
    // A brake holds what begins anew.
    world.tidegate(&["apps", "suspend", "one", "--reason", "wait"]).expect(0);
    let cancelled = world.tidegate(&["apps", "cancel", "one"]).expect(0).out;
    assert!(cancelled.contains("its deletion is cancelled"), "{cancelled}");
    until_told(&world, "suspended it: wait");
    world.tidegate(&["apps", "wait", "one", "--timeout", "1"]).expect(1);
    world.tidegate(&["apps", "resume", "one"]).expect(0);
    until_told(&world, "somebody confirms");
    world.tidegate(&["apps", "confirm", "one"]).expect(0);
    daemon.until("one is gone");
    assert!(!place(&world, "asks").exists());
    world.tidegate(&["apps", "show", "one"]).expect(2);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_file_that_is_refused_holds_its_application() {
    let sound = application(AUTOMATED, "");
    let refused = format!("{sound}  sourceHydrator: {{ drySource: {{ path: x }} }}\n");
    let world = world(&sound);
    let mut daemon = Daemon::start(&world);
    wait(&world);
    // What it would be by the older file is not what is wanted any more.
    world.write("config/argocd/one.yaml", &refused);
    world.write("config/apps/one/settings.yaml", settings("2"));
    world.push("config", "refused");
    daemon.until("error: one cannot be looked after");
    let why = || world.tidegate(&["why", "one"]).expect(0).out;
    assert!(why().contains("sourceHydrator"), "{}", why());
    // Neither by hand nor by itself; what hands do is not undone either, and nothing is deleted.
    world.tidegate(&["apps", "sync", "one"]).expect(2);
    fs::write(place(&world, "settings"), settings("by hand")).expect("written");
    // A twin of its name is refused as well.
    world.write("config/argocd/one.yaml", &sound);
    world.write("config/argocd/twin.yaml", &sound);
    world.push("config", "a twin");
    daemon
        .until_where("that there are two", |line| line.contains("one cannot be looked after") && line.contains("twin"));
    assert!(text(&world, "settings").contains("by hand"));
    assert_eq!(daemon.leave(), Some(0));
    // Nor after a restart: it knows it from earlier.
    world.write("config/argocd/one.yaml", &refused);
    remove(&world, "argocd/twin.yaml");
    world.push("config", "refused again");
    let mut daemon = Daemon::start(&world);
    if !daemon.said.iter().any(|line| line.contains("error: one cannot be looked after")) {
        daemon.until("error: one cannot be looked after");
    }
    assert!(why().contains("sourceHydrator"), "{}", why());
    assert!(text(&world, "settings").contains("by hand"));
    // Sound again it is kept again.
    world.write("config/argocd/one.yaml", &sound);
    world.push("config", "sound");
    wait(&world);
    assert!(text(&world, "settings").contains("value: \"2\""));
    assert_eq!(history(&world).len(), 2);
    assert_eq!(daemon.leave(), Some(0));
}
