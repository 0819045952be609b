//! What a child may not: whatever those may not from whom it comes.

use crate::scene::{Child, HOST, Scene, folder, root};

/// A project that may deploy from these repositories into namespaces that begin with `team-`.
fn project(name: &str, sources: &str, namespaces: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{ name: {name} }}
spec:
  sourceRepos: [{sources}]
  destinations: [{{ name: \"*\", namespace: \"{namespaces}\" }}, {{ name: \"*\", namespace: argocd }}]
"
    )
}

#[track_caller]
fn is_refused(scene: &Scene, name: &str, words: &str) {
    let row = scene.listed(name);
    assert!(row["message"].as_str().is_some_and(|message| message.contains(words)), "{row:#}");
    assert_eq!(row["sync"].as_str(), Some("Unknown"), "{row:#}");
}

#[test]
fn a_child_may_not_what_its_parent_may_not() {
    let limited = root("{ automated: {} }").replace("spec:\n", "spec:\n  project: team\n");
    let scene = Scene::new(&limited);
    scene.world.write("config/argocd/team.yaml", project("team", "./config.git", "team-*"));
    scene.world.write("config/argocd/wide.yaml", project("wide", "\"*\"", "*"));
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: admin }\n";
    scene.world.write("config/apps/roles/role.yaml", role);
    let child = |name: &str| Child::new(name).automated().namespace("team-a");
    let all = [
        child("good").project("team"),
        child("elsewhere").project("team").namespace("prod"),
        child("default").project("default").namespace("prod"),
        child("wider").project("wide").namespace("prod"),
        child("secret").project("wide").namespace("secret"),
        child("kind").project("team").path("apps/roles"),
        child("repository").project("wide").repository("./other.git"),
        child("cluster").project("wide").cluster("nowhere"),
        child("nobody").project("nobody"),
        child("free").project("wide").namespace("team-b"),
    ];
    for child in &all {
        let name = child
            .text()
            .lines()
            .nth(2)
            .and_then(|line| line.split("name: ").nth(1)?.split(',').next().map(str::to_owned));
        scene.child(&name.expect("a name"), child);
    }
    scene.push("children");
    // One names a cluster that is not configured.
    scene.run(&["apps", "sync"]).expect(2);
    assert_eq!(scene.stands("root"), "Synced Healthy");
    for name in ["elsewhere", "default", "wider"] {
        is_refused(&scene, name, "the project `team` may not deploy into the namespace `prod` of `dev`");
    }
    is_refused(&scene, "secret", "the repository `config` may not deploy into the namespace `secret`");
    is_refused(&scene, "kind", "may not deploy objects of the kind rbac.authorization.k8s.io/ClusterRole");
    is_refused(&scene, "repository", "the project `team` may not deploy files of ./other.git");
    is_refused(&scene, "nobody", "its project `nobody` is declared nowhere");
    assert_eq!(scene.stands("cluster"), "Unknown Unknown");
    assert_eq!((scene.stands("good"), scene.stands("free")), ("Synced Healthy".into(), "Synced Healthy".into()));
    let there = |place: &str| scene.world.path().join("clusters").join(place).exists();
    assert!(
        !there("dev/_core/ConfigMap/prod")
            && !there("dev/_core/ConfigMap/secret")
            && !there("dev/rbac.authorization.k8s.io")
    );
    // Nor by hand; nor where its own parent's project is wide.
    scene.run(&["apps", "sync", "wider"]).expect(4);
    let middle = child("middle").project("wide").path("below");
    scene.child("middle", &middle);
    scene
        .world
        .write("config/below/leaf.yaml", Child::new("leaf").automated().project("wide").namespace("prod").text());
    scene.push("a child of a child");
    scene.run(&["apps", "sync"]).expect(2);
    is_refused(&scene, "leaf", "the project `team` may not deploy into the namespace `prod` of `dev`");
    // The rules are asked whenever it is looked at: a parent that may less takes its children along.
    scene.world.write("config/argocd/root.yaml", limited.replace("project: team", "project: none"));
    scene.push("no rights");
    is_refused(&scene, "good", "the project `none` of `root` is declared nowhere");
    scene.world.write(
        "tidegate.yaml",
        HOST.replace(", deploys: { clusters: [dev, held], namespaces: [\"*\", \"!secret\"] }", ""),
    );
    is_refused(&scene, "good", "the repository `config` may deploy nothing");
}

#[test]
fn a_child_gains_no_account_by_naming_a_project() {
    let scene = Scene::new(&root("{}"));
    scene.world.write("config/argocd/admin.yaml", project("admin", "\"*\"", "*"));
    scene.child("admin", &Child::new("admin").project("admin").cluster("far"));
    scene.child("plain", &Child::new("plain").cluster("far"));
    scene.push("children");
    let far = "    far: { kubeconfig: ./nowhere.yaml, impersonate: { default: \"system:serviceaccount:a:plain\", projects: { admin: \"system:serviceaccount:a:admin\" } } }\n";
    scene.world.write("tidegate.yaml", format!("{HOST}{far}").replace("[dev, held]", "[dev, far]"));
    scene.run(&["apps", "sync", "root"]).expect(0);
    let words = "its project `admin` has another account in the cluster `far` than the project `default` of `root`";
    is_refused(&scene, "admin", words);
    // The other one would be asked for, were it there.
    let plain = scene.listed("plain");
    assert!(plain["message"].as_str().is_some_and(|message| message.contains("nowhere.yaml")), "{plain:#}");
}

#[test]
fn applications_nest_to_a_depth_and_no_deeper() {
    let scene = Scene::new(&folder("root", "level/1", "{ automated: {} }"));
    for level in 1..=9 {
        let child = Child::new(&format!("level-{level}")).automated().path(&format!("level/{}", level + 1));
        scene.world.write(&format!("config/level/{level}/child.yaml"), child.text());
    }
    scene.world.write("config/level/10/all.yaml", crate::scene::config_map("deep", "1"));
    scene.push("deep");
    scene.run(&["apps", "sync"]).expect(1);
    assert_eq!(scene.names().len(), 9, "{:?}", scene.names());
    is_refused(&scene, "level-8", "applications declare each other to a depth of 8 and no deeper");
    assert_eq!(scene.stands("level-7"), "Synced Healthy");
}
