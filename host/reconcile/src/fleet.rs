//! All applications of a host that runs, each kept equal to Git by a loop of its own.

use crate::adopt::{Adopted, Adopting, Marked};
use crate::catalog::Catalog;
use crate::configured::Configured;
use crate::entry::Entry;
use crate::floor::Floor;
use crate::keeper::{Event, Kept, Word};
use crate::seat::{Declared, Order, Report, Reports, Seat, Wanted};
use crate::standing::Standing;
use model::{Blame, Failure};
use planner::decide::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Applications that are kept. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    floor: Arc<Floor>,
    configured: Arc<Configured>,
    changed: Arc<watch::Sender<u64>>,
    reports: Arc<Reports>,
    drain: watch::Sender<bool>,
    state: Mutex<State>,
    /// The names of those that are kept, where not all are.
    wanted: Option<Mutex<BTreeSet<String>>>,
    /// One at a time reads what is declared.
    reading: tokio::sync::Mutex<()>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    catalog: Arc<Catalog>,
    seats: BTreeMap<String, Seat>,
}

/// A sync that was asked for, to be followed.
pub struct Following {
    /// What happens meanwhile.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// How it ended.
    pub answer: oneshot::Receiver<Result<Kept, Failure>>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fleet")
    }
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Following")
    }
}

impl Fleet {
    /// Of a host; it keeps nothing yet. `configured` reads mirrors and contacts nobody; `reports` must not block.
    pub fn new(
        floor: Arc<Floor>,
        configured: Arc<Configured>,
        reports: impl Fn(Report) + Send + Sync + 'static,
    ) -> Self {
        Self::of(floor, configured, Arc::new(reports), None)
    }

    /// The same of those alone that are asked for with [`Fleet::want`]; it ends none.
    pub fn on_demand(
        floor: Arc<Floor>,
        configured: Arc<Configured>,
        reports: impl Fn(Report) + Send + Sync + 'static,
    ) -> Self {
        Self::of(floor, configured, Arc::new(reports), Some(Mutex::default()))
    }

