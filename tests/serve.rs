//! The daemon, through the whole binary: pushes start pipelines, applications are kept equal to Git, the command line goes through
//! its socket, and neither a signal nor a kill loses anything.

use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use tidegate_tests::World;
use tidegate_tests::daemon::Daemon;

const AUTOMATED: &str = "{ automated: { prune: true, selfHeal: true }, syncOptions: [CreateNamespace=true] }";

fn host(more: &str) -> String {
    format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    app: {{ url: ./app.git }}
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: {{ clusters: [dev, away], namespaces: [\"*\"] }}
{more}  clusters:
    dev: {{ directory: ./clusters/dev }}
    away: {{ kubeconfig: ./nowhere.yaml }}
  groups: {{ team: [alice, bob] }}
"
    )
}

fn application(name: &str, cluster: &str, finalizers: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}{finalizers} }}
spec:
  destination: {{ name: {cluster}, namespace: {name} }}
  source: {{ repoURL: ./config.git, path: apps/{name}, targetRevision: HEAD }}
  syncPolicy: {AUTOMATED}
"
    )
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ value: \"{value}\" }}\n")
}

/// A pipeline of one step that says which commit it ran for.
fn pipeline(name: &str, triggers: &str, steps: &str) -> String {
    format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: {name} }}\nspec:\n  triggers: {triggers}\n  steps:\n{steps}"
    )
}

const ECHO: &str = "    say: { uses: exec, with: { command: [echo, hello] } }\n";

fn world() -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    world.repository(
        "app",
        &[
            (
                ".tidegate/build.yaml",
                &pipeline("build", "{ push: { branches: [main, \"work/*\"], paths: [\"src/**\"] } }", ECHO),
            ),
            (".tidegate/docs.yaml", &pipeline("docs", "{ push: { branches: [main], paths: [\"docs/**\"] } }", ECHO)),
            ("src/a", "1"),
        ],
    );
    world.repository(
        "config",
        &[("argocd/one.yaml", &application("one", "dev", "")), ("apps/one/all.yaml", &config_map("settings", "1"))],
    );
    world.write("tidegate.yaml", host(""));
    world
}

fn place(world: &World, application: &str, name: &str) -> PathBuf {
    world.path().join(format!("clusters/dev/_core/ConfigMap/{application}/{name}.yaml"))
}

fn head(world: &World, repository: &str) -> String {
    world.git(repository, &["rev-parse", "HEAD"]).trim().to_owned()
}

fn runs(world: &World) -> Vec<Value> {
    let all = world.tidegate(&["runs", "list", "--output", "json"]).expect(0).json();
    all.as_array().expect("a list").clone()
}

/// The id in a line such as `run 01… succeeded`.
fn run_in(line: &str) -> String {
    line.split_whitespace().nth(1).expect("an id").to_owned()
}

