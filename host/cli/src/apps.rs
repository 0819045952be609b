//! `tidegate apps`: the applications that the configured repositories declare, their objects, and how their clusters stand.

mod brake;
mod floor;
mod list;
mod show;
mod sync;

use crate::args::{Apps, Host};
use crate::entry::{Entry, refuse_twins};
use crate::exit::Exit;
use crate::open;
use crate::render::Plugins;
use crate::screen::Screen;
pub use brake::freeze;
use engine::Engine;
use floor::Floor;
use git::Mirror;
use globset::GlobMatcher;
use manifest::{Declaration, Diagnostic, HostConfig, Severity, Source as File};
use model::application::Project;
use model::{Blame, Failure};
use reconcile::{Configured, Declarations, Kept, Rendered, Renders, Repositories};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The exit code where something that is needed could not be reached.
const UNREACHABLE: u8 = 5;

pub async fn apps(host: &Host, command: Apps, screen: &Screen) -> Result<u8, Exit> {
    let desk = Desk::open(host, screen).await?;
    match command {
        Apps::List => desk.list(screen).await,
        Apps::Show { name } => desk.show(&name, screen).await,
        Apps::Diff { name } => desk.diff(&name, screen).await,
        Apps::Sync(wanted) => desk.sync(&wanted, screen).await,
        Apps::Wait { name, timeout } => desk.wait(&name, Duration::from_secs(timeout), screen).await,
        Apps::History { name } => desk.history(&name, screen),
        Apps::Suspend { name, reason, actor } => desk.suspend(&name, Some((&reason, actor)), screen).await,
        Apps::Resume { name } => desk.suspend(&name, None, screen).await,
        Apps::Manifests { name } => desk.manifests(&name, screen).await,
    }
}

/// All that is needed to list, render and sync.
struct Desk {
    entries: Vec<Entry>,
    engine: Arc<Engine>,
    floor: Floor,
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
        let engine = Arc::new(engine);
        let away = Arc::new(Mutex::new(Vec::new()));
        let opened = Arc::new(Configured::new(config.clone(), fetching(engine.clone(), away.clone())));
        let renders = Arc::new(Renders::new(Arc::new(Plugins::Engine(engine.clone())), kept));
        let (listed, known) = (opened.clone(), config.clone());
        let found = tokio::task::spawn_blocking(move || declared(&known, &listed));
        let Found { entries, projects, problems, unread } =
            found.await.map_err(|e| Failure::internal(format!("the listing panicked: {e}")))?;
        for (file, diagnostics) in &problems {
            screen.warnings(file, diagnostics);
        }
        for (name, failure) in &unread {
            screen.note(&format!("error: {name} cannot be read: {failure}"));
        }
        let end = if unread.is_empty() { 0 } else { UNREACHABLE };
        let floor = Floor::new(config, &engine, opened, renders, projects);
        Ok(Self { entries, engine, floor, away, end })
    }

    async fn manifests(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let entry = self.find(name)?;
        let rendered = render(entry, &self.floor.repositories, &self.floor.renders).await;
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

    /// The application of this name.
    fn find(&self, name: &str) -> Result<&Entry, Exit> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let failure = Failure::new(Blame::User, "not-found", format!("no application is called `{name}`"));
            let nearest = manifest::nearest(name, self.entries.iter().map(|entry| entry.name.as_str()));
            let hint =
                nearest.map_or("`tidegate apps list` shows all".to_owned(), |near| format!("did you mean `{near}`?"));
            failure.hint(hint).into()
        })
    }

    fn note_away(&self, screen: &Screen) {
        for word in self.away.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            screen.note(&word);
        }
    }
}

/// An application's objects.
struct Whole {
    /// Of each source.
    all: Vec<Rendered>,
    /// The commit of the first source.
    revision: String,
}

async fn render(entry: &Entry, repositories: &Arc<dyn Repositories>, renders: &Renders) -> Result<Whole, Failure> {
    let application = entry.application.as_ref().map_err(Clone::clone)?;
    let jobs = reconcile::jobs(application, repositories)?;
    let revision = jobs.first().and_then(|job| job.sources.first()).map(|source| source.commit.clone());
    let mut all = Vec::new();
    for job in &jobs {
        all.push(renders.render(job).await?);
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
fn fetching(engine: Arc<Engine>, away: Arc<Mutex<Vec<String>>>) -> Box<reconcile::Mirrors> {
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

/// What the configured repositories declare.
struct Found {
    /// The applications, by name. Two of one name are both refused.
    entries: Vec<Entry>,
    /// Their projects, by name.
    projects: HashMap<String, Project>,
    /// What only warns.
    problems: Vec<(File, Vec<Diagnostic>)>,
    /// Repositories and folders that could not be read, and why. They take no other one with them.
    unread: Vec<(String, Failure)>,
}

fn declared(config: &HostConfig, repositories: &Configured) -> Found {
    let (mut entries, mut problems, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let mut projects = HashMap::new();
    for (name, repository) in config.repositories.iter().filter(|(_, repository)| !repository.applications.is_empty()) {
        let globs: Vec<GlobMatcher> =
            repository.applications.iter().filter_map(|glob| access::environment::glob(glob)).collect();
        let takes = |path: &str| globs.iter().any(|glob| glob.is_match(path));
        let Declarations { files, unlisted } = match repositories.at(name, "HEAD") {
            Ok(source) => reconcile::declared(&*source.files, name, takes),
            Err(failure) => {
                unread.push((format!("the repository `{name}`"), failure));
                continue;
            }
        };
        let place = |folder: String| if folder.is_empty() { name.clone() } else { format!("{name}:{folder}") };
        unread
            .extend(unlisted.into_iter().map(|(folder, failure)| (format!("the folder `{}`", place(folder)), failure)));
        for found in files {
            if !found.diagnostics.is_empty() {
                problems.push((found.file.clone(), found.diagnostics.clone()));
            }
            for document in &found.documents {
                if let Some(Declaration::Project(project)) = &document.value {
                    projects.insert(project.name.clone(), (**project).clone());
                }
                let warnings: Vec<_> =
                    document.diagnostics.iter().filter(|d| d.severity == Severity::Warning).cloned().collect();
                if !warnings.is_empty() {
                    problems.push((found.file.clone(), warnings));
                }
            }
            entries.extend(Entry::of(&found));
        }
    }
    refuse_twins(&mut entries);
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Found { entries, projects, problems, unread }
}
