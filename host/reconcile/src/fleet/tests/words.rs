//! What is said to syncs whose destination does not answer for a while, and to those that wait.

use super::*;
use crate::books::Memory;
use async_trait::async_trait;
use cluster::{Change, Deletion, Destination, Directory, FailureKind, Wanted as Sought};
use planner::ApplicationName;
use planner::application::{Extent, Permit};
use planner::decide::Manual;
use planner::desired::Marks;
use planner::live::{Live, LiveObject};
use planner::object::ObjectKey;
use planner::operation::{At, Part, Stop};
use planner::plan::Await;
use planner::reason::Code;
use planner::scope::Scopes;
use serde_json::Value;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// A folder that can be told to say nothing about its kinds.
struct Moody {
    inner: Directory,
    is_silent: AtomicBool,
    /// How often it was asked in vain.
    asked: watch::Sender<u64>,
}

impl Moody {
    fn silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::SeqCst);
    }
}

#[async_trait]
impl Destination for Moody {
    fn nature(&self) -> (Extent, Marks) {
        self.inner.nature()
    }

    async fn scopes(&self) -> Result<Arc<Scopes>, cluster::Failure> {
        if self.is_silent.load(Ordering::SeqCst) {
            self.asked.send_modify(|count| *count += 1);
            return Err(cluster::Failure::new(FailureKind::Forbidden, "it says nothing"));
        }
        self.inner.scopes().await
    }

    async fn live(&self, wanted: &Sought<'_>) -> Live {
        self.inner.live(wanted).await
    }

    async fn read(&self, key: &ObjectKey, version: &str) -> Result<Option<LiveObject>, cluster::Failure> {
        self.inner.read(key, version).await
    }

    async fn predict(&self, change: &Change<'_>) -> Result<Value, cluster::Failure> {
        self.inner.predict(change).await
    }

    async fn write(&self, change: &Change<'_>) -> Result<LiveObject, cluster::Failure> {
        self.inner.write(change).await
    }

    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), cluster::Failure> {
        self.inner.delete(deletion).await
    }

    fn changes(&self, application: &ApplicationName) -> watch::Receiver<u64> {
        self.inner.changes(application)
    }
}

/// One application, `one`, that goes to such a folder.
struct Scene {
    folder: TempDir,
    moody: Arc<Moody>,
    floor: Arc<Floor>,
    configured: Arc<Configured>,
}

const ASKS: &str = "---
apiVersion: v1
kind: ConfigMap
metadata: { name: asks, annotations: { argocd.argoproj.io/sync-options: Prune=confirm } }
";

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let base = folder.path().to_owned();
        commit(&base, "1", ASKS);
        repository(&base.join("other.git"), &[("README.md", "")]);
        let config = manifest::host(&manifest::Source::new("tidegate.yaml", HOST)).value.unwrap();
        let at = base.clone();
        let mirrors = move |name: &str| {
            let remote = Remote::parse(&format!("./{name}.git"), &at).unwrap();
            Ok(Mirror::open(&at.join("mirrors").join(name), remote).unwrap())
        };
        for name in config.repositories.keys() {
            mirrors(name).unwrap().fetch().unwrap();
        }
        let configured = Arc::new(Configured::new(config.clone(), Box::new(mirrors)));
        let books = Books::new(Arc::new(Journal::open(&base.join("state")).unwrap()));
        let place = (base.as_path(), base.as_path());
        let inner = Directory::open(&base.join("dev")).unwrap();
        let moody = Arc::new(Moody { inner, is_silent: AtomicBool::new(false), asked: watch::Sender::new(0) });
        let floor = Floor::new(config, place, Rules::default(), books, configured.clone(), Arc::new(renders()));
        let floor = Arc::new(floor.with("dev", moody.clone()));
        Self { folder, moody, floor, configured }
    }

    async fn fleet(&self) -> Fleet {
        let fleet = Fleet::new(self.floor.clone(), self.configured.clone(), |_| {});
        fleet.refresh().await.unwrap();
        fleet
    }

    /// Commits another value of the one object, with or without the other one.
    fn push(&self, value: &str, asks: &str) {
        commit(self.folder.path(), value, asks);
        self.configured.mirror("config").unwrap().fetch().unwrap();
    }

    /// Lets the application be synced until the prune waits for a person.
    async fn until_it_asks(&self, fleet: &Fleet, value: &str) {
        until(fleet, "synced", |memory, _| memory.operation.is_none() && memory.inventory.objects().count() == 2).await;
        self.push(value, "");
        fleet.ring(Some("one"));
        let asks = |memory: &Memory, _: &[String]| {
            let at = memory.operation.as_ref().map(|operation| &operation.at);
            matches!(at, Some(At::Stage { part: Part::Consent, .. }))
        };
        until(fleet, "it asks", asks).await;
    }

    /// Ends those who look after it as a crash would, and lets others do so, whom the folder tells nothing.
    async fn restart(&self, fleet: Fleet) -> Fleet {
        drop(fleet);
        self.moody.silent(true);
        let fleet = self.fleet().await;
        until(&fleet, "unreadable", |memory, _| is_unreadable(memory)).await;
        fleet
    }
}

fn commit(base: &Path, value: &str, asks: &str) {
    let one = application("one", "config", "", "automated: { prune: true }");
    let all = format!("{SETTINGS}data: {{ value: \"{value}\" }}\n{asks}");
    repository(&base.join("config.git"), &[("argocd/one.yaml", &*one), ("apps/one/all.yaml", &*all)]);
}

