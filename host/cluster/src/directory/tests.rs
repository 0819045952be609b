//! Folders as destinations, on the disk.

#![expect(clippy::unwrap_used, reason = "tests")]
use super::Directory;
use crate::destination::{Change, Deletion, Destination as _, FailureKind, Wanted, Write};
use planner::live::{Live, Seen};
use planner::object::{GroupKind, ObjectKey};
use planner::option::Propagation;
use planner::owner::ApplicationName;
use planner::plan::Validation;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

fn key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new("", kind), "shop", name)
}

fn config_map(name: &str, data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {"a": data}})
}

struct World {
    folder: TempDir,
    directory: Directory,
    shop: ApplicationName,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let directory = Directory::open(&folder.path().join("dev")).unwrap();
        Self { folder, directory, shop: "shop".into() }
    }

    async fn write(&self, name: &str, data: &str, write: Write) -> Result<(), FailureKind> {
        let (key, manifest) = (key("ConfigMap", name), config_map(name, data));
        let validation = Validation::Strict;
        let change = Change { application: &self.shop, key: &key, manifest: &manifest, write, validation };
        self.directory.write(&change).await.map(drop).map_err(|failure| failure.kind)
    }

    async fn delete(&self, application: &ApplicationName, name: &str) {
        let key = key("ConfigMap", name);
        let deletion = Deletion { application, key: &key, propagation: Propagation::Foreground, uid: None };
        self.directory.delete(&deletion).await.unwrap();
    }

    async fn live(&self, names: &[&str]) -> Live {
        let keys: BTreeSet<_> = names.iter().map(|name| key("ConfigMap", name)).collect();
        self.directory.live(&Wanted { application: &self.shop, keys: &keys }).await
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(format!("dev/_core/ConfigMap/shop/{name}.yaml"))
    }
}

#[tokio::test]
async fn an_object_is_a_file() {
    let world = World::new();
    world.write("a", "1", Write::Apply).await.unwrap();
    assert_eq!(
        fs::read_to_string(world.path("a")).unwrap(),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: shop\ndata:\n  a: \"1\"\n"
    );
    assert_eq!(world.write("a", "2", Write::Create).await, Err(FailureKind::Conflict));
    // Owned objects are seen though nobody asks for them.
    let live = world.live(&["b"]).await;
    let there = live.see(&key("ConfigMap", "a")).object().unwrap().clone();
    assert_eq!((&*there.manifest, there.owner()), (&config_map("a", "1"), Some(&world.shop)));
    assert_eq!(there.health().to_string(), "Healthy");
    assert!(matches!(live.see(&key("ConfigMap", "b")), Seen::Missing));
    world.delete(&"other".into(), "a").await;
    assert!(world.path("a").exists(), "it is not theirs");
    world.delete(&world.shop, "a").await;
    world.delete(&world.shop, "a").await;
    assert!(!world.folder.path().join("dev/_core").exists());
}

#[tokio::test]
async fn an_object_of_another_application_is_left_alone() {
    let world = World::new();
    world.write("a", "1", Write::Apply).await.unwrap();
    let other = World { shop: "other".into(), directory: world.directory.clone(), folder: TempDir::new().unwrap() };
    assert_eq!(other.write("a", "2", Write::Replace).await, Err(FailureKind::Conflict));
    let live = other.live(&["a"]).await;
    assert_eq!(live.see(&key("ConfigMap", "a")).object().unwrap().owner(), Some(&world.shop));
}

#[tokio::test]
async fn what_hands_did_is_told_and_seen() {
    let world = World::new();
    world.write("a", "1", Write::Apply).await.unwrap();
    assert!(world.directory.is_watched());
    let before = world.live(&["a"]).await.see(&key("ConfigMap", "a")).object().unwrap().fingerprint.clone();
    let mut changes = world.directory.changes(&world.shop);
    changes.borrow_and_update();
    for text in
        ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {a: \"2\"}\n", "no: [yaml"]
    {
        fs::write(world.path("a"), text).unwrap();
        changes.changed().await.unwrap();
        let live = world.live(&["a"]).await;
        assert_ne!(live.see(&key("ConfigMap", "a")).object().unwrap().fingerprint, before, "{text}");
    }
    world.write("a", "1", Write::Apply).await.unwrap();
    assert_eq!(world.live(&["a"]).await.see(&key("ConfigMap", "a")).object().unwrap().fingerprint, before);
    fs::remove_file(world.path("a")).unwrap();
    assert!(matches!(world.live(&["a"]).await.see(&key("ConfigMap", "a")), Seen::Missing));
}

#[tokio::test]
async fn a_folder_that_is_gone_is_not_an_empty_one() {
    let world = World::new();
    world.write("a", "1", Write::Apply).await.unwrap();
    fs::rename(world.folder.path().join("dev"), world.folder.path().join("away")).unwrap();
    let live = world.live(&["a"]).await;
    assert!(matches!(live.see(&key("ConfigMap", "a")), Seen::Unreadable(_)));
    assert_eq!(world.write("b", "1", Write::Apply).await, Err(FailureKind::Unreachable));
    assert!(!world.folder.path().join("dev").exists(), "nothing is begun anew in its place");
    fs::rename(world.folder.path().join("away"), world.folder.path().join("dev")).unwrap();
    assert!(world.live(&["a"]).await.see(&key("ConfigMap", "a")).object().is_some());
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let world = World::new();
    world.write("a", "1", Write::Apply).await.unwrap();
    let target = world.folder.path().join("passwd");
    fs::write(&target, "root").unwrap();
    fs::remove_file(world.path("a")).unwrap();
    std::os::unix::fs::symlink(&target, world.path("a")).unwrap();
    assert!(world.live(&["a"]).await.see(&key("ConfigMap", "a")).object().is_some(), "that is drift");
    world.write("a", "1", Write::Apply).await.unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "root");
    assert!(world.path("a").symlink_metadata().unwrap().is_file());
}
