//! Applications brought to a folder that stands for a cluster, through the whole binary: what Git says is there, what hands did
//! is undone, what nobody may is left alone.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tidegate_tests::daemon::Daemon;
use tidegate_tests::{Ran, World};

const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      aliases: [\"https://git.example.com/team/config.git\"]
      applications: [\"argocd/**\"]
      deploys: { clusters: [dev], namespaces: [shop, team-*] }
  clusters:
    dev: { directory: ./clusters/dev, server: \"https://kubernetes.default.svc\" }
";

fn application(name: &str, path: &str, policy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name}, namespace: argocd }}
spec:
  project: default
  destination: {{ server: \"https://kubernetes.default.svc\", namespace: shop }}
  source: {{ repoURL: \"https://git.example.com/team/config.git\", path: {path}, targetRevision: main }}
  syncPolicy: {policy}
---
"
    )
}

/// The application of the README, as people write it for Argo CD.
const AUTOMATED: &str = "{ automated: { prune: true, selfHeal: true }, syncOptions: [CreateNamespace=true], retry: { limit: 3, backoff: { duration: 5s, factor: 2 } } }";

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ value: \"{value}\" }}\n---\n")
}

fn world(applications: &[String]) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    let objects = [config_map("one", "1"), config_map("two", "2")].concat();
    world.repository("config", &[("argocd/all.yaml", &applications.concat()), ("apps/shop/all.yaml", &objects)]);
    world.write("tidegate.yaml", HOST);
    world
}

fn listed(world: &World, name: &str) -> Value {
    let rows = world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
    let row = rows.as_array().expect("a list").iter().find(|row| row["name"] == name);
    row.unwrap_or_else(|| panic!("no {name} in {rows:#}")).clone()
}

fn stands(world: &World, name: &str) -> String {
    let row = listed(world, name);
    format!("{} {}", row["sync"].as_str().unwrap_or_default(), row["health"].as_str().unwrap_or_default())
}

fn place(world: &World, name: &str) -> PathBuf {
    world.path().join(format!("clusters/dev/_core/ConfigMap/shop/{name}.yaml"))
}

fn sync(world: &World, arguments: &[&str]) -> Ran {
    world.tidegate(&[&["apps", "sync"], arguments].concat())
}

#[test]
fn what_git_says_is_there() {
    let world = world(&[application("shop", "apps/shop", AUTOMATED)]);
    assert_eq!(stands(&world, "shop"), "OutOfSync Missing");
    let differences = world.tidegate(&["apps", "diff", "shop"]).expect(1);
    assert!(
        differences.out.contains("+ ConfigMap shop/one") && differences.out.contains("value: \"1\""),
        "{}",
        differences.out
    );
    sync(&world, &[]).expect(0);
    assert_eq!(stands(&world, "shop"), "Synced Healthy");
    assert!(fs::read_to_string(place(&world, "one")).expect("a file").contains("value: \"1\""));
    assert!(world.path().join("clusters/dev/_core/Namespace/_cluster/shop.yaml").exists(), "CreateNamespace");
    world.tidegate(&["apps", "diff", "shop"]).expect(0);
    // Nothing is left to do, and nothing is done.
    let history = |world: &World| world.tidegate(&["apps", "history", "shop", "--output", "json"]).expect(0).json();
    assert_eq!(history(&world).as_array().map(Vec::len), Some(1));
    sync(&world, &[]).expect(0);
    assert_eq!(history(&world).as_array().map(Vec::len), Some(1));
    // A commit changes one and takes the other away.
    world.write("config/apps/shop/all.yaml", config_map("one", "3"));
    world.push("config", "three");
    assert_eq!(stands(&world, "shop"), "OutOfSync Healthy");
    sync(&world, &[]).expect(0);
    assert!(fs::read_to_string(place(&world, "one")).expect("a file").contains("value: \"3\""));
    assert!(!place(&world, "two").exists(), "it is pruned");
    let syncs = history(&world);
    assert_eq!(syncs[0]["sync"]["outcome"], "healthy", "{syncs:#}");
    assert_eq!(syncs[0]["sync"]["revision"], world.git("config", &["rev-parse", "HEAD"]).trim());
}

