//! `tidegate apps sync` and `wait`.

use super::{Desk, Found, Presence, declared, read_catalog};
use crate::applications;
use crate::args::Sync;
use crate::exit::{Exit, graver, held};
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
use reconcile::{Catalog, Entry, Event, Floor, Keeper, Repositories, SourceAt, Standing, Word};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many applications are synced at once.
const AT_ONCE: usize = 8;
/// How often a wait looks, where nobody tells it.
pub(super) const LOOK: Duration = Duration::from_secs(2);

impl Desk {
    /// 0 where all is applied and, if that was waited for, healthy; else the gravest of: 1 where a sync failed or nothing could be
    /// done, 2 where a file or a cluster's name is wrong, 3 where people are asked first, 4 where it is not permitted, 5 where
    /// something does not answer.
    pub(super) async fn sync(&self, wanted: &Sync, screen: &Screen) -> Result<u8, Exit> {
        let _lock = if self.asked.is_none() { Some(self.engine.lock()?) } else { None };
        let request = request(wanted, &self.user)?;
        // Whoever names one wants it done; what its own policy does not do by itself is no failure otherwise.
        let fine: &[Code] = if wanted.name.is_some() { &NAMED } else { &UNNAMED };
        let mut catalog = self.catalog.clone();
        let (mut code, mut rows, mut done) = (0, Vec::new(), BTreeSet::new());
        if wanted.name.is_none() {
            // There may be more applications than are known.
            self.note_unknown(screen);
            code = self.end;
        }
        loop {
            let entries: Vec<&Entry> = match &wanted.name {
                Some(name) => vec![self.find(name)?],
                None => declared(&catalog).filter(|entry| !done.contains(&entry.name)).collect(),
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
                let (how, one) = row(&entry.name, answer, fine, screen);
                code = graver(code, how);
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
        Ok(Some(Arc::new(read_catalog(config.clone(), repositories.clone(), books.clone()).await?.0)))
    }

    async fn sync_one(&self, entry: &Entry, request: Request, screen: &Screen) -> Result<reconcile::Outcome, Failure> {
        let name = &entry.name;
        entry.application.as_ref().map_err(Clone::clone)?;
        // Of its own: a borrowed one makes a future that the compiler does not let cross threads.
        let (words, of) = (screen.clone(), name.clone());
        let told = move |event: Event| match event {
            Event::At(text) => words.note(&format!("{of}: {text}")),
            Event::AsksConsent(keys) => {
                let keys = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                words.note(&format!("{of}: a person must confirm that these go: {keys}"));
            }
            Event::Waits => words.note(&format!("{of}: waits for what is at work already")),
            Event::Begins => {}
        };
        match &self.asked {
            Some(asked) => follow(asked, name, request, &told).await,
            None => {
                let keeper = self.keeper(entry).await?;
                let (words, mut heard) = mpsc::channel(4);
                let interrupted = tokio::spawn(async move {
                    while tokio::signal::ctrl_c().await.is_ok() {
                        if words.send(Word::Stop(Stop::Cancelled)).await.is_err() {
                            return;
                        }
                    }
                });
                let kept = loop {
                    match keeper.keep(request.clone(), &mut heard, &told).await {
                        Ok(kept) if !kept.is_answer => {}
                        kept => break kept,
                    }
                };
                interrupted.abort();
                kept
            }
        }
    }

    /// 0 once it is synced and healthy, with this commit or a later one where that is asked, or once it is gone where it is being
    /// deleted. Where it is not by then: 3 where it waits for people, 4 where it is not permitted, 5 where its cluster does not
    /// answer, else 1.
    pub(super) async fn wait(
        &self,
        name: &str,
        commit: Option<&str>,
        timeout: Duration,
        screen: &Screen,
    ) -> Result<u8, Exit> {
        let Found { entry, presence } = self.find_any(name)?;
        let entry = &*entry;
        let end = tokio::time::Instant::now() + timeout;
        let mut changes = self.asked.as_ref().map(|asked| asked.daemon.fleet.changes());
        // What the daemon knows may be older than what was pushed before somebody asked.
        let newest = if commit.is_some() || presence == Presence::Going { None } else { self.newest(entry).await };
        loop {
            let standing = match &mut changes {
                Some(changes) => {
                    changes.borrow_and_update();
                    self.floor.books.memory(name)?.standing
                }
                None => Some(self.keeper(entry).await?.look().await?.1),
            };
            if presence == Presence::Going && self.floor.books.declaration(name)?.is_none() {
                if screen.json {
                    screen.document(&json!({"name": name, "message": "it is gone"}));
                } else {
                    screen.out(&format!("{name}: it is gone"));
                }
                return Ok(0);
            }
            let standing = standing
                .unwrap_or_else(|| Standing::unknown("nobody has looked at it yet".to_owned(), None, reconcile::now()));
            let is_well = standing.sync == SyncStatus::Synced && standing.health.status == Status::Healthy;
            let mut good = presence != Presence::Going && is_well;
            if good {
                good = match (commit, &newest) {
                    (Some(commit), _) => applications::hold(&self.engine, &standing.sources, commit).await?,
                    (None, Some(newest)) => applications::reach(&self.engine, &standing.sources, newest).await?,
                    (None, None) => true,
                };
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
                return Ok(if good { 0 } else { held(&standing.reasons) });
            }
            match &mut changes {
                // Woken early or late, it looks again.
                Some(changes) => drop(tokio::time::timeout_at(end, changes.changed()).await),
                None => changed(&self.keeper(entry).await?, end).await,
            }
        }
    }

    /// The commits of its sources as they are now, where a daemon may stand at older ones.
    async fn newest(&self, entry: &Entry) -> Option<Vec<SourceAt>> {
        self.asked.as_ref()?;
        let application = entry.application.as_ref().ok()?.clone();
        let repositories: Arc<dyn Repositories> = self.floor.repositories.clone();
        // What it cannot be rendered from, its standing says better.
        let jobs = tokio::task::spawn_blocking(move || reconcile::jobs(&application, &repositories).ok());
        let jobs = jobs.await.ok().flatten()?;
        let at = |source: &reconcile::Source| SourceAt {
            repository: source.repository.clone(),
            commit: source.commit.clone(),
        };
        Some(jobs.iter().flat_map(|job| &job.sources).map(at).collect())
    }
}

async fn changed(keeper: &Keeper, end: tokio::time::Instant) {
    let mut changes = keeper.changes();
    let until = end.min(tokio::time::Instant::now() + LOOK);
    let _ = tokio::time::timeout_at(until, changes.changed()).await;
}

/// Lets the daemon sync, and hears what happens until it has ended. Ctrl-C stops it, or takes it back where it has not begun.
async fn follow(
    asked: &Asked,
    name: &str,
    request: Request,
    told: &(dyn Fn(Event) + Send + std::marker::Sync),
) -> Result<reconcile::Outcome, Failure> {
    let fleet = &asked.daemon.fleet;
    let mut interrupts = asked.interrupts.clone();
    let mut following = fleet.sync(name, request)?;
    loop {
        tokio::select! {
            Some(event) = following.events.recv() => told(event),
            answered = &mut following.answer => {
                while let Ok(event) = following.events.try_recv() {
                    told(event);
                }
                return answered.unwrap_or_else(|_| Err(cut_off(asked)));
            }
            Ok(()) = interrupts.changed() => {
                // What is at work before it begins is somebody else's.
                if following.withdraw() {
                    return Err(Failure::new(Blame::Host, "cancelled", "taken back before it began"));
                }
                fleet.say(name, Word::Stop(Stop::Cancelled))?;
            }
        }
    }
}

/// Why nobody answers any more.
fn cut_off(asked: &Asked) -> Failure {
    if *asked.daemon.drain.borrow() {
        let message = "the host is leaving; a sync that was at work goes on when it is started again";
        return Failure::new(Blame::Host, "unavailable", message);
    }
    Failure::internal("what looks after it broke; a sync that was at work goes on within minutes")
        .hint("the daemon's log says why")
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

/// Its exit code, and its row.
fn row(name: &str, answer: Result<reconcile::Outcome, Failure>, fine: &[Code], screen: &Screen) -> (u8, Value) {
    let (code, word, message, standing) = match answer {
        Ok(reconcile::Outcome { standing, outcome: Some(outcome), .. }) => {
            let good = matches!(outcome, Outcome::Healthy | Outcome::Applied);
            (u8::from(!good), if good { "synced" } else { "failed" }, outcome.to_string(), Some(standing))
        }
        Ok(reconcile::Outcome { standing, outcome: None, .. }) => {
            let first = standing.reasons.first().map(|reason| reason.code);
            let good = first.is_some_and(|code| fine.contains(&code));
            let word = if first == Some(Code::InSync) { "unchanged" } else { "held" };
            (if good { 0 } else { held(&standing.reasons) }, word, standing.message.clone(), Some(standing))
        }
        Err(failure) => {
            let message = failure.message.clone();
            (Exit::from(failure).code(), "failed", message, None)
        }
    };
    if !screen.json {
        screen.out(&format!("{name}: {message}"));
    }
    let standing =
        standing.map(|it| json!({"revision": it.revision, "sync": it.sync.to_string(), "health": it.health}));
    (code, json!({"name": name, "status": word, "message": message, "standing": standing}))
}
