//! A Kubernetes cluster as a destination. What is there it knows from watches on the objects that carry a mark of ours, so that a
//! look costs no request; what is written goes through server-side apply. It concludes nothing from what it could not read.

mod adoption;
mod bell;
mod catalogue;
pub mod connection;
mod discovery;
mod find;
mod refusal;
mod request;
mod retry;
mod store;
mod view;
mod watch;
mod way;
mod write;

pub use connection::{Access, Connection, Timeouts};

use crate::clock::Clock;
use crate::destination::{Change, Deletion, Destination, Failure, FailureKind, Found as Everything, Sought, Wanted};
use async_trait::async_trait;
use catalogue::{Catalogue, Found, Served};
use discovery::Discovery;
use futures_util::{StreamExt as _, stream};
use planner::desired::Marks;
use planner::live::{Live, LiveObject, Reading};
use planner::object::{GroupKind, ObjectKey};
use planner::owner::ApplicationName;
use planner::scope::Scopes;
use request::Api;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use store::State;
use view::{Extent, View};
use watch::{Listing, Tracked};
use write::Place;

/// Objects that are read by name at a time.
const PARALLEL: usize = 32;
/// From this many names of a kind in a namespace on, all of its objects are listed instead.
const MANY: usize = 64;

/// A cluster. Dropping it ends its watches.
pub struct Kubernetes {
    api: Arc<Api>,
    discovery: Arc<Discovery>,
    tracked: Arc<Tracked>,
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes").finish_non_exhaustive()
    }
}

impl Kubernetes {
    /// Makes a way to a cluster, which is asked nothing yet. To be called within a Tokio runtime, in which its watches will run.
    ///
    /// # Errors
    /// Where the connection is none: a kubeconfig that cannot be read, an address or certificate that is none.
    pub async fn new(connection: &Connection, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let api = Arc::new(Api::new(connection, clock).await?);
        let discovery = Arc::new(Discovery::new(api.clone()));
        let tracked = Arc::new(Tracked::new(api.clone(), discovery.clone()));
        Ok(Self { api, discovery, tracked })
    }

    /// The same cluster, in which everything is done as this account: reads by name, trials and writes.
    /// Which kinds there are, and the metadata of marked objects, are still followed by who made this one, once for all accounts.
    ///
    /// # Errors
    /// Those of [`Kubernetes::new`].
    pub async fn acting(&self, account: &str) -> Result<Self, Failure> {
        let connection = Connection { impersonate: Some(account.to_owned()), ..self.api.connection().clone() };
        let api = Arc::new(Api::new(&connection, self.api.clock.clone()).await?);
        Ok(Self { api, discovery: self.discovery.clone(), tracked: self.tracked.clone() })
    }

    /// How a kind is served; nothing where it surely is not.
    async fn served(&self, kind: &GroupKind) -> Result<Option<Arc<Served>>, Failure> {
        let (catalogue, failure) = match self.discovery.of([kind]).await {
            Ok(catalogue) => (catalogue, None),
            Err((failure, Some(catalogue))) => (catalogue, Some(failure)),
            Err((failure, None)) => return Err(failure),
        };
        match (catalogue.find(kind), failure) {
            (Found::Served(served), _) => Ok(Some(served.clone())),
            (_, Some(failure)) => Err(failure),
            (Found::Unserved, None) => Ok(None),
            (Found::Unreadable(why), None) => Err(Failure::new(FailureKind::Unreachable, why)),
        }
    }

    async fn place<'a>(&'a self, key: &'a ObjectKey, version: &str) -> Result<Place<'a>, Failure> {
        match self.served(key.kind()).await? {
            Some(served) => Place::of(&self.api, key, &served, version),
            None => {
                let message = format!("{key}: the cluster serves no such kind");
                Err(Failure::new(FailureKind::Unserved, message))
            }
        }
    }

    /// A path that was served and is no more tells that kinds have gone.
    fn learn<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.inspect_err(|failure| {
            if failure.kind == FailureKind::Unserved {
                self.discovery.doubt();
            }
        })
    }

    /// What is there of one kind.
    async fn look(&self, wanted: &Wanted<'_>, kind: &GroupKind, keys: &[&ObjectKey], served: &Arc<Served>) -> Looked {
        if !served.is_watched {
            return Looked::failed(format!("{kind}: the cluster lets nobody list its objects"));
        }
        let store = self.tracked.follow(kind, served);
        match store.settled().await {
            State::Filled | State::Filling => {}
            State::Broken(why) => return Looked::failed(&*why),
            State::Ended => return Looked::failed(format!("{kind}: the cluster has just ceased to serve it")),
        }
        let sight = store.see(&wanted.application.label(), keys.iter().copied());
        let mut objects = sight.objects;
        let mut names: BTreeMap<&str, Vec<&ObjectKey>> = BTreeMap::new();
        for key in &sight.untracked {
            names.entry(key.namespace()).or_default().push(key);
        }
        for (namespace, keys) in names {
            match self.learn(self.unmarked(kind, served, namespace, &keys).await) {
                Ok(found) => objects.extend(found),
                Err(failure) => return Looked::failed(failure.message),
            }
        }
        Looked { objects, reading: Reading::Known }
    }

    /// Objects that are there by name and not tracked.
    async fn unmarked<'a>(
        &'a self,
        kind: &'a GroupKind,
        served: &'a Arc<Served>,
        namespace: &str,
        keys: &[&'a ObjectKey],
    ) -> Result<Vec<LiveObject>, Failure> {
        let (extent, version) = (Extent::kept(kind), served.preferred());
        if keys.len() >= MANY {
            let listing = Listing { api: &self.api, kind, served, extent, keep: &|_| true };
            let (views, _) = listing.all(namespace, &version, "").await?;
            let wanted: BTreeSet<&ObjectKey> = keys.iter().copied().collect();
            return Ok(views.into_iter().map(|view| view.object).filter(|o| wanted.contains(&o.key)).collect());
        }
        let version = &version;
        let read = |key: &'a ObjectKey| async move {
            let read = Place::of(&self.api, key, served, version)?.get(extent.accept()).await?;
            Ok::<_, Failure>(read.and_then(|value| View::of(kind, version, value, extent)).map(|view| view.object))
        };
        let reads: Vec<_> = keys.iter().map(|key| read(key)).collect();
        let reads: Vec<Result<Option<LiveObject>, Failure>> =
            stream::iter(reads).buffer_unordered(PARALLEL).collect().await;
        reads.into_iter().filter_map(Result::transpose).collect()
    }
}

