//! What one application writes while the branch is levelled for another one.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use cluster::Write;
use futures_util::FutureExt as _;
use git::Remote;
use git2::{Repository, RepositoryInitOptions, Signature};
use planner::object::GroupKind;
use planner::option::Propagation;
use planner::plan::Validation;
use serde_json::json;
use std::fs::File;
use std::pin::pin;

struct Scene {
    folder: tempfile::TempDir,
    branch: Branch,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("remote.git");
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head("main").external_template(false);
        let remote = Repository::init_opts(&place, &options).unwrap();
        let tree = remote.find_tree(remote.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let who = Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
        remote.commit(Some("refs/heads/rendered"), &who, &who, "Begin", &tree, &[]).unwrap();
        let remote = Remote::parse(place.to_str().unwrap(), Path::new("/")).unwrap();
        let mirror = Mirror::open(&folder.path().join("mirror.git"), remote).unwrap();
        mirror.fetch().unwrap();
        let branch = Branch::open(mirror, "rendered", &folder.path().join("objects")).unwrap();
        Self { folder, branch }
    }

    /// Keeps whoever writes from going on, until it is dropped.
    fn hold(&self) -> File {
        let file = File::create(self.folder.path().join("objects/.tidegate/lock")).unwrap();
        file.lock().unwrap();
        file
    }

    /// What the branch holds of an object.
    fn pushed(&self, name: &str) -> Option<String> {
        let mirror = &self.branch.place.mirror;
        mirror.fetch().unwrap();
        let head = mirror.resolve("refs/heads/rendered").unwrap().unwrap();
        let content = mirror.read(&head, &path(name), 1 << 20).unwrap();
        content.map(|content| String::from_utf8(content).unwrap())
    }

    /// Somebody else's commit to the branch.
    fn commit(&self, name: &str) {
        let mut transaction = self.branch.place.mirror.begin("rendered").unwrap();
        transaction.put(&path(name), b"others: true\n".to_vec()).unwrap();
        let (subject, trailers) = ("By hand", Vec::new());
        let time = crate::keeper::now();
        transaction.push(NewCommit { subject, body: "", trailers, name: "a", email: "a@example.com", time }).unwrap();
        self.branch.place.mirror.fetch().unwrap();
    }
}

fn path(name: &str) -> String {
    Directory::place_of(&key(name)).to_string_lossy().into_owned()
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new("", "ConfigMap"), "shop", name)
}

fn change<'a>(application: &'a ApplicationName, key: &'a ObjectKey, manifest: &'a Value) -> Change<'a> {
    Change { application, key, manifest, write: Write::Apply, validation: Validation::Lenient }
}

fn manifest(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {"value": value}})
}

#[tokio::test]
async fn an_object_that_is_being_written_while_others_push_is_pushed_thereafter() {
    let scene = Scene::new();
    let shop = ApplicationName("shop".to_owned());
    let (one, object) = (key("one"), manifest("one", "1"));
    let change = change(&shop, &one, &object);
    let held = scene.hold();
    let mut write = pin!(scene.branch.write(&change));
    assert!((&mut write).now_or_never().is_none());
    // Another application's look comes between.
    scene.branch.level().await.unwrap();
    assert_eq!(scene.pushed("one"), None);
    drop(held);
    write.await.unwrap();
    scene.branch.settle().await.unwrap();
    assert!(scene.pushed("one").is_some_and(|text| text.contains("value: \"1\"")));
}

#[tokio::test]
async fn a_commit_of_others_takes_nothing_away_that_is_being_written() {
    let scene = Scene::new();
    let shop = ApplicationName("shop".to_owned());
    let (one, object) = (key("one"), manifest("one", "1"));
    let change = change(&shop, &one, &object);
    scene.branch.level().await.unwrap();
    let held = scene.hold();
    let mut write = pin!(scene.branch.write(&change));
    assert!((&mut write).now_or_never().is_none());
    scene.commit("others");
    scene.branch.level().await.unwrap();
    drop(held);
    write.await.unwrap();
    scene.commit("more");
    scene.branch.level().await.unwrap();
    assert!(scene.pushed("one").is_some_and(|text| text.contains("value: \"1\"")));
    for name in ["others", "more"] {
        assert!(scene.folder.path().join("objects").join(path(name)).exists(), "{name}");
    }
}

#[tokio::test]
async fn an_object_that_is_being_deleted_while_others_push_goes_from_the_branch() {
    let scene = Scene::new();
    let shop = ApplicationName("shop".to_owned());
    let (one, object) = (key("one"), manifest("one", "1"));
    scene.branch.write(&change(&shop, &one, &object)).await.unwrap();
    scene.branch.settle().await.unwrap();
    assert!(scene.pushed("one").is_some());
    let held = scene.hold();
    let deletion = Deletion { application: &shop, key: &one, propagation: Propagation::Foreground, uid: None };
    let mut delete = pin!(scene.branch.delete(&deletion));
    assert!((&mut delete).now_or_never().is_none());
    scene.branch.level().await.unwrap();
    drop(held);
    delete.await.unwrap();
    scene.branch.settle().await.unwrap();
    assert_eq!(scene.pushed("one"), None);
}

#[tokio::test]
async fn what_could_not_be_pushed_is_pushed_the_next_time() {
    let scene = Scene::new();
    let shop = ApplicationName("shop".to_owned());
    let (one, object) = (key("one"), manifest("one", "1"));
    scene.branch.write(&change(&shop, &one, &object)).await.unwrap();
    let (there, away) = (scene.folder.path().join("remote.git"), scene.folder.path().join("away.git"));
    fs::rename(&there, &away).unwrap();
    scene.branch.settle().await.unwrap_err();
    fs::rename(&away, &there).unwrap();
    scene.branch.settle().await.unwrap();
    assert!(scene.pushed("one").is_some());
}