#[test]
fn what_hands_did_is_undone() {
    let world = world(&[application("shop", "apps/shop", AUTOMATED)]);
    sync(&world, &[]).expect(0);
    fs::write(place(&world, "one"), config_map("one", "by hand")).expect("written");
    fs::remove_file(place(&world, "two")).expect("removed");
    assert_eq!(stands(&world, "shop"), "OutOfSync Missing");
    let differences = world.tidegate(&["apps", "diff", "shop"]).expect(1);
    let out = &differences.out;
    assert!(out.contains("   data:\n  -  value: by hand\n  +  value: \"1\""), "{out}");
    sync(&world, &[]).expect(0);
    assert_eq!(stands(&world, "shop"), "Synced Healthy");
    assert!(fs::read_to_string(place(&world, "one")).expect("a file").contains("value: \"1\""));
}

#[test]
fn without_a_policy_a_person_asks() {
    let world = world(&[application("shop", "apps/shop", "{}")]);
    let ran = sync(&world, &["--output", "json"]).expect(0);
    assert!(ran.out.contains("automation-off"), "{}", ran.out);
    assert!(!place(&world, "one").exists());
    sync(&world, &["shop", "--only", "/ConfigMap/shop/two", "--as", "alice"]).expect(0);
    assert!(place(&world, "two").exists() && !place(&world, "one").exists());
    sync(&world, &["shop"]).expect(0);
    world.write("config/apps/shop/all.yaml", config_map("one", "1"));
    world.push("config", "less");
    sync(&world, &["shop"]).expect(0);
    assert!(place(&world, "two").exists(), "nobody asked for it to go");
    sync(&world, &["shop", "--prune"]).expect(0);
    assert!(!place(&world, "two").exists());
    let shown = world.tidegate(&["apps", "history", "shop"]).expect(0);
    assert!(shown.out.contains("alice"), "{}", shown.out);
}

#[test]
fn a_few_objects_by_hand_say_nothing_of_the_rest() {
    let world = world(&[application("shop", "apps/shop", "{ automated: {} }")]);
    sync(&world, &["shop", "--only", "/ConfigMap/shop/two"]).expect(0);
    assert!(place(&world, "two").exists() && !place(&world, "one").exists());
    // What nobody has tried yet has not drifted.
    sync(&world, &[]).expect(0);
    assert!(place(&world, "one").exists());
    assert_eq!(stands(&world, "shop"), "Synced Healthy");
}

#[test]
fn everything_that_is_declared_is_synced_or_told() {
    let world = world(&[application("shop", "apps/shop", AUTOMATED), application("twin", "apps/twin", "{}")]);
    world.write("config/apps/twin/all.yaml", config_map("others", "1"));
    world.push("config", "another one");
    sync(&world, &[]).expect(0);
    let told = |code: i32| {
        let rows = sync(&world, &["--output", "json"]).expect(code).json();
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| format!("{} {}", row["name"].as_str().expect("a name"), row["status"].as_str().expect("a word")))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(0), ["shop unchanged", "twin held"]);
    // Two of one name, and one whose cluster nobody configured.
    let away = application("away", "apps/shop", AUTOMATED).replace("kubernetes.default.svc", "prod.example.com");
    world.write("config/argocd/more.yaml", [application("twin", "apps/twin", "{}"), away].concat());
    world.push("config", "more");
    assert_eq!(told(2), ["away failed", "shop unchanged", "twin failed", "twin failed"]);
    fs::remove_file(world.path().join("config/argocd/more.yaml")).expect("removed");
    world.push("config", "less");
    told(0);
    // There may be more in a repository that cannot be read.
    world.write(
        "tidegate.yaml",
        HOST.replace("  clusters:\n", "    gone: { url: ./gone.git, applications: [\"**\"] }\n  clusters:\n"),
    );
    let ran = sync(&world, &[]).expect(5);
    assert!(ran.err.contains("the repository `gone` cannot be read"), "{}", ran.err);
}

