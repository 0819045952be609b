//! A look at an application: its commit rendered and read, the destination asked, both held against each other. Nothing is
//! written to a destination.

use crate::brood::Brood;
use crate::job::{Job, MAIN};
use crate::reads::ReadSet;
use crate::render::Renders;
use crate::rights::Rights;
use crate::sources::{Repositories, jobs};
use crate::standing::SourceAt;
use cluster::{Change, Destination, Wanted, Write};
use futures_util::stream::{self, StreamExt as _};
use model::{Failure, application};
use planner::decide::Situation;
use planner::desired::Item;
use planner::health::Health;
use planner::live::{Live, LiveObject, Predicted};
use planner::object::{GroupKind, ObjectKey};
use planner::plan::Validation;
use planner::reason::{Code, Reason};
use planner::survey::{Render, Sides};
use planner::{Application, Desired, Inventory, Plan};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Requests to a destination at once, of one application.
pub(crate) const AT_ONCE: usize = 8;

/// Whom to look at, and by what.
#[derive(Clone)]
pub struct Subject {
    /// As its file has it.
    pub declared: application::Application,
    /// As the planner takes it.
    pub application: Application,
    /// Where it goes; its children the host itself keeps.
    pub destination: Arc<dyn Destination>,
    /// The cluster alone.
    pub cluster: Arc<dyn Destination>,
    /// Its children.
    pub brood: Arc<Brood>,
    /// Where its files are.
    pub repositories: Arc<dyn Repositories>,
    /// What renders them.
    pub renders: Arc<Renders>,
    /// What it may deploy.
    pub rights: Arc<Rights>,
}

/// What was rendered, read, or why it was not.
#[derive(Clone)]
pub struct Wish {
    /// The commit of its first source; empty where there is none.
    pub revision: String,
    /// The objects.
    pub desired: Result<Arc<Desired>, Reason>,
    /// For people.
    pub warnings: Vec<String>,
    /// Where it came from.
    pub origins: Vec<Origin>,
}

/// Where some of it came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The repository's name.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// The folder.
    pub folder: String,
    /// What was read, and by which name its repository was asked for; absent where that cannot be told.
    pub reads: Option<(Arc<ReadSet>, String)>,
    /// Whether repositories were read that are not among the application's sources.
    pub elsewhere: bool,
}

impl From<&Origin> for SourceAt {
    fn from(origin: &Origin) -> Self {
        Self { repository: origin.repository.clone(), commit: origin.commit.clone() }
    }
}

/// What was seen.
pub struct Look {
    /// What should be there.
    pub wish: Wish,
    /// What is there.
    pub live: Live,
    /// What follows.
    pub plan: Plan,
}

