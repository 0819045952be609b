//! `tidegate apps`: the applications that the configured repositories declare, their objects, and how their clusters stand.

mod adopt;
mod brake;
mod consent;
mod list;
mod rollback;
mod show;
mod sync;
mod unified;
mod word;

use crate::applications;
use crate::args::{Apps, Host};
use crate::exit::Exit;
use crate::open;
use crate::place::{Asked, Place};
use crate::render::Plugins;
use crate::screen::Screen;
pub use brake::freeze;
use engine::Engine;
use git::Mirror;
use manifest::{DeclaredKind, HostConfig};
use model::{Blame, Failure};
use reconcile::{Books, Catalog, Configured, Entry, Floor, Keeper, Kept, Rendered, Renders, Repositories};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The exit code where something that is needed could not be reached.
const UNREACHABLE: u8 = 5;
/// How long somebody who asks the daemon waits for a remote.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn apps(place: &Place<'_>, command: Apps, screen: &Screen) -> Result<u8, Exit> {
    let desk = match place {
        Place::Here(host) => Desk::open(host, screen).await?,
        Place::There(asked) => {
            // What was pushed a moment ago is meant as well.
            match &command {
                Apps::Show { name } | Apps::Diff { name } | Apps::Wait { name, .. } => {
                    fetch(asked, Some(name), screen).await?;
                }
                Apps::Sync(wanted) => fetch(asked, wanted.name.as_deref(), screen).await?,
                _ => {}
            }
            Desk::of(asked)
        }
    };
    match command {
        Apps::List => desk.list(screen).await,
        Apps::Show { name } => desk.show(&name, screen).await,
        Apps::Diff { name } => desk.diff(&name, screen).await,
        Apps::Sync(wanted) => desk.sync(&wanted, screen).await,
        Apps::Wait { name, commit, timeout } => {
            desk.wait(&name, commit.as_deref(), Duration::from_secs(timeout), screen).await
        }
        Apps::History { name } => desk.history(&name, screen),
        Apps::Approve(vote) => desk.consent(&vote, "approve", screen).await,
        Apps::Reject(vote) => desk.consent(&vote, "reject", screen).await,
        Apps::Cancel { name } => desk.cancel(&name, screen).await,
        Apps::Confirm { name } => desk.confirm(&name, screen).await,
        Apps::Adopt(wanted) => desk.adopt(&wanted, screen).await,
        Apps::Rollback(wanted) => desk.rollback(&wanted, screen).await,
        Apps::Suspend { name, reason, actor } => desk.suspend(&name, Some((&reason, actor)), screen).await,
        Apps::Resume { name } => desk.suspend(&name, None, screen).await,
        Apps::Manifests { name } => desk.manifests(&name, screen).await,
    }
}

/// All that is needed to list, render and sync.
struct Desk {
    catalog: Arc<Catalog>,
    /// Applications whose files are gone, and which are being deleted.
    going: Vec<Arc<Entry>>,
    engine: Engine,
    floor: Arc<Floor>,
    /// The daemon that carries it out, for whom.
    asked: Option<Asked>,
    /// Who asks.
    user: String,
    /// What was said of remotes that did not answer.
    away: Arc<Mutex<Vec<String>>>,
    /// How a listing ends: there may be more applications than could be found.
    end: u8,
}

impl Desk {
    async fn open(host: &Host, screen: &Screen) -> Result<Self, Exit> {
        let configuration = open::configuration(host, screen)?;
        let Some(config) = configuration.host.clone() else {
            return Err(Exit::usage("there is no tidegate.yaml from here upward, so no repository is known")
                .hint("`tidegate init` writes one; `tidegate render FOLDER` needs none"));
        };
        let engine = open::engine(configuration, screen)?;
        let keys = engine.keyring()?;
        let kept = Kept::open(&engine.state().folder("renders"), keys)?;
        let away = Arc::new(Mutex::new(Vec::new()));
        let opened = Arc::new(Configured::new(config.clone(), fetching(engine.clone(), away.clone())));
        let renders = Arc::new(Renders::new(Arc::new(Plugins::Engine(Arc::new(engine.clone()))), kept));
        let books = Books::new(engine.journal());
        let (listed, known, of) = (opened.clone(), config.clone(), books.clone());
        let (catalog, gone) = read_catalog(known, listed, of).await?;
        for (file, diagnostics) in &catalog.problems {
            screen.warnings(file, diagnostics);
        }
        note_unread(&catalog, screen);
        let end = if catalog.unread.is_empty() { 0 } else { UNREACHABLE };
        let base = &engine.settings().base;
        let place = (base.as_path(), engine.state().root());
        let floor = Floor::new(config, place, applications::rules(&engine), books, opened, renders);
        let (catalog, floor, user) = (Arc::new(catalog), Arc::new(floor), open::system_user());
        let going = gone.into_iter().map(Arc::new).collect();
        Ok(Self { catalog, going, engine, floor, asked: None, user, away, end })
    }