#[test]
fn a_sync_left_over_from_a_crash_is_no_answer_to_another_request() {
    let world = world(&[application("shop", "apps/shop", "{ automated: {} }")]);
    sync(&world, &[]).expect(0);
    let mut crashes = 0;
    for at in 1.. {
        // What syncs by itself prunes nothing; a person asks for that.
        world.write("config/apps/shop/all.yaml", config_map("one", &format!("less {at}")));
        world.push("config", "less");
        let ended =
            world.command(&["apps", "sync"]).env("TIDEGATE_CRASH", at.to_string()).output().expect("the binary");
        sync(&world, &["shop", "--prune"]).expect(0);
        assert!(!place(&world, "two").exists(), "crash {at}");
        if ended.status.code().is_some() {
            break;
        }
        crashes += 1;
        world.write("config/apps/shop/all.yaml", [config_map("one", "1"), config_map("two", "2")].concat());
        world.push("config", "more");
        sync(&world, &[]).expect(0);
    }
    assert!(crashes > 5, "{crashes} crashes: the points are no longer met");
}

#[test]
fn what_a_repository_may_not_is_not_done() {
    let everywhere =
        application("elsewhere", "apps/shop", AUTOMATED).replace("namespace: shop", "namespace: kube-system");
    let world = world(&[
        everywhere,
        application("cluster-wide", "apps/roles", AUTOMATED),
        application("project", "apps/shop", AUTOMATED).replace("project: default", "project: nobody"),
        application("other", "apps/shop", AUTOMATED)
            .replace("https://kubernetes.default.svc", "https://prod.example.com"),
    ]);
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: admin }\n";
    world.write("config/apps/roles/role.yaml", role);
    world.push("config", "a role");
    // The gravest of them: a cluster's name that is wrong.
    sync(&world, &[]).expect(2);
    for (name, words) in [
        ("elsewhere", "may not deploy into the namespace `kube-system` of `dev`"),
        ("cluster-wide", "may not deploy objects of the kind rbac.authorization.k8s.io/ClusterRole"),
        ("project", "its project `nobody` is declared nowhere"),
    ] {
        let row = listed(&world, name);
        assert!(row["message"].as_str().is_some_and(|message| message.contains(words)), "{row:#}");
    }
    assert_eq!(stands(&world, "other"), "Unknown Unknown");
    assert!(!world.path().join("clusters/dev/_core").exists());
    // Nor by hand.
    sync(&world, &["elsewhere"]).expect(4);
    world.tidegate(&["apps", "diff", "elsewhere"]).expect(4);
    world.tidegate(&["apps", "wait", "elsewhere", "--timeout", "1"]).expect(4);
    assert!(!world.path().join("clusters/dev/_core").exists());
    world.write("tidegate.yaml", HOST.replace("      deploys: { clusters: [dev], namespaces: [shop, team-*] }\n", ""));
    let row = listed(&world, "elsewhere");
    assert!(row["message"].as_str().is_some_and(|message| message.contains("may deploy nothing")), "{row:#}");
}

#[test]
fn one_broken_application_holds_no_other() {
    let world = world(&[
        application("broken", "apps/gone", AUTOMATED),
        application("shop", "apps/shop", AUTOMATED),
        application("second", "apps/shop", AUTOMATED),
    ]);
    let ran = sync(&world, &["--output", "json"]).expect(1);
    assert_eq!(stands(&world, "broken"), "Unknown Unknown");
    // Two that want one object: the first that had it keeps it.
    let both = [stands(&world, "shop"), stands(&world, "second")];
    assert!(both.contains(&"Synced Healthy".to_owned()), "{both:?} {}", ran.out);
    let other = if both[0] == "Synced Healthy" { "second" } else { "shop" };
    let row = listed(&world, other);
    assert!(row["message"].as_str().is_some_and(|message| message.contains("shared-object")), "{row:#}");
}