/// Whether an object is the application of this name.
fn is_application(manifest: &Value, name: &str) -> bool {
    let group = manifest["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group);
    group == Some("argoproj.io") && manifest["kind"] == "Application" && manifest["metadata"]["name"] == name
}

impl Subject {
    /// Renders what should be there. It asks repositories and, for what kinds there are, the destination.
    pub async fn wish(&self) -> Wish {
        let mut wish = Wish {
            revision: String::new(),
            desired: Err(Reason::new(Code::RenderFailed, "")),
            warnings: Vec::new(),
            origins: Vec::new(),
        };
        wish.desired = self.desired(&mut wish).await.map(Arc::new);
        wish
    }

    async fn desired(&self, wish: &mut Wish) -> Result<Desired, Reason> {
        let rendered = self.render(wish).await;
        let manifests = rendered.map_err(|failure| Reason::new(Code::RenderFailed, failure.message))?;
        // Where its objects live only the destination can say.
        let scopes = self.destination.scopes().await;
        let scopes = scopes.map_err(|failure| Reason::new(Code::LiveUnreadable, failure.message))?;
        let (_, marks) = self.destination.nature();
        let mut desired = Desired::new(manifests, &self.application, &scopes, marks);
        let objects = desired.items().iter().filter(|item| !item.key.is_application());
        let mut kinds = objects.map(|item| item.key.kind()).filter(|kind| !desired.defines(kind));
        if let Some((kind, why)) = kinds.find_map(|kind| Some((kind, scopes.unreadable(kind)?))) {
            return Err(Reason::new(Code::LiveUnreadable, format!("{kind}: {why}")));
        }
        desired.problems.extend(self.rights.of_objects(&desired));
        desired.problems.extend(self.brood.refusals(&desired));
        let refused = desired.items().iter().filter_map(|item| {
            let why = self.destination.refuses(&item.key)?;
            Some(Reason::new(Code::Refused, why).about(&item.key))
        });
        let refused: Vec<Reason> = refused.collect();
        desired.problems.extend(refused);
        Ok(desired)
    }

    async fn render(&self, wish: &mut Wish) -> Result<Vec<Value>, Failure> {
        let _room = self.renders.room().await;
        let (declared, repositories) = (self.declared.clone(), self.repositories.clone());
        let jobs = tokio::task::spawn_blocking(move || jobs(&declared, &repositories)).await;
        let jobs = jobs.map_err(|e| Failure::internal(format!("opening its sources panicked: {e}")))??;
        if let Some(source) = jobs.first().and_then(|job| job.sources.first()) {
            source.commit.clone_into(&mut wish.revision);
        }
        let mut manifests = Vec::new();
        for job in &jobs {
            let rendered = self.renders.render(job).await?;
            wish.origins.extend(origins(job, rendered.reads.as_ref()));
            wish.warnings.extend(rendered.warnings);
            let text = rendered.manifests;
            let read = tokio::task::spawn_blocking(move || manifest::manifests(&text)).await;
            let read = read.map_err(|e| Failure::internal(format!("reading a render panicked: {e}")))?;
            manifests.extend(read.map_err(|why| Failure::invalid(format!("what was rendered is no YAML: {why}")))?);
        }
        // Many an application of applications is in the folder that it deploys. What it is says its own declaration.
        let own = &self.application.name.0;
        manifests.retain(|manifest| !is_application(manifest, own));
        Ok(manifests)
    }

    /// Holds the sides against each other. What cannot be told without the server's word, the server is asked.
    pub async fn look(&self, wish: Wish, inventory: &Inventory, situation: &Situation<'_>) -> Look {
        let mut keys: BTreeSet<ObjectKey> = inventory.objects().map(|(key, _)| key.clone()).collect();
        if let Ok(desired) = &wish.desired {
            keys.extend(desired.items().iter().map(|item| item.key.clone()));
            // Whether there is a place for them.
            let homes = desired.items().iter().map(|item| item.key.namespace());
            let homes = homes.chain([self.application.namespace.as_str()]).filter(|name| !name.is_empty());
            keys.extend(homes.map(|name| ObjectKey::new(GroupKind::new("", "Namespace"), "", name)));
        }
        let mut live = self.destination.live(&Wanted { application: &self.application.name, keys: &keys }).await;
        let children = if keys.iter().any(ObjectKey::is_application) { self.brood.healths() } else { Vec::new() };
        let plan = self.plan(&wish, &live, &children, inventory, situation);
        if plan.survey.unsure.is_empty() {
            return Look { wish, live, plan };
        }
        if let Ok(desired) = &wish.desired {
            self.predict(desired, &plan.survey.unsure, &mut live).await;
        }
        let plan = self.plan(&wish, &live, &children, inventory, situation);
        Look { wish, live, plan }
    }

    fn plan(
        &self,
        wish: &Wish,
        live: &Live,
        children: &[(String, Health)],
        inventory: &Inventory,
        situation: &Situation<'_>,
    ) -> Plan {
        let render = match &wish.desired {
            Ok(desired) => Render::Done(desired),
            Err(why) => Render::Failed(why),
        };
        let sides = Sides { application: &self.application, render, live, inventory, children };
        planner::plan(&sides, &wish.revision, situation)
    }

    /// Asks what the server would make of these objects. What it refuses is for the dry run of a sync to say.
    async fn predict(&self, desired: &Desired, keys: &[ObjectKey], live: &mut Live) {
        // A list of futures rather than a lazy chain: the compiler cannot see that such a chain may cross threads.
        let mut asked = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(item) = desired.get(key)
                && live.see(key).object().is_some()
            {
                asked.push(self.predict_one(key, item));
            }
        }
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        for object in answers.into_iter().flatten() {
            live.insert(object);
        }
    }

    async fn predict_one(&self, key: &ObjectKey, item: &Item) -> Option<LiveObject> {
        let version = item.manifest["apiVersion"].as_str().unwrap_or_default();
        let mut there = self.destination.read(key, version).await.ok()??;
        let change = Change {
            application: &self.application.name,
            key,
            manifest: &item.manifest,
            write: Write::Apply,
            validation: Validation::Lenient,
        };
        let manifest = Arc::new(self.destination.predict(&change).await.ok()?);
        let (of, on) = (item.digest.clone(), there.fingerprint.clone());
        there.predicted = Some(Predicted { of, on, manifest });
        Some(there)
    }
}

/// Where the files of a job are: its folder, and whatever else its other sources gave.
fn origins(job: &Job, reads: Option<&Arc<ReadSet>>) -> Vec<Origin> {
    let known = |root: &str| job.sources.iter().any(|source| source.name == root);
    let elsewhere = reads.is_none_or(|reads| !reads.roots().all(known));
    let origin = |source: &crate::job::Source| Origin {
        repository: source.repository.clone(),
        commit: source.commit.clone(),
        // Of another source only what was read counts, and no path of a file begins so.
        folder: if source.name == MAIN { job.path.clone() } else { "/".to_owned() },
        reads: reads.map(|reads| (reads.clone(), source.name.clone())),
        elsewhere,
    };
    job.sources.iter().map(origin).collect()
}
