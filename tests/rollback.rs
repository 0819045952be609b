//! Rollbacks, through the whole binary: by a commit to what was healthy, never to what was gone back from, and never told to be more than
//! they are.

use serde_json::Value;
use std::fs;
use tidegate_tests::{Ran, World};

const HOST: &str = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config:
      url: ./config.git
      applications: [\"argocd/**\"]
      deploys: { clusters: [dev], namespaces: [shop] }
  clusters:
    dev: { directory: ./clusters/dev }
";

fn application(path: &str, more: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: shop }}
spec:
  destination: {{ name: dev, namespace: shop }}
  source: {{ repoURL: ./config.git, path: {path} }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }}, syncOptions: [CreateNamespace=true] }}
{more}"
    )
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ value: \"{value}\" }}\n")
}

fn world(application: &str, files: &[(&str, &str)]) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    world.repository("config", &[&[("argocd/shop.yaml", application)], files].concat());
    world.write("tidegate.yaml", HOST);
    world
}

/// The newest commit of the branch.
fn head(world: &World) -> String {
    world.git("config.git", &["rev-parse", "main"]).trim().to_owned()
}

/// Pushes a file upon whatever the branch has, and syncs it; answers the commit.
fn released(world: &World, path: &str, text: &str) -> String {
    world.git("config", &["pull", "-q", "origin", "main"]);
    world.write(&format!("config/{path}"), text);
    world.push("config", path);
    world.tidegate(&["apps", "sync"]).expect(0);
    head(world)
}

fn rollback(world: &World, more: &[&str]) -> Ran {
    world.tidegate(&[&["apps", "rollback", "shop", "--output", "json"], more].concat())
}

/// Rolls back; answers to where, and the commit where one was made.
fn rolled(world: &World, more: &[&str]) -> (String, Option<String>) {
    let done: Value = rollback(world, more).expect(0).json();
    (done["to"].as_str().expect("a revision").to_owned(), done["commit"].as_str().map(str::to_owned))
}

#[test]
fn nobody_goes_back_to_what_was_gone_back_from() {
    let object = "apps/shop/all.yaml";
    let world = world(&application("apps/shop", ""), &[(object, &config_map("one", "1"))]);
    world.tidegate(&["apps", "sync"]).expect(0);
    let good = head(&world);
    let bad = released(&world, object, &config_map("one", "2"));
    let (to, commit) = rolled(&world, &[]);
    assert_eq!((to.as_str(), commit.as_deref()), (good.as_str(), Some(head(&world).as_str())));
    // Said again, before it was synced and thereafter, it changes nothing.
    let rollback = head(&world);
    assert_eq!(rolled(&world, &[]), (good.clone(), None));
    world.tidegate(&["apps", "sync"]).expect(0);
    assert_eq!(rolled(&world, &[]), (good.clone(), None));
    let told = world.tidegate(&["apps", "rollback", "shop"]).expect(0).out;
    assert!(told.contains(&format!("has rolled it back to {} already", &good[..8])), "{told}");
    assert!(told.contains("`--to` names another"), "{told}");
    assert_eq!(head(&world), rollback);
    // A release that came after it, and one that is bad again.
    let next = released(&world, object, &config_map("one", "3"));
    released(&world, object, &config_map("one", "4"));
    let (to, commit) = rolled(&world, &[]);
    assert_eq!((&to, commit.is_some()), (&next, true));
    // By name to anything.
    let (to, commit) = rolled(&world, &["--to", &bad]);
    assert_eq!((&to, commit.is_some()), (&bad, true));
    world.tidegate(&["apps", "sync"]).expect(0);
    let there = world.path().join("clusters/dev/_core/ConfigMap/shop/one.yaml");
    assert!(fs::read_to_string(there).expect("a file").contains("value: \"2\""));
}

/// A base, an overlay of it in the application's folder, and a file that nothing reads.
fn overlay() -> World {
    let overlay = "namespace: shop\nresources: [../../base, own.yaml]\n";
    world(
        &application("overlays/prod", ""),
        &[
            ("base/kustomization.yaml", "resources: [all.yaml]\n"),
            ("base/all.yaml", &config_map("base", "1")),
            ("overlays/prod/kustomization.yaml", overlay),
            ("overlays/prod/own.yaml", &config_map("own", "1")),
            ("README.md", "1"),
        ],
    )
}

#[test]
fn what_is_outside_of_its_folder_is_not_said_to_be_brought_back() {
    let world = overlay();
    world.tidegate(&["apps", "sync"]).expect(0);
    let good = head(&world);
    // Only the base is bad.
    world.write("config/README.md", "2");
    let bad = released(&world, "base/all.yaml", &config_map("base", "2"));
    let refused = world.tidegate(&["apps", "rollback", "shop"]).expect(2);
    assert!(refused.err.contains("`base/all.yaml`") && refused.err.contains("git revert"), "{}", refused.err);
    assert!(!refused.err.contains("README"), "{}", refused.err);
    world.tidegate(&["apps", "rollback", "shop", "--to", &good]).expect(2);
    assert_eq!(head(&world), bad);
    // Both are: its folder comes back, and nobody is told that this were all.
    world.write("config/base/all.yaml", config_map("base", "3"));
    released(&world, "overlays/prod/own.yaml", &config_map("own", "2"));
    let shown = rollback(&world, &["--dry-run"]).expect(0).json();
    assert_eq!(shown["outside"][0], "base/all.yaml", "{shown:#}");
    let told = world.tidegate(&["apps", "rollback", "shop", "--to", &good]).expect(0);
    assert!(
        told.err.contains("only its folder is brought back") && told.err.contains("`base/all.yaml`"),
        "{}",
        told.err
    );
    let message = world.git("config.git", &["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("The files of its folder are") && message.contains("- base/all.yaml"), "{message}");
    assert!(message.contains("Tidegate-Rollback: shop"), "{message}");
    world.tidegate(&["apps", "sync"]).expect(0);
    let object =
        |name: &str| fs::read_to_string(world.path().join(format!("clusters/dev/_core/ConfigMap/shop/{name}.yaml")));
    assert!(object("own").expect("a file").contains("value: \"1\""));
    assert!(object("base").expect("a file").contains("value: \"3\""));
}

#[test]
fn healing_takes_no_good_revision_out_of_the_history() {
    let object = "apps/shop/all.yaml";
    let world = world(&application("apps/shop", "  revisionHistoryLimit: 2\n"), &[(object, &config_map("one", "1"))]);
    world.tidegate(&["apps", "sync"]).expect(0);
    let good = head(&world);
    released(&world, object, &config_map("one", "2"));
    let there = world.path().join("clusters/dev/_core/ConfigMap/shop/one.yaml");
    fs::write(&there, config_map("one", "by hand")).expect("written");
    world.tidegate(&["apps", "sync"]).expect(0);
    assert!(fs::read_to_string(&there).expect("a file").contains("value: \"2\""), "it is healed");
    assert_eq!(rolled(&world, &["--dry-run"]).0, good);
}