#[test]
fn an_empty_render_prunes_nothing() {
    let world = world(&[application("shop", "apps/shop", AUTOMATED)]);
    sync(&world, &[]).expect(0);
    world.write("config/apps/shop/all.yaml", "# nothing\n");
    world.push("config", "empty");
    let ran = sync(&world, &[]).expect(1);
    assert!(ran.out.contains("would-prune-all"), "{}", ran.out);
    world.write("config/apps/shop/all.yaml", "kind: [\n");
    world.push("config", "broken");
    sync(&world, &[]).expect(1);
    assert!(place(&world, "one").exists() && place(&world, "two").exists());
    // A cluster that is gone is not an empty one.
    world.write("config/apps/shop/all.yaml", config_map("one", "1"));
    world.push("config", "less");
    fs::rename(world.path().join("clusters/dev/.tidegate"), world.path().join("book")).expect("moved");
    fs::write(world.path().join("clusters/dev/.tidegate"), "no folder").expect("written");
    assert_ne!(stands(&world, "shop").split(' ').next(), Some("Synced"));
    sync(&world, &[]).expect(5);
    assert!(place(&world, "two").exists());
}

#[test]
fn brakes_hold_and_say_why() {
    let world = world(&[application("shop", "apps/shop", AUTOMATED)]);
    world.tidegate(&["apps", "suspend", "shop", "--reason", "the audit", "--as", "bob"]).expect(0);
    sync(&world, &[]).expect(0);
    sync(&world, &["shop"]).expect(1);
    assert!(!place(&world, "one").exists());
    let shown = world.tidegate(&["apps", "show", "shop"]).expect(0);
    assert!(shown.out.contains("bob suspended it: the audit"), "{}", shown.out);
    world.tidegate(&["apps", "resume", "shop"]).expect(0);
    world.tidegate(&["freeze", "--cluster", "dev", "--reason", "a release elsewhere"]).expect(0);
    sync(&world, &["shop"]).expect(1);
    assert!(listed(&world, "shop")["message"].as_str().is_some_and(|message| message.contains("a release elsewhere")));
    let near = world.tidegate(&["freeze", "--cluster", "deb", "--lift"]).expect(2);
    assert!(near.err.contains("did you mean `dev`?"), "{}", near.err);
    world.tidegate(&["freeze", "--cluster", "dev", "--lift"]).expect(0);
    world.write(
        "tidegate.yaml",
        HOST.replace("directory: ./clusters/dev,", "directory: ./clusters/dev, mode: observe,"),
    );
    sync(&world, &[]).expect(0);
    assert!(!place(&world, "one").exists(), "it is only observed");
    world.write("tidegate.yaml", HOST);
    sync(&world, &[]).expect(0);
    world.tidegate(&["apps", "wait", "shop"]).expect(0);
    assert!(place(&world, "one").exists());
}

#[test]
fn a_crash_at_any_moment_of_a_sync_loses_nothing() {
    // What another application and hands have put there stays, whatever happens.
    let world = world(&[application("shop", "apps/shop", AUTOMATED), application("other", "apps/other", AUTOMATED)]);
    world.write("config/apps/other/all.yaml", config_map("others", "1"));
    world.push("config", "another application");
    sync(&world, &[]).expect(0);
    fs::write(place(&world, "of-hands"), config_map("of-hands", "1")).expect("written");
    let mut crashes = 0;
    for at in 1.. {
        // One object changes, one comes, and the one of the last round goes.
        let objects = [config_map("one", &at.to_string()), config_map(&format!("round-{at}"), "1")].concat();
        world.write("config/apps/shop/all.yaml", objects);
        world.push("config", &format!("round {at}"));
        let ended = world
            .command(&["apps", "sync", "shop", "--prune"])
            .env("TIDEGATE_CRASH", at.to_string())
            .output()
            .expect("the binary");
        let crashed = ended.status.code().is_none();
        crashes += usize::from(crashed);
        sync(&world, &["shop", "--prune"]).expect(0);
        assert_eq!(stands(&world, "shop"), "Synced Healthy", "crash {at}");
        let one = fs::read_to_string(place(&world, "one")).expect("a file");
        assert!(one.contains(&format!("value: \"{at}\"")), "crash {at}: {one}");
        assert!(place(&world, &format!("round-{at}")).exists(), "crash {at}");
        assert!(!place(&world, &format!("round-{}", at - 1)).exists(), "crash {at}");
        assert!(place(&world, "others").exists() && place(&world, "of-hands").exists(), "crash {at}");
        if !crashed {
            break;
        }
    }
    assert!(crashes > 10, "{crashes} crashes: the points are no longer met");
}

