//! The cluster that all tests share, and a destination in it.

use async_trait::async_trait;
use cluster::clock::{Clock, SystemClock};
use cluster::kubernetes::{Access, Connection, Kubernetes, Timeouts};
use cluster::{Change, Destination, Failure, Wanted, Write};
use planner::live::{Live, LiveObject};
use planner::object::{GroupKind, ObjectKey};
use planner::owner::{ApplicationName, MARK};
use planner::plan::Validation;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tidegate_tests::cluster::{ADMIN, Cluster};
use tokio::sync::watch;

/// How long anything may take that must happen.
const LONG: Duration = Duration::from_secs(300);

/// The cluster of all tests.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// Of a cluster, by its address.
pub fn by_address(cluster: &Cluster, token: &str) -> Connection {
    let access =
        Access::Server { url: cluster.url(), authority: Some(cluster.authority()), token: Some(token.to_owned()) };
    Connection { access, impersonate: None, timeouts: Timeouts::default() }
}

/// Of a server that asks nobody who he is.
pub fn by_plain(url: &str) -> Connection {
    let access = Access::Server { url: url.to_owned(), authority: None, token: None };
    Connection { access, impersonate: None, timeouts: Timeouts::default() }
}

/// A destination, and an application that has it to itself.
pub struct World {
    pub cluster: &'static Cluster,
    pub destination: Kubernetes,
    pub application: ApplicationName,
    /// The application's name and its namespace's.
    pub name: &'static str,
}

impl World {
    /// One in a namespace of this name.
    pub async fn new(name: &'static str) -> Self {
        Self::by(name, &by_address(shared(), ADMIN), Arc::new(SystemClock::default())).await
    }

    pub async fn by(name: &'static str, connection: &Connection, clock: Arc<dyn Clock>) -> Self {
        let cluster = shared();
        cluster.kubectl(&["create", "namespace", name]).expect(0);
        let destination = Kubernetes::new(connection, clock).await.expect("a destination");
        Self { cluster, destination, application: name.into(), name }
    }

    pub fn key(&self, kind: &str, name: &str) -> ObjectKey {
        key(kind, self.name, name)
    }

    /// A config map with the application's mark.
    pub fn config_map(&self, name: &str, data: Value) -> Value {
        self.object("v1", "ConfigMap", name, json!({"data": data}))
    }

    /// Any object with the application's mark.
    pub fn object(&self, version: &str, kind: &str, name: &str, content: Value) -> Value {
        let mut object = content;
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({"name": name, "namespace": self.name,
            "labels": {MARK: self.name}, "annotations": {MARK: self.name}});
        object
    }

    pub fn change<'a>(&'a self, key: &'a ObjectKey, manifest: &'a Value, write: Write) -> Change<'a> {
        Change { application: &self.application, key, manifest, write, validation: Validation::Strict }
    }

    /// Writes an object, which must go well.
    pub async fn write(&self, manifest: &Value, write: Write) -> LiveObject {
        self.try_write(manifest, write).await.expect("it is written")
    }

    pub async fn try_write(&self, manifest: &Value, write: Write) -> Result<LiveObject, Failure> {
        let key = key_of(manifest);
        self.destination.write(&self.change(&key, manifest, write)).await
    }

    pub async fn predict(&self, manifest: &Value, write: Write) -> Result<Value, Failure> {
        let key = key_of(manifest);
        self.destination.predict(&self.change(&key, manifest, write)).await
    }

    pub async fn live(&self, keys: &[&ObjectKey]) -> Live {
        let keys: BTreeSet<ObjectKey> = keys.iter().map(|key| (*key).clone()).collect();
        self.destination.live(&Wanted { application: &self.application, keys: &keys }).await
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.destination.changes(&self.application)
    }

    /// Looks whenever the bell rings, until what is seen is as it must be.
    pub async fn until(
        &self,
        changes: &mut watch::Receiver<u64>,
        keys: &[&ObjectKey],
        is_so: impl Fn(&Live) -> bool,
    ) -> Live {
        let all = async {
            loop {
                let live = self.live(keys).await;
                if is_so(&live) {
                    return live;
                }
                changes.changed().await.expect("the destination is there");
            }
        };
        tokio::time::timeout(LONG, all).await.expect("it is never so, or no bell rings")
    }
}

pub fn key(kind: &str, namespace: &str, name: &str) -> ObjectKey {
    let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
    ObjectKey::new(GroupKind::new(group, kind), namespace, name)
}

pub fn key_of(manifest: &Value) -> ObjectKey {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&manifest["apiVersion"]);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let metadata = &manifest["metadata"];
    ObjectKey::new(
        GroupKind::new(group, &text(&manifest["kind"])),
        &text(&metadata["namespace"]),
        &text(&metadata["name"]),
    )
}

/// An object of a look, in full.
pub fn seen<'a>(live: &'a Live, key: &ObjectKey) -> &'a LiveObject {
    live.see(key).object().unwrap_or_else(|| panic!("{key}: {:?}", live.see(key)))
}

/// A clock by which no time passes but what is waited, of which it keeps book.
#[derive(Debug, Default)]
pub struct Patient(Mutex<Vec<Duration>>);

impl Patient {
    pub fn take(&self) -> Vec<u128> {
        let waits = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        waits.iter().map(Duration::as_millis).collect()
    }
}

#[async_trait]
impl Clock for Patient {
    fn now(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().sum()
    }

    async fn sleep(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(time);
        tokio::task::yield_now().await;
    }

    fn random(&self) -> f64 {
        0.0
    }
}
