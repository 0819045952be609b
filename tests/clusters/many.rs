//! A thousand objects in one application, and what they cost.

use crate::scene::{AUTOMATED, Scene};
use std::fmt::Write as _;

const OBJECTS: usize = 1000;

const STATUS: &str = r#"{"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Test", "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}"#;

/// So many services without an address, of which a cluster has but few.
fn services(changed: &str) -> String {
    (1..=OBJECTS).fold(String::new(), |mut all, n| {
        let value = if n == 1 { changed } else { "a" };
        let _ = write!(
            all,
            "apiVersion: v1\nkind: Service\nmetadata: {{ name: s{n} }}\nspec: {{ clusterIP: None, selector: {{ app: {value} }} }}\n---\n"
        );
        all
    })
}

#[test]
fn a_thousand_objects_and_as_many_writes_of_their_status() {
    let (scene, faults) = Scene::faulty("many", AUTOMATED, &[("all.yaml", &services("a"))]);
    let daemon = scene.daemon();
    scene.wait();
    let names: Vec<String> = scene.names("service").into_iter().collect();
    assert_eq!(names.len(), OBJECTS);
    faults.take_log();
    for name in &names {
        let path = format!("/api/v1/namespaces/many/services/{name}/status");
        faults.send("PATCH", &path, "application/merge-patch+json", STATUS);
    }
    assert_eq!(scene.get("service", "s1").expect("it is there")["status"]["conditions"][0]["type"], "Ready");
    // What follows is seen after all of them. It concerns one object, and so do the trials.
    scene.write("all.yaml", &services("b"));
    scene.push("one is another");
    scene.wait();
    assert_eq!(scene.get("service", "s1").expect("it is there")["spec"]["selector"]["app"], "b");
    let log: Vec<String> = faults.take_log().into_iter().filter(|line| !line.ends_with("/status")).collect();
    let one = |line: &&String| line.contains("/services/s1?") || line.ends_with("/services/s1");
    let others: Vec<&String> = log.iter().filter(|line| line.contains("/services/") && !one(line)).collect();
    assert_eq!(others, Vec::<&String>::new(), "requests for objects that nobody changed");
    assert!(log.iter().any(|line| line.contains("dryRun")), "the trial of the other is seen here: {log:#?}");
    assert_eq!(daemon.leave(), Some(0));
}
