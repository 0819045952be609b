//! Children and a daemon: they begin with their parent's sync, and go on after a kill.

use crate::scene::{Child, Scene, config_map, root};
use std::fs;
use tidegate_tests::daemon::Daemon;

#[test]
fn children_begin_at_once_and_follow_their_parent() {
    let scene = Scene::new(&root("{}"));
    scene.child("one", &Child::new("one").automated());
    scene.push("one");
    let mut daemon = Daemon::start(&scene.world);
    scene.run(&["apps", "sync", "root"]).expect(0);
    daemon.until("one at ");
    scene.wait("one");
    // A change waits for its parent's sync, and takes hold with it.
    scene.child("one", &Child::new("one").automated().path("apps/other"));
    scene.child("two", &Child::new("two").automated());
    scene.push("other");
    scene.run(&["apps", "wait", "root", "--timeout", "2"]).expect(1);
    assert!(scene.exists("one", "settings") && !scene.exists("one", "others"));
    scene.run(&["apps", "sync", "root"]).expect(0);
    let mut ended = [daemon.until(" at "), daemon.until(" at "), daemon.until(" at ")];
    ended.sort();
    assert!(ended[0].starts_with("one at ") && ended[2].starts_with("two at "), "{ended:?}");
    assert!(scene.exists("one", "others") && !scene.exists("one", "settings"));
    // What its own files say it follows by itself.
    scene.world.write("config/apps/other/all.yaml", config_map("others", "2"));
    scene.push("two");
    daemon.until("one at ");
    let place = scene.world.path().join("clusters/dev/_core/ConfigMap/one/others.yaml");
    assert!(fs::read_to_string(place).expect("a file").contains("value: \"2\""));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_daemon_that_is_killed_between_parent_and_child_goes_on() {
    let scene = Scene::new(&root("{}"));
    scene.child("one", &Child::new("one").automated().cluster("held"));
    scene.push("one");
    let daemon = Daemon::start(&scene.world);
    scene.run(&["freeze", "--cluster", "held", "--reason", "not yet"]).expect(0);
    scene.run(&["apps", "sync", "root"]).expect(0);
    scene.run(&["apps", "wait", "one", "--timeout", "1"]).expect(1);
    daemon.kill();
    // Its parent has other files by now, and nobody has synced them.
    scene.child("one", &Child::new("one").automated().cluster("held").path("apps/other"));
    scene.push("other");
    scene.run(&["freeze", "--cluster", "held", "--lift"]).expect(0);
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("one at ");
    let place = |name: &str| scene.world.path().join(format!("clusters/held/_core/ConfigMap/one/{name}.yaml"));
    assert!(place("settings").exists() && !place("others").exists());
    // What was to end when it was killed ends.
    scene.run(&["freeze", "--cluster", "held", "--reason", "not yet"]).expect(0);
    scene.child("one", &Child::new("one").automated().cluster("held").finalizer());
    scene.push("with a finalizer");
    scene.run(&["apps", "sync", "root"]).expect(0);
    scene.remove("children/one.yaml");
    scene.child("two", &Child::new("two"));
    scene.push("gone");
    scene.run(&["apps", "sync", "root", "--prune"]).expect(0);
    daemon.kill();
    assert!(place("settings").exists(), "its cluster is frozen");
    assert_eq!(scene.names(), ["root", "two"]);
    scene.run(&["freeze", "--cluster", "held", "--lift"]).expect(0);
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("one is gone");
    assert!(!place("settings").exists());
    assert_eq!(daemon.leave(), Some(0));
}
