//! Applications of applications, through the whole binary: what a parent's sync declares is kept under its rules, and ends as its
//! document says.

mod daemon;
mod ends;
mod rights;
mod scene;

use scene::{Child, Scene, folder, root};
use std::fs;

#[test]
fn a_parents_sync_declares_its_children() {
    let scene = Scene::new(&root("{}"));
    scene.child("team/one", &Child::new("one"));
    scene.child("two", &Child::new("two").automated());
    scene.push("children");
    assert_eq!(scene.names(), ["root"], "nobody has synced it yet");
    let shown = scene.run(&["apps", "show", "root"]).expect(0);
    assert!(shown.out.contains("application one") && shown.out.contains("missing"), "{}", shown.out);
    assert_eq!(scene.stands("root"), "OutOfSync Missing");
    scene.run(&["apps", "sync", "root"]).expect(0);
    assert_eq!(scene.names(), ["root", "one", "two"]);
    let one = scene.listed("one");
    assert_eq!((one["parent"].as_str(), one["sync"].as_str()), (Some("root"), Some("OutOfSync")), "{one:#}");
    assert!(scene.listed("root")["parent"].is_null());
    let text = scene.run(&["apps", "list"]).expect(0).out;
    assert!(text.contains("\n  one ") && text.contains("\nroot "), "{text}");
    assert!(!scene.exists("one", "settings"), "declared is not synced");
    // Each by its own policy.
    scene.run(&["apps", "sync"]).expect(0);
    assert!(scene.exists("two", "settings") && !scene.exists("one", "settings"));
    scene.run(&["apps", "sync", "one"]).expect(0);
    assert_eq!(scene.stands("one"), "Synced Healthy");
    let shown = scene.run(&["apps", "show", "one", "--output", "json"]).expect(0).json();
    assert_eq!(
        (shown["parent"].as_str(), shown["place"].as_str()),
        (Some("root"), Some("application root: config:children"))
    );
    assert!(scene.run(&["why", "one"]).expect(0).out.contains("declared by the application root"));
    let shown = scene.run(&["apps", "show", "root", "--output", "json"]).expect(0).json();
    let first = &shown["children"][0];
    assert_eq!(
        (first["name"].as_str(), first["declared"].as_str(), first["sync"].as_str()),
        (Some("one"), Some("Synced"), Some("Synced"))
    );
    // No cluster has an object of it.
    assert!(!scene.world.path().join("clusters/dev/argoproj.io").exists());
}

#[test]
fn a_child_is_as_its_parent_was_synced_last() {
    let scene = Scene::new(&root("{}"));
    scene.child("one", &Child::new("one").automated());
    scene.push("one");
    scene.run(&["apps", "sync", "root"]).expect(0);
    scene.run(&["apps", "sync"]).expect(0);
    scene.child("one", &Child::new("one").automated().path("apps/other"));
    scene.push("elsewhere");
    let difference = scene.run(&["apps", "diff", "root"]).expect(1).out;
    assert!(
        difference.contains("~ argoproj.io/Application one") && difference.contains("path: apps/other"),
        "{difference}"
    );
    scene.run(&["apps", "sync"]).expect(0);
    assert!(scene.exists("one", "settings") && !scene.exists("one", "others"), "nobody has synced its parent");
    assert_eq!((scene.stands("root"), scene.stands("one")), ("OutOfSync Healthy".into(), "Synced Healthy".into()));
    scene.run(&["apps", "sync", "root"]).expect(0);
    scene.run(&["apps", "sync", "one", "--prune"]).expect(0);
    assert!(!scene.exists("one", "settings") && scene.exists("one", "others"));
    // A parent that cannot be rendered, or read, changes nothing of what it declares.
    scene.world.write("config/children/broken.yaml", "apiVersion: v1\nkind: [\n");
    scene.world.write("config/apps/other/all.yaml", scene::config_map("more", "1"));
    scene.push("broken");
    assert_eq!(scene.stands("root"), "Unknown Unknown");
    scene.run(&["apps", "sync"]).expect(1);
    assert!(scene.exists("one", "more"), "its child goes on");
    // A document that is wrong is its child's business alone, and what is there of it stays.
    fs::remove_file(scene.world.path().join("config/children/broken.yaml")).expect("removed");
    scene.world.write("config/children/one.yaml", Child::new("one").text().replace("syncPolicy", "synkPolicy"));
    scene.child("two", &Child::new("two").automated());
    scene.push("wrong");
    scene.run(&["apps", "sync", "root"]).expect(0);
    let one = scene.listed("one");
    assert!(
        one["message"]
            .as_str()
            .is_some_and(|text| text.contains("application root, one:") && text.contains("synkPolicy")),
        "{one:#}"
    );
    assert_eq!(scene.stands("two"), "OutOfSync Missing");
    assert!(scene.exists("one", "more"));
}

#[test]
fn all_of_them_at_once_and_children_of_children() {
    let scene = Scene::new(&root("{ automated: {} }"));
    let middle = Child::new("middle").automated().path("below").directory();
    scene.world.write("config/children/kustomization.yaml", "resources: [middle.yaml]\n");
    scene.child("middle", &middle);
    scene.world.write("config/below/leaf.yaml", Child::new("leaf").automated().text());
    scene.push("three of them");
    // The renderer is found out by the folder.
    scene.world.write(
        "config/argocd/root.yaml",
        folder("root", "children", "{ automated: {} }").replace("directory: { recurse: true }, ", ""),
    );
    scene.push("a kustomization");
    scene.run(&["apps", "sync"]).expect(0);
    assert_eq!(scene.names(), ["root", "middle", "leaf"]);
    for name in ["root", "middle", "leaf"] {
        assert_eq!(scene.stands(name), "Synced Healthy", "{name}");
    }
    assert!(scene.exists("leaf", "settings"));
    assert!(scene.run(&["apps", "list"]).expect(0).out.contains("\n    leaf "));
    assert_eq!(scene.listed("leaf")["parent"].as_str(), Some("middle"));
}

