//! Drives all runs of a host that stays: each by one driver at a time, again whenever something may have changed for one that
//! waits. It meets other processes only in the journal: a vote or a stop is a row there, and a bell only makes it be seen sooner.

use crate::drive::Rest;
use crate::engine::{Control, Engine};
use crate::log::Notice;
use futures_util::FutureExt as _;
use model::{Blame, Failure, RunId, RunStatus, Timestamp};
use scheduler::Stop;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

/// How often the journal is asked for what no bell told: votes and stops of other processes.
const POLL: Duration = Duration::from_secs(1);
/// How long a run is left alone that could not be driven.
const PAUSE: u64 = 30_000;
/// Stops that may wait for one run.
const STOPS: usize = 4;

/// Who drives the runs of a host. Cheap to clone.
#[derive(Clone)]
pub struct Drivers {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    /// Hears, for the operator's log, what becomes of runs.
    told: Box<dyn Fn(Told) + Send + Sync>,
    rung: Notify,
    drain: watch::Sender<bool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    going: HashMap<RunId, Going>,
    /// Runs that rest, and what was known of them when their last drive began.
    resting: HashMap<RunId, Known>,
    tasks: JoinSet<()>,
}

/// A run that is driven now.
struct Going {
    watchers: Arc<Mutex<Vec<mpsc::UnboundedSender<Notice>>>>,
    stops: mpsc::Sender<Stop>,
    ended: watch::Receiver<Option<Result<RunStatus, Failure>>>,
}

/// What a drive that rests has seen, and when to look again though nothing of it changed.
struct Known {
    seen: Seen,
    due: Option<Timestamp>,
}

/// What others change of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    votes: i64,
    stop: Option<String>,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// It ended, or waits for somebody.
    Rests(RunId, RunStatus),
    /// It could not be driven; it is tried again.
    Failed(RunId, Failure),
    /// The journal does not answer.
    Blind(Failure),
}

impl std::fmt::Debug for Drivers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Drivers")
    }
}

impl Drivers {
    /// Of an engine whose lock this process holds. `told` must not block.
    pub fn new(engine: Engine, told: impl Fn(Told) + Send + Sync + 'static) -> Self {
        let (rung, drain) = (Notify::new(), watch::Sender::new(false));
        Self { inner: Arc::new(Inner { engine, told: Box::new(told), rung, drain, state: Mutex::default() }) }
    }

    /// Something may have changed for a run: a new one, a vote, a stop.
    pub fn ring(&self) {
        self.inner.rung.notify_one();
    }

