//! How applications stand, for the steps of pipelines: by the word of the loop that keeps them, in the daemon, or in the process
//! of `tidegate run` where there is none.

use crate::place::aside;
use crate::render::Plugins;
use crate::screen::Screen;
use async_trait::async_trait;
use engine::{ApplicationStatus, Applications, Engine};
use manifest::HostConfig;
use model::{Blame, CommitId, Failure};
use planner::decide::End;
use planner::survey::SyncStatus;
use reconcile::{Books, Configured, Entry, Fleet, Floor, Kept, Renders, Rules, SourceAt, Standing, reached};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often repositories are looked at by a process that does not stay: one on this machine, and one elsewhere.
const NEAR: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(5);

/// The applications of a fleet.
pub struct Keeping {
    engine: Engine,
    fleet: Fleet,
}

impl Keeping {
    pub fn new(engine: Engine, fleet: Fleet) -> Self {
        Self { engine, fleet }
    }

    /// The name of the repository that an application's first source is in.
    fn repository(&self, entry: &Entry) -> Option<String> {
        let application = entry.application.as_ref().ok()?;
        let address = &application.sources.first()?.repository;
        manifest::repository_of(address, &self.fleet.floor().config).map(str::to_owned)
    }
}

#[async_trait]
impl Applications for Keeping {
    async fn read(&self, name: &str) -> Result<Option<ApplicationStatus>, Failure> {
        let catalog = self.fleet.catalog();
        let Some(entry) = catalog.find(name) else { return Ok(None) };
        entry.application.as_ref().map_err(Clone::clone)?;
        self.fleet.want(name);
        let Some(standing) = self.fleet.standing(name)? else {
            // Nobody has looked at it yet.
            return Ok(Some(ApplicationStatus {
                target: commit(""),
                synced: None,
                sync: SyncStatus::Unknown.to_string(),
                health: planner::health::Status::Unknown.to_string(),
                message: "nobody has looked at it yet".to_owned(),
                observed: reconcile::now(),
                images: Vec::new(),
            }));
        };
        Ok(Some(status(standing)))
    }

    async fn contains(&self, name: &str, commit: &CommitId) -> Result<bool, Failure> {
        let catalog = self.fleet.catalog();
        let entry = catalog.find(name).ok_or_else(|| {
            let failure = Failure::new(Blame::User, "not-found", format!("no application is called `{name}`"));
            match manifest::nearest(name, catalog.entries.iter().map(|entry| entry.name.as_str())) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("`tidegate apps list` shows all"),
            }
        })?;
        let Some(standing) = self.fleet.standing(name)? else { return Ok(false) };
        let sources = match (standing.sync, status(standing.clone()).synced) {
            (SyncStatus::Synced, _) => standing.sources,
            // Of a sync that is over the commit of the first source alone is known.
            (_, Some(synced)) => {
                let first = self.repository(entry).map(|repository| SourceAt { repository, commit: synced.0 });
                first.into_iter().collect()
            }
            (_, None) => return Ok(false),
        };
        hold(&self.engine, &sources, commit.as_str()).await
    }

    async fn unproven(&self, asking: &str, proving: &str, images: &[String]) -> Result<Option<String>, Failure> {
        let fleet = self.fleet.clone();
        let (asking, proving, images) = (asking.to_owned(), proving.to_owned(), images.to_vec());
        let told = tokio::task::spawn_blocking(move || fleet.unproven(&asking, &proving, &images));
        told.await.unwrap_or_else(|e| Err(Failure::internal(format!("a worker panicked: {e}"))))
    }
}

