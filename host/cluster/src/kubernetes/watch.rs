//! Following the tracked objects of the kinds that something is wanted of: a list, then events from there on. Whatever goes wrong
//! ends in a new list, since that alone says that a store can be relied on again; kube's own watcher goes on without a word.

use super::bell::Bells;
use super::catalogue::Served;
use super::discovery::Discovery;
use super::refusal::About;
use super::request::{Api, Request, escaped};
use super::retry;
use super::store::Store;
use super::view::{Extent, View};
use crate::destination::{Failure, FailureKind};
use futures_util::{StreamExt as _, pin_mut};
use kube::core::WatchEvent;
use planner::object::GroupKind;
use planner::owner::MARK;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Objects a page of a list.
const PAGE: usize = 500;
/// How long a server may let a watch go on, in seconds.
const LENGTH: u32 = 290;
/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(30);
/// A watch that ended sooner was not ended because it had lasted long enough.
const SHORT: Duration = Duration::from_secs(5);
/// How long after a definition discovery is asked again.
const DELAYS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];
/// What an event says whose version the server no longer remembers.
const EXPIRED: u16 = 410;

/// The kinds that are followed.
pub(super) struct Tracked {
    api: Arc<Api>,
    discovery: Arc<Discovery>,
    pub bells: Arc<Bells>,
    kinds: Mutex<HashMap<GroupKind, Followed>>,
}

struct Followed {
    store: Arc<Store>,
    task: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tracked {
    pub fn new(api: Arc<Api>, discovery: Arc<Discovery>) -> Self {
        Self { api, discovery, bells: Arc::default(), kinds: Mutex::default() }
    }

    /// The store of a kind, which is followed from now on.
    pub fn follow(&self, kind: &GroupKind, served: &Arc<Served>) -> Arc<Store> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followed) = kinds.get(kind).filter(|followed| !followed.store.has_ended()) {
            return followed.store.clone();
        }
        let store = Arc::new(Store::new(self.bells.clone()));
        let follower = Follower {
            api: self.api.clone(),
            discovery: self.discovery.clone(),
            kind: kind.clone(),
            served: served.clone(),
            store: store.clone(),
            bells: self.bells.clone(),
        };
        let task = tokio::spawn(async move { follower.run().await });
        kinds.insert(kind.clone(), Followed { store: store.clone(), task });
        store
    }

    /// The store of a kind, where it is followed.
    pub fn store(&self, kind: &GroupKind) -> Option<Arc<Store>> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(kind).map(|followed| followed.store.clone())
    }
}

struct Follower {
    api: Arc<Api>,
    discovery: Arc<Discovery>,
    kind: GroupKind,
    served: Arc<Served>,
    store: Arc<Store>,
    bells: Arc<Bells>,
}

/// Why a watch ended.
enum End {
    /// The server has had enough; it goes on from this version.
    Passed(String),
    /// Its version is forgotten.
    Expired,
}

impl Follower {
    async fn run(self) {
        let mut failures = 0;
        loop {
            let failure = match self.follow(&mut failures).await {
                Ok(()) => continue,
                Err(failure) => failure,
            };
            if failure.kind == FailureKind::Unserved {
                self.discovery.doubt();
                return self.store.end();
            }
            self.store.broke(&failure.message);
            self.pause(&mut failures).await;
        }
    }

    async fn pause(&self, failures: &mut u32) {
        *failures = failures.saturating_add(1);
        self.api.clock.sleep(retry::backoff(*failures, LONGEST, self.api.clock.random())).await;
    }

    /// A list and the watches after it, until a new list is due.
    async fn follow(&self, failures: &mut u32) -> Result<(), Failure> {
        let selector = format!("labelSelector={}", escaped(MARK));
        let version = self.api_version();
        let extent = self.extent();
        let list = Listing { api: &self.api, kind: &self.kind, served: &self.served, extent, keep: &|_| true };
        let (views, mut at) = list.all("", &version, &selector).await?;
        self.store.fill(views, &at);
        self.kinds_changed();
        *failures = 0;
        loop {
            let begun = self.api.clock.now();
            match self.watch(&selector, at).await? {
                End::Expired => return Ok(()),
                End::Passed(next) => at = next,
            }
            // A server that ends each watch at once is not asked in a circle.
            match self.api.clock.now().saturating_sub(begun) < SHORT {
                true => self.pause(failures).await,
                false => *failures = 0,
            }
        }
    }

