//! Asking a cluster which kinds it serves, and remembering it: until a kind is asked for that is not known, or something may have
//! changed it. Servers from 1.26 on tell it in two answers, older ones in one a version.

use super::catalogue::{self, Catalogue, Found, Reader};
use super::refusal::About;
use super::request::{Api, JSON, Request};
use crate::destination::Failure;
use futures_util::{StreamExt as _, stream};
use planner::object::GroupKind;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// How old a catalogue may be that says of a kind that it is not served. Applications may want such kinds for days.
const FRESH: Duration = Duration::from_secs(10);
/// Requests at a time to a server that tells one version an answer.
const PARALLEL: usize = 8;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What is known of a cluster's kinds.
pub(super) struct Discovery {
    api: Arc<Api>,
    known: Mutex<Option<Known>>,
    is_doubtful: AtomicBool,
}

struct Known {
    catalogue: Arc<Catalogue>,
    at: Duration,
}

impl Discovery {
    pub fn new(api: Arc<Api>) -> Self {
        Self { api, known: Mutex::new(None), is_doubtful: AtomicBool::new(false) }
    }

    /// Says that kinds may have come or gone.
    pub fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::SeqCst);
    }

    /// What is known of all kinds, read anew where some could not be read and that is a while ago: else nobody would learn that
    /// they can be.
    ///
    /// # Errors
    /// Those of [`Discovery::of`].
    pub async fn all(&self) -> Result<Arc<Catalogue>, (Failure, Option<Arc<Catalogue>>)> {
        self.recall(Catalogue::is_whole).await
    }

    /// What is known, read anew where one of these kinds is not in it.
    ///
    /// # Errors
    /// Where it cannot be read. Then what was known before holds for the kinds that were in it, and comes along.
    pub async fn of<'k>(
        &self,
        kinds: impl IntoIterator<Item = &'k GroupKind>,
    ) -> Result<Arc<Catalogue>, (Failure, Option<Arc<Catalogue>>)> {
        let served = |catalogue: &Catalogue, kind: &GroupKind| matches!(catalogue.find(kind), Found::Served(_));
        self.recall(|catalogue| kinds.into_iter().all(|kind| served(catalogue, kind))).await
    }

    async fn recall(
        &self,
        is_enough: impl FnOnce(&Catalogue) -> bool,
    ) -> Result<Arc<Catalogue>, (Failure, Option<Arc<Catalogue>>)> {
        // Those who come meanwhile wait for the same answer.
        let mut known = self.known.lock().await;
        let now = self.api.clock.now();
        if let Some(Known { catalogue, at }) = &*known
            && !self.is_doubtful.load(Ordering::SeqCst)
        {
            let is_young = now.saturating_sub(*at) < FRESH;
            if is_young || is_enough(catalogue) {
                return Ok(catalogue.clone());
            }
        }
        self.is_doubtful.store(false, Ordering::SeqCst);
        match self.read().await {
            Ok(catalogue) => {
                let catalogue = Arc::new(catalogue);
                *known = Some(Known { catalogue: catalogue.clone(), at: now });
                Ok(catalogue)
            }
            Err(failure) => {
                self.doubt();
                Err((failure, known.as_ref().map(|known| known.catalogue.clone())))
            }
        }
    }

    async fn read(&self) -> Result<Catalogue, Failure> {
        let mut reader = Reader::default();
        let mut versions = Vec::new();
        let core = self.get("/api", AGGREGATED).await?;
        if !reader.aggregated(&core) {
            versions.extend(catalogue::core_versions(&core).into_iter().map(|version| (String::new(), version)));
        }
        let others = self.get("/apis", AGGREGATED).await?;
        if !reader.aggregated(&others) {
            for (group, all) in catalogue::groups(&others) {
                versions.extend(all.into_iter().map(|version| (group.clone(), version)));
            }
        }
        // In the order of the question, since the first version of a group is the preferred one.
        let questions: Vec<_> = versions.iter().map(|(group, version)| self.version(group, version)).collect();
        let answers: Vec<_> = stream::iter(questions).buffered(PARALLEL).collect().await;
        for ((group, version), answer) in versions.iter().zip(answers) {
            match answer {
                Ok(document) => reader.version(group, version, &document),
                Err(failure) => reader.broke(group, failure.message),
            }
        }
        Ok(reader.catalogue())
    }

    async fn version(&self, group: &str, version: &str) -> Result<Value, Failure> {
        let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        self.get(&path, JSON).await
    }

    async fn get(&self, path: &str, accept: &'static str) -> Result<Value, Failure> {
        let about = About { verb: "asking for the kinds of", what: &path, is_secret: false };
        let request = Request { accept, ..Request::get(path.to_owned(), about) };
        self.api.ask(&request).await
    }
}