#[test]
fn a_crash_between_parent_and_children_loses_nothing() {
    let scene = Scene::new(&root("{ automated: { prune: true } }"));
    let mut crashes = 0;
    for at in 1.. {
        scene.child("one", &Child::new("one").automated().note(&at.to_string()));
        scene.child(&format!("round-{at}"), &Child::new(&format!("round-{at}")).automated());
        let _ = fs::remove_file(scene.world.path().join(format!("config/children/round-{}.yaml", at - 1)));
        scene.push(&format!("round {at}"));
        let ended =
            scene.world.command(&["apps", "sync"]).env("TIDEGATE_CRASH", at.to_string()).output().expect("the binary");
        let crashed = ended.status.code().is_none();
        crashes += usize::from(crashed);
        scene.run(&["apps", "sync"]).expect(0);
        let rows = scene.rows();
        let synced = rows.iter().filter(|row| row["sync"] == "Synced").filter_map(|row| row["name"].as_str());
        let synced: Vec<&str> = synced.collect();
        assert_eq!(synced, ["root", "one", &format!("round-{at}")], "crash {at}: {rows:#?}");
        assert_eq!(rows.len(), 3, "crash {at}: {rows:#?}");
        if !crashed {
            break;
        }
    }
    assert!(crashes > 5, "{crashes} crashes: the points are no longer met");
}

#[test]
fn two_of_one_name_are_both_refused_and_nothing_goes() {
    let scene = Scene::new(&root("{}"));
    scene.child("one", &Child::new("one").automated().finalizer());
    scene.push("one");
    scene.run(&["apps", "sync", "root"]).expect(0);
    scene.run(&["apps", "sync"]).expect(0);
    let refused = |places: [&str; 2]| {
        let rows = scene.run(&["apps", "list", "--output", "json"]).expect(0).json();
        let twins: Vec<_> = rows.as_array().expect("a list").iter().filter(|row| row["name"] == "one").collect();
        assert_eq!(twins.len(), 2, "{rows:#}");
        for twin in twins {
            let message = twin["message"].as_str().unwrap_or_default();
            assert!(
                message.contains("taken more than once") && places.iter().all(|place| message.contains(place)),
                "{twin:#}"
            );
        }
        assert!(scene.exists("one", "settings"));
    };
    // A file.
    scene.world.write("config/argocd/one.yaml", Child::new("one").automated().text());
    scene.push("a file of that name");
    refused(["application root: config:children", "config:argocd/one.yaml:1"]);
    scene.run(&["apps", "sync", "one"]).expect(2);
    fs::remove_file(scene.world.path().join("config/argocd/one.yaml")).expect("removed");
    // Another parent.
    scene.world.write("config/argocd/second.yaml", folder("second", "more", "{}"));
    scene.world.write("config/more/one.yaml", Child::new("one").automated().text());
    scene.push("another parent");
    assert_eq!(scene.stands("one"), "Synced Healthy", "what is not synced yet declares nothing");
    scene.run(&["apps", "sync", "second"]).expect(0);
    refused(["application root: config:children", "application second: config:more"]);
    // Once one of them has it no more, it goes on.
    fs::remove_file(scene.world.path().join("config/children/one.yaml")).expect("removed");
    scene.child("two", &Child::new("two"));
    scene.push("one of them");
    scene.run(&["apps", "sync", "root", "--prune"]).expect(0);
    assert_eq!(scene.listed("one")["parent"].as_str(), Some("second"));
    assert_eq!(scene.stands("one"), "Synced Healthy");
}

#[test]
fn no_circle_and_no_project_of_a_render() {
    let scene = Scene::new(&root("{ automated: {} }"));
    scene.child("one", &Child::new("one").automated());
    scene.push("one");
    scene.run(&["apps", "sync"]).expect(0);
    // Among its own objects it is what its file says, as in many a folder of applications.
    scene.child("root", &Child::new("root").path("apps/other"));
    scene.push("itself");
    scene.run(&["apps", "sync"]).expect(0);
    assert_eq!((scene.stands("root"), scene.stands("one")), ("Synced Healthy".into(), "Synced Healthy".into()));
    assert_eq!((scene.names(), scene.listed("root")["parent"].as_str()), (vec!["root".into(), "one".into()], None));
    fs::remove_file(scene.world.path().join("config/children/root.yaml")).expect("removed");
    // A child would declare its parent.
    scene.child("middle", &Child::new("middle").automated().path("below"));
    scene.world.write("config/below/root.yaml", Child::new("root").text());
    scene.push("a circle of two");
    scene.run(&["apps", "sync"]).expect(1);
    let told = scene.listed("middle")["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("in a circle: `root` declares `middle` declares `root`"), "{told}");
    assert_eq!(scene.stands("root"), "Synced Healthy");
    // A project that a render holds would be one that nobody gave.
    let project = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: { name: wide }\nspec: { sourceRepos: [\"*\"], destinations: [{ name: \"*\", namespace: \"*\" }] }\n";
    scene.world.write("config/children/wide.yaml", project);
    scene.push("a project");
    let told = scene.listed("root")["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("AppProject wide: nobody gets a right from a render"), "{told}");
}
