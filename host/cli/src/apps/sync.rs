//! `tidegate apps sync` and `wait`.

use super::{Desk, read_catalog};
use crate::args::Sync;
use crate::exit::Exit;
use crate::place::Asked;
use crate::screen::Screen;
use futures_util::StreamExt as _;
use model::{Blame, Failure};
use planner::application::Permit;
use planner::decide::{Manual, Request};
use planner::health::Status;
use planner::object::ObjectKey;
use planner::operation::{Outcome, Stop};
use planner::plan::Await;
use planner::reason::Code;
use planner::survey::SyncStatus;
use reconcile::{Catalog, Entry, Event, Floor, Keeper, Repositories, Standing, Word};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many applications are synced at once.
const AT_ONCE: usize = 8;
/// How often a wait looks, where nobody tells it.
const LOOK: Duration = Duration::from_secs(2);

impl Desk {
    /// 0 where all is applied and, if that was waited for, healthy; 1 where a sync failed or nothing could be done.
    pub(super) async fn sync(&self, wanted: &Sync, screen: &Screen) -> Result<u8, Exit> {
        let _lock = if self.asked.is_none() { Some(self.engine.lock()?) } else { None };
        let request = request(wanted, &self.user)?;
        // Whoever names one wants it done; what its own policy does not do by itself is no failure otherwise.
        let fine: &[Code] = if wanted.name.is_some() { &NAMED } else { &UNNAMED };
        let mut catalog = self.catalog.clone();
        let (mut code, mut rows, mut done) = (0, Vec::new(), BTreeSet::new());
        loop {
            let entries: Vec<&Entry> = match &wanted.name {
                Some(name) => vec![self.find(name)?],
                None => catalog
                    .entries
                    .iter()
                    .map(|entry| &**entry)
                    .filter(|entry| self.floor.cluster(entry).is_some() && !done.contains(&entry.name))
                    .collect(),
            };
            if entries.is_empty() {
                break;
            }
            let mut each = Vec::with_capacity(entries.len());
            for entry in &entries {
                each.push(self.sync_one(entry, request.clone(), screen));
            }
            let answers: Vec<_> = futures_util::stream::iter(each).buffered(AT_ONCE).collect().await;
            self.note_away(screen);
            for (entry, answer) in entries.into_iter().zip(answers) {
                let (good, one) = row(&entry.name, answer, fine, screen);
                code = if good { code } else { 1 };
                rows.push(one);
                done.insert(entry.name.clone());
            }
            // What was declared just now is kept from now on: by the daemon, or else at once by whoever keeps all.
            let all = wanted.name.is_none() && self.asked.is_none();
            match if all { self.declared_since(&catalog).await? } else { None } {
                Some(newer) => catalog = newer,
                None => break,
            }
        }
        if screen.json {
            screen.document(&rows);
        }
        Ok(code)
    }

    /// What is declared now, where applications have declared others since a catalog was read.
    async fn declared_since(&self, before: &Catalog) -> Result<Option<Arc<Catalog>>, Exit> {
        let children = self.floor.books.children()?;
        let mut live = children.iter().filter(|row| row.leaving.is_none());
        if live.all(|row| before.find(&row.name).is_some()) {
            return Ok(None);
        }
        let Floor { config, repositories, books, .. } = &*self.floor;
        Ok(Some(Arc::new(read_catalog(config.clone(), repositories.clone(), books.clone()).await?)))
    }

    async fn sync_one(&self, entry: &Entry, request: Request, screen: &Screen) -> Result<reconcile::Outcome, Failure> {
        let name = &entry.name;
        // Of its own: a borrowed one makes a future that the compiler does not let cross threads.
        let (words, of) = (screen.clone(), name.clone());
        let told = move |event: Event| match event {
            Event::At(text) => words.note(&format!("{of}: {text}")),
            Event::AsksConsent(keys) => {
                let keys = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                words.note(&format!("{of}: a person must confirm that these go: {keys}"));
            }
        };
        match &self.asked {
            Some(asked) => follow(asked, name, request, &told).await,
            None => {
                let keeper = self.keeper(entry).await?;
                let (words, heard) = mpsc::channel(4);
                let interrupted = tokio::spawn(async move {
                    while tokio::signal::ctrl_c().await.is_ok() {
                        if words.send(Word::Stop(Stop::Cancelled)).await.is_err() {
                            return;
                        }
                    }
                });
                let kept = keeper.keep(request, heard, &told).await;
                interrupted.abort();
                kept
            }
        }
    }

