//! Drives one run: asks the scheduler, records what it says, then carries it out. It decides nothing itself.

use crate::attempt::{Attempt, Book, Cleared};
use crate::cancel::{Stopper, pair};
use crate::core::{Core, aside};
use crate::dependants;
use crate::execute::{Manner, execute};
use crate::hold;
use crate::log::{Logger, Notice};
use crate::pinned::Pinned;
use crate::recover::recover;
use crate::signal;
use access::narrow::narrow;
use model::pipeline::ConcurrencyPolicy;
use model::{Failure, RunId, RunStatus, StepKey, Timestamp};
use plugin::Receipt;
use scheduler::{Effect, Input, Outcome, Phase, Resumption, Run, StepState, Stop, Verdict};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Command, Decision, StepRow};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// How often the journal is asked for votes and stops of other processes while something waits or runs.
const POLL: Duration = Duration::from_millis(250);
/// Calls into plugins that one run makes at a time: the scheduler's width, and room for waits that end all at once.
const CALLS: usize = 4 * scheduler::WIDTH;

type Ended = (StepKey, Outcome, Option<Receipt>);

/// A run being driven.
pub(crate) struct Drive {
    core: Arc<Core>,
    run: RunId,
    fence: i64,
    pinned: Arc<Pinned>,
    machine: Run,
    logger: Logger,
    active: HashMap<StepKey, (Stopper, Arc<Attempt>)>,
    tasks: JoinSet<Ended>,
    width: Arc<Semaphore>,
    touched: BTreeSet<StepKey>,
    record: Pending,
    finished: Option<RunStatus>,
    looked: Option<Instant>,
}

/// How a run rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) status: RunStatus,
    /// When time alone may change that.
    pub(crate) wake: Option<Timestamp>,
}

/// What the next record will hold besides steps.
#[derive(Default)]
struct Pending {
    outcomes: Vec<store::EffectRow>,
    artifacts: Vec<store::Artifact>,
    decisions: Vec<Decision>,
    receipts: Vec<(StepKey, u32, Value)>,
}