    /// What the daemon has open.
    fn of(asked: &Asked) -> Self {
        let daemon = &asked.daemon;
        let catalog = daemon.fleet.catalog();
        let end = if catalog.unread.is_empty() { 0 } else { UNREACHABLE };
        Self {
            catalog,
            going: daemon.fleet.going(),
            engine: daemon.engine.clone(),
            floor: daemon.fleet.floor().clone(),
            asked: Some(asked.clone()),
            user: asked.user.clone(),
            away: Arc::default(),
            end,
        }
    }

    /// Who looks after one.
    async fn keeper(&self, entry: &Entry) -> Result<Keeper, Failure> {
        self.floor.keeper(&self.catalog.projects, entry).await
    }

    async fn manifests(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let entry = self.find(name)?;
        let rendered = render(entry, &self.floor).await;
        self.note_away(screen);
        let Whole { all, revision } = rendered?;
        for warning in all.iter().flat_map(|rendered| &rendered.warnings) {
            screen.note(&format!("warning: {warning}"));
        }
        let streams: Vec<&str> =
            all.iter().map(|rendered| rendered.manifests.as_str()).filter(|text| !text.is_empty()).collect();
        let manifests = streams.join("---\n");
        if screen.json {
            screen.document(&json!({"name": name, "revision": revision, "manifests": manifests}));
        } else {
            screen.exact(&manifests);
        }
        Ok(0)
    }

    /// The application of this name, which must be declared.
    fn find(&self, name: &str) -> Result<&Entry, Exit> {
        if let Some(entry) = self.catalog.find(name) {
            return Ok(entry);
        }
        let message = match self.find_any(name)?.presence {
            Presence::Going => format!("`{name}` is being deleted: its file is gone"),
            Presence::Declared | Presence::Unread => {
                format!("`{name}` is remembered, but no file that can be read declares it")
            }
        };
        let hint = format!("`tidegate apps show {name}` tells how it stands");
        Err(Failure::new(Blame::User, "conflict", message).hint(hint).into())
    }

    /// The application of this name: one that is declared, or that is remembered, such as one that is being deleted.
    fn find_any(&self, name: &str) -> Result<Found, Exit> {
        if let Some(entry) = self.catalog.find(name) {
            return Ok(Found { entry: entry.clone(), presence: Presence::Declared });
        }
        if let Some(entry) = self.going.iter().find(|entry| entry.name == name) {
            return Ok(Found { entry: entry.clone(), presence: Presence::Going });
        }
        match self.floor.books.declaration(name)? {
            Some(entry) => Ok(Found { entry: Arc::new(entry), presence: Presence::Unread }),
            None => Err(self.missing(name)),
        }
    }

    fn missing(&self, name: &str) -> Exit {
        let failure = Failure::new(Blame::User, "not-found", format!("no application is called `{name}`"));
        let nearest = manifest::nearest(name, self.catalog.entries.iter().map(|entry| entry.name.as_str()));
        let hint =
            nearest.map_or("`tidegate apps list` shows all".to_owned(), |near| format!("did you mean `{near}`?"));
        failure.hint(hint).into()
    }

    /// Every application that is declared, also those of which the file or the cluster is wrong: that is for each to say.
    fn declared(&self) -> impl Iterator<Item = &Entry> {
        declared(&self.catalog)
    }

    /// What of the catalog could not be read. Without a daemon it was said when that was tried.
    fn note_unknown(&self, screen: &Screen) {
        if self.asked.is_some() {
            note_unread(&self.catalog, screen);
        }
    }

    fn note_away(&self, screen: &Screen) {
        for word in self.away.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            screen.note(&word);
        }
    }
}

