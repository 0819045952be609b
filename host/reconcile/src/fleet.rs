//! All applications of a host that runs, each kept equal to Git by a loop of its own.

use crate::adopt::{Adopted, Adopting, Marked};
use crate::brood::Stir;
use crate::catalog::Catalog;
use crate::configured::Configured;
use crate::due;
use crate::entry::Entry;
use crate::floor::Floor;
use crate::keeper::{Event, Kept, Word};
use crate::proof::{Coming, beyond, unproven};
use crate::seat::{Claim, Declared, Order, Report, Reports, Seat, Wanted};
use crate::standing::Standing;
use futures_util::FutureExt as _;
use manifest::DeclaredKind;
use model::{Blame, Failure};
use planner::decide::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use store::Command;
use tokio::sync::mpsc::UnboundedReceiver;
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
    /// Those whose files are gone, as far as was read; they end once that is sure.
    missing: BTreeSet<String>,
    /// Whether somebody makes sure of that.
    asking: bool,
}

/// A sync that was asked for, to be followed.
pub struct Following {
    /// What happens meanwhile.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// How it ended.
    pub answer: oneshot::Receiver<Result<Kept, Failure>>,
    claim: Claim,
}

impl Following {
    /// Takes the order back; false where it has begun, and only [`Word::Stop`] ends it.
    pub fn withdraw(&self) -> bool {
        self.claim.take()
    }
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
        self.read(&BTreeSet::new()).await
    }

    /// The same; of what is gone, it ends those that were found so before every repository was fetched.
    async fn read(&self, sure: &BTreeSet<String>) -> Result<Arc<Catalog>, Failure> {
        let _reading = self.inner.reading.lock().await;
        self.listen();
        let (config, configured) = (self.inner.floor.config.clone(), self.inner.configured.clone());
        let (books, before) = (self.inner.floor.books.clone(), self.catalog());
        let ends = self.inner.wanted.is_none();
        let read = move || {
            let children = books.children()?;
            let (mut catalog, read) = Catalog::read_at(&config, &configured, &children);
            // What was stored before files were remembered is nobody's to end.
            let remembered = books.declared().map(|all| all.into_iter().filter_map(|(_, entry)| entry).collect());
            let mut known = BTreeSet::new();
            let gone = remembered.map(|remembered: Vec<Entry>| {
                known.extend(remembered.iter().map(|entry| entry.name.clone()));
                catalog.refuse_heirs(&remembered);
                let settled = catalog.settled(&remembered, &children);
                let settled: Vec<_> = settled.into_iter().map(|row| (row.parent.clone(), row.name.clone())).collect();
                (catalog.gone(&config, &read, remembered, &children), settled)
            });
            catalog.share(&before);
            Ok::<_, Failure>((catalog, known, gone))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let (catalog, known, gone) =
            read.map_err(|e| Failure::internal(format!("reading what is declared panicked: {e}")))??;
        let catalog = Arc::new(catalog);
        {
            let mut state = self.state();
            self.declare(&mut state, &catalog, &known);
            if let Ok((gone, _)) = &gone
                && ends
            {
                self.end_gone(&mut state, gone, sure);
            }
        }
        self.inner.changed.send_modify(|count| *count += 1);
        for (parent, name) in gone?.1 {
            self.inner.floor.books.child(Command::ChildSettles(parent, name)).await?;
        }
        Ok(catalog)
    }

    /// Hears from now on what applications tell.
    fn listen(&self) {
        if let Some(stirred) = self.inner.floor.stirred() {
            self.tasks().spawn(listens(Arc::downgrade(&self.inner), stirred, self.inner.drain.subscribe()));
        }
    }

    /// Declares what a catalog has to those who keep it, and seats what is new. One whose file is refused is held, and not kept by
    /// the file that it had before: what was refused may guard something. Only those that are `known` from earlier are held so,
    /// as there is nothing of the others to look after.
    fn declare(&self, state: &mut State, catalog: &Arc<Catalog>, known: &BTreeSet<String>) {
        let before = std::mem::replace(&mut state.catalog, catalog.clone());
        let projects = before.projects != catalog.projects;
        let mine = |entry: &&Arc<Entry>| entry.kind == DeclaredKind::Application && self.keeps(&entry.name);
        let mut last = None;
        for entry in catalog.entries.iter().filter(mine) {
            // All of one name are refused for the same reason.
            if last.replace(&entry.name) == Some(&entry.name) {
                continue;
            }
            let declared = Declared { projects: catalog.projects.clone(), entry: entry.clone(), ends: false };
            match state.seats.get(&entry.name) {
                Some(seat) if !projects && seat.declared().entry == *entry && !seat.declared().ends => {}
                Some(seat) => seat.declare(declared),
                None if entry.application.is_err() && !known.contains(&entry.name) => {}
                None => self.seat(state, declared),
            }
        }
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
        // Whoever read what is declared in between has seated it.
        if let Some(entry) = catalog.find(name).filter(|entry| entry.application.is_ok())
            && !state.seats.contains_key(name)
        {
            let declared = Declared { projects: catalog.projects.clone(), entry: entry.clone(), ends: false };
            self.seat(&mut state, declared);
        }
    }

    /// Ends applications that are declared nowhere any more, once that is sure: a file may have moved to a repository that is
    /// looked at less often, so all are fetched before.
    fn end_gone(&self, state: &mut State, gone: &[Entry], sure: &BTreeSet<String>) {
        state.missing.clear();
        for entry in gone {
            let seat = state.seats.get(&entry.name);
            if seat.is_some_and(|seat| seat.declared().ends) {
                continue;
            }
            if !sure.contains(&entry.name) {
                state.missing.insert(entry.name.clone());
                continue;
            }
            let projects = state.catalog.projects.clone();
            let declared = Declared { projects, entry: Arc::new(entry.clone()), ends: true };
            match seat {
                Some(seat) => seat.declare(declared),
                None => self.seat(state, declared),
            }
        }
        if !state.missing.is_empty() && !std::mem::replace(&mut state.asking, true) {
            self.tasks().spawn(make_sure(Arc::downgrade(&self.inner), self.inner.drain.subscribe()));
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
        state.seats.insert(name.clone(), seat);
        self.tasks().spawn(look_after(Arc::downgrade(inner), name, work, inner.drain.subscribe()));
    }

    /// A repository has moved: what is declared there is read again, and applications with files there are looked at.
    ///
    /// Errors: those of [`Fleet::refresh`].
    pub async fn moved(&self, repository: &str) -> Result<(), Failure> {
        let (config, mut read) = (&self.inner.floor.config, Ok(()));
        if config.repositories.get(repository).is_some_and(|repository| !repository.applications.is_empty()) {
            read = self.refresh().await.map(drop);
        }
        // Whether or not it could be read what is declared: what was declared before has its files there all the same.
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
        drop(state);
        read
    }

    /// It may be that something has changed about an application, or about all.
    pub fn ring(&self, name: Option<&str>) {
        let state = self.state();
        match name {
            Some(name) => state.seats.get(name).into_iter().for_each(Seat::ring),
            None => state.seats.values().for_each(Seat::ring),
        }
    }

    /// Asks for a sync. Errors: `not-found`, `exhausted`, `unavailable` where the host leaves.
    pub fn sync(&self, name: &str, request: Request) -> Result<Following, Failure> {
        let (events, heard) = mpsc::unbounded_channel();
        let (answer, answered) = oneshot::channel();
        let claim = Claim::default();
        self.order(name, Order::Sync(Wanted { request, events, answer, claim: claim.clone() }))?;
        Ok(Following { events: heard, answer: answered, claim })
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

    /// Says something to the sync that is stored, at once or once somebody is at it; where there is none, nothing happens.
    /// Errors: `not-found`, `exhausted`, `unavailable` where the host leaves.
    pub fn say(&self, name: &str, word: Word) -> Result<(), Failure> {
        self.order(name, Order::Word(word))
    }

    fn order(&self, name: &str, order: Order) -> Result<(), Failure> {
        let state = self.state();
        let missing = || Failure::new(Blame::User, "not-found", format!("no application is called `{name}`"));
        state.seats.get(name).ok_or_else(missing)?.order(order)
    }

    /// The applications whose files are gone, and which are being deleted, by their files as they were read last.
    pub fn going(&self) -> Vec<Arc<Entry>> {
        let state = self.state();
        let declared = state.seats.values().map(Seat::declared);
        declared.filter(|declared| declared.ends).map(|declared| declared.entry).collect()
    }

    /// How an application stood when it was last looked at. Errors: those of the journal.
    pub fn standing(&self, name: &str) -> Result<Option<Standing>, Failure> {
        Ok(self.inner.floor.books.memory(name)?.standing)
    }

    /// Why these images may not come into an environment that takes those alone with which another one is healthy: what is missing.
    /// `None` where they may. What the environment has, or was healthy with, is not new there. Blocking. Errors: those of the journal.
    pub fn unproven(&self, asking: &str, proving: &str, images: &[String]) -> Result<Option<String>, Failure> {
        let floor = &self.inner.floor;
        let new = beyond(images, &floor.books.images_there(asking)?);
        if new.is_empty() {
            return Ok(None);
        }
        if self.inner.wanted.is_some() {
            // How they stand only whoever looks can tell.
            let catalog = self.catalog();
            let of_it = catalog.entries.iter().filter(|entry| floor.is_of(entry, proving));
            of_it.for_each(|entry| self.want(&entry.name));
        }
        let coming = Coming { new, all: images.to_vec() };
        Ok(unproven(proving, &coming, &floor.books.witnesses(proving)?).map(|told| told.in_words()))
    }

    /// Begins nothing new, and waits for the syncs that are at work. What is cut off goes on at the next start.
    pub async fn drain(&self) {
        self.inner.drain.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks());
        while tasks.join_next().await.is_some() {}
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        let mut tasks = self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended hold memory until they are asked for.
        while tasks.try_join_next().is_some() {}
        tasks
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for so long; false where the host leaves meanwhile.
async fn pause(millis: u64, drain: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(Duration::from_millis(millis), drain.wait_for(|leaves| *leaves)).await.is_err()
}

/// Runs the loop of a seat to its end, and clears the seat away: one without a loop would take orders, and follow none.
async fn look_after(
    fleet: Weak<Inner>,
    name: String,
    work: impl Future<Output = ()> + Send,
    mut drain: watch::Receiver<bool>,
) {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    let Some(inner) = fleet.upgrade() else { return };
    if *inner.drain.borrow() {
        return;
    }
    let removed = {
        let mut state = inner.state();
        let removed = state.seats.remove(&name).map(|seat| seat.declared());
        // Its file came back after its loop had looked for the last time.
        if let Some(declared) = removed.clone().filter(|declared| !declared.ends && ended.is_ok()) {
            Fleet { inner: inner.clone() }.seat(&mut state, declared);
        }
        removed
    };
    let (Err(panic), Some(removed)) = (ended, removed) else { return };
    let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    let failure = Failure::internal(format!("what looks after it panicked, and begins again in a minute: {what}"));
    (inner.reports)(Report::Cannot(name.clone(), failure));
    drop(inner);
    // Whatever it is, it may well come again.
    if !pause(due::pause(u32::MAX), &mut drain).await {
        return;
    }
    let Some(inner) = fleet.upgrade() else { return };
    let mut state = inner.state();
    if state.seats.contains_key(&name) {
        return;
    }
    let catalog = state.catalog.clone();
    let declared = match catalog.find(&name).cloned() {
        Some(entry) => Declared { projects: catalog.projects.clone(), entry, ends: false },
        None => removed,
    };
    Fleet { inner: inner.clone() }.seat(&mut state, declared);
}

/// Hears applications: what one has declared is kept from here on, and what it declares no more ends; a parent is looked at
/// when a child is doing otherwise.
async fn listens(fleet: Weak<Inner>, mut stirred: UnboundedReceiver<Stir>, mut drain: watch::Receiver<bool>) {
    let mut in_a_row = 0;
    loop {
        let first = tokio::select! {
            first = stirred.recv() => first,
            _ = drain.wait_for(|leaves| *leaves) => return,
        };
        let Some(first) = first else { return };
        let mut all = vec![first];
        while let Ok(more) = stirred.try_recv() {
            if !all.contains(&more) {
                all.push(more);
            }
        }
        let Some(inner) = fleet.upgrade() else { return };
        let fleet = Fleet { inner: inner.clone() };
        for stir in all {
            let failure = match stir {
                Stir::Of(parent) => {
                    fleet.ring(Some(&parent));
                    continue;
                }
                Stir::Declared => match fleet.refresh().await {
                    Ok(_) => {
                        in_a_row = 0;
                        continue;
                    }
                    Err(failure) => failure,
                },
            };
            // What is in the journal is not lost: it is read again.
            (inner.reports)(Report::Cannot("what applications declare".to_owned(), failure));
            in_a_row += 1;
            if !pause(due::pause(in_a_row), &mut drain).await {
                return;
            }
            inner.floor.declared();
        }
    }
}

/// Makes sure that what is missing is gone: fetches all repositories that may declare applications, and reads once more. One that
/// does not answer is asked again, and until then nothing ends.
async fn make_sure(fleet: Weak<Inner>, mut drain: watch::Receiver<bool>) {
    let mut in_a_row = 0;
    loop {
        let Some(inner) = fleet.upgrade() else { return };
        let missing = {
            let mut state = inner.state();
            // Under the lock: whoever finds another one missing after this begins anew.
            state.asking = !state.missing.is_empty() && !*inner.drain.borrow();
            if !state.asking {
                return;
            }
            state.missing.clone()
        };
        let (config, configured) = (inner.floor.config.clone(), inner.configured.clone());
        let fetch = tokio::task::spawn_blocking(move || {
            let declaring = config.repositories.iter().filter(|(_, repository)| !repository.applications.is_empty());
            for (name, _) in declaring {
                let fetched = configured.mirror(name).and_then(|mirror| mirror.fetch().map_err(|e| e.failure()));
                fetched.map_err(|failure| {
                    let why = format!("whether its file is gone is not sure before `{name}` answers: {failure}");
                    Failure { message: why, ..failure }
                })?;
            }
            Ok(())
        });
        let fetched = tokio::select! {
            fetched = fetch => fetched,
            _ = drain.wait_for(|leaves| *leaves) => continue,
        };
        let fetched = fetched.unwrap_or_else(|e| Err(Failure::internal(format!("fetching panicked: {e}"))));
        let read = match fetched {
            Ok(()) => Fleet { inner: inner.clone() }.read(&missing).await.map(drop),
            Err(failure) => Err(failure),
        };
        let Err(failure) = read else {
            in_a_row = 0;
            continue;
        };
        if in_a_row == 0 {
            missing.into_iter().for_each(|name| (inner.reports)(Report::Cannot(name, failure.clone())));
        }
        drop(inner);
        in_a_row += 1;
        pause(due::pause(in_a_row), &mut drain).await;
    }
}

#[cfg(test)]
mod tests;
