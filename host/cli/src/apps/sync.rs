//! `tidegate apps sync` and `wait`.

use super::Desk;
use crate::args::Sync;
use crate::entry::Entry;
use crate::exit::Exit;
use crate::open;
use crate::screen::Screen;
use futures_util::StreamExt as _;
use model::Failure;
use planner::application::Permit;
use planner::decide::{Manual, Request};
use planner::health::Status;
use planner::object::ObjectKey;
use planner::operation::{Outcome, Stop};
use planner::plan::Await;
use planner::reason::Code;
use planner::survey::SyncStatus;
use reconcile::{Event, Keeper, Word};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many applications are synced at once.
const AT_ONCE: usize = 8;
/// How often a wait looks, where nobody tells it.
const LOOK: Duration = Duration::from_secs(2);

impl Desk {
    /// 0 where all is applied and, if that was waited for, healthy; 1 where a sync failed or nothing could be done.
    pub(super) async fn sync(&self, wanted: &Sync, screen: &Screen) -> Result<u8, Exit> {
        let _lock = self.engine.lock()?;
        let request = request(wanted)?;
        // Whoever names one wants it done; what its own policy does not do by itself is no failure otherwise.
        let fine: &[Code] = if wanted.name.is_some() { &NAMED } else { &UNNAMED };
        let entries: Vec<&Entry> = match &wanted.name {
            Some(name) => vec![self.find(name)?],
            None => self.entries.iter().filter(|entry| self.floor.cluster(entry).is_some()).collect(),
        };
        let each = entries.into_iter().map(|entry| {
            let request = request.clone();
            async move { (entry, self.sync_one(entry, request, screen).await) }
        });
        let answers: Vec<_> = futures_util::stream::iter(each).buffered(AT_ONCE).collect().await;
        self.note_away(screen);
        let (mut code, mut rows) = (0, Vec::new());
        for (entry, answer) in answers {
            let (good, one) = row(&entry.name, answer, fine, screen);
            code = if good { code } else { 1 };
            rows.push(one);
        }
        if screen.json {
            screen.document(&rows);
        }
        Ok(code)
    }

    async fn sync_one(&self, entry: &Entry, request: Request, screen: &Screen) -> Result<reconcile::Outcome, Failure> {
        let keeper = self.floor.keeper(entry).await?;
        let (words, heard) = mpsc::channel(4);
        let interrupted = tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if words.send(Word::Stop(Stop::Cancelled)).await.is_err() {
                    return;
                }
            }
        });
        let name = &entry.name;
        let told = |event: Event| match event {
            Event::At(text) => screen.note(&format!("{name}: {text}")),
            Event::AsksConsent(keys) => {
                let keys = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                screen.note(&format!("{name}: a person must confirm that these go: {keys}"));
            }
        };
        let kept = keeper.keep(request, heard, &told).await;
        interrupted.abort();
        kept
    }

    /// 0 once it is synced and healthy, 1 where it is not by then.
    pub(super) async fn wait(&self, name: &str, timeout: Duration, screen: &Screen) -> Result<u8, Exit> {
        let keeper = self.floor.keeper(self.find(name)?).await?;
        let end = tokio::time::Instant::now() + timeout;
        loop {
            let (_, standing) = keeper.look().await?;
            let good = standing.sync == SyncStatus::Synced && standing.health.status == Status::Healthy;
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
            changed(&keeper, end).await;
        }
    }
}

async fn changed(keeper: &Keeper, end: tokio::time::Instant) {
    let mut changes = keeper.changes();
    let until = end.min(tokio::time::Instant::now() + LOOK);
    let _ = tokio::time::timeout_at(until, changes.changed()).await;
}

fn request(wanted: &Sync) -> Result<Request, Exit> {
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
        who: wanted.actor.clone().unwrap_or_else(open::system_user),
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