    /// Stops the sync that is at work. 0 where there was one.
    pub(super) async fn cancel(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        let entry = self.find(name)?;
        let idle = || Failure::new(Blame::User, "conflict", format!("no sync of `{name}` is at work"));
        if self.floor.books.memory(name)?.operation.is_none() {
            return Err(idle().into());
        }
        match &self.asked {
            Some(asked) => asked.daemon.fleet.say(name, Word::Stop(Stop::Cancelled))?,
            None => {
                // Nobody is at work where this succeeds: whoever was, is gone, and its sync ends here.
                let _lock = self.engine.lock()?;
                let (words, heard) = mpsc::channel(1);
                // Room for one is there.
                let _ = words.try_send(Word::Stop(Stop::Cancelled));
                self.keeper(entry).await?.keep(Request::Automatic, heard, &|_| {}).await?;
            }
        }
        if screen.json {
            screen.document(&json!({"name": name, "status": "cancelled"}));
        } else {
            screen.out(&format!("{name}: its sync is cancelled; a sync by hand or a new commit starts the next one"));
        }
        Ok(0)
    }

    /// Confirms what the sync that is at work asks about. 0 where there is one.
    pub(super) fn confirm(&self, name: &str, screen: &Screen) -> Result<u8, Exit> {
        self.find(name)?;
        let Some(asked) =
            self.asked.as_ref().filter(|_| self.floor.books.memory(name).is_ok_and(|it| it.operation.is_some()))
        else {
            let failure = Failure::new(Blame::User, "conflict", format!("no sync of `{name}` is at work in a daemon"));
            return Err(failure
                .hint("the annotation `argocd.argoproj.io/deletion-approved` in its file says the same")
                .into());
        };
        asked.daemon.fleet.say(name, Word::Confirm)?;
        if screen.json {
            screen.document(&json!({"name": name, "status": "confirmed"}));
        } else {
            screen.out(&format!("{name}: confirmed"));
        }
        Ok(0)
    }

    /// 0 once it is synced and healthy, with this commit or a later one where that is asked; 1 where it is not by then.
    pub(super) async fn wait(
        &self,
        name: &str,
        commit: Option<&str>,
        timeout: Duration,
        screen: &Screen,
    ) -> Result<u8, Exit> {
        let entry = self.find(name)?;
        let end = tokio::time::Instant::now() + timeout;
        let mut changes = self.asked.as_ref().map(|asked| asked.daemon.fleet.changes());
        // What the daemon knows may be older than what was pushed before somebody asked.
        let commit = match commit {
            Some(commit) => Some(commit.to_owned()),
            None => self.newest(entry).await,
        };
        loop {
            let standing = match &mut changes {
                Some(changes) => {
                    changes.borrow_and_update();
                    self.floor.books.memory(name)?.standing
                }
                None => Some(self.keeper(entry).await?.look().await?.1),
            };
            let standing = standing
                .unwrap_or_else(|| Standing::unknown("nobody has looked at it yet".to_owned(), None, reconcile::now()));
            let mut good = standing.sync == SyncStatus::Synced && standing.health.status == Status::Healthy;
            if let Some(commit) = commit.as_deref().filter(|_| good) {
                good = standing.revision == commit || self.holds(entry, &standing.revision, commit).await?;
            }
            let late = tokio::time::Instant::now() >= end;
            if good || late {
                let text = format!("{name}: {}, {}", standing.sync, standing.health);
                if screen.json {
                    screen.document(&json!({"name": name, "revision": standing.revision,
                        "sync": standing.sync.to_string(), "health": standing.health, "message": standing.message}));
                } else if good {
                    screen.out(&text);
                } else {
                    screen.out(&format!("{text}: {}", standing.message));
                }
                return Ok(u8::from(!good));
            }
            match &mut changes {
                // Woken early or late, it looks again.
                Some(changes) => drop(tokio::time::timeout_at(end, changes.changed()).await),
                None => changed(&self.keeper(entry).await?, end).await,
            }
        }
    }

    /// The commit of the first source as it is now, where a daemon may stand at an older one.
    async fn newest(&self, entry: &Entry) -> Option<String> {
        self.asked.as_ref()?;
        let application = entry.application.as_ref().ok()?.clone();
        let repositories: Arc<dyn Repositories> = self.floor.repositories.clone();
        // What it cannot be rendered from, its standing says better.
        let jobs = tokio::task::spawn_blocking(move || reconcile::jobs(&application, &repositories).ok());
        let jobs = jobs.await.ok().flatten()?;
        Some(jobs.first()?.sources.first()?.commit.clone())
    }