/// What was found of one kind.
struct Looked {
    objects: Vec<LiveObject>,
    reading: Reading,
}

impl Looked {
    fn failed(why: impl Into<String>) -> Self {
        Self { objects: Vec::new(), reading: Reading::Unreadable(why.into()) }
    }
}

#[async_trait]
impl Destination for Kubernetes {
    fn nature(&self) -> (planner::application::Extent, Marks) {
        (planner::application::Extent::Said, Marks::Written)
    }

    async fn scopes(&self) -> Result<Arc<Scopes>, Failure> {
        match self.discovery.all().await {
            Ok(catalogue) | Err((_, Some(catalogue))) => Ok(catalogue.scopes()),
            Err((failure, None)) => Err(failure),
        }
    }

    async fn live(&self, wanted: &Wanted<'_>) -> Live {
        let mut kinds: BTreeMap<&GroupKind, Vec<&ObjectKey>> = BTreeMap::new();
        for key in wanted.keys {
            kinds.entry(key.kind()).or_default().push(key);
        }
        let (catalogue, failure) = match self.discovery.of(kinds.keys().copied()).await {
            Ok(catalogue) => (catalogue, None),
            Err((failure, known)) => (known.unwrap_or_else(|| Arc::new(Catalogue::default())), Some(failure.message)),
        };
        let catalogue = &catalogue;
        let looks = kinds.iter().map(|(kind, keys)| {
            let failure = failure.clone();
            async move {
                let looked = match (catalogue.find(kind), failure) {
                    (Found::Served(served), _) => self.look(wanted, kind, keys, served).await,
                    (Found::Unreadable(why), _) => Looked::failed(why),
                    (Found::Unserved, Some(why)) => Looked::failed(why),
                    (Found::Unserved, None) => Looked { objects: Vec::new(), reading: Reading::Unserved },
                };
                ((*kind).clone(), looked)
            }
        });
        let looks: Vec<_> = looks.collect();
        let looks: Vec<_> = stream::iter(looks).buffer_unordered(PARALLEL).collect().await;
        let mut live = Live::default();
        for (kind, looked) in looks {
            live.read(kind, looked.reading);
            for object in looked.objects {
                live.insert(object);
            }
        }
        live
    }

    async fn read(&self, key: &ObjectKey, version: &str) -> Result<Option<LiveObject>, Failure> {
        let read = self.learn(self.place(key, version).await?.get(request::JSON).await)?;
        Ok(read.and_then(|value| View::of(key.kind(), version, value, Extent::Whole)).map(|view| view.object))
    }

    async fn predict(&self, change: &Change<'_>) -> Result<Value, Failure> {
        self.learn(self.place(change.key, version(change.manifest)).await?.predict(change).await)
    }

    async fn write(&self, change: &Change<'_>) -> Result<LiveObject, Failure> {
        let api_version = version(change.manifest);
        let written = self.learn(self.place(change.key, api_version).await?.write(change).await)?;
        if watch::makes_kinds(change.key.kind()) {
            self.discovery.doubt();
        }
        let kind = change.key.kind();
        if let Some(store) = self.tracked.store(kind)
            && let Some(view) = View::of(kind, api_version, written.clone(), Extent::kept(kind))
        {
            // What is written is seen at once, not when its event comes.
            store.put(view);
        }
        let view = View::of(kind, api_version, written, Extent::Whole);
        view.map(|view| view.object).ok_or_else(|| {
            let message = format!("{}: the server answered an object without a name", change.key);
            Failure::new(FailureKind::Unreachable, message)
        })
    }

    async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure> {
        let Some(served) = self.served(deletion.key.kind()).await? else { return Ok(()) };
        self.learn(Place::of(&self.api, deletion.key, &served, "")?.delete(deletion).await)
    }

    async fn find(&self, sought: &Sought) -> Result<Everything, Failure> {
        let (catalogue, failure) = match self.discovery.of([]).await {
            Ok(catalogue) => (catalogue, None),
            Err((failure, Some(catalogue))) => (catalogue, Some(failure.message)),
            Err((failure, None)) => return Err(failure),
        };
        let mut found = find::find(&self.api, &catalogue, sought).await;
        found.unlisted.extend(failure.map(|why| ("kinds that are new".to_owned(), why)));
        Ok(found)
    }

    fn changes(&self, application: &ApplicationName) -> tokio::sync::watch::Receiver<u64> {
        self.tracked.bells.receiver(application)
    }
}

/// The version of its kind in which an object is written.
fn version(manifest: &Value) -> &str {
    manifest["apiVersion"].as_str().unwrap_or_default()
}
