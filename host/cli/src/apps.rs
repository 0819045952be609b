//! `tidegate apps`: the applications that the configured repositories declare, and their objects.

use crate::args::{Apps, Host};
use crate::entry::{Entry, refuse_twins};
use crate::exit::Exit;
use crate::open;
use crate::render::Plugins;
use crate::screen::{Colour, Screen};
use crate::table::columns;
use engine::Engine;
use git::Mirror;
use globset::GlobMatcher;
use manifest::{Diagnostic, HostConfig, Severity, Source as File};
use model::{Blame, Failure};
use reconcile::{Configured, Declarations, Kept, Rendered, Renders, Repositories};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The exit code where something that is needed could not be reached.
const UNREACHABLE: u8 = 5;

pub async fn apps(host: &Host, command: Apps, screen: &Screen) -> Result<u8, Exit> {
    let desk = Desk::open(host, screen).await?;
    match command {
        Apps::List => desk.list(screen).await,
        Apps::Manifests { name } => desk.manifests(&name, screen).await,
    }
}

/// All that is needed to list and render.
struct Desk {
    entries: Vec<Entry>,
    repositories: Arc<dyn Repositories>,
    renders: Arc<Renders>,
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
        let renders = Arc::new(Renders::new(Arc::new(Plugins::Engine(engine)), kept));
        let listed = opened.clone();
        let found = tokio::task::spawn_blocking(move || declared(&config, &listed));
        let Found { entries, problems, unread } =
            found.await.map_err(|e| Failure::internal(format!("the listing panicked: {e}")))?;
        for (file, diagnostics) in &problems {
            screen.warnings(file, diagnostics);
        }
        for (name, failure) in &unread {
            screen.note(&format!("error: {name} cannot be read: {failure}"));
        }
        let end = if unread.is_empty() { 0 } else { UNREACHABLE };
        Ok(Self { entries, repositories: opened, renders, away, end })
    }

    async fn list(&self, screen: &Screen) -> Result<u8, Exit> {
        let mut rows = Vec::new();
        let all = self.render_all().await;
        self.note_away(screen);
        for (entry, rendered) in self.entries.iter().zip(all) {
            let (message, revision) = match &rendered {
                Ok(rendered) => (summary(&rendered.all), rendered.revision.clone()),
                Err(failure) => (failure.message.clone(), String::new()),
            };
            rows.push((entry, rendered.is_ok(), revision, message));
        }
        if screen.json {
            // Argo CD's words: nothing is compared with a cluster, so neither is known.
            let row = |(entry, _, revision, message): &(&Entry, bool, String, String)| {
                json!({"name": entry.name, "project": entry.project, "revision": revision, "sync": "Unknown",
                    "health": "Unknown", "message": message})
            };
            screen.document(&rows.iter().map(row).collect::<Vec<Value>>());
            return Ok(self.end);
        }
        if rows.is_empty() && self.end == 0 {
            screen
                .out("no application is declared where the configuration looks: `spec.repositories.NAME.applications`");
            return Ok(0);
        }
        let head = ["NAME", "PROJECT", "REVISION", "RENDERED"].map(|word| screen.paint(Colour::Bold, word)).to_vec();
        let row = |(entry, good, revision, message): &(&Entry, bool, String, String)| {
            let message = if *good { message.clone() } else { screen.paint(Colour::Red, message) };
            let short = revision.get(..7).unwrap_or(revision).to_owned();
            vec![entry.name.clone(), entry.project.clone(), short, message]
        };
        screen.out(&columns(&std::iter::once(head).chain(rows.iter().map(row)).collect::<Vec<_>>()));
        Ok(self.end)
    }

    async fn manifests(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            let failure = Failure::new(Blame::User, "not-found", format!("no application is called `{name}`"));
            let nearest = manifest::nearest(name, self.entries.iter().map(|entry| entry.name.as_str()));
            let hint =
                nearest.map_or("`tidegate apps list` shows all".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(failure.hint(hint).into());
        };
        let rendered = render(entry, &self.repositories, &self.renders).await;
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

    fn note_away(&self, screen: &Screen) {
        for word in self.away.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            screen.note(&word);
        }
    }

    /// All of them, a few at a time, in their order.
    async fn render_all(&self) -> Vec<Result<Whole, Failure>> {
        let room = Arc::new(tokio::sync::Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));
        let mut tasks = Vec::new();
        for entry in &self.entries {
            let (room, repositories, renders) = (room.clone(), self.repositories.clone(), self.renders.clone());
            let entry = entry.clone();
            tasks.push(tokio::spawn(async move {
                let _held = room.acquire().await;
                render(&entry, &repositories, &renders).await
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await.unwrap_or_else(|e| Err(Failure::internal(format!("a render panicked: {e}")))));
        }
        all
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
    /// What only warns.
    problems: Vec<(File, Vec<Diagnostic>)>,
    /// Repositories and folders that could not be read, and why. They take no other one with them.
    unread: Vec<(String, Failure)>,
}

fn declared(config: &HostConfig, repositories: &Configured) -> Found {
    let (mut entries, mut problems, mut unread) = (Vec::new(), Vec::new(), Vec::new());
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
    Found { entries, problems, unread }
}
