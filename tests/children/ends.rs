//! How children end, with a daemon that ends them.

use crate::scene::{Child, Scene, finalized, root};
use tidegate_tests::daemon::Daemon;

#[test]
fn a_child_ends_with_its_document_and_its_objects_only_where_that_was_asked() {
    let scene = Scene::new(&root("{ automated: { prune: true } }"));
    for (name, child) in [
        ("goes", Child::new("goes").automated().finalizer()),
        ("stays", Child::new("stays").automated()),
        ("kept", Child::new("kept").automated().finalizer().option("Prune=false")),
        ("left", Child::new("left").automated()),
    ] {
        scene.child(name, &child);
    }
    scene.push("children");
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("root at ");
    for name in ["goes", "stays", "kept", "left"] {
        scene.wait(name);
    }
    for name in ["goes", "stays", "kept"] {
        scene.remove(&format!("children/{name}.yaml"));
    }
    scene.push("three go");
    let gone = [daemon.until(" is gone"), daemon.until(" is gone")];
    assert!(gone.contains(&"goes is gone".to_owned()) && gone.contains(&"stays is gone".to_owned()), "{gone:?}");
    assert!(!scene.exists("goes", "settings"), "its finalizer had asked for that");
    assert!(scene.exists("stays", "settings"), "nobody asked for that");
    assert_eq!(scene.names(), ["root", "kept", "left"]);
    assert_eq!(scene.stands("kept"), "Synced Healthy");
    let shown = scene.run(&["apps", "show", "root"]).expect(0).out;
    assert!(shown.contains("application kept") && shown.contains("to be pruned"), "{shown}");
    // What comes back begins anew.
    scene.child("goes", &Child::new("goes").automated().finalizer());
    scene.push("back");
    daemon.until("goes at ");
    assert!(scene.exists("goes", "settings"));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn without_leave_to_prune_a_child_stays() {
    let scene = Scene::new(&root("{ automated: {} }"));
    scene.child("goes", &Child::new("goes").automated().finalizer());
    scene.child("left", &Child::new("left").automated());
    scene.push("children");
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("goes at ");
    scene.remove("children/goes.yaml");
    scene.world.write("config/apps/one/all.yaml", crate::scene::config_map("settings", "2"));
    scene.push("gone");
    daemon.until("goes at ");
    scene.run(&["apps", "sync", "root"]).expect(0);
    let row = scene.listed("root");
    assert_eq!(row["sync"].as_str(), Some("OutOfSync"), "{row:#}");
    assert!(row["message"].as_str().is_some_and(|message| message.contains("prune-off")), "{row:#}");
    let shown = scene.run(&["apps", "show", "root", "--output", "json"]).expect(0).json();
    let child = &shown["children"]
        .as_array()
        .expect("children")
        .iter()
        .find(|child| child["name"] == "goes")
        .expect("it is there");
    assert_eq!(child["declared"].as_str(), Some("to be pruned"), "{shown:#}");
    // By hand.
    scene.run(&["apps", "sync", "root", "--prune"]).expect(0);
    daemon.until("goes is gone");
    assert!(!scene.exists("goes", "settings"));
    assert_eq!(daemon.leave(), Some(0));
}

#[test]
fn a_guard_against_too_many_is_asked_and_the_last_one_is_not_pruned_by_mistake() {
    let scene = Scene::new(&root("{ automated: { prune: true } }"));
    let names: Vec<String> = (0..8).map(|at| format!("child-{at}")).collect();
    for name in &names {
        scene.child(name, &Child::new(name));
    }
    scene.push("eight");
    scene.run(&["apps", "sync"]).expect(0);
    for name in &names[..6] {
        scene.remove(&format!("children/{name}.yaml"));
    }
    scene.push("six of eight");
    let told = scene.run(&["apps", "sync"]).expect(1).out;
    assert!(told.contains("too-many-prunes"), "{told}");
    scene.remove("children/child-6.yaml");
    scene.remove("children/child-7.yaml");
    scene.world.write("config/children/none.yaml", "# nothing\n");
    scene.push("all");
    let told = scene.run(&["apps", "sync"]).expect(1).out;
    assert!(told.contains("would-prune-all"), "{told}");
    assert_eq!(scene.names().len(), 9);
}

#[test]
fn a_parent_takes_its_children_along_only_where_it_has_a_finalizer() {
    let middle = Child::new("middle").automated().finalizer().path("below");
    let world = |root: &str| {
        let scene = Scene::new(root);
        scene.child("goes", &Child::new("goes").automated().finalizer());
        scene.child("stays", &Child::new("stays").automated());
        scene.child("middle", &middle);
        scene.world.write("config/below/leaf.yaml", Child::new("leaf").automated().finalizer().text());
        scene.push("children");
        let mut daemon = Daemon::start(&scene.world);
        daemon.until("leaf at ");
        for name in ["goes", "stays", "leaf"] {
            scene.wait(name);
        }
        scene.remove("argocd/root.yaml");
        scene.push("the parent goes");
        let mut gone: Vec<String> = (0..5).map(|_| daemon.until(" is gone")).collect();
        gone.sort();
        assert_eq!(gone, ["goes is gone", "leaf is gone", "middle is gone", "root is gone", "stays is gone"]);
        assert!(scene.names().is_empty());
        assert_eq!(daemon.leave(), Some(0));
        scene
    };
    let scene = world(&finalized(&root("{ automated: {} }")));
    assert!(!scene.exists("goes", "settings") && !scene.exists("leaf", "settings"));
    assert!(scene.exists("stays", "settings"), "its own document has no finalizer");
    // Without one nothing is deleted, as whatever the parent has stays.
    let scene = world(&root("{ automated: {} }"));
    for name in ["goes", "stays", "leaf"] {
        assert!(scene.exists(name, "settings"), "{name}");
    }
}

#[test]
fn a_child_that_another_one_declares_is_not_ended() {
    let scene = Scene::new(&root("{ automated: { prune: true } }"));
    scene.child("one", &Child::new("one").automated().finalizer());
    scene.child("two", &Child::new("two").automated());
    scene.push("children");
    let mut daemon = Daemon::start(&scene.world);
    daemon.until("one at ");
    // First it is declared twice, and then by the file alone.
    scene.run(&["apps", "suspend", "root", "--reason", "a move"]).expect(0);
    scene.world.write("config/argocd/one.yaml", Child::new("one").automated().finalizer().text());
    scene.remove("children/one.yaml");
    scene.push("to a file");
    scene.run(&["apps", "resume", "root"]).expect(0);
    daemon.until("root at ");
    scene.world.write("config/apps/one/all.yaml", crate::scene::config_map("settings", "2"));
    scene.push("two");
    daemon.until("one at ");
    assert!(scene.listed("one")["parent"].is_null());
    assert!(scene.exists("one", "settings"));
    assert!(daemon.said.iter().all(|line| !line.contains("is gone")), "{:?}", daemon.said);
    assert_eq!(daemon.leave(), Some(0));
}