    /// Whether a revision is a commit or comes after it.
    async fn holds(&self, entry: &Entry, revision: &str, commit: &str) -> Result<bool, Failure> {
        let address = entry.application.as_ref().ok().and_then(|it| it.sources.first()).map(|it| it.repository.clone());
        let name = address.and_then(|address| manifest::repository_of(&address, &self.floor.config).map(str::to_owned));
        let Some(name) = name else { return Ok(revision == commit) };
        let (engine, head, wanted) = (self.engine.clone(), model::CommitId(revision.to_owned()), commit.to_owned());
        let holds = tokio::task::spawn_blocking(move || {
            let mirror = engine.mirror(&name)?;
            let git = |e: git::Error| e.failure();
            // One that has not been fetched yet is not there yet.
            let Some(wanted) = mirror.resolve(&wanted).map_err(git)? else { return Ok(false) };
            mirror.is_ancestor(&wanted, &head).map_err(git)
        });
        holds.await.unwrap_or_else(|e| Err(Failure::internal(format!("a worker panicked: {e}"))))
    }
}

async fn changed(keeper: &Keeper, end: tokio::time::Instant) {
    let mut changes = keeper.changes();
    let until = end.min(tokio::time::Instant::now() + LOOK);
    let _ = tokio::time::timeout_at(until, changes.changed()).await;
}

/// Lets the daemon sync, and hears what happens until it has ended. Ctrl-C stops it.
async fn follow(
    asked: &Asked,
    name: &str,
    request: Request,
    told: &(dyn Fn(Event) + Send + std::marker::Sync),
) -> Result<reconcile::Outcome, Failure> {
    let fleet = &asked.daemon.fleet;
    let mut interrupts = asked.interrupts.clone();
    let reconcile::Following { mut events, mut answer } = fleet.sync(name, request)?;
    loop {
        tokio::select! {
            Some(event) = events.recv() => told(event),
            answered = &mut answer => {
                while let Ok(event) = events.try_recv() {
                    told(event);
                }
                return answered.unwrap_or_else(|_| {
                    let message = "the host is leaving; the sync goes on when it is started again";
                    Err(Failure::new(Blame::Host, "unavailable", message))
                });
            }
            Ok(()) = interrupts.changed() => fleet.say(name, Word::Stop(Stop::Cancelled))?,
        }
    }
}

fn request(wanted: &Sync, user: &str) -> Result<Request, Exit> {
    if wanted.name.is_none() {
        return Ok(Request::Automatic);
    }
    let key = |text: &String| {
        ObjectKey::parse(text).ok_or_else(|| {
            Exit::usage(format!("`{text}` is no object: write GROUP/KIND/NAMESPACE/NAME, such as /ConfigMap/shop/web"))
        })
    };
    let only = wanted.only.iter().map(key).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(Request::Manual(Manual {
        who: wanted.actor.clone().unwrap_or_else(|| user.to_owned()),
        prune: if wanted.prune { Permit::Granted } else { Permit::Refused },
        only: (!only.is_empty()).then_some(only),
        awaits: if wanted.no_wait { Await::Nothing } else { Await::Health },
    }))
}

/// Reasons to do nothing that are fine where an application was named, and where none was.
const NAMED: [Code; 2] = [Code::InSync, Code::PruneOff];
const UNNAMED: [Code; 10] = [
    Code::InSync,
    Code::PruneOff,
    Code::AutomationOff,
    Code::SelfHealOff,
    Code::SelfHealBackoff,
    Code::Suspended,
    Code::Frozen,
    Code::WindowClosed,
    Code::ObserveOnly,
    Code::Requirement,
];

/// Whether it went well, and its row.
fn row(name: &str, answer: Result<reconcile::Outcome, Failure>, fine: &[Code], screen: &Screen) -> (bool, Value) {
    let (good, word, message, standing) = match answer {
        Ok(reconcile::Outcome { standing, outcome: Some(outcome) }) => {
            let good = matches!(outcome, Outcome::Healthy | Outcome::Applied);
            (good, if good { "synced" } else { "failed" }, outcome.to_string(), Some(standing))
        }
        Ok(reconcile::Outcome { standing, outcome: None }) => {
            let first = standing.reasons.first().map(|reason| reason.code);
            let good = first.is_some_and(|code| fine.contains(&code));
            let word = if first == Some(Code::InSync) { "unchanged" } else { "held" };
            (good, word, standing.message.clone(), Some(standing))
        }
        Err(failure) => (false, "failed", failure.message, None),
    };
    if !screen.json {
        screen.out(&format!("{name}: {message}"));
    }
    let standing =
        standing.map(|it| json!({"revision": it.revision, "sync": it.sync.to_string(), "health": it.health}));
    (good, json!({"name": name, "status": word, "message": message, "standing": standing}))
}