fn is_unreadable(memory: &Memory) -> bool {
    let reasons = memory.standing.iter().flat_map(|standing| &standing.reasons);
    memory.operation.is_some() && reasons.into_iter().any(|reason| reason.code == Code::LiveUnreadable)
}

/// Waits until what is remembered is so; the outcomes are those of all syncs, the newest first.
async fn until(fleet: &Fleet, what: &str, is_so: impl Fn(&Memory, &[String]) -> bool) {
    let mut changes = fleet.changes();
    let books = fleet.floor().books.clone();
    let waits = async {
        loop {
            changes.borrow_and_update();
            let outcomes: Vec<String> = books.history("one").unwrap().into_iter().map(|it| it.2.outcome).collect();
            if is_so(&books.memory("one").unwrap(), &outcomes) {
                return;
            }
            // The last word of a sync rings before it is stored.
            let _ = tokio::time::timeout(Duration::from_millis(100), changes.changed()).await;
        }
    };
    let late = tokio::time::timeout(Duration::from_secs(60), waits).await;
    late.unwrap_or_else(|_| panic!("never {what}: {:#?}", books.memory("one").unwrap()));
}

#[tokio::test]
async fn what_is_said_between_two_looks_is_heard() {
    let scene = Scene::new();
    let fleet = scene.fleet().await;
    scene.until_it_asks(&fleet, "2").await;
    let fleet = scene.restart(fleet).await;
    // That something may have moved stops nothing.
    let mut asked = scene.moody.asked.subscribe();
    asked.borrow_and_update();
    fleet.ring(Some("one"));
    asked.changed().await.unwrap();
    fleet.say("one", Word::Confirm).unwrap();
    let confirmed = |memory: &Memory| memory.operation.as_ref().is_some_and(|it| it.confirmed.is_some());
    until(&fleet, "confirmed", |memory, _| confirmed(memory)).await;
    // It is known to the next one as well.
    let fleet = scene.restart(fleet).await;
    scene.moody.silent(false);
    until(&fleet, "done", |_, outcomes| outcomes == ["healthy", "healthy"]).await;
    scene.push("3", ASKS);
    fleet.ring(Some("one"));
    scene.until_it_asks(&fleet, "4").await;
    let fleet = scene.restart(fleet).await;
    fleet.say("one", Word::Stop(Stop::Cancelled)).unwrap();
    let stopped = |memory: &Memory, outcomes: &[String]| memory.operation.is_none() && outcomes[0] == "cancelled";
    until(&fleet, "cancelled", stopped).await;
    // Nobody goes on with it; a newer state is synced.
    scene.moody.silent(false);
    scene.push("5", "");
    fleet.ring(Some("one"));
    let asks_anew = |memory: &Memory, outcomes: &[String]| outcomes[0] == "cancelled" && memory.operation.is_some();
    until(&fleet, "begun anew", asks_anew).await;
    fleet.say("one", Word::Confirm).unwrap();
    until(&fleet, "done", |_, outcomes| outcomes[0] == "healthy").await;
    fleet.drain().await;
}

#[tokio::test]
async fn a_newer_state_that_could_not_be_judged_is_judged_again() {
    let scene = Scene::new();
    let fleet = scene.fleet().await;
    scene.until_it_asks(&fleet, "2").await;
    scene.moody.silent(true);
    let mut asked = scene.moody.asked.subscribe();
    scene.push("3", ASKS);
    fleet.ring(Some("one"));
    asked.changed().await.unwrap();
    scene.moody.silent(false);
    until(&fleet, "superseded", |_, outcomes| outcomes == ["healthy", "superseded", "healthy"]).await;
    fleet.drain().await;
}

fn by_hand() -> Request {
    let (who, prune, only, awaits) = ("a".to_owned(), Permit::Refused, None, Await::Health);
    Request::Manual(Manual { who, prune, only, awaits })
}

#[tokio::test]
async fn who_waits_is_told_when_the_host_leaves() {
    let scene = Scene::new();
    let fleet = scene.fleet().await;
    scene.until_it_asks(&fleet, "2").await;
    let mut waits = fleet.sync("one", by_hand()).unwrap();
    assert_eq!(waits.events.recv().await, Some(Event::Waits));
    let leaving = fleet.clone();
    let left = tokio::spawn(async move { leaving.drain().await });
    tokio::task::yield_now().await;
    fleet.say("one", Word::Stop(Stop::Cancelled)).unwrap();
    let refused = waits.answer.await.expect("an answer").unwrap_err();
    assert!(refused.message.contains("nothing was begun"), "{refused:?}");
    left.await.unwrap();
}

#[tokio::test]
async fn an_order_is_taken_back_or_begun_and_never_both() {
    let scene = Scene::new();
    let fleet = scene.fleet().await;
    scene.until_it_asks(&fleet, "2").await;
    let mut withdrawn = fleet.sync("one", by_hand()).unwrap();
    assert_eq!(withdrawn.events.recv().await, Some(Event::Waits));
    let mut kept = fleet.sync("one", by_hand()).unwrap();
    assert_eq!(kept.events.recv().await, Some(Event::Waits));
    assert!(withdrawn.withdraw());
    fleet.say("one", Word::Confirm).unwrap();
    assert_eq!(kept.events.recv().await, Some(Event::Begins));
    assert!(!kept.withdraw());
    kept.answer.await.expect("an answer").unwrap();
    assert_eq!(withdrawn.events.recv().await, None);
    withdrawn.answer.await.unwrap_err();
    fleet.drain().await;
}
