//! One application of a host that runs: its own queue, woken by commits, drift, time and people. Nothing that goes wrong here
//! delays another one.

use crate::adopt::{Adopting, Extent};
use crate::catalog::Projects;
use crate::due;
use crate::entry::{Change, Entry};
use crate::floor::Floor;
use crate::keeper::{Event, Keeper, Kept, Word, now};
use crate::standing::Standing;
use model::{Blame, Failure, Timestamp};
use planner::decide::Request;
use planner::operation::{Outcome, Stop};
use planner::reason::{Code, Reason};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Orders that may wait of one application: people's, so a few are many.
const ORDERS: usize = 16;
/// Bells closer to each other than this are one: a controller that writes all the time must not have us look all the time.
const CALM: Duration = Duration::from_millis(50);

/// What a person asks of an application.
pub(crate) struct Wanted {
    pub(crate) request: Request,
    /// Hears what happens meanwhile.
    pub(crate) events: mpsc::UnboundedSender<Event>,
    /// Hears how it ended.
    pub(crate) answer: oneshot::Sender<Result<Kept, Failure>>,
    /// Whether it is still wanted.
    pub(crate) claim: Claim,
}

/// Who is first: the loop that begins with an order, or the person who takes it back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// True for whoever asks first.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}

pub(crate) enum Order {
    Sync(Wanted),
    Adopt(Adopting),
    Word(Word),
}

/// What an application is declared as, at one moment.
#[derive(Clone)]
pub(crate) struct Declared {
    /// All projects. Nothing else of the catalog: each application would hold on to all the others as they were once.
    pub(crate) projects: Arc<Projects>,
    pub(crate) entry: Arc<Entry>,
    /// Whether its file is gone.
    pub(crate) ends: bool,
}

impl Declared {
    /// What a sync by this, begun then, hears when this is declared instead.
    fn told_by(&self, newer: &Self, begun: Timestamp) -> Word {
        // Those of all from whom it comes hold for it as well.
        let project = |of: &Self| {
            let ancestors = of.entry.ancestors.iter().map(|ancestor| &ancestor.project);
            let names = ancestors.chain([&of.entry.project]);
            names.map(|name| of.projects.get(name).cloned()).collect::<Vec<_>>()
        };
        if self.ends != newer.ends || self.entry.project != newer.entry.project || project(self) != project(newer) {
            return Word::Stop(Stop::Superseded);
        }
        match self.entry.told_by(&newer.entry, begun) {
            Change::None => Word::Moved,
            Change::Confirmed => Word::Confirm,
            // Whoever syncs has the older file, and would go on by it.
            Change::Other => Word::Stop(Stop::Superseded),
        }
    }
}

/// What becomes of an application, for the operator's log.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A sync ended: of which revision, and how.
    Ended(String, String, Outcome),
    /// It cannot be looked after, and why.
    Cannot(String, Failure),
    /// Its file is gone, and nothing of it is kept any more.
    Gone(String),
}

/// Hears what becomes of applications. It must not block.
pub(crate) type Reports = dyn Fn(Report) + Send + Sync;

/// The handle of an application's loop; dropping it ends the loop.
pub(crate) struct Seat {
    declared: watch::Sender<Declared>,
    bell: watch::Sender<u64>,
    orders: mpsc::Sender<Order>,
}

impl Seat {
    /// Takes a seat. `changed` rings when what is stored of it changed; the loop ends with the handle, or once `drain` is true
    /// and no sync is at work.
    pub(crate) fn take(
        floor: Arc<Floor>,
        declared: Declared,
        (changed, reports): (Arc<watch::Sender<u64>>, Arc<Reports>),
        drain: watch::Receiver<bool>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (orders, inbox) = mpsc::channel(ORDERS);
        let (declared, heard) = watch::channel(declared);
        let (bell, rung) = watch::channel(0);
        let others = changed.subscribe();
        let work = Work {
            floor,
            declared: heard,
            rung,
            inbox,
            changed,
            reports,
            others,
            drain,
            drift: None,
            waiting: VecDeque::new(),
            again: None,
            adopting: VecDeque::new(),
            unsaid: VecDeque::new(),
        };
        (Self { declared, bell, orders }, work.run())
    }

