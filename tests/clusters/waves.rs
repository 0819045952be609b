//! Waves and hooks, with the statuses that controllers would write written by the test.

use crate::scene::{Scene, config_map, deployment, job, until};
use serde_json::{Value, json};

/// Hooks and waves are awaited; a failure is not tried again.
const ONCE: &str = "{ automated: { prune: true }, syncOptions: [CreateNamespace=true], retry: { limit: 0 } }";

/// A deployment's status where so many of its replicas are there.
fn rolled_out(of: &Value, available: u32) -> Value {
    let replicas = &of["spec"]["replicas"];
    json!({"observedGeneration": of["metadata"]["generation"], "replicas": replicas, "updatedReplicas": replicas,
        "readyReplicas": available, "availableReplicas": available})
}

fn ended(how: &str) -> Value {
    json!({"conditions": [{"type": how, "status": "True", "message": format!("it is {how}")}]})
}

fn hook(name: &str, phase: &str, deletes: &str) -> String {
    let deletes = match deletes {
        "" => String::new(),
        policy => format!(", argocd.argoproj.io/hook-delete-policy: {policy}"),
    };
    job(name, "{}", &format!("{{ argocd.argoproj.io/hook: {phase}{deletes} }}"))
}

#[test]
fn a_wave_begins_once_the_one_before_is_healthy() {
    let first = deployment("first", 2, "{}", "{ argocd.argoproj.io/sync-wave: \"0\" }");
    let second =
        config_map("second", "1").replace("annotations: {}", "annotations: { argocd.argoproj.io/sync-wave: \"1\" }");
    let (scene, faults) = Scene::faulty("waves", ONCE, &[("first.yaml", &first), ("second.yaml", &second)]);
    let mut daemon = scene.daemon();
    let there = scene.until_there("deployment", "first");
    scene.status("deployment", "first", &rolled_out(&there, 1));
    // It is told what is waited for, and the second wave is not begun meanwhile.
    until(|| {
        let health = scene.show()["health"].clone();
        let is_told =
            health["status"] == "Missing" || health["message"].as_str().is_some_and(|m| m.contains("waves/first"));
        if is_told { Ok(()) } else { Err(format!("{health:#}")) }
    });
    let applied = |log: &[String]| {
        log.iter().any(|line| line.contains("PATCH") && line.contains("/second?") && !line.contains("dryRun"))
    };
    assert!(!applied(&faults.take_log()), "the second wave began before the first was healthy");
    assert!(scene.get("configmap", "second").is_none());
    scene.status("deployment", "first", &rolled_out(&there, 2));
    daemon.until(": healthy");
    assert!(applied(&faults.take_log()));
    scene.wait();
    assert_eq!(scene.history().len(), 1);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_hook_that_fails_stops_the_sync_and_calls_the_others() {
    let (migrate, undo) = (hook("migrate", "PreSync", ""), hook("undo", "SyncFail", "HookSucceeded"));
    let told = hook("told", "PostSync", "HookSucceeded");
    let files = [
        ("migrate.yaml", migrate.as_str()),
        ("undo.yaml", &undo),
        ("told.yaml", &told),
        ("settings.yaml", &config_map("settings", "1")),
    ];
    let scene = Scene::new("hooks", ONCE, &files);
    let mut daemon = scene.daemon();
    scene.until_there("job", "migrate");
    let failed = scene.uid("job", "migrate");
    assert!(scene.get("configmap", "settings").is_none(), "the sync waits for its hook");
    scene.status("job", "migrate", &ended("Failed"));
    scene.until_there("job", "undo");
    scene.status("job", "undo", &ended("Complete"));
    let line = daemon.until("hooks at ");
    assert!(line.contains("failed: the hook") && line.contains("migrate"), "{line}");
    assert!(scene.get("configmap", "settings").is_none(), "nothing came after the hook that failed");
    // What succeeded goes, what failed stays to be looked at.
    assert!(scene.get("job", "undo").is_none() && scene.get("job", "told").is_none());
    assert_eq!(scene.uid("job", "migrate"), failed);
    let row = scene.until_told("failed-already");
    assert_eq!(row["sync"], "OutOfSync", "{row:#}");
    // The next commit runs it anew, and what it left is gone first.
    scene.write("settings.yaml", &config_map("settings", "2"));
    scene.push("two");
    until(|| match scene.get("job", "migrate") {
        Some(job) if job["metadata"]["uid"] != failed.as_str() => Ok(()),
        _ => Err("the hook is never run again".to_owned()),
    });
    scene.status("job", "migrate", &ended("Complete"));
    scene.until_there("job", "told");
    assert_eq!(scene.value("settings"), "2", "it comes before what is told of it");
    scene.status("job", "told", &ended("Complete"));
    daemon.until(": healthy");
    assert!(scene.get("job", "told").is_none() && scene.get("job", "migrate").is_some());
    scene.wait();
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_newer_commit_takes_the_place_of_a_sync_that_waits() {
    let first = deployment("first", 1, "{}", "{}");
    let second =
        config_map("second", "1").replace("annotations: {}", "annotations: { argocd.argoproj.io/sync-wave: \"1\" }");
    let scene = Scene::new("newer", ONCE, &[("first.yaml", &first), ("second.yaml", &second)]);
    let mut daemon = scene.daemon();
    scene.until_there("deployment", "first");
    // It would never become healthy; the next commit has no such thing.
    scene.remove("first.yaml");
    scene.push("without it");
    daemon.until(": superseded");
    daemon.until(": healthy");
    scene.wait();
    assert!(scene.get("deployment", "first").is_none(), "it was begun, so it is owned, so it is pruned");
    assert_eq!(scene.value("second"), "1");
    assert_eq!(daemon.leave(), Some(0));
}