    fn of(
        floor: Arc<Floor>,
        configured: Arc<Configured>,
        reports: Arc<Reports>,
        wanted: Option<Mutex<BTreeSet<String>>>,
    ) -> Self {
        let inner = Inner {
            floor,
            configured,
            changed: Arc::new(watch::Sender::new(0)),
            reports,
            drain: watch::Sender::new(false),
            state: Mutex::default(),
            wanted,
            reading: tokio::sync::Mutex::default(),
            tasks: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What is declared, as of the last reading.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.state().catalog.clone()
    }

    /// The host's side of them.
    pub fn floor(&self) -> &Arc<Floor> {
        &self.inner.floor
    }

    /// Rings whenever something that is stored of an application changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Reads what is declared, begins with what is new, and ends what is gone. What could not be read stays as it was.
    ///
    /// Errors: those of the journal.
    pub async fn refresh(&self) -> Result<Arc<Catalog>, Failure> {
        let _reading = self.inner.reading.lock().await;
        let (config, configured) = (self.inner.floor.config.clone(), self.inner.configured.clone());
        let books = self.inner.floor.books.clone();
        let read = move || Ok::<_, Failure>((Catalog::read(&config, &configured), books.declared()?));
        let read = tokio::task::spawn_blocking(read).await;
        let (catalog, remembered) =
            read.map_err(|e| Failure::internal(format!("reading what is declared panicked: {e}")))??;
        let catalog = Arc::new(catalog);
        let mut state = self.state();
        let before = std::mem::replace(&mut state.catalog, catalog.clone());
        let projects = before.projects != catalog.projects;
        let kept = |entry: &&Arc<Entry>| entry.application.is_ok() && self.keeps(&entry.name);
        for entry in catalog.entries.iter().filter(kept) {
            let declared = Declared { catalog: catalog.clone(), entry: entry.clone(), ends: false };
            match state.seats.get(&entry.name) {
                Some(seat) if !projects && seat.declared().entry == *entry && !seat.declared().ends => {}
                Some(seat) => seat.declare(declared),
                None => self.seat(&mut state, declared),
            }
        }
        if self.inner.wanted.is_none() {
            self.end_gone(&mut state, &catalog, remembered);
        }
        drop(state);
        self.inner.changed.send_modify(|count| *count += 1);
        Ok(catalog)
    }

    fn keeps(&self, name: &str) -> bool {
        let Some(wanted) = &self.inner.wanted else { return true };
        wanted.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Keeps this one as well from now on.
    pub fn want(&self, name: &str) {
        let Some(wanted) = &self.inner.wanted else { return };
        if !wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned()) {
            return;
        }
        let mut state = self.state();
        let catalog = state.catalog.clone();
        if let Some(entry) = catalog.find(name).filter(|entry| entry.application.is_ok()) {
            let declared = Declared { catalog: catalog.clone(), entry: entry.clone(), ends: false };
            self.seat(&mut state, declared);
        }
    }

    /// Ends applications that are declared nowhere any more. Only where all of their repository was read and understood: a
    /// file that is broken, or a repository that cannot be reached, ends nothing.
    fn end_gone(&self, state: &mut State, catalog: &Arc<Catalog>, remembered: Vec<(String, Option<Entry>)>) {
        let names: BTreeSet<&str> = catalog.entries.iter().map(|entry| entry.name.as_str()).collect();
        for (name, entry) in remembered {
            // What was stored before files were remembered is nobody's to end.
            let Some(entry) = entry.filter(|_| !names.contains(name.as_str())) else { continue };
            if !catalog.whole.contains(&entry.repository) {
                continue;
            }
            let declared = Declared { catalog: catalog.clone(), entry: Arc::new(entry), ends: true };
            match state.seats.get(&name) {
                Some(seat) if seat.declared().ends => {}
                Some(seat) => seat.declare(declared),
                None => self.seat(state, declared),
            }
        }
    }

    fn seat(&self, state: &mut State, declared: Declared) {
        let inner = &self.inner;
        let name = declared.entry.name.clone();
        let (seat, work) = Seat::take(
            inner.floor.clone(),
            declared,
            (inner.changed.clone(), inner.reports.clone()),
            inner.drain.subscribe(),
        );
        let fleet = Arc::downgrade(inner);
        let of = name.clone();
        self.tasks().spawn(async move {
            work.await;
            // It is gone, or the host leaves.
            if let Some(inner) = fleet.upgrade() {
                let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.seats.get(&of).is_some_and(|seat| seat.declared().ends) {
                    state.seats.remove(&of);
                }
            }
        });
        state.seats.insert(name, seat);
    }

    /// A repository has moved: what is declared there is read again, and applications with files there are looked at.
    ///
    /// Errors: those of [`Fleet::refresh`].
    pub async fn moved(&self, repository: &str) -> Result<(), Failure> {
        let config = &self.inner.floor.config;
        if config.repositories.get(repository).is_some_and(|repository| !repository.applications.is_empty()) {
            self.refresh().await?;
        }
        let state = self.state();
        for seat in state.seats.values() {
            let declared = seat.declared();
            let Ok(application) = &declared.entry.application else { continue };
            let onto = self.inner.floor.cluster(&declared.entry).is_some_and(|(_, cluster)| {
                matches!(&cluster.reach, manifest::Reach::Branch { repository: of, .. } if of == repository)
            });
            let there = |address: &str| manifest::repository_of(address, config) == Some(repository);
            if onto || application.sources.iter().any(|source| there(&source.repository)) {
                seat.ring();
            }
        }
        Ok(())
    }

    /// It may be that something has changed about an application, or about all.
    pub fn ring(&self, name: Option<&str>) {
        let state = self.state();
        match name {
            Some(name) => state.seats.get(name).into_iter().for_each(Seat::ring),
            None => state.seats.values().for_each(Seat::ring),
        }
    }

    /// Asks for a sync. Errors: `not-found`, `exhausted`.
    pub fn sync(&self, name: &str, request: Request) -> Result<Following, Failure> {
        let (events, heard) = mpsc::unbounded_channel();
        let (answer, answered) = oneshot::channel();
        self.order(name, Order::Sync(Wanted { request, events, answer }))?;
        Ok(Following { events: heard, answer: answered })
    }

    /// Lets an application take over what Argo CD tracks for it, once no sync of it is at work. Errors: `not-found`, `exhausted`,
    /// `unavailable` where the host leaves, and those of [`crate::Keeper::adopt`].
    pub async fn adopt(&self, name: &str, marked: Arc<Marked>) -> Result<Adopted, Failure> {
        let (answer, answered) = oneshot::channel();
        self.order(name, Order::Adopt(Adopting { marked, answer }))?;
        answered.await.unwrap_or_else(|_| {
            Err(Failure::new(Blame::Host, "unavailable", "the host is leaving; nothing was adopted"))
        })
    }

    /// Says something to the sync at work; where there is none, nothing happens. Errors: `not-found`, `exhausted`.
    pub fn say(&self, name: &str, word: Word) -> Result<(), Failure> {
        self.order(name, Order::Word(word))
    }

    fn order(&self, name: &str, order: Order) -> Result<(), Failure> {
        let state = self.state();
        let missing = || Failure::new(Blame::User, "not-found", format!("no application is called `{name}`"));
        state.seats.get(name).ok_or_else(missing)?.order(order)
    }

    /// How an application stood when it was last looked at. Errors: those of the journal.
    pub fn standing(&self, name: &str) -> Result<Option<Standing>, Failure> {
        Ok(self.inner.floor.books.memory(name)?.standing)
    }

    /// Begins nothing new, and waits for the syncs that are at work. What is cut off goes on at the next start.
    pub async fn drain(&self) {
        self.inner.drain.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks());
        while tasks.join_next().await.is_some() {}
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        let mut tasks = self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended hold memory until they are asked for.
        while tasks.try_join_next().is_some() {}
        tasks
    }
}