    async fn watch(&self, selector: &str, mut at: String) -> Result<End, Failure> {
        let api_version = self.api_version();
        let path = path(&self.kind, &self.served, &api_version, "")?;
        let target = format!(
            "{path}?watch=true&{selector}&allowWatchBookmarks=true&timeoutSeconds={LENGTH}&resourceVersion={}",
            escaped(&at)
        );
        let about = About { verb: "following", what: &self.kind, is_secret: self.kind.is("", "Secret") };
        let request = Request { accept: self.extent().accept(), ..Request::get(target, about) };
        let events = self.api.watch(&request).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            let (value, is_gone) = match event? {
                WatchEvent::Added(value) | WatchEvent::Modified(value) => (value, false),
                WatchEvent::Deleted(value) => (value, true),
                WatchEvent::Bookmark(bookmark) => {
                    at = bookmark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) if status.code == EXPIRED => return Ok(End::Expired),
                WatchEvent::Error(status) => {
                    let message = format!("{about}: the server ended it with {}", status.code);
                    return Err(Failure::new(FailureKind::Unreachable, message));
                }
            };
            let Some(view) = View::of(&self.kind, &api_version, value, self.extent()) else { continue };
            at.clone_from(&view.version);
            // Before it rings, so that whoever wakes finds the new kinds.
            self.kinds_changed();
            if is_gone { self.store.remove(&view) } else { self.store.put(view) }
        }
        Ok(End::Passed(at))
    }

    fn api_version(&self) -> String {
        self.served.preferred()
    }

    fn extent(&self) -> Extent {
        Extent::kept(&self.kind)
    }

    /// Where the followed objects make kinds, discovery is doubted; and once more a little later, since it follows a definition
    /// after a delay that nothing tells the end of.
    fn kinds_changed(&self) {
        if !makes_kinds(&self.kind) {
            return;
        }
        self.discovery.doubt();
        let (clock, discovery, bells) = (self.api.clock.clone(), self.discovery.clone(), self.bells.clone());
        tokio::spawn(async move {
            for delay in DELAYS {
                clock.sleep(delay).await;
                discovery.doubt();
                bells.ring_all();
            }
        });
    }
}

/// Whether objects of this kind make others that are served.
pub(super) fn makes_kinds(kind: &GroupKind) -> bool {
    kind.is("apiextensions.k8s.io", "CustomResourceDefinition") || kind.is("apiregistration.k8s.io", "APIService")
}

/// The path of a kind's objects.
pub(super) fn path(kind: &GroupKind, served: &Served, version: &str, namespace: &str) -> Result<String, Failure> {
    served.collection(version, namespace).ok_or_else(|| {
        let message = format!("{kind}: the cluster serves it as {}, not as {version}", served.versions());
        Failure::new(FailureKind::Unserved, message)
    })
}

/// Lists of a kind.
pub(super) struct Listing<'a> {
    pub api: &'a Api,
    pub kind: &'a GroupKind,
    pub served: &'a Served,
    pub extent: Extent,
    /// Which objects are wanted. The others are dropped page by page, so that a large cluster takes little memory.
    pub keep: &'a (dyn Fn(&View) -> bool + Send + Sync),
}

impl Listing<'_> {
    /// All objects of a namespace, or of all where it is empty, with the cluster's version of that moment.
    pub async fn all(&self, namespace: &str, version: &str, query: &str) -> Result<(Vec<View>, String), Failure> {
        let path = path(self.kind, self.served, version, namespace)?;
        match self.pages(&path, version, query).await {
            // Its pages were forgotten before all were read: in one then.
            Err((failure, true)) if failure.kind == FailureKind::Invalid => {
                let (mut views, mut at) = (Vec::new(), String::new());
                self.page(&format!("{path}?{query}"), version, &mut views, &mut at).await?;
                Ok((views, at))
            }
            other => other.map_err(|(failure, _)| failure),
        }
    }

    /// The failure says whether there was a page before.
    async fn pages(&self, path: &str, version: &str, query: &str) -> Result<(Vec<View>, String), (Failure, bool)> {
        let (mut views, mut at) = (Vec::new(), String::new());
        let mut next = String::new();
        loop {
            let more = if next.is_empty() { String::new() } else { format!("&continue={}", escaped(&next)) };
            let target = format!("{path}?limit={PAGE}{more}&{query}");
            let page = self.page(&target, version, &mut views, &mut at).await;
            let token = page.map_err(|failure| (failure, !next.is_empty()))?;
            if token.is_empty() {
                return Ok((views, at));
            }
            next = token;
        }
    }

    /// Reads one page, and answers what names the next.
    async fn page(
        &self,
        target: &str,
        version: &str,
        views: &mut Vec<View>,
        at: &mut String,
    ) -> Result<String, Failure> {
        let about = About { verb: "listing", what: self.kind, is_secret: self.kind.is("", "Secret") };
        let request = Request { accept: self.extent.accept_list(), ..Request::get(target.to_owned(), about) };
        let mut page = self.api.ask(&request).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        *at = text(&page["metadata"]["resourceVersion"]);
        if let Value::Array(items) = page["items"].take() {
            let read = items.into_iter().filter_map(|item| View::of(self.kind, version, item, self.extent));
            views.extend(read.filter(self.keep));
        }
        Ok(text(&page["metadata"]["continue"]))
    }
}
