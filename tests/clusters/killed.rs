//! A daemon that dies at every point of its journal while it syncs to Kubernetes.

use crate::scene::{AUTOMATED, Scene, config_map, job};
use std::fs;
use tidegate_tests::controllers::Controller;
use tidegate_tests::daemon::Daemon;

#[test]
fn a_daemon_that_dies_at_any_moment_of_a_sync_goes_on() {
    let hook = job("before", "{ played: \"yes\" }", "{ argocd.argoproj.io/hook: PreSync }");
    let scene = Scene::new("killed", AUTOMATED, &[("before.yaml", &hook), ("one.yaml", &config_map("one", "0"))]);
    let log = scene.world.path().join("jobs");
    let _jobs = Controller::jobs(&scene.cluster, &log);
    let daemon = scene.daemon();
    scene.wait();
    assert_eq!(daemon.leave(), Some(0));
    // What hands have put there stays, whatever happens.
    scene.kubectl_with(&config_map("of-hands", "1"), &["create", "-f", "-"]);
    let kept = [scene.uid("configmap", "of-hands"), scene.uid("configmap", "one")];
    let mut crashes = 0;
    for at in 1.. {
        // One object changes, one comes, and the one of the last round goes.
        scene.write("one.yaml", &config_map("one", &at.to_string()));
        scene.write("round.yaml", &config_map(&format!("round-{at}"), "1"));
        let head = scene.push(&format!("round {at}"));
        let mut dying = Daemon::begin(&scene.world, &[("TIDEGATE_CRASH", &at.to_string())]);
        let lived = dying.until_or_end(&format!("killed at {}: healthy", &head[..7]));
        dying.kill();
        crashes += usize::from(lived.is_none());
        let daemon = scene.daemon();
        scene.wait();
        daemon.kill();
        assert_eq!(scene.value("one"), at.to_string(), "crash {at}");
        let names: Vec<String> = scene.names("configmap").into_iter().collect();
        assert_eq!(names, ["one".to_owned(), format!("round-{at}")], "crash {at}");
        assert_eq!(kept, [scene.uid("configmap", "of-hands"), scene.uid("configmap", "one")], "crash {at}");
        let runs = fs::read_to_string(&log).expect("a log");
        assert_eq!(runs.lines().count(), 1 + at, "crash {at}: a hook runs once a sync\n{runs}");
        if lived.is_some() {
            break;
        }
    }
    assert!(crashes > 20, "{crashes} crashes: the points are no longer met");
}