/// Whether one of these sources is at a commit or after it. A commit that was pushed a moment ago may not have been fetched yet: then
/// nothing holds it.
pub async fn hold(engine: &Engine, sources: &[SourceAt], commit: &str) -> Result<bool, Failure> {
    let (engine, sources, commit) = (engine.clone(), sources.to_vec(), commit.to_owned());
    aside(move || {
        let git = |e: git::Error| e.failure();
        for source in sources {
            let mirror = engine.mirror(&source.repository)?;
            let wanted = match mirror.resolve(&commit).map_err(git)? {
                None => mirror.abbreviated(&commit).map_err(git)?,
                found => found,
            };
            if let Some(wanted) = wanted
                && mirror.is_ancestor(&wanted, &CommitId(source.commit)).map_err(git)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
}

/// Whether each of these sources is where the one in its place is wanted to be, or after that.
pub async fn reach(engine: &Engine, sources: &[SourceAt], wanted: &[SourceAt]) -> Result<bool, Failure> {
    let (engine, sources, wanted) = (engine.clone(), sources.to_vec(), wanted.to_vec());
    let holds = move |repository: &str, later: &str, earlier: &str| {
        let (earlier, later) = (CommitId(earlier.to_owned()), CommitId(later.to_owned()));
        engine.mirror(repository)?.is_ancestor(&earlier, &later).map_err(|e| e.failure())
    };
    aside(move || reached(&sources, &wanted, holds)).await
}

/// A commit, or forty zeros where none is known.
fn commit(id: &str) -> CommitId {
    CommitId(if id.is_empty() { "0".repeat(40) } else { id.to_owned() })
}

fn status(standing: Standing) -> ApplicationStatus {
    let target = commit(&standing.revision);
    // What is as it should be is synced to that commit, whether or not there was anything to do for it.
    let synced = match (&standing.sync, &standing.last) {
        (SyncStatus::Synced, _) => Some(target.clone()),
        (_, Some(last)) if last.end == End::Applied => Some(CommitId(last.revision.clone())),
        _ => None,
    };
    ApplicationStatus {
        target,
        synced: synced.filter(|commit| *commit != self::commit("")),
        sync: standing.sync.to_string(),
        health: standing.health.status.to_string(),
        message: standing.message,
        observed: standing.at,
        images: standing.images,
    }
}

/// Renders of a host, kept in its state folder.
pub fn renders(engine: &Engine) -> Result<Arc<Renders>, Failure> {
    let kept = Kept::open(&engine.state().folder("renders"), engine.keyring()?)?;
    Ok(Arc::new(Renders::new(Arc::new(Plugins::Engine(Arc::new(engine.clone()))), kept)))
}

/// Throws away what a host keeps no longer, artifacts and results of renders, unless that was done within the hour. Errors: `unavailable`;
/// what is left is for the next time.
pub async fn collect_sometimes(engine: &Engine, renders: Option<Arc<Renders>>) -> Result<(), Failure> {
    if engine.collect_sometimes().await?.is_none() {
        return Ok(());
    }
    let engine = engine.clone();
    aside(move || {
        let renders = renders.map_or_else(|| self::renders(&engine), Ok)?;
        renders.sweep(SystemTime::now()).map(drop)
    })
    .await
}

/// What the environments of a host ask.
pub fn rules(engine: &Engine) -> Rules {
    let settings = engine.settings();
    Rules { environments: settings.environments.clone(), people: Arc::new(settings.people.clone()) }
}

/// The host's side of its applications, by mirrors as they were fetched last.
pub fn floor(engine: &Engine, config: &HostConfig) -> Result<(Arc<Floor>, Arc<Configured>), Failure> {
    let mirrors = engine.clone();
    let configured = Arc::new(Configured::new(config.clone(), Box::new(move |name| mirrors.mirror(name))));
    let books = Books::new(engine.journal());
    let base = &engine.settings().base;
    let place = (base.as_path(), engine.state().root());
    let floor = Floor::new(config.clone(), place, rules(engine), books, configured.clone(), renders(engine)?);
    Ok((Arc::new(floor), configured))
}

/// Keeps, for as long as this process drives a run, the applications for which it waits. The lock must be held.
pub async fn keep_for_a_run(engine: &Engine, config: &HostConfig, screen: &Screen) -> Result<Fleet, Failure> {
    let (floor, configured) = floor(engine, config)?;
    let log = screen.clone();
    let fleet = Fleet::on_demand(floor, configured, move |report| crate::serve::report_on(&log, report));
    for (repository, configured) in &config.repositories {
        let (looked, of, fleet) = (engine.clone(), repository.clone(), fleet.clone());
        let every = if configured.url.contains("://") || configured.url.contains('@') { FAR } else { NEAR };
        // Ends with the process.
        tokio::spawn(async move {
            let mut before = None;
            loop {
                let (engine, name) = (looked.clone(), of.clone());
                let now = tokio::task::spawn_blocking(move || {
                    let mirror = engine.mirror(&name)?;
                    mirror.fetch().and_then(|()| mirror.branches()).map_err(|e| e.failure())
                });
                // One that does not answer now is asked again.
                if let Ok(Ok(now)) = now.await
                    && before.as_ref() != Some(&now)
                {
                    before = Some(now);
                    let _ = fleet.moved(&of).await;
                }
                tokio::time::sleep(every).await;
            }
        });
    }
    fleet.refresh().await?;
    engine.attach(Arc::new(Keeping::new(engine.clone(), fleet.clone())));
    Ok(fleet)
}