    /// It may be that something has changed.
    pub(crate) fn ring(&self) {
        self.bell.send_modify(|count| *count += 1);
    }

    /// Its file has changed, or a file on which it rests.
    pub(crate) fn declare(&self, declared: Declared) {
        self.declared.send_replace(declared);
        self.ring();
    }

    /// What it is declared as now.
    pub(crate) fn declared(&self) -> Declared {
        self.declared.borrow().clone()
    }

    /// Gives it an order. Errors: `exhausted`; `unavailable` where its loop has ended.
    pub(crate) fn order(&self, order: Order) -> Result<(), Failure> {
        self.orders.try_send(order).map_err(|e| match e {
            TrySendError::Full(_) => {
                Failure::new(Blame::Host, "exhausted", "too many people ask something of this application at once")
                    .hint("`tidegate apps show` tells what it is at; try again in a moment")
            }
            TrySendError::Closed(_) => leaving(),
        })
    }
}

struct Work {
    floor: Arc<Floor>,
    declared: watch::Receiver<Declared>,
    rung: watch::Receiver<u64>,
    inbox: mpsc::Receiver<Order>,
    changed: Arc<watch::Sender<u64>>,
    reports: Arc<Reports>,
    /// Rings when any application's standing changed.
    others: watch::Receiver<u64>,
    drain: watch::Receiver<bool>,
    /// Rings when something at the destination may have changed.
    drift: Option<watch::Receiver<u64>>,
    waiting: VecDeque<Wanted>,
    /// One that began, and for which a sync that was left over had to end first.
    again: Option<Wanted>,
    adopting: VecDeque<Adopting>,
    /// What people said when nobody was at the sync that is stored: it hears it once somebody is.
    unsaid: VecDeque<Word>,
}

/// Why it is looked at.
enum Wake {
    Look,
    Leave,
}

impl Work {
    async fn run(mut self) {
        let mut seed = DefaultHasher::new();
        self.declared.borrow().entry.name.hash(&mut seed);
        let seed = seed.finish();
        let (mut in_a_row, mut depends) = (0, false);
        let mut next = Instant::now();
        let mut looked = None;
        loop {
            match self.wake(next, depends, looked).await {
                Wake::Leave => return self.refuse_all(&leaving()),
                Wake::Look => looked = Some(Instant::now()),
            }
            let wanted = self.again.take().or_else(|| self.next());
            // In this order: a file that is declared between the two rings again.
            self.rung.borrow_and_update();
            let declared = self.declared.borrow_and_update().clone();
            if declared.ends {
                refuse(wanted, &going());
                let gone = self.end(&declared).await;
                // Its file may have come back meanwhile: then it begins anew.
                if gone && self.declared.borrow().ends {
                    return self.refuse_all(&going());
                }
                self.adopting.drain(..).for_each(|adopting| drop(adopting.answer.send(Err(going()))));
                in_a_row = if gone { 0 } else { in_a_row + 1 };
                next = Instant::now() + if gone { CALM } else { Duration::from_millis(due::pause(in_a_row)) };
                continue;
            }
            while let Some(Adopting { marked, answer }) = self.adopting.pop_front() {
                let adopted = match self.floor.keeper(&declared.projects, &declared.entry).await {
                    Ok(keeper) => keeper.adopt(&marked, Extent::Whole).await,
                    Err(failure) => Err(failure),
                };
                // Who does not listen any more misses nothing.
                let _ = answer.send(adopted);
            }
            let standing = match self.keep(&declared, wanted).await {
                Ok(standing) => standing,
                Err(failure) => {
                    // What is wrong with its file or with its cluster; a change rings.
                    in_a_row += 1;
                    next = Instant::now() + Duration::from_millis(due::pause(in_a_row));
                    self.cannot(&declared, &failure).await;
                    continue;
                }
            };
            in_a_row = if due::waits(&standing) { in_a_row + 1 } else { 0 };
            depends = due::depends(&standing);
            let at = now();
            let pause = due::next_look(&standing, in_a_row.saturating_sub(1), seed, at).millis_since(at);
            // What a sync has come to is seen at once.
            let ended = standing.reasons.is_empty();
            next = Instant::now() + if ended { CALM } else { Duration::from_millis(pause) };
        }
    }

