//! A cluster that has a bad moment while it is synced: what passes is tried again, and what could not be read is never taken for
//! gone.

use crate::scene::{AUTOMATED, Scene, annotated, config_map, controllers, deployment, until};
use std::sync::Arc;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::faults::{Fault, LOST};

/// How a request begins its query that is no trial.
const REAL: &str = "?fieldManager=tidegate&fieldValidation=Strict&force=true$";

fn real(namespace: &str, name: &str) -> String {
    format!("PATCH /api/v1/namespaces/{namespace}/configmaps/{name}{REAL}")
}

#[test]
fn what_passes_is_no_failure() {
    let files = [("a.yaml", config_map("a", "1")), ("b.yaml", config_map("b", "1")), ("c.yaml", config_map("c", "1"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (scene, faults) = Scene::faulty("passing", AUTOMATED, &files);
    let daemon = scene.daemon();
    scene.wait();
    let kept = scene.uid("configmap", "c");
    // One of everything at once, in the dry run, the apply and the prune.
    let conflict = Fault {
        body: r#"{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict", "code": 409,
            "message": "the object has been modified", "details": {"name": "a", "kind": "configmaps"}}"#,
        ..Fault::new(real("passing", "a"), "409 Conflict")
    };
    let busy = Fault { headers: "Retry-After: 1\r\n", ..Fault::new(real("passing", "a"), "429 Too Many Requests") };
    faults.answer([
        Fault::new("configmaps/a?fieldManager=tidegate&fieldValidation=Strict&dryRun", "503 Service Unavailable"),
        conflict,
        busy,
        Fault::new(real("passing", "a"), "500 Internal Server Error"),
        Fault::new(real("passing", "a"), LOST),
        Fault::new("DELETE /api/v1/namespaces/passing/configmaps/b", ""),
        Fault::new("DELETE /api/v1/namespaces/passing/configmaps/b", LOST),
    ]);
    scene.write("a.yaml", &config_map("a", "2"));
    scene.remove("b.yaml");
    scene.push("two");
    scene.wait();
    assert_eq!(faults.left(), 0, "not every fault was met");
    assert_eq!(scene.value("a"), "2");
    assert_eq!(scene.names("configmap").len(), 2);
    assert_eq!(scene.uid("configmap", "c"), kept);
    let history = scene.history();
    assert_eq!((history.len(), &history[0]["sync"]["attempts"]), (2, &1.into()), "{history:#?}");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn what_does_not_pass_fails_the_attempt_and_not_the_sync() {
    let (scene, faults) =
        Scene::faulty("lasting", AUTOMATED, &[("a.yaml", &config_map("a", "1")), ("b.yaml", &config_map("b", "1"))]);
    let daemon = scene.daemon();
    scene.wait();
    let on = real("lasting", "a");
    faults.answer((0..5).map(|_| Fault::new(on.clone(), "500 Internal Server Error")));
    scene.write("a.yaml", &config_map("a", "2"));
    scene.remove("b.yaml");
    scene.push("two");
    scene.wait();
    assert_eq!((faults.left(), scene.value("a").as_str()), (0, "2"));
    assert!(scene.get("configmap", "b").is_none());
    assert_eq!(scene.history()[0]["sync"]["attempts"], 2);
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_server_that_stops_in_the_middle_of_a_sync_is_waited_for() {
    let cluster = Arc::new(Cluster::start());
    let files = [("a.yaml", config_map("a", "1")), ("b.yaml", config_map("b", "1")), ("c.yaml", config_map("c", "1"))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (scene, faults) = Scene::faulty_on(cluster, "stopped", AUTOMATED, &files);
    let played = controllers(&scene.cluster);
    let daemon = scene.daemon();
    scene.wait();
    drop(played);
    let kept = scene.uid("configmap", "c");
    // It stops between the dry run and the first write.
    let gate = faults.hold(&real("stopped", "a"));
    scene.write("a.yaml", &config_map("a", "2"));
    scene.remove("b.yaml");
    scene.push("two");
    gate.reached();
    scene.cluster.stop_server();
    drop(gate);
    until(|| match scene.row() {
        row if row["sync"] == "Unknown" && row["message"].as_str().is_some_and(|m| m.contains("live-unreadable")) => {
            Ok(())
        }
        row => Err(format!("it does not say that the cluster cannot be read: {row:#}")),
    });
    scene.cluster.start_server();
    let _played = controllers(&scene.cluster);
    assert!(scene.get("configmap", "b").is_some(), "nothing was pruned of what could not be read");
    scene.wait();
    assert_eq!(scene.value("a"), "2");
    assert!(scene.get("configmap", "b").is_none());
    assert_eq!(scene.uid("configmap", "c"), kept);
    assert_eq!(scene.history().len(), 2, "the sync that was begun went on");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn what_people_say_while_a_cluster_does_not_answer_counts_once_it_does() {
    // Nothing plays the controller of the first one: the second wave never comes.
    let hangs = deployment("hangs", 1, "{}", "{}");
    let second = annotated("second", "1", "{ argocd.argoproj.io/sync-wave: \"1\" }");
    let (scene, faults) = Scene::faulty("unsaid", AUTOMATED, &[("web.yaml", &hangs), ("second.yaml", &second)]);
    let daemon = scene.daemon();
    scene.until_there("deployment", "hangs");
    daemon.kill();
    let silence = || faults.keep_answering(Fault::new(" /apis/apps/", "503 Service Unavailable"));
    silence();
    let daemon = scene.daemon();
    scene.until_told("live-unreadable");
    // It is the stored sync that hears it, and nobody goes on with it.
    let told = scene.world.tidegate(&["apps", "cancel", "unsaid"]).expect(0).out;
    assert!(told.contains("its sync is cancelled"), "{told}");
    assert_eq!(scene.history()[0]["sync"]["outcome"], "cancelled");
    faults.lift();
    scene.until_told("its last sync was stopped");
    // One that waits for a person, who answers while nothing can be done about it, and a crash after that.
    let asks = annotated("asks", "1", "{ argocd.argoproj.io/sync-options: Prune=confirm }");
    scene.write("web.yaml", &deployment("web", 1, "{ played: \"yes\" }", "{}"));
    scene.write("asks.yaml", &asks);
    scene.write("a.yaml", &config_map("a", "1"));
    scene.push("others");
    scene.wait();
    scene.remove("asks.yaml");
    scene.write("a.yaml", &config_map("a", "2"));
    scene.push("one goes");
    until(|| if scene.value("a") == "2" { Ok(()) } else { Err("it is never applied".to_owned()) });
    daemon.kill();
    silence();
    let daemon = scene.daemon();
    scene.until_told("live-unreadable");
    scene.world.tidegate(&["apps", "confirm", "unsaid"]).expect(0);
    daemon.kill();
    faults.lift();
    let daemon = scene.daemon();
    scene.wait();
    assert!(scene.get("configmap", "asks").is_none());
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_group_that_answers_again_names_the_objects_that_it_had() {
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: roles-test }\nrules: []\n";
    let (scene, faults) = Scene::faulty("roles", AUTOMATED, &[("role.yaml", role), ("a.yaml", &config_map("a", "1"))]);
    let daemon = scene.daemon();
    scene.wait();
    let role = || scene.cluster.get("", "clusterrole", "roles-test").expect("it is there")["metadata"]["uid"].clone();
    let before = role();
    daemon.kill();
    // Where roles live nobody can tell while their group does not answer: guessed, the one that is owned would be another one.
    faults.keep_answering(Fault::new(" /apis/rbac.authorization.k8s.io/", "503 Service Unavailable"));
    let daemon = scene.daemon();
    scene.until_told("live-unreadable");
    faults.lift();
    scene.write("a.yaml", &config_map("a", "2"));
    scene.push("two");
    scene.wait();
    assert_eq!((role(), scene.value("a").as_str()), (before, "2"));
    let shown = scene.show();
    assert_eq!(shown["notices"], serde_json::json!([]), "{shown:#}");
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_group_that_does_not_answer_loses_nothing() {
    let web = deployment("web", 1, "{ played: \"yes\" }", "{}");
    let (scene, faults) = Scene::faulty("half", AUTOMATED, &[("web.yaml", &web), ("a.yaml", &config_map("a", "1"))]);
    let daemon = scene.daemon();
    scene.wait();
    let ids = [scene.uid("deployment", "web"), scene.uid("configmap", "a")];
    daemon.kill();
    // Nothing of the group can be read, neither its kinds nor its objects; the deployment leaves Git.
    faults.keep_answering(Fault::new(" /apis/apps/", "503 Service Unavailable"));
    scene.remove("web.yaml");
    scene.write("a.yaml", &config_map("a", "2"));
    scene.push("two");
    let daemon = scene.daemon();
    let row = scene.until_told("live-unreadable");
    assert_eq!(row["sync"], "Unknown", "{row:#}");
    assert_eq!(ids, [scene.uid("deployment", "web"), scene.uid("configmap", "a")]);
    assert_eq!(scene.value("a"), "1", "a sync of half of it is none");
    faults.lift();
    scene.wait();
    assert!(scene.get("deployment", "web").is_none());
    assert_eq!((scene.value("a").as_str(), scene.uid("configmap", "a")), ("2", ids[1].clone()));
    assert_eq!(daemon.leave(), Some(0));
}