    /// Drives whatever is open until [`Drivers::drain`]; what an earlier process left unfinished first.
    pub async fn serve(&self) {
        let mut drain = self.inner.drain.subscribe();
        while !*drain.borrow() {
            self.look().await;
            tokio::select! {
                _ = drain.changed() => {}
                () = self.inner.rung.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Begins with every open run that nobody drives and for which something changed.
    async fn look(&self) {
        let engine = self.inner.engine.clone();
        let open = crate::core::aside(move || Ok(engine.reader()?.open_marks()?)).await;
        let open = match open {
            Ok(open) => open,
            Err(failure) => return (self.inner.told)(Told::Blind(failure)),
        };
        let now = crate::now();
        let mut state = self.state();
        if *self.inner.drain.borrow() {
            return;
        }
        let ids: HashSet<RunId> = open.iter().map(|(run, ..)| run.clone()).collect();
        state.resting.retain(|run, _| ids.contains(run));
        for (run, votes, stop) in open {
            let seen = Seen { votes, stop };
            let due = |known: &Known| known.seen != seen || known.due.is_some_and(|due| due <= now);
            if state.resting.get(&run).is_none_or(due) && !state.going.contains_key(&run) {
                self.begin(&mut state, run, seen, Control::default());
            }
        }
    }

    /// Drives a run until it rests, or watches whoever does so already.
    ///
    /// Errors: those of the run; `conflict` where a person settles a step of a run that is at work; `unavailable` where the host
    /// is leaving.
    pub async fn drive(&self, run: &RunId, control: Control) -> Result<RunStatus, Failure> {
        let row = self.inner.engine.find(run.as_str()).await?;
        let seen = Seen { votes: row.votes, stop: row.stop };
        let mut ended = {
            let mut state = self.state();
            // Under the lock: what begins is either waited for, or does not begin.
            if *self.inner.drain.borrow() {
                let failure = Failure::new(Blame::Host, "unavailable", "this host is leaving and begins nothing new");
                return Err(failure.hint("the run goes on when it is started again"));
            }
            match state.going.get(run) {
                Some(_) if !control.settled.is_empty() => {
                    let message = format!("run {run} is at work, so none of its steps can be settled now");
                    return Err(Failure::new(Blame::User, "conflict", message));
                }
                Some(going) => {
                    if let Some(watcher) = control.watcher {
                        going.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(watcher);
                    }
                    if let Some(mut stops) = control.stops {
                        let to = going.stops.clone();
                        tokio::spawn(async move {
                            while let Some(stop) = stops.recv().await {
                                let _ = to.send(stop).await;
                            }
                        });
                    }
                    going.ended.clone()
                }
                None => self.begin(&mut state, run.clone(), seen, control),
            }
        };
        let gone = || Failure::new(Blame::Host, "unavailable", "the host left while it drove this run");
        let ended = ended.wait_for(Option::is_some).await.map_err(|_| gone())?;
        ended.clone().unwrap_or_else(|| Err(gone()))
    }

    fn begin(
        &self,
        state: &mut State,
        run: RunId,
        seen: Seen,
        control: Control,
    ) -> watch::Receiver<Option<Result<RunStatus, Failure>>> {
        let Control { watcher, stops, settled, rest: _ } = control;
        let watchers = Arc::new(Mutex::new(Vec::from_iter(watcher)));
        let (stopper, stopping) = mpsc::channel(STOPS);
        if let Some(mut stops) = stops {
            let to = stopper.clone();
            tokio::spawn(async move {
                while let Some(stop) = stops.recv().await {
                    let _ = to.send(stop).await;
                }
            });
        }
        let (end, ended) = watch::channel(None);
        let (notices, mut heard) = mpsc::unbounded_channel();
        let rest = Some(self.inner.drain.subscribe());
        let control = Control { watcher: Some(notices), stops: Some(stopping), settled, rest };
        let (inner, of, to) = (self.inner.clone(), run.clone(), watchers.clone());
        state.tasks.spawn(async move {
            let fan = async {
                while let Some(notice) = heard.recv().await {
                    let mut all = to.lock().unwrap_or_else(PoisonError::into_inner);
                    all.retain(|watcher| watcher.send(notice.clone()).is_ok());
                }
                // Whoever watches waits for the end of this.
                to.lock().unwrap_or_else(PoisonError::into_inner).clear();
            };
            // A bug in one run is no reason to leave it for ever, nor those who wait for it.
            let drive = async { AssertUnwindSafe(inner.engine.drive_to_rest(&of, control)).catch_unwind().await };
            let (driven, ()) = tokio::join!(drive, fan);
            let driven = driven.unwrap_or_else(|_| Err(Failure::internal(format!("driving run {of} panicked"))));
            inner.ended(&of, seen, &driven);
            end.send_replace(Some(driven.map(|rest| rest.status)));
        });
        while state.tasks.try_join_next().is_some() {}
        state.resting.remove(&run);
        state.going.insert(run, Going { watchers, stops: stopper, ended: ended.clone() });
        ended
    }

    /// Begins nothing new, and waits for the runs that are at work to rest; those that only wait rest at once. What is cut off goes
    /// on at the next start.
    pub async fn drain(&self) {
        let mut tasks = {
            let mut state = self.state();
            self.inner.drain.send_replace(true);
            std::mem::take(&mut state.tasks)
        };
        while tasks.join_next().await.is_some() {}
    }

    /// How many runs are driven now.
    pub fn going(&self) -> usize {
        self.state().going.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn ended(&self, run: &RunId, seen: Seen, driven: &Result<Rest, Failure>) {
        let (due, told) = match driven {
            Ok(Rest { status, wake }) => (*wake, Told::Rests(run.clone(), *status)),
            Err(failure) => (Some(crate::now().plus_millis(PAUSE)), Told::Failed(run.clone(), failure.clone())),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.going.remove(run);
        state.resting.insert(run.clone(), Known { seen, due });
        drop(state);
        (self.told)(told);
        // What came while it was driven.
        self.rung.notify_one();
    }
}