    /// Waits until there is a reason to look.
    async fn wake(&mut self, next: Instant, depends: bool, looked: Option<Instant>) -> Wake {
        loop {
            if *self.drain.borrow() {
                return Wake::Leave;
            }
            if self.again.is_some() || !self.waiting.is_empty() || !self.adopting.is_empty() {
                return Wake::Look;
            }
            let drift = async {
                match &mut self.drift {
                    Some(drift) => drift.changed().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.drain.changed() => {}
                order = self.inbox.recv() => match order {
                    Some(Order::Sync(wanted)) => self.waiting.push_back(wanted),
                    Some(Order::Adopt(adopting)) => self.adopting.push_back(adopting),
                    // It is for the sync that is stored, where there is one.
                    Some(Order::Word(word)) => {
                        say(&mut self.unsaid, word);
                        return Wake::Look;
                    }
                    None => return Wake::Leave,
                },
                rung = self.rung.changed() => return if rung.is_ok() { Wake::Look } else { Wake::Leave },
                true = drift => {
                    if let Some(rest) = looked.and_then(|at| CALM.checked_sub(at.elapsed())) {
                        tokio::time::sleep(rest).await;
                    }
                    return Wake::Look;
                }
                Ok(()) = self.others.changed(), if depends => return Wake::Look,
                () = tokio::time::sleep_until(next) => return Wake::Look,
            }
        }
    }

    /// The order that begins now, where one waits that nobody took back.
    fn next(&mut self) -> Option<Wanted> {
        let wanted = std::iter::from_fn(|| self.waiting.pop_front()).find(|wanted| wanted.claim.take())?;
        // Who does not listen any more misses nothing.
        let _ = wanted.events.send(Event::Begins);
        Some(wanted)
    }

    /// Tells whoever waits why nothing comes of it.
    fn refuse_all(&mut self, why: &Failure) {
        self.inbox.close();
        while let Ok(order) = self.inbox.try_recv() {
            match order {
                Order::Sync(wanted) => self.waiting.push_back(wanted),
                Order::Adopt(adopting) => self.adopting.push_back(adopting),
                Order::Word(_) => {}
            }
        }
        self.again.take().into_iter().chain(self.waiting.drain(..)).for_each(|wanted| refuse(Some(wanted), why));
        self.adopting.drain(..).for_each(|adopting| drop(adopting.answer.send(Err(why.clone()))));
    }

    /// The way on which a sync hears words, with those that it has to hear first. There are none where nothing is stored that
    /// could hear them: what was meant has ended.
    fn words(&mut self, stored: bool) -> (mpsc::Sender<Word>, mpsc::Receiver<Word>) {
        let unsaid = std::mem::take(&mut self.unsaid);
        let (words, heard) = mpsc::channel(unsaid.len().max(1));
        for word in unsaid.into_iter().filter(|_| stored) {
            // There is room for all.
            let _ = words.try_send(word);
        }
        (words, heard)
    }

    /// Keeps what a sync did not hear, and looks again for its sake.
    fn unheard(&mut self, mut heard: mpsc::Receiver<Word>) {
        while let Ok(word) = heard.try_recv() {
            // What has moved is seen by whoever looks again.
            if matches!(word, Word::Stop(_) | Word::Confirm) {
                say(&mut self.unsaid, word);
                self.rung.mark_changed();
            }
        }
    }

    /// Looks, and syncs where that is due.
    async fn keep(&mut self, declared: &Declared, wanted: Option<Wanted>) -> Result<Standing, Failure> {
        // From here on: what changes while it is looked at, is looked at again.
        self.others.borrow_and_update();
        let keeper = match self.floor.keeper(&declared.projects, &declared.entry).await {
            Ok(keeper) => keeper,
            Err(failure) => {
                refuse(wanted, &failure);
                return Err(failure);
            }
        };
        let mut drift = keeper.changes();
        drift.borrow_and_update();
        self.drift = Some(drift);
        let name = &declared.entry.name;
        let stored = self.floor.books.declare(&declared.entry, now()).await;
        let memory = match stored.and_then(|()| self.floor.books.memory(name)) {
            Ok(memory) => memory,
            Err(failure) => {
                refuse(wanted, &failure);
                return Err(failure);
            }
        };
        let request = wanted.as_ref().map_or(Request::Automatic, |wanted| wanted.request.clone());
        let events = wanted.as_ref().map(|wanted| wanted.events.clone());
        let changed = self.changed.clone();
        let told = move |event: Event| {
            if let Some(events) = &events {
                // Who does not listen any more misses nothing.
                let _ = events.send(event);
            }
            changed.send_modify(|count| *count += 1);
        };
        let (words, mut heard) = self.words(memory.operation.is_some());
        let begun = memory.operation.as_ref().map_or_else(now, |operation| operation.begun);
        let kept = self.while_at_work(declared, begun, words, keeper.keep(request, &mut heard, &told)).await;
        self.unheard(heard);
        if let Ok(Kept { standing, .. }) = &kept {
            self.tell_others(declared, memory.standing.as_ref(), standing);
        }
        if let Ok(Kept { outcome: Some(outcome), revision, .. }) = &kept {
            (self.reports)(Report::Ended(name.clone(), revision.clone(), outcome.clone()));
        }
        let standing = kept.as_ref().map(|kept| kept.standing.clone()).map_err(Clone::clone);
        match (wanted, kept) {
            (Some(wanted), Ok(Kept { is_answer: false, .. })) => self.again = Some(wanted),
            (Some(wanted), kept) => drop(wanted.answer.send(kept)),
            (None, _) => {}
        }
        standing
    }

    /// Waits for a sync or a deletion, and meanwhile hands it what it must hear. It hears one word at a time, and never is it
    /// waited for until it has: whatever it does meanwhile needs to be waited for itself.
    async fn while_at_work<T>(
        &mut self,
        declared: &Declared,
        begun: Timestamp,
        words: mpsc::Sender<Word>,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(work);
        let (mut known, mut rang) = (declared.clone(), false);
        let mut waiting: VecDeque<Word> = VecDeque::new();
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                Ok(permit) = words.reserve(), if !waiting.is_empty() => {
                    if let Some(word) = waiting.pop_front() {
                        permit.send(word);
                    }
                }
                Ok(()) = self.rung.changed() => {
                    rang = true;
                    let newer = self.declared.borrow().clone();
                    match known.told_by(&newer, begun) {
                        // What is to be deleted is no longer rendered: nothing moves it.
                        Word::Moved if known.ends => {}
                        word => say(&mut waiting, word),
                    }
                    known = newer;
                }
                Some(order) = self.inbox.recv() => match order {
                    Order::Sync(wanted) if known.ends => refuse(Some(wanted), &going()),
                    Order::Sync(wanted) => {
                        let _ = wanted.events.send(Event::Waits);
                        // It may be for a newer state than the one that is applied, and need not wait for that to fail.
                        if matches!(&wanted.request, Request::Manual(manual) if manual.only.is_none()) {
                            say(&mut waiting, Word::Asked);
                        }
                        self.waiting.push_back(wanted);
                    }
                    // A sync writes the inventory that it began with: what is adopted meanwhile would be lost.
                    Order::Adopt(adopting) => self.adopting.push_back(adopting),
                    Order::Word(word) => say(&mut waiting, word),
                },
            }
        };
        waiting.into_iter().filter(|word| matches!(word, Word::Stop(_) | Word::Confirm)).for_each(|word| {
            say(&mut self.unsaid, word);
            rang = true;
        });
        if rang {
            // It may have come too late for what was done: that is looked at again.
            self.rung.mark_changed();
        }
        done
    }

    /// Rings for the others where it stands otherwise than before. One that waits for another would else look whenever that one
    /// was looked at, and ring in turn: two of them for ever.
    fn tell_others(&self, declared: &Declared, before: Option<&Standing>, after: &Standing) {
        if before.is_none_or(|before| !before.is_same(after)) {
            self.changed.send_modify(|count| *count += 1);
        }
        if before.is_none_or(|before| before.health != after.health) {
            self.tell_parent(declared);
        }
    }

    fn tell_parent(&self, declared: &Declared) {
        if let Some(parent) = declared.entry.parent() {
            self.floor.stir(parent);
        }
    }

    /// Ends it; true once it is gone.
    async fn end(&mut self, declared: &Declared) -> bool {
        let keeper: Keeper = match self.floor.keeper(&declared.projects, &declared.entry).await {
            Ok(keeper) => keeper,
            Err(failure) => {
                self.cannot(declared, &failure).await;
                return false;
            }
        };
        let mut drift = keeper.changes();
        drift.borrow_and_update();
        self.drift = Some(drift);
        let name = &declared.entry.name;
        let (before, stored) = match self.floor.books.memory(name) {
            Ok(memory) => (memory.standing, memory.operation.is_some()),
            Err(_) => (None, false),
        };
        let (words, mut heard) = self.words(stored);
        let changed = self.changed.clone();
        let told = move |_| changed.send_modify(|count| *count += 1);
        let ended = self.while_at_work(declared, now(), words, keeper.end(&mut heard, &told)).await;
        self.unheard(heard);
        match ended {
            Ok(None) => {
                self.changed.send_modify(|count| *count += 1);
                (self.reports)(Report::Gone(name.clone()));
                true
            }
            Ok(Some(after)) => {
                self.tell_others(declared, before.as_ref(), &after);
                false
            }
            Err(failure) => {
                self.cannot(declared, &failure).await;
                false
            }
        }
    }

    /// Stores that it cannot be looked after, and why.
    async fn cannot(&self, declared: &Declared, failure: &Failure) {
        let name = &declared.entry.name;
        let last = self.floor.books.memory(name).ok().and_then(|memory| memory.standing);
        let mut standing = match &last {
            Some(last) => Standing {
                images: last.images.clone(),
                environments: last.environments.clone(),
                ..Standing::unknown(failure.message.clone(), last.last.clone(), now())
            },
            None => Standing::unknown(failure.message.clone(), None, now()),
        };
        if failure.code == "unavailable" {
            standing.reasons.push(Reason::new(Code::LiveUnreadable, failure.message.clone()));
        }
        if last.is_none_or(|last| !last.is_same(&standing)) {
            // Where even that cannot be stored, the next look says so again.
            let _ = self.floor.books.stand(name, &standing, None).await;
            (self.reports)(Report::Cannot(name.clone(), failure.clone()));
            self.changed.send_modify(|count| *count += 1);
            self.tell_parent(declared);
        }
    }
}

/// A word that waits already is not said twice.
fn say(waiting: &mut VecDeque<Word>, word: Word) {
    if !waiting.contains(&word) {
        waiting.push_back(word);
    }
}

/// Why nothing is done for one whose file is gone.
fn going() -> Failure {
    Failure::new(Blame::User, "conflict", "its file is gone, and its objects are going")
}

/// Why nothing more is done.
fn leaving() -> Failure {
    Failure::new(Blame::Host, "unavailable", "the host is leaving; nothing was begun: ask again")
}

fn refuse(wanted: Option<Wanted>, failure: &Failure) {
    if let Some(wanted) = wanted {
        let _ = wanted.answer.send(Err(failure.clone()));
    }
}