impl Drive {
    /// Claims a run and restores it. `watcher` hears of every change.
    pub(crate) async fn claim(core: Arc<Core>, run: &RunId, logger: Logger) -> Result<Self, Failure> {
        let (row, steps) = {
            let (core, run) = (core.clone(), run.clone());
            aside(move || {
                let reader = core.journal.reader()?;
                let row = reader.run(run.as_str())?;
                let steps = reader.steps(&run)?;
                Ok((row, steps))
            })
            .await?
        };
        let unreadable =
            |e: serde_json::Error| Failure::internal(format!("the journal of run {run} cannot be read: {e}"));
        let pinned: Pinned = serde_json::from_value(row.run.pinned).map_err(unreadable)?;
        let states: Result<Vec<StepState>, _> =
            steps.into_iter().map(|row| serde_json::from_value(row.state)).collect();
        let stop = row.stop.as_deref().and_then(stop_of);
        let machine = Run::restore(pinned.pipeline.clone(), states.map_err(unreadable)?, stop);
        {
            // What steps before this process were given may yet come back in a later one's output.
            let (core, pipeline) = (core.clone(), pinned.pipeline.clone());
            let all = move || {
                let steps = pipeline.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.steps));
                core.vault.expect(steps.flat_map(|step| &step.secrets));
                Ok(())
            };
            aside(all).await?;
        }
        let owner = format!("process {}", std::process::id());
        let claim = Command::Claim { run: run.clone(), owner, until: crate::now().plus_millis(60_000) };
        let store::Reply::Fence(fence) = core.journal.apply(claim).await? else {
            return Err(Failure::internal("the journal gave no fence"));
        };
        Ok(Self {
            core,
            run: run.clone(),
            fence,
            pinned: Arc::new(pinned),
            machine,
            logger,
            active: HashMap::new(),
            tasks: JoinSet::new(),
            width: Arc::new(Semaphore::new(CALLS)),
            touched: BTreeSet::new(),
            record: Pending::default(),
            finished: None,
            looked: None,
        })
    }

    /// Goes on until the run has ended or waits for somebody. `stops` hears of stops by this process; `settled` is
    /// what a person found of steps whose effect is unknown, `None` for "run it again"; `rest` says that this process leaves.
    pub(crate) async fn go(
        mut self,
        mut stops: mpsc::Receiver<Stop>,
        settled: Vec<(StepKey, Option<Outcome>)>,
        rest: Option<watch::Receiver<bool>>,
    ) -> Result<Rest, Failure> {
        if self.machine.status().is_final() {
            // A crash may have come between the end and this.
            self.clean_up().await;
            return Ok(Rest { status: self.machine.status(), wake: None });
        }
        self.take(Input::Start).await?;
        for (key, outcome) in settled {
            self.settle(key, outcome).await?;
        }
        // First what was decided in time, then whose time is up.
        self.look().await?;
        self.take(Input::Tick).await?;
        loop {
            if let Some(status) = self.finished {
                return Ok(Rest { status, wake: None });
            }
            self.look().await?;
            if self.active.is_empty() && self.finished.is_none() {
                let status = self.machine.status();
                let wake = self.soon();
                let over = !matches!(status, RunStatus::Running | RunStatus::Queued) && wake.is_none();
                // What comes by itself comes to the next process as well. A step that could not begin is still to be heard of.
                let leaves = rest.as_ref().is_some_and(|rest| *rest.borrow()) && self.tasks.is_empty();
                if over || leaves {
                    self.commit(Some(status)).await?;
                    return Ok(Rest { status, wake: hold::wake(&self.core, &self.machine) });
                }
            }
            if self.finished.is_some() {
                continue;
            }
            let wake = self.machine.next_wake().map(|at| Duration::from_millis(at.millis_since(crate::now())));
            let pause = wake.unwrap_or(POLL).min(POLL);
            tokio::select! {
                Some(stop) = stops.recv() => {
                    let word = if stop == Stop::Cancelled { "cancelled" } else { "superseded" };
                    let note = Command::Stop { run: self.run.clone(), stop: word.into(), actor: "this process".into(), at: crate::now() };
                    self.core.journal.apply(note).await?;
                    self.take(Input::Stop(stop)).await?;
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    let (key, outcome, receipt) = ended.map_err(|e| Failure::internal(format!("a step panicked: {e}")))?;
                    self.ended(key, outcome, receipt).await?;
                }
                () = tokio::time::sleep(pause) => self.take(Input::Tick).await?,
            }
        }
    }

    /// Takes what a person found of a step whose effect is unknown.
    async fn settle(&mut self, key: StepKey, outcome: Option<Outcome>) -> Result<(), Failure> {
        let unknown = self.machine.step(&key).is_some_and(|step| step.phase == Phase::Unknown);
        if !unknown {
            let open: Vec<_> = self.machine.steps().iter().filter(|step| step.phase == Phase::Unknown).collect();
            let open = open.iter().map(|step| step.key.as_str()).collect::<Vec<_>>().join(", ");
            let open = if open.is_empty() { "none".to_owned() } else { open };
            let message = format!("the step `{key}` is not unknown, so there is nothing to settle; unknown: {open}");
            return Err(Failure::new(model::Blame::User, "invalid", message));
        }
        let found = match &outcome {
            None => "again",
            Some(Outcome::Failed(_)) => "failed",
            Some(_) => "done",
        };
        let entry = json!({"action": "settle", "run": self.run, "step": key, "found": found, "at": crate::now()});
        self.core.journal.apply(Command::Audit(entry)).await?;
        self.decide(&key, "settled", &format!("a person said: {found}"));
        self.take(Input::Settled { key, outcome }).await
    }

    /// When a step that waits for no person will be woken, if that is worth staying for.
    fn soon(&self) -> Option<Timestamp> {
        let paused = self.machine.steps().iter().any(|step| matches!(step.phase, Phase::Paused { .. }));
        let soon = self.machine.steps().iter().filter_map(StepState::wait).any(signal::comes_by_itself);
        if paused || soon { self.machine.next_wake() } else { None }
    }

    async fn ended(&mut self, key: StepKey, outcome: Outcome, receipt: Option<Receipt>) -> Result<(), Failure> {
        if let Some((_, attempt)) = self.active.remove(&key) {
            // The end that is recorded now is newer than a claim that never was.
            if let Ok(mut claim) = attempt.claim.lock() {
                *claim = None;
            }
            if let Ok(mut book) = attempt.book.lock() {
                self.record.outcomes.append(&mut book.outcomes);
                if matches!(outcome, Outcome::Succeeded(_) | Outcome::Unchanged(_) | Outcome::Waiting(_)) {
                    self.record.artifacts.append(&mut book.artifacts);
                }
            }
            if let Some(receipt) = receipt {
                let content = json!({"plugin": attempt.plugin.plugin, "digest": attempt.plugin.digest, "use": receipt});
                self.record.receipts.push((key.clone(), attempt.number, content));
            }
        }
        let outcome = self.masked(outcome);
        if let Outcome::Failed(failure) = &outcome {
            self.decide(&key, "failed", &failure.message);
        }
        let over = !matches!(outcome, Outcome::Waiting(_) | Outcome::Unknown(_));
        let (ended, number) = (key.clone(), self.machine.step(&key).map_or(1, |step| step.attempt));
        self.take(Input::Ended { key, outcome }).await?;
        if over && self.finished.is_none() {
            self.forget(&ended, number).await;
        }
        Ok(())
    }

    /// Removes what an attempt that is over leaves on the disk: what its children said, which may be a whole Terraform state,
    /// must not lie there for as long as the run waits. A step's files stay where another step goes on in them.
    async fn forget(&self, key: &StepKey, number: u32) {
        let folder = self.core.state.attempt(self.run.as_str(), key.as_str(), number);
        let name = self.machine.step(key).map(|step| step.name.clone());
        let steps = self.pinned.pipeline.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.steps));
        let inherited = steps.into_iter().any(|step| step.workspace_from == name && name.is_some());
        let _ = aside(move || {
            let gone = if inherited { folder.join("children") } else { folder };
            // What stays goes with the run's folder.
            let _ = std::fs::remove_dir_all(gone);
            Ok(())
        })
        .await;
    }

    /// An outcome as it may be kept and shown.
    fn masked(&self, outcome: Outcome) -> Outcome {
        let vault = &self.core.vault;
        match outcome {
            Outcome::Succeeded(outputs) => Outcome::Succeeded(vault.masked_json(&outputs)),
            Outcome::Unchanged(outputs) => Outcome::Unchanged(vault.masked_json(&outputs)),
            Outcome::Skipped(reason) => Outcome::Skipped(vault.masker().text(&reason)),
            Outcome::Failed(failure) => Outcome::Failed(vault.masked(failure)),
            Outcome::Unknown(why) => Outcome::Unknown(vault.masker().text(&why)),
            Outcome::Waiting(wait) => Outcome::Waiting(scheduler::Wait {
                memory: vault.masker().text(&wait.memory),
                message: vault.masker().text(&wait.message),
                ..wait
            }),
        }
    }

    fn decide(&mut self, step: &StepKey, what: &str, why: &str) {
        let decision = Decision { step: step.clone(), what: what.to_owned(), why: why.to_owned(), at: crate::now() };
        self.record.decisions.push(decision);
    }

    /// Gives the scheduler an input, and everything that follows at once; records; then begins what is to begin.
    async fn take(&mut self, input: Input) -> Result<(), Failure> {
        let mut later = Vec::new();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let effects = self.machine.apply(input, crate::now());
            let touched: Vec<StepKey> = self.machine.touched().map(|step| step.key.clone()).collect();
            self.touched.extend(touched);
            for effect in effects {
                match effect {
                    Effect::Resolve(key) => {
                        let verdict = self.resolve(&key);
                        inputs.push(Input::Resolved { key, verdict });
                    }
                    Effect::Expand(key) => inputs.push(self.expand(key)),
                    Effect::Finished(status) => self.finished = Some(status),
                    other => later.push(other),
                }
            }
        }
        // What begins now is recorded by the attempt itself, with its first effect.
        for effect in &later {
            if let Effect::Execute { key, .. } = effect
                && self.touched.remove(key)
                && let Some(step) = self.machine.step(key)
            {
                self.logger.tell(Notice::Step(Box::new(step.clone())));
            }
        }
        if !self.touched.is_empty() || self.finished.is_some() || !self.record.outcomes.is_empty() {
            self.commit(self.finished).await?;
        }
        for effect in later {
            self.carry_out(effect);
        }
        if self.finished.is_some() {
            self.clean_up().await;
        }
        Ok(())
    }

    /// Whether a step is due, and in which lane.
    fn resolve(&mut self, key: &StepKey) -> Verdict {
        let Some(step) = self.machine.definition(key).cloned() else {
            return Verdict::Fail(Failure::internal(format!("the pipeline has no step `{key}`")));
        };
        let scope = self.pinned.scope(self.run.as_str(), &self.machine, key);
        // An instance of a `forEach` step is not asked again: its step was.
        if step.for_each.is_none()
            && let Some(verdict) = self.condition(key, step.when.as_deref(), &scope)
        {
            return verdict;
        }
        match &step.concurrency {
            None => Verdict::Go { lane: None },
            Some(concurrency) if concurrency.policy == ConcurrencyPolicy::Parallel => Verdict::Go { lane: None },
            Some(concurrency) => match manifest::resolve(&Value::String(concurrency.key.clone()), &scope) {
                Ok(Value::String(lane)) => Verdict::Go { lane: Some(lane) },
                Ok(other) => Verdict::Go { lane: Some(other.to_string()) },
                Err(failure) => Verdict::Fail(failure),
            },
        }
    }

    /// Why a step does not run by its `when`; `None` where it does.
    fn condition(&mut self, key: &StepKey, when: Option<&str>, scope: &manifest::Scope) -> Option<Verdict> {
        let when = when?;
        match manifest::condition(when, scope) {
            Ok(true) => None,
            Ok(false) => {
                let reason = format!("`when: {when}` is false");
                self.decide(key, "skipped", &reason);
                Some(Verdict::Skip(reason))
            }
            Err(failure) => Some(Verdict::Fail(failure)),
        }
    }

    fn expand(&mut self, key: StepKey) -> Input {
        let scope = self.pinned.scope(self.run.as_str(), &self.machine, &key);
        let step = self.machine.definition(&key).cloned().unwrap_or_default();
        if let Some(verdict) = self.condition(&key, step.when.as_deref(), &scope) {
            return Input::Resolved { key, verdict };
        }
        match manifest::items(&step.for_each.unwrap_or_default(), &scope) {
            Ok(items) => Input::Expanded { key, items },
            Err(failure) => Input::Resolved { key, verdict: Verdict::Fail(failure) },
        }
    }

    /// Writes everything that changed in one transaction.
    async fn commit(&mut self, status: Option<RunStatus>) -> Result<(), Failure> {
        let mut steps = Vec::new();
        for key in std::mem::take(&mut self.touched) {
            let Some(step) = self.machine.step(&key) else { continue };
            self.logger.tell(Notice::Step(Box::new(step.clone())));
            steps.extend(row(step));
        }
        let Pending { outcomes, artifacts, decisions, receipts } = std::mem::take(&mut self.record);
        let now = crate::now();
        let status = status.or_else(|| (!self.machine.status().is_final()).then(|| self.machine.status()));
        let record = Command::Record {
            run: self.run.clone(),
            fence: self.fence,
            steps,
            intents: vec![],
            outcomes,
            artifacts,
            decisions,
            receipts,
            subjects: vec![],
            status: status.map(|status| (status, now)),
            votes_seen: None,
            at: now,
        };
        self.core.journal.apply(record).await?;
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Execute { key, attempt, resumption } => {
                let manner = if resumption.is_some() { Manner::Continue } else { Manner::Fresh };
                let claim = self.machine.step(&key).and_then(row);
                self.begin(key, attempt, claim, move |attempt| execute(attempt, resumption, manner));
            }
            Effect::Recover { key, attempt } => {
                let resumption = self.machine.step(&key).and_then(interrupted_resumption);
                self.begin(key, attempt, None, move |attempt| recover(attempt, resumption));
            }
            Effect::Interrupt { key, .. } => {
                if let Some((stopper, _)) = self.active.get(&key) {
                    stopper.stop();
                }
            }
            Effect::Resolve(_) | Effect::Expand(_) | Effect::Finished(_) => {}
        }
    }

    fn begin<F>(
        &mut self,
        key: StepKey,
        number: u32,
        claim: Option<StepRow>,
        work: impl FnOnce(Arc<Attempt>) -> F + Send + 'static,
    ) where
        F: Future<Output = (Outcome, Option<Receipt>)> + Send,
    {
        let (stopper, stopping) = pair();
        match self.attempt(&key, number, stopping) {
            Ok(mut attempt) => {
                attempt.claim = std::sync::Mutex::new(claim);
                let attempt = Arc::new(attempt);
                self.active.insert(key.clone(), (stopper, attempt.clone()));
                let width = self.width.clone();
                self.tasks.spawn(async move {
                    // Never closed.
                    let _permit = width.acquire_owned().await;
                    let (outcome, receipt) = work(attempt).await;
                    (key, outcome, receipt)
                });
            }
            Err(failure) => {
                self.tasks.spawn(async move { (key, Outcome::Failed(failure), None) });
            }
        }
    }

    /// Everything that an attempt is given.
    fn attempt(&self, key: &StepKey, number: u32, stopping: crate::cancel::Stopping) -> Result<Attempt, Failure> {
        let missing = || Failure::internal(format!("the run has no step `{key}`"));
        let step = self.machine.definition(key).cloned().ok_or_else(missing)?;
        let plugin = self.pinned.steps.get(&step.uses).cloned().ok_or_else(missing)?;
        let scope = self.pinned.scope(self.run.as_str(), &self.machine, key);
        let mut inputs = manifest::resolve(&step.with, &scope)?;
        if inputs.is_null() {
            inputs = json!({});
        }
        if plugin.takes_env && !step.env.is_empty() {
            let env: Map<String, Value> =
                step.env.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
            let Value::Object(env) = manifest::resolve(&Value::Object(env), &scope)? else { return Err(missing()) };
            merge_env(&mut inputs, env);
        }
        let grant = match &step.grants {
            Some(wanted) => narrow(&plugin.grant, wanted),
            None => plugin.grant.clone(),
        };
        let mut step = step;
        for text in step.artifacts.extract.values_mut().chain(step.artifacts.store.values_mut()) {
            if let Value::String(made) = manifest::resolve(&Value::String(text.clone()), &scope)? {
                *text = made;
            }
        }
        let inherited = match &step.workspace_from {
            Some(from) => Some(self.workspace_of(key, from)?),
            None => None,
        };
        let dependants = if plugin.wants.iter().any(|want| want == "approval") {
            dependants::of(&self.machine, &self.pinned, self.run.as_str(), key)
        } else {
            Value::Null
        };
        Ok(Attempt {
            core: self.core.clone(),
            run: self.run.clone(),
            fence: self.fence,
            pinned: self.pinned.clone(),
            dependants,
            log: self.logger.of(key.clone(), number),
            key: key.clone(),
            step,
            plugin,
            number,
            grant,
            inputs,
            inherited,
            stopping,
            cleared: std::sync::Mutex::new(Cleared::default()),
            grace_millis: std::sync::atomic::AtomicU64::new(30_000),
            book: std::sync::Mutex::new(Book::default()),
            claim: std::sync::Mutex::new(None),
            races: std::sync::atomic::AtomicU32::new(0),
        })
    }

    /// The files of another step, on which this one goes on: of the same `forEach` item, or of a step without items.
    fn workspace_of(&self, key: &StepKey, from: &str) -> Result<PathBuf, Failure> {
        let item = self.machine.step(key).and_then(|step| step.item.as_ref());
        let named = || self.machine.steps().iter().filter(|other| other.name == from);
        let other = named().find(|other| item.is_some() && other.item.as_ref() == item);
        let other = other.or_else(|| named().find(|other| other.item.is_none())).ok_or_else(|| {
            let message = format!("`workspace.from: {from}` names no step with one workspace");
            Failure::new(model::Blame::User, "invalid", message)
        })?;
        Ok(self.core.state.attempt(self.run.as_str(), other.key.as_str(), other.attempt).join("workspace"))
    }

    /// Looks for signals that fired and for stops by other processes.
    async fn look(&mut self) -> Result<(), Failure> {
        let waits = self.machine.steps().iter().any(|step| step.wait().is_some());
        let due = self.looked.is_none_or(|at| at.elapsed() >= POLL) || (self.active.is_empty() && waits);
        if !due {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let (core, run) = (self.core.clone(), self.run.clone());
        let stop = aside(move || Ok(core.journal.reader()?.run(run.as_str())?.stop)).await?;
        if let Some(stop) = stop.as_deref().and_then(stop_of)
            && self.machine.stop().is_none()
        {
            self.take(Input::Stop(stop)).await?;
        }
        let waiting: Vec<(StepKey, scheduler::Wait)> = self
            .machine
            .steps()
            .iter()
            .filter_map(|step| step.wait().map(|wait| (step.key.clone(), wait.clone())))
            .collect();
        for (key, wait) in waiting {
            let occurrences = signal::fired(&self.core, &self.run, &self.pinned, &key, &wait).await?;
            if !occurrences.is_empty() {
                self.take(Input::Fired { key, occurrences }).await?;
            }
        }
        Ok(())
    }

    /// Removes the files of a run that has ended.
    async fn clean_up(&self) {
        let folder = self.core.state.run(self.run.as_str());
        // What stays is removed with the next run's clean-up or by a person: it is only space.
        let _ = aside(move || {
            let _ = std::fs::remove_dir_all(folder);
            Ok(())
        })
        .await;
    }
}

/// A step as the journal has it.
fn row(step: &StepState) -> Option<StepRow> {
    // Plain data: it always has a form in JSON.
    let state = serde_json::to_value(step).ok()?;
    Some(StepRow { key: step.key.clone(), status: step.status(), state })
}

/// Puts the step's own variables below those that `with.env` names.
fn merge_env(inputs: &mut Value, env: Map<String, Value>) {
    let Value::Object(inputs) = inputs else { return };
    let own = inputs.entry("env").or_insert_with(|| json!({}));
    if let Value::Object(own) = own {
        for (name, value) in env {
            // A variable is text, whatever its expression is.
            let value = match value {
                Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
                other => other,
            };
            own.entry(name).or_insert(value);
        }
    }
}

fn stop_of(word: &str) -> Option<Stop> {
    match word {
        "cancelled" => Some(Stop::Cancelled),
        "superseded" => Some(Stop::Superseded),
        _ => None,
    }
}

/// The resumption that an interrupted attempt was given.
fn interrupted_resumption(step: &StepState) -> Option<Resumption> {
    match &step.phase {
        Phase::Running { resumption, .. } => resumption.clone(),
        _ => None,
    }
}