#[test]
fn a_push_starts_the_pipelines_that_it_concerns() {
    let world = world();
    let mut daemon = Daemon::start(&world);
    // What was there before anybody watched starts nothing.
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    assert!(runs(&world).is_empty());
    world.write("app/src/a", "2");
    world.push("app", "two");
    let run = run_in(&daemon.until(" of build at "));
    daemon.until(&format!("run {run} succeeded"));
    let commit = head(&world, "app");
    let all = runs(&world);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!((all[0]["pipeline"].as_str(), all[0]["commit"].as_str()), (Some("build"), Some(commit.as_str())));
    // Why the other one did not run.
    let why = world.tidegate(&["why", &commit[..10]]).expect(0);
    assert!(why.out.contains("docs") && why.out.contains("none matches `docs/**`"), "{}", why.out);
    assert!(why.out.contains("`src/a` differs"), "{}", why.out);
    // A new branch is compared with where it left the default branch: not everything has changed in it.
    world.git("app", &["checkout", "-q", "-b", "work/docs"]);
    world.write("app/docs/a", "1");
    world.git("app", &["add", "-A"]);
    world.git("app", &["commit", "-q", "-m", "docs"]);
    world.git("app", &["push", "-q", "origin", "HEAD:work/docs"]);
    let docs = head(&world, "app");
    // The next push is looked at after this one.
    world.git("app", &["checkout", "-q", "main"]);
    world.write("app/src/a", "3");
    world.push("app", "three");
    let run = run_in(&daemon.until(" of build at "));
    daemon.until(&format!("run {run} succeeded"));
    assert_eq!(runs(&world).len(), 2);
    let why = world.tidegate(&["why", &docs]).expect(0);
    assert!(why.out.contains("since it left `main` at") && !why.out.contains("succeeded"), "{}", why.out);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn what_was_pushed_while_nobody_watched_runs_once() {
    let world = world();
    let mut daemon = Daemon::start(&world);
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    daemon.signal("TERM");
    assert_eq!(daemon.ends(), Some(0));
    for text in ["2", "3"] {
        world.write("app/src/a", text);
        world.push("app", text);
    }
    let mut daemon = Daemon::start(&world);
    let run = run_in(&daemon.until(" of build at "));
    daemon.until(&format!("run {run} succeeded"));
    drop(daemon);
    let mut daemon = Daemon::start(&world);
    world.write("app/src/a", "4");
    world.push("app", "4");
    let run = run_in(&daemon.until(" of build at "));
    daemon.until(&format!("run {run} succeeded"));
    assert_eq!(runs(&world).len(), 2, "{:#?}", runs(&world));
}

#[test]
fn applications_are_kept_equal_to_git() {
    let world = world();
    let daemon = Daemon::start(&world);
    let wait = |commit: &str| world.tidegate(&["apps", "wait", "one", "--commit", commit, "--timeout", "60"]).expect(0);
    wait(&head(&world, "config"));
    assert!(fs::read_to_string(place(&world, "one", "settings")).expect("a file").contains("value: \"1\""));
    let first = head(&world, "config");
    world.write("config/apps/one/all.yaml", config_map("settings", "2"));
    world.push("config", "two");
    wait(&head(&world, "config"));
    assert!(fs::read_to_string(place(&world, "one", "settings")).expect("a file").contains("value: \"2\""));
    // By hand: taken away, and there again once it is healed.
    let (made, seen) = std::sync::mpsc::channel();
    let watched = place(&world, "one", "settings");
    fs::remove_file(&watched).expect("removed");
    std::thread::spawn(move || {
        while !watched.exists() {
            std::thread::yield_now();
        }
        let _ = made.send(());
    });
    seen.recv_timeout(std::time::Duration::from_secs(60)).expect("it is healed");
    // Back by a commit, with what is committed shown first.
    let shown = world.tidegate(&["apps", "rollback", "one", "--dry-run", "--output", "json"]).expect(0).json();
    assert_eq!((shown["to"].as_str(), shown["commit"].as_str()), (Some(first.as_str()), None));
    let done = world.tidegate(&["apps", "rollback", "one", "--as", "alice", "--output", "json"]).expect(0).json();
    let commit = done["commit"].as_str().expect("a commit");
    wait(commit);
    assert!(fs::read_to_string(place(&world, "one", "settings")).expect("a file").contains("value: \"1\""));
    let message = world.git("config.git", &["log", "-1", "--format=%B", "main"]);
    assert!(message.starts_with("Roll one back to ") && message.contains("Tidegate-By: alice"), "{message}");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn an_application_ends_with_its_file_and_its_objects_only_where_that_was_asked() {
    let world = world();
    let finalizer = ", finalizers: [resources-finalizer.argocd.argoproj.io]";
    world.write("config/argocd/two.yaml", application("two", "dev", finalizer));
    world.write("config/apps/two/all.yaml", config_map("settings", "2"));
    world.push("config", "two");
    let mut daemon = Daemon::start(&world);
    for name in ["one", "two"] {
        world.tidegate(&["apps", "wait", name, "--timeout", "60"]).expect(0);
    }
    // A file that cannot be read ends nothing.
    world.write("config/argocd/two.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: [");
    world.push("config", "broken");
    let synced =
        || world.tidegate(&["apps", "wait", "one", "--commit", &head(&world, "config"), "--timeout", "60"]).expect(0);
    synced();
    // Whoever syncs this commit has read the broken one before: what that was to end, would be at its end by now.
    for value in ["2", "3"] {
        world.write("config/apps/one/all.yaml", config_map("settings", value));
        world.push("config", value);
        synced();
    }
    let listed = world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
    assert!(listed.as_array().expect("a list").iter().all(|row| row["name"] != "two"), "{listed:#}");
    assert!(place(&world, "two", "settings").exists());
    // Both files go, and the folder of one with it.
    for path in ["argocd/one.yaml", "argocd/two.yaml", "apps/two/all.yaml"] {
        fs::remove_file(world.path().join("config").join(path)).expect("removed");
    }
    world.write("config/argocd/three.yaml", application("three", "dev", ""));
    world.write("config/apps/three/all.yaml", config_map("settings", "3"));
    world.push("config", "gone");
    let gone = [daemon.until(" is gone"), daemon.until(" is gone")];
    assert!(gone.contains(&"one is gone".to_owned()) && gone.contains(&"two is gone".to_owned()), "{gone:?}");
    assert!(!place(&world, "two", "settings").exists(), "its file had asked for that");
    assert!(place(&world, "one", "settings").exists(), "nobody asked for that");
    world.tidegate(&["apps", "wait", "three", "--timeout", "60"]).expect(0);
    let listed = world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed:#}");
}

#[test]
fn the_command_line_goes_through_the_daemon() {
    let world = world();
    world.write(
        "app/.tidegate/gate.yaml",
        pipeline(
            "gate",
            "{}",
            "    gate: { uses: approval, with: { group: team } }\n    after: { uses: exec, needs: [gate], with: { command: [echo, after] } }\n",
        ),
    );
    world.push("app", "gate");
    let mut daemon = Daemon::start(&world);
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    // A second daemon, and whoever would execute beside it, are refused.
    let second = world.tidegate(&["serve"]).expect(5);
    assert!(second.err.contains(&format!("process {}", daemon.id())), "{}", second.err);
    let listed = world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
    assert_eq!((listed[0]["sync"].as_str(), listed[0]["health"].as_str()), (Some("Synced"), Some("Healthy")));
    // Suspended, it is left alone; resumed, it is looked at at once.
    world.tidegate(&["apps", "suspend", "one", "--reason", "tests"]).expect(0);
    world.write("config/apps/one/all.yaml", config_map("settings", "2"));
    world.push("config", "two");
    let late =
        world.tidegate(&["apps", "wait", "one", "--commit", &head(&world, "config"), "--timeout", "3"]).expect(1);
    assert!(late.out.contains("tester suspended it: tests"), "{}", late.out);
    let held = world.tidegate(&["apps", "sync", "one"]).expect(1);
    assert!(held.out.contains("suspended"), "{}", held.out);
    world.tidegate(&["apps", "resume", "one"]).expect(0);
    world.tidegate(&["apps", "wait", "one", "--commit", &head(&world, "config"), "--timeout", "60"]).expect(0);
    world.tidegate(&["apps", "cancel", "one"]).expect(2);
    world.tidegate(&["apps", "sync", "none"]).expect(2);
    // A run that waits for a person, and goes on with the vote.
    let ran = world.tidegate(&["run", "gate", "--repository", "app", "--output", "json"]).expect(3).json();
    let run = ran["run"].as_str().expect("an id");
    world.tidegate(&["approve", run, "gate", "--digest", &world.digest(run, "gate"), "--as", "alice"]).expect(0);
    daemon.until(&format!("run {run} succeeded"));
    let again = world.tidegate(&["runs", "rerun", run, "--output", "json"]).expect(3).json();
    let run = again["run"].as_str().expect("an id");
    world.tidegate(&["runs", "cancel", run, "--output", "json"]).expect(0);
    daemon.until(&format!("run {run} cancelled"));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_killed_daemon_goes_on() {
    let world = world();
    let counter = world.path().join("counts");
    fs::create_dir(&counter).expect("a folder");
    world.open_to_children();
    let folder = counter.display().to_string();
    // The children say that they are there, and wait until they may go on.
    let script = format!(
        "    count:\n      uses: exec\n      with:\n        script: |\n          echo begun >> {folder}/log\n          while ! test -e {folder}/go; do sleep 0.05; done\n          echo done >> {folder}/log\n"
    );
    world.write("app/.tidegate/build.yaml", pipeline("build", "{ push: {} }", &script));
    world.write(
        "tidegate.yaml",
        format!(
            "{}  plugins:\n    grants:\n      exec: {{ process: {{ programs: [\"*\"], environment: [\"*\"], paths: {{ write: [\"{folder}\"] }} }} }}\n",
            host("")
        ),
    );
    world.push("app", "build");
    let daemon = Daemon::start(&world);
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    world.write("app/src/a", "2");
    world.push("app", "two");
    let log = counter.join("log");
    let begun = |log: &std::path::Path| fs::read_to_string(log).unwrap_or_default().contains("begun");
    while !begun(&log) {
        std::thread::yield_now();
    }
    daemon.kill();
    let mut daemon = Daemon::start(&world);
    fs::write(counter.join("go"), "").expect("a file");
    daemon.until(" succeeded");
    assert_eq!(fs::read_to_string(&log).expect("a log"), "begun\ndone\n");
    assert_eq!(runs(&world).len(), 1);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn what_is_broken_delays_nobody_else() {
    let world = world();
    world.write("config/argocd/away.yaml", application("far", "away", ""));
    world.write("config/apps/far/all.yaml", config_map("settings", "1"));
    world.write("config/argocd/wrong.yaml", application("wrong", "dev", ""));
    world.write("config/apps/wrong/kustomization.yaml", "resources: [missing.yaml]\n");
    world.push("config", "broken ones");
    // It takes connections, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/silent.git", silent.local_addr().expect("an address"));
    world.write("tidegate.yaml", host(&format!("    silent: {{ url: \"{url}\" }}\n    gone: {{ url: ./gone.git }}\n")));
    let mut daemon = Daemon::start(&world);
    assert!(daemon.said.iter().any(|line| line.contains("`gone` does not answer")), "{:?}", daemon.said);
    // Whoever waited for the silent one would have to be told first that it says nothing.
    let telling = |line: &str| line.starts_with("one at ") || line.contains("`silent` does not answer");
    let first = daemon.said.iter().find(|line| telling(line)).cloned();
    let first = first.unwrap_or_else(|| daemon.until_where("how `one` does", telling));
    assert!(first.starts_with("one at ") && first.ends_with("healthy"), "{first}");
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    let listed = world.tidegate(&["apps", "list", "--output", "json"]);
    let rows = listed.json();
    let row =
        |name: &str| rows.as_array().expect("a list").iter().find(|row| row["name"] == name).cloned().expect("a row");
    assert_eq!(row("one")["sync"], "Synced");
    for (name, code) in [("far", 5), ("wrong", 1)] {
        world.tidegate(&["apps", "wait", name, "--timeout", "1"]).expect(code);
    }
    world.write("app/src/a", "2");
    world.push("app", "two");
    daemon.until(" succeeded");
}

/// A repository whose pipeline promotes an image and waits until the application runs it.
fn promotes(world: &World) {
    world.write(
        "config/apps/one/kustomization.yaml",
        "resources: [pod.yaml]\nimages:\n  - name: shop\n    newTag: v1 # now\n",
    );
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: { name: shop }\nspec: { containers: [{ name: shop, image: shop }] }\n";
    world.write("config/apps/one/pod.yaml", pod);
    fs::remove_file(world.path().join("config/apps/one/all.yaml")).expect("removed");
    world.push("config", "a pod");
    let steps = "    edit:
      uses: kustomize/set-image
      with: { repository: config, path: apps/one, image: shop, tag: \"v2-${{ event.commit.short }}\" }
    healthy:
      uses: application/wait
      with: { application: one, image: \"shop:v2-${{ event.commit.short }}\", commit: \"${{ steps.edit.outputs.commit }}\" }
      timeout: 2m
    after:
      uses: exec
      needs: [healthy]
      with: { command: [echo, \"${{ steps.healthy.outputs.revision }}\"] }
";
    world.write("app/.tidegate/promote.yaml", pipeline("promote", "{ push: { paths: [\"src/**\"] } }", steps));
    for name in ["build", "docs"] {
        fs::remove_file(world.path().join(format!("app/.tidegate/{name}.yaml"))).expect("removed");
    }
    world.push("app", "promote");
}

fn promoted(world: &World, run: &str) {
    let shown = world.tidegate(&["runs", "show", run, "--output", "json"]).expect(0).json();
    assert_eq!(shown["status"], "succeeded", "{shown:#}");
    let commit = shown["steps"]["edit"]["outputs"]["commit"].as_str().expect("a commit");
    assert_eq!(shown["steps"]["healthy"]["outputs"]["revision"], commit, "{shown:#}");
    let pod = fs::read_to_string(world.path().join("clusters/dev/_core/Pod/one/shop.yaml")).expect("a file");
    let short = head(world, "app");
    assert!(pod.contains(&format!("shop:v2-{}", &short[..8])), "{pod}");
}

#[test]
fn a_run_waits_until_the_application_runs_its_image() {
    let world = world();
    promotes(&world);
    let mut daemon = Daemon::start(&world);
    world.write("app/src/a", "2");
    world.push("app", "two");
    let run = run_in(&daemon.until(" of promote at "));
    daemon.until_where("how it ended", |line| line.starts_with(&format!("run {run} ")) && !line.contains(" waits"));
    promoted(&world, &run);
    assert_eq!(daemon.leave(), Some(0));
    // Without a daemon the process that drives the run keeps the application meanwhile.
    world.write("app/src/a", "3");
    world.push("app", "three");
    let ran = world.tidegate(&["run", "--repository", "app", "--output", "json"]).expect(0).json();
    promoted(&world, ran["run"].as_str().expect("an id"));
}

/// A word on what `one` would be, by its digest.
fn agree(world: &World, verdict: &str, digest: &str, voter: &str) -> tidegate_tests::Ran {
    world.tidegate(&["apps", verdict, "one", "--digest", digest, "--as", voter])
}

/// The digest of what `one` would be, and the first reason why it is not synced.
fn asked(world: &World) -> (String, String) {
    let shown = world.tidegate(&["apps", "show", "one", "--output", "json"]).expect(0).json();
    let digest = shown["subject"].as_str().unwrap_or_else(|| panic!("{shown:#}"));
    (digest.to_owned(), shown["reasons"][0]["text"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_environment_is_asked_again_before_a_sync() {
    let world = world();
    promotes(&world);
    let environment = "  environments:
    prod: { owns: { paths: [\"config:apps/one/**\"] }, requires: [{ approval: { group: team, count: 1 } }] }
";
    world.write("tidegate.yaml", format!("{}{environment}", host("")));
    let mut daemon = Daemon::start(&world);
    let wait = |seconds: &str| {
        let commit = head(&world, "config");
        world.tidegate(&["apps", "wait", "one", "--commit", &commit, "--timeout", seconds])
    };
    // Nothing was accepted there yet: people are asked about this very content.
    assert!(wait("2").expect(3).out.contains("it has accepted nothing of this application yet"));
    let (digest, _) = asked(&world);
    assert!(agree(&world, "approve", &digest, "mallory").expect(4).err.contains("not a member of the group `team`"));
    assert!(
        agree(&world, "approve", &format!("sha256:{}", "0".repeat(64)), "alice")
            .expect(4)
            .err
            .contains("would not count")
    );
    agree(&world, "approve", &digest, "alice").expect(0);
    wait("60").expect(0);
    // A promotion that its people approved is not asked about again.
    world.write("app/src/a", "2");
    world.push("app", "two");
    let run = run_in(&daemon.until(" of promote at "));
    daemon.until(&format!("run {run} waits"));
    world.tidegate(&["approve", &run, "edit", "--digest", &world.digest(&run, "edit"), "--as", "bob"]).expect(0);
    daemon.until(&format!("run {run} succeeded"));
    promoted(&world, &run);
    // Whatever is pushed beside that is, and reaches nothing until then.
    world.git("config", &["pull", "-q", "origin", "main"]);
    let overlay = fs::read_to_string(world.path().join("config/apps/one/kustomization.yaml")).expect("a file");
    world.write(
        "config/apps/one/kustomization.yaml",
        overlay.replace("  - name: shop\n", "  - name: shop\n    newName: evil\n"),
    );
    world.push("config", "Tidy up");
    let told = wait("2").expect(3).out;
    assert!(told.contains("Dana") && told.contains("(\"Tidy up\") changed `apps/one/kustomization.yaml`"), "{told}");
    let pod = || fs::read_to_string(world.path().join("clusters/dev/_core/Pod/one/shop.yaml")).expect("a file");
    assert!(!pod().contains("evil"), "{}", pod());
    let (digest, why) = asked(&world);
    assert!(why.contains(&digest), "{why}");
    agree(&world, "reject", &digest, "bob").expect(0);
    world.tidegate(&["apps", "sync", "one"]).expect(3);
    assert!(!pod().contains("evil"), "{}", pod());
    // Back to what was accepted takes one of those who may approve, and no second word.
    assert!(world.tidegate(&["apps", "rollback", "one", "--as", "mallory"]).expect(4).err.contains("team"));
    let done = world.tidegate(&["apps", "rollback", "one", "--as", "alice", "--output", "json"]).expect(0).json();
    let commit = done["commit"].as_str().expect("a commit");
    world.tidegate(&["apps", "wait", "one", "--commit", commit, "--timeout", "60"]).expect(0);
    assert!(!pod().contains("evil") && pod().contains("shop:v2-"), "{}", pod());
    // And with that over, the next promotion needs no more than its own approval.
    world.write("app/src/a", "3");
    world.push("app", "three");
    let run = run_in(&daemon.until(" of promote at "));
    daemon.until(&format!("run {run} waits"));
    world.tidegate(&["approve", &run, "edit", "--digest", &world.digest(&run, "edit"), "--as", "bob"]).expect(0);
    daemon.until(&format!("run {run} succeeded"));
    promoted(&world, &run);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_branch_holds_what_was_rendered() {
    let world = world();
    world.write("config/argocd/one.yaml", application("one", "rendered", ""));
    world.push("config", "rendered");
    world.write(
        "tidegate.yaml",
        host("").replace("clusters: [dev, away]", "clusters: [rendered]").replace(
            "    dev: { directory: ./clusters/dev }\n",
            "    rendered: { repository: config, branch: rendered }\n",
        ),
    );
    let daemon = Daemon::start(&world);
    let wait = |name: &str, seconds: &str| world.tidegate(&["apps", "wait", name, "--timeout", seconds]);
    let told = wait("one", "2").expect(5).out;
    assert!(told.contains("no branch `rendered`") && told.contains("git switch --orphan"), "{told}");
    world.git("config", &["switch", "-q", "--orphan", "rendered"]);
    world.write("config/README.md", "Nobody edits this.\n");
    world.git("config", &["add", "README.md"]);
    world.git("config", &["commit", "-q", "-m", "Begin"]);
    world.git("config", &["push", "-q", "origin", "rendered"]);
    wait("one", "60").expect(0);
    let place = "rendered:_core/ConfigMap/one/settings.yaml";
    let show = |what: &str| world.git("config.git", &["show", what]);
    assert!(show(place).contains("value: \"1\""));
    // One commit for a wave, beside what was there.
    let log = || world.git("config.git", &["log", "--format=%s", "rendered"]);
    assert_eq!(log(), "Sync one: 2 objects\nBegin\n");
    // Somebody else's commit is drift, and another commit undoes it; what is nobody's object stays.
    world.git("config", &["pull", "-q", "origin", "rendered"]);
    world.write("config/_core/ConfigMap/one/settings.yaml", config_map("settings", "by hand"));
    world.write("config/notes.md", "mine\n");
    world.git("config", &["add", "-A", "_core", "notes.md"]);
    world.git("config", &["commit", "-q", "-m", "by hand"]);
    world.git("config", &["push", "-q", "origin", "rendered"]);
    let head = || world.git("config.git", &["rev-parse", "rendered"]);
    let before = head();
    while head() == before {
        std::thread::yield_now();
    }
    assert!(show(place).contains("value: \"1\""));
    assert_eq!(log(), "Sync one: 1 object\nby hand\nSync one: 2 objects\nBegin\n");
    assert_eq!(show("rendered:notes.md"), "mine\n");
    // A Secret would stay in Git for ever.
    world.git("config", &["switch", "-q", "main"]);
    world.write("config/argocd/two.yaml", application("two", "rendered", ""));
    world.write(
        "config/apps/two/all.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { a: b }\n",
    );
    world.push("config", "a secret");
    world
        .tidegate(&[
            "apps",
            "wait",
            "one",
            "--commit",
            world.git("config", &["rev-parse", "HEAD"]).trim(),
            "--timeout",
            "60",
        ])
        .expect(0);
    let told = wait("two", "3").expect(1).out;
    assert!(told.contains("is not written into a branch of Git"), "{told}");
    assert_eq!(daemon.leave(), Some(0));
}

/// A host whose environment `prod` owns places or clusters, synced once with people's word.
fn guarded(owns: &str) -> (World, Daemon) {
    let world = world();
    world.write("config/apps/one/kustomization.yaml", "resources: [all.yaml, ../base]\n");
    world.write("config/apps/base/kustomization.yaml", "resources: [base.yaml]\n");
    world.write("config/apps/base/base.yaml", config_map("base", "1"));
    world.push("config", "a base");
    let environment = format!(
        "  environments:\n    prod: {{ owns: {owns}, requires: [{{ approval: {{ group: team, count: 1 }} }}] }}\n"
    );
    world.write("tidegate.yaml", format!("{}{environment}", host("")));
    let daemon = Daemon::start(&world);
    assert!(waits(&world, "3").expect(3).out.contains("accepted nothing"));
    agree(&world, "approve", &asked(&world).0, "alice").expect(0);
    waits(&world, "60").expect(0);
    (world, daemon)
}

#[track_caller]
fn waits(world: &World, seconds: &str) -> tidegate_tests::Ran {
    world.tidegate(&["apps", "wait", "one", "--commit", &head(world, "config"), "--timeout", seconds])
}

/// Pushes a file and expects that nobody's clusters see it.
#[track_caller]
fn held(world: &World, path: &str, text: &str, why: &str) {
    world.write(&format!("config/{path}"), text);
    world.push("config", path);
    let told = waits(world, "3").expect(3).out;
    assert!(told.contains(why), "{path}: {told}");
}

#[test]
fn an_application_file_is_part_of_what_is_agreed_to() {
    let (world, daemon) = guarded("{ paths: [\"config:apps/one/**\"] }");
    // What the environment does not own is nobody's business there, but for the file that says what becomes of it.
    world.write("config/apps/base/base.yaml", config_map("base", "2"));
    world.push("config", "a base");
    waits(&world, "60").expect(0);
    let plain = application("one", "dev", "");
    held(
        &world,
        "argocd/one.yaml",
        &plain.replace("path: apps/one", "path: apps/base"),
        "its Application file has changed",
    );
    held(
        &world,
        "argocd/one.yaml",
        &plain.replace("targetRevision: HEAD", "targetRevision: HEAD, kustomize: { namePrefix: evil- }"),
        "its Application file has changed",
    );
    assert!(!place(&world, "one", "evil-settings").exists());
    // Without a word its objects do not go either; that they would is nothing that a sync applies.
    let finalizer = plain.replace("name: one }", "name: one, finalizers: [resources-finalizer.argocd.argoproj.io] }");
    world.write("config/argocd/one.yaml", finalizer);
    world.push("config", "a finalizer");
    waits(&world, "60").expect(0);
    fs::remove_file(world.path().join("config/argocd/one.yaml")).expect("removed");
    world.push("config", "gone");
    let why = || world.tidegate(&["why", "one", "--output", "json"]).expect(0).json();
    let mut told = why();
    while !told["message"].as_str().unwrap_or_default().contains("its objects would go") {
        std::thread::yield_now();
        told = why();
    }
    assert!(place(&world, "one", "settings").exists());
    agree(&world, "approve", told["subject"].as_str().expect("a digest"), "alice").expect(0);
    let mut daemon = daemon;
    daemon.until("one is gone");
    assert!(!place(&world, "one", "settings").exists());
}

#[test]
fn an_environment_that_owns_a_cluster_is_asked_about_whatever_reaches_it() {
    let (world, daemon) = guarded("{ clusters: [dev] }");
    held(&world, "apps/base/base.yaml", &config_map("base", "2"), "changed `apps/base/base.yaml`");
    // A rollback asks as well who wants it, and to where.
    world.git("config", &["push", "-q", "origin", "HEAD:evil"]);
    let evil = ["apps", "rollback", "one", "--to", "evil", "--as"];
    assert!(world.tidegate(&[&evil[..], &["mallory"]].concat()).expect(4).err.contains("prod"));
    // What changes nothing yet stands for nothing: it may later.
    world.write("config/apps/base/base.yaml", format!("{}# a remark\n", config_map("base", "1")));
    world.push("config", "a remark");
    waits(&world, "60").expect(0);
    held(&world, "apps/one/all.yaml", &config_map("settings", "2"), "and nobody was asked");
    // A no is heard even where a rollback has brought the same content back.
    let (digest, _) = asked(&world);
    agree(&world, "reject", &digest, "bob").expect(0);
    assert!(asked(&world).1.contains("somebody said no"), "{}", asked(&world).1);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_crash_at_any_moment_of_a_push_starts_one_run() {
    let world = world();
    let daemon = Daemon::start(&world);
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    assert_eq!(daemon.leave(), Some(0));
    let mut crashes = 0;
    for at in (1..).step_by(4) {
        world.write("app/src/a", format!("crash {at}"));
        world.push("app", &format!("crash {at}"));
        let commit = head(&world, "app");
        let mut command = world.command(&["serve"]);
        command.env("TIDEGATE_CRASH", at.to_string()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut crashing = command.spawn().expect("the binary");
        let mut lines = BufReader::new(crashing.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let done = lines.any(|line| line.starts_with("run ") && line.ends_with(" succeeded"));
        crashing.kill().expect("a child");
        crashing.wait().expect("a child");
        crashes += usize::from(!done);
        let daemon = Daemon::start(&world);
        let of = || runs(&world).into_iter().filter(|run| run["commit"] == commit.as_str()).collect::<Vec<_>>();
        let open = |run: &Value| ["queued", "running", "waiting"].contains(&run["status"].as_str().unwrap_or_default());
        while of().is_empty() || of().iter().any(open) {
            std::thread::yield_now();
        }
        assert_eq!(daemon.leave(), Some(0));
        let all = of();
        assert_eq!((all.len(), all[0]["status"].as_str()), (1, Some("succeeded")), "crash {at}: {all:#?}");
        if done {
            break;
        }
    }
    assert!(crashes > 4, "{crashes} crashes: the points are no longer met");
}

#[test]
fn a_run_that_only_waits_holds_no_leaving_daemon_up() {
    let world = world();
    let wait = "    never:
      uses: application/wait
      with: { application: one, image: \"shop:never\" }
      timeout: 10m
";
    world.write("app/.tidegate/build.yaml", pipeline("build", "{ push: { paths: [\"src/**\"] } }", wait));
    world.push("app", "waits");
    let mut daemon = Daemon::start(&world);
    world.write("app/src/a", "2");
    world.push("app", "two");
    let run = run_in(&daemon.until(" of build at "));
    let status = || world.tidegate(&["runs", "show", &run, "--output", "json"]).expect(0).json()["status"].clone();
    while status() != "waiting" {
        std::thread::yield_now();
    }
    daemon.signal("TERM");
    assert_eq!(daemon.ends(), Some(0));
    let cut = daemon.said.iter().any(|line| line.contains("left with something at work"));
    assert!(!cut, "{:#?}", daemon.said);
    assert_eq!(status(), "waiting");
}

#[test]
fn who_connects_and_says_nothing_holds_nobody_up() {
    let world = world();
    let daemon = Daemon::start(&world);
    let serves = daemon.said.iter().find_map(|line| line.split_once("; state in ")).expect("where its state is").1;
    // Its path may be too long for a socket.
    let folder = fs::File::open(serves).expect("a folder");
    let path = format!("/proc/self/fd/{}/daemon.sock", folder.as_raw_fd());
    let silent: Vec<UnixStream> = (0..100).map(|_| UnixStream::connect(&path).expect("connected")).collect();
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    drop(silent);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn the_daemon_answers_for_what_was_pushed_before_it_was_asked() {
    let world = world();
    // It looks by itself when this test is long over.
    world.write("tidegate.yaml", host("").replace("url: ./config.git\n", "url: ./config.git\n      poll: 1h\n"));
    let daemon = Daemon::start(&world);
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    world.write("config/apps/one/all.yaml", config_map("settings", "2"));
    world.push("config", "two");
    world.tidegate(&["apps", "wait", "one", "--timeout", "60"]).expect(0);
    assert!(fs::read_to_string(place(&world, "one", "settings")).expect("a file").contains("value: \"2\""));
    world.write("config/apps/one/all.yaml", config_map("settings", "3"));
    world.push("config", "three");
    let shown = world.tidegate(&["apps", "show", "one", "--output", "json"]).expect(0).json();
    assert_eq!(shown["revision"], head(&world, "config").as_str(), "{shown:#}");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_commit_does_not_say_itself_what_runs() {
    let world = world();
    world.git("app.git", &["symbolic-ref", "HEAD", "refs/heads/nobody-pushed-it"]);
    let refused = world.tidegate(&["run", "build", "--repository", "app", "--branch", "main"]).expect(2);
    assert!(refused.err.contains("names no default branch that exists"), "{}", refused.err);
    world.tidegate(&["run", "app/.tidegate/build.yaml", "--repository", "app", "--branch", "main"]).expect(0);
    // Nor does one that is pushed.
    let mut daemon = Daemon::start(&world);
    world.write("app/src/a", "2");
    world.push("app", "two");
    let commit = head(&world, "app");
    let why = || world.tidegate(&["why", &commit]);
    // Until its row is there.
    while !why().out.contains("names no default branch that exists") {
        std::thread::yield_now();
    }
    daemon.signal("TERM");
    assert_eq!(daemon.ends(), Some(0));
    assert_eq!(runs(&world).len(), 1);
}

#[test]
fn a_file_that_comes_back_stops_the_end_of_its_application() {
    let world = world();
    let finalizer = ", finalizers: [resources-finalizer.argocd.argoproj.io]";
    for name in ["two", "three"] {
        world.write(&format!("config/argocd/{name}.yaml"), application(name, "dev", finalizer));
    }
    // The end of this one asks a person, and waits.
    let kept = |value: &str| {
        config_map("settings", value).replace(
            "name: settings }",
            "name: settings, annotations: { argocd.argoproj.io/sync-options: Delete=confirm } }",
        )
    };
    world.write("config/apps/two/all.yaml", kept("1"));
    world.write("config/apps/three/all.yaml", config_map("settings", "1"));
    world.push("config", "two and three");
    let mut daemon = Daemon::start(&world);
    for name in ["two", "three"] {
        world.tidegate(&["apps", "wait", name, "--timeout", "60"]).expect(0);
    }
    for name in ["two", "three"] {
        fs::remove_file(world.path().join(format!("config/argocd/{name}.yaml"))).expect("removed");
    }
    world.push("config", "both go");
    daemon.until("three is gone");
    world.write("config/argocd/two.yaml", application("two", "dev", finalizer));
    world.write("config/apps/two/all.yaml", kept("2"));
    world.push("config", "one is back");
    world.tidegate(&["apps", "wait", "two", "--commit", &head(&world, "config"), "--timeout", "60"]).expect(0);
    assert!(fs::read_to_string(place(&world, "two", "settings")).expect("a file").contains("value: \"2\""));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn an_application_that_moves_to_a_slower_repository_does_not_end() {
    let world = world();
    let finalizer = ", finalizers: [resources-finalizer.argocd.argoproj.io]";
    world.repository("slow", &[("README.md", "Nothing yet.\n")]);
    world.write(
        "tidegate.yaml",
        host(
            "    slow: { url: ./slow.git, poll: 1h, applications: [\"**\"], deploys: { clusters: [dev], namespaces: [\"*\"] } }\n",
        ),
    );
    for name in ["two", "three"] {
        world.write(&format!("config/argocd/{name}.yaml"), application(name, "dev", finalizer));
        world.write(&format!("config/apps/{name}/all.yaml"), config_map("settings", "1"));
    }
    // Refused for ever, and no reason to keep what is gone.
    world.write(
        "config/argocd/set.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: { name: set }\nspec: {}\n",
    );
    world.push("config", "two and three");
    let mut daemon = Daemon::start(&world);
    for name in ["two", "three"] {
        world.tidegate(&["apps", "wait", name, "--timeout", "60"]).expect(0);
    }
    world.write("slow/two.yaml", application("two", "dev", finalizer));
    world.push("slow", "two");
    for name in ["two", "three"] {
        fs::remove_file(world.path().join(format!("config/argocd/{name}.yaml"))).expect("removed");
    }
    world.push("config", "one goes, and one moves");
    daemon.until("three is gone");
    assert!(place(&world, "two", "settings").exists());
    world.write("config/apps/two/all.yaml", config_map("settings", "2"));
    world.push("config", "a change of the other one");
    world.tidegate(&["apps", "wait", "two", "--commit", &head(&world, "config"), "--timeout", "60"]).expect(0);
    assert!(daemon.said.iter().all(|line| !line.contains("two is gone")), "{:?}", daemon.said);
    assert_eq!(daemon.leave(), Some(0));
}