/// Fetches the repositories of an application, or of all, and lets the daemon see what has come. A remote that does not answer is
/// said to be as it was. Errors: those of the journal.
async fn fetch(asked: &Asked, name: Option<&str>, screen: &Screen) -> Result<(), Failure> {
    let daemon = &asked.daemon;
    let catalog = daemon.fleet.catalog();
    let entries: Vec<&Arc<Entry>> = match name {
        Some(name) => catalog.find(name).into_iter().collect(),
        None => catalog.entries.iter().collect(),
    };
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    if entries.is_empty() || name.is_none() {
        // One that was declared just now is known once its file is.
        let declaring = daemon.config.repositories.iter().filter(|(_, repository)| !repository.applications.is_empty());
        wanted.extend(declaring.map(|(name, _)| name.as_str()));
    }
    for entry in entries {
        wanted.insert(&entry.repository);
        let sources = entry.application.iter().flat_map(|application| &application.sources);
        wanted.extend(sources.filter_map(|source| manifest::repository_of(&source.repository, &daemon.config)));
    }
    let each = wanted.iter().filter(|name| daemon.config.repositories.contains_key(**name)).map(|name| async move {
        let (engine, of) = (daemon.engine.clone(), (*name).to_owned());
        let fetches = tokio::task::spawn_blocking(move || engine.mirror(&of)?.fetch().map_err(|e| e.failure()));
        let why = match tokio::time::timeout(PATIENCE, fetches).await {
            Ok(Ok(Ok(()))) => return Some(*name),
            Ok(Ok(Err(failure))) => failure.to_string(),
            Ok(Err(e)) => format!("a worker panicked: {e}"),
            Err(_) => format!("it does not answer within {} s", PATIENCE.as_secs()),
        };
        screen.note(&format!("warning: `{name}` is as it was last fetched: {why}"));
        None
    });
    for name in futures_util::future::join_all(each).await.into_iter().flatten() {
        daemon.fleet.moved(name).await?;
    }
    Ok(())
}

/// The applications that a catalog has.
fn declared(catalog: &Catalog) -> impl Iterator<Item = &Entry> {
    catalog.entries.iter().map(|entry| &**entry).filter(|entry| entry.kind == DeclaredKind::Application)
}

/// An application, as its name found it.
struct Found {
    entry: Arc<Entry>,
    presence: Presence,
}

/// Whether an application is declared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// A file declares it.
    Declared,
    /// Its file is gone, and it is being deleted.
    Going,
    /// It is remembered, and may be in what could not be read.
    Unread,
}

/// What is declared now, by files and by applications, and which of those that are remembered are surely gone.
async fn read_catalog(
    config: HostConfig,
    opened: Arc<Configured>,
    books: Books,
) -> Result<(Catalog, Vec<Entry>), Failure> {
    let read = move || {
        let remembered = books.declared()?.into_iter().filter_map(|(_, entry)| entry).collect();
        Ok(Catalog::read_with_gone(&config, &opened, remembered, &books.children()?))
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|e| Err(Failure::internal(format!("the listing panicked: {e}"))))
}

/// What of the catalog could not be read.
fn note_unread(catalog: &Catalog, screen: &Screen) {
    for (name, failure) in &catalog.unread {
        screen.note(&format!("error: {name} cannot be read: {failure}"));
    }
}

/// An application's objects.
struct Whole {
    /// Of each source.
    all: Vec<Rendered>,
    /// The commit of the first source.
    revision: String,
}

async fn render(entry: &Entry, floor: &Floor) -> Result<Whole, Failure> {
    let application = entry.application.as_ref().map_err(Clone::clone)?;
    let repositories: Arc<dyn Repositories> = floor.repositories.clone();
    let jobs = reconcile::jobs(application, &repositories)?;
    let revision = jobs.first().and_then(|job| job.sources.first()).map(|source| source.commit.clone());
    let mut all = Vec::new();
    for job in &jobs {
        all.push(floor.renders.render(job).await?);
    }
    Ok(Whole { all, revision: revision.unwrap_or_default() })
}

fn summary(all: &[Rendered]) -> String {
    let documents = |rendered: &Rendered| match rendered.manifests.trim() {
        "" => 0,
        text => text.split("\n---\n").count(),
    };
    let (objects, warnings): (usize, usize) =
        all.iter().fold((0, 0), |(o, w), rendered| (o + documents(rendered), w + rendered.warnings.len()));
    let plural = |n: usize, noun: &str| if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") };
    match warnings {
        0 => plural(objects, "object"),
        _ => format!("{}, {}", plural(objects, "object"), plural(warnings, "warning")),
    }
}

/// Mirrors that are fetched when they are first asked for. Where the remote does not answer, what was fetched before will
/// do, and is said to be so.
fn fetching(engine: Engine, away: Arc<Mutex<Vec<String>>>) -> Box<reconcile::Mirrors> {
    let fetched = Mutex::new(HashMap::<String, Arc<OnceLock<Result<Mirror, Failure>>>>::new());
    Box::new(move |name| {
        let once = fetched.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        // A slow remote delays those who ask for it, and nobody else.
        once.get_or_init(|| {
            let mirror = engine.mirror(name)?;
            match mirror.fetch() {
                Err(e) if e.failure().retryable && matches!(mirror.resolve("HEAD"), Ok(Some(_))) => {
                    let word = format!("warning: `{name}` is as it was last fetched: {}", e.failure());
                    away.lock().unwrap_or_else(PoisonError::into_inner).push(word);
                }
                Err(e) => return Err(e.failure()),
                Ok(_) => {}
            }
            Ok(mirror)
        })
        .clone()
    })
}
