//! What cannot be applied: each is told where it stands, applies nothing, and delays nobody.

use crate::scene::{AUTOMATED, Scene, annotated, application, config_map};
use std::fs;

/// Applications that cannot be synced: the name, one of its objects, and what is said about it.
fn broken() -> Vec<(&'static str, String, &'static [&'static str])> {
    let bomb = (1..=9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let of = n - 1;
        format!("{text}a{n}: &a{n} [*a{of}, *a{of}, *a{of}, *a{of}, *a{of}, *a{of}, *a{of}, *a{of}, *a{of}]\n")
    });
    vec![
        ("nameless", "apiVersion: v1\nkind: ConfigMap\ndata: { a: b }\n".to_owned(), &["bad-object", "lacks metadata.name"]),
        ("strange", "apiVersion: v1\nkind: Confusion\nmetadata: { name: b }\n".to_owned(), &["unknown-kind", "Confusion strange/b"]),
        ("huge", config_map("b", &"x".repeat(1_100_000)), &["render-failed", "1 MiB"]),
        (
            "long",
            annotated("b", "1", &format!("{{ note: \"{}\" }}", "x".repeat(300_000))),
            &["failed the dry run", "ConfigMap long/b", "422", "annotations: Too long"],
        ),
        (
            "unsure",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: b, annotations: { argocd.argoproj.io/sync-options: \"Prune=maybe\" } }\n"
                .to_owned(),
            &["bad-option", "ConfigMap unsure/b", "Prune=maybe"],
        ),
        ("bomb", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: b }}\n{bomb}"), &["render-failed"]),
        ("torn", "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: b\n".to_owned(), &["render-failed"]),
    ]
}

#[test]
fn what_is_broken_says_so_applies_nothing_and_delays_nobody() {
    let scene = Scene::new("good", AUTOMATED, &[("a.yaml", &config_map("a", "1"))]);
    let once = AUTOMATED.replace("limit: 3", "limit: 0");
    for (name, text, _) in broken() {
        scene.world.write(&format!("config/argocd/{name}.yaml"), application(name, &once));
        scene.world.write(&format!("config/apps/{name}/a.yaml"), config_map("a", "1"));
        scene.world.write(&format!("config/apps/{name}/b.yaml"), text);
    }
    scene.world.write(
        "config/argocd/option.yaml",
        application("option", &once.replace("CreateNamespace=true", "\"Prune=maybe\"")),
    );
    scene.world.write("config/apps/option/a.yaml", config_map("a", "1"));
    scene.push("broken ones");
    // What has no namespace yet cannot be tried.
    for (name, ..) in broken() {
        scene.cluster.kubectl(&["create", "namespace", name]).expect(0);
    }
    let daemon = scene.daemon();
    for (name, _, words) in broken() {
        let row = scene.until_told_of(name, words[0]);
        let message = row["message"].as_str().unwrap_or_default();
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message:.2000}");
        assert!(message.len() < 4000, "{name}: {} characters", message.len());
        // But for the set that they would be members of.
        let ours = "tidegate.dev/application,!applyset.kubernetes.io/id";
        let there = scene.cluster.kubectl(&["-n", name, "get", "configmap", "-l", ours, "-o", "name"]);
        assert_eq!(there.expect(0).out, "", "{name} has begun");
    }
    // In the file itself, it has a place there.
    let row = scene.row_of("option");
    let message = row["message"].as_str().unwrap_or_default();
    assert!(message.contains("argocd/option.yaml:8:") && message.contains("`Prune` cannot be `maybe`"), "{row:#}");
    assert!(scene.cluster.get("", "namespace", "option").is_none(), "it has begun");
    scene.wait();
    assert_eq!(scene.value("a"), "1");
    // A mend is all that it takes.
    for (name, ..) in broken() {
        scene.world.write(&format!("config/apps/{name}/b.yaml"), config_map("b", "1"));
    }
    scene.push("mended");
    for (name, ..) in broken() {
        scene.wait_for(name);
    }
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn of_two_documents_of_one_object_the_last_counts_and_that_is_told() {
    let twice = [config_map("a", "1"), config_map("a", "2")].join("---\n");
    let scene = Scene::new("twice", AUTOMATED, &[("a.yaml", &twice)]);
    let daemon = scene.daemon();
    scene.wait();
    assert_eq!(scene.value("a"), "2");
    let shown = scene.world.tidegate(&["apps", "show", "twice"]).expect(0).out;
    assert!(shown.contains("repeated-object: ConfigMap twice/a"), "{shown}");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_repository_that_vanishes_takes_nothing_with_it() {
    let scene = Scene::new("vanishes", AUTOMATED, &[("a.yaml", &config_map("a", "1"))]);
    let mut daemon = scene.daemon();
    scene.wait();
    let kept = scene.uid("configmap", "a");
    let (there, away) = (scene.world.path().join("config.git"), scene.world.path().join("away.git"));
    fs::rename(&there, &away).expect("moved");
    daemon.until("`config` does not answer");
    // What is known of it holds: drift is healed still, and a restart changes nothing.
    scene.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", r#"{"data":{"value":"by hand"}}"#]);
    daemon.until("vanishes at ");
    assert_eq!(scene.value("a"), "1");
    assert_eq!(daemon.leave(), Some(0));
    let daemon = scene.daemon();
    scene.world.tidegate(&["apps", "wait", "vanishes", "--timeout", "240"]).expect(0);
    fs::rename(&away, &there).expect("moved");
    scene.write("a.yaml", &config_map("a", "2"));
    scene.push("back");
    scene.wait();
    assert_eq!((scene.value("a").as_str(), scene.uid("configmap", "a")), ("2", kept));
    assert_eq!(daemon.leave(), Some(0));
}