/// Commits everything in the clone as somebody, and pushes it.
fn commit_as(world: &World, who: &str, message: &str) {
    world.git("config", &["add", "-A"]);
    let mut commit = Command::new("git");
    commit.current_dir(world.path().join("config")).args(["commit", "-q", "-m", message]);
    commit.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for of in ["AUTHOR", "COMMITTER"] {
        commit.env(format!("GIT_{of}_NAME"), who).env(format!("GIT_{of}_EMAIL"), format!("{who}@example.com"));
    }
    Ran::of(&mut commit).expect(0);
    world.git("config", &["push", "-q", "origin", "HEAD:main"]);
}

#[test]
fn who_wrote_the_first_content_does_not_approve_it() {
    let world = world(&[application("shop", "apps/shop", AUTOMATED)]);
    let rules = "  environments:
    prod: { owns: { clusters: [dev] }, requires: [{ approval: { group: team, count: 1 } }] }
  groups: { team: [eve, bot, alice] }
";
    world.write("tidegate.yaml", format!("{HOST}{rules}"));
    world.write("config/apps/shop/all.yaml", config_map("one", "evil"));
    commit_as(&world, "eve", "one");
    // What lies on top of it, at other places and in the same folder, makes it nobody else's.
    world.write("config/README.md", "Hello");
    commit_as(&world, "bot", "README");
    world.write("config/apps/shop/more.yaml", config_map("more", "1"));
    commit_as(&world, "bot", "more");
    let shown = world.tidegate(&["apps", "show", "shop", "--output", "json"]).expect(0).json();
    let digest = shown["subject"].as_str().expect("a digest");
    let approve = |who: &str| world.tidegate(&["apps", "approve", "shop", "--digest", digest, "--as", who]);
    approve("eve").expect(4);
    approve("bot").expect(4);
    sync(&world, &["shop"]).expect(3);
    approve("alice").expect(0);
    sync(&world, &["shop"]).expect(0);
    assert!(place(&world, "one").exists());
}

#[test]
fn a_wait_is_for_every_source() {
    let source =
        "source: { repoURL: \"https://git.example.com/team/config.git\", path: apps/shop, targetRevision: main }";
    let sources = "sources:
    - { repoURL: \"https://git.example.com/team/config.git\", path: apps/shop, targetRevision: main }
    - { repoURL: ./second.git, path: apps/shop }";
    let world = world(&[application("shop", "apps/shop", AUTOMATED).replace(source, sources)]);
    world.repository("second", &[("apps/shop/all.yaml", &config_map("other", "1"))]);
    world.write(
        "tidegate.yaml",
        HOST.replace("  repositories:\n", "  repositories:\n    second: { url: ./second.git }\n"),
    );
    let daemon = Daemon::start(&world);
    let wait = |more: &[&str]| world.tidegate(&[&["apps", "wait", "shop", "--timeout", "60"], more].concat());
    wait(&[]).expect(0);
    assert!(place(&world, "one").exists() && place(&world, "other").exists());
    // Whoever pushed to the second source waits for that.
    for value in ["2", "3", "4"] {
        world.write("second/apps/shop/all.yaml", config_map("other", value));
        world.push("second", value);
        wait(&[]).expect(0);
        let text = fs::read_to_string(place(&world, "other")).expect("a file");
        assert!(text.contains(&format!("value: \"{value}\"")), "{text}");
    }
    // A commit of either is one to wait for, also without a daemon, and by the short form of the option.
    let head = |of: &str| world.git(of, &["rev-parse", "HEAD"]).trim().to_owned();
    wait(&["--commit", &head("second")]).expect(0);
    wait(&["--commit", &head("config")[..9]]).expect(0);
    let shown = world.tidegate(&["apps", "show", "shop", "-o", "json"]).expect(0).json();
    assert_eq!(shown["sources"][1]["commit"], head("second"), "{shown:#}");
    assert_eq!(daemon.leave(), Some(0));
    wait(&["--commit", &head("second")]).expect(0);
    world.write("second/apps/shop/all.yaml", "kind: [\n");
    world.push("second", "broken");
    world.tidegate(&["apps", "wait", "shop", "--timeout", "1"]).expect(1);
}
