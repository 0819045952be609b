//! Drives one run: asks the scheduler, records what it says, then carries it out. It decides nothing itself.

use crate::attempt::{Attempt, Book, Cleared};
use crate::cancel::{Stopper, pair};
use crate::core::{Core, aside};
use crate::execute::{Manner, execute};
use crate::log::{Logger, Notice};
use crate::pinned::Pinned;
use crate::recover::recover;
use crate::signal;
use access::narrow::narrow;
use model::{Failure, RunId, RunStatus, StepKey, Timestamp};
use plugin::Receipt;
use scheduler::{Effect, Input, Outcome, Phase, Resumption, Run, StepState, Stop, Verdict};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Command, Decision, StepRow};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// How often the journal is asked for votes and stops of other processes while something waits or runs.
const POLL: Duration = Duration::from_millis(250);
/// Steps of one run that execute at a time: each may hold a process and a thread.
const WIDTH: usize = 16;

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
            width: Arc::new(Semaphore::new(WIDTH)),
            touched: BTreeSet::new(),
            record: Pending::default(),
            finished: None,
            looked: None,
        })
    }

    /// Goes on until the run has ended or waits for somebody. `stops` hears of stops by this process; `settled` is
    /// what a person found of steps whose effect is unknown, `None` for "run it again".
    pub(crate) async fn go(
        mut self,
        mut stops: mpsc::Receiver<Stop>,
        settled: Vec<(StepKey, Option<Outcome>)>,
    ) -> Result<RunStatus, Failure> {
        if self.machine.status().is_final() {
            return Ok(self.machine.status());
        }
        self.take(Input::Start).await?;
        for (key, outcome) in settled {
            self.decide(&key, "settled", "a person said what became of it");
            self.take(Input::Settled { key, outcome }).await?;
        }
        loop {
            if let Some(status) = self.finished {
                return Ok(status);
            }
            self.look().await?;
            if self.active.is_empty() && self.finished.is_none() {
                let status = self.machine.status();
                let wake = self.soon();
                if !matches!(status, RunStatus::Running | RunStatus::Queued) && wake.is_none() {
                    self.commit(Some(status)).await?;
                    return Ok(status);
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

    /// When a step that waits for time alone will be woken, if that is worth staying for.
    fn soon(&self) -> Option<Timestamp> {
        let paused = self.machine.steps().iter().any(|step| matches!(step.phase, Phase::Paused { .. }));
        let timer = self.machine.steps().iter().filter_map(StepState::wait).any(signal::has_timer);
        if paused || timer { self.machine.next_wake() } else { None }
    }

    async fn ended(&mut self, key: StepKey, outcome: Outcome, receipt: Option<Receipt>) -> Result<(), Failure> {
        if let Some((_, attempt)) = self.active.remove(&key) {
            if let Ok(mut book) = attempt.book.lock() {
                self.record.outcomes.append(&mut book.outcomes);
                if matches!(outcome, Outcome::Succeeded(_) | Outcome::Unchanged(_)) {
                    self.record.artifacts.append(&mut book.artifacts);
                }
            }
            if let Some(receipt) = receipt {
                let content = json!({"plugin": attempt.plugin.plugin, "digest": attempt.plugin.digest, "use": receipt});
                self.record.receipts.push((key.clone(), attempt.number, content));
            }
        }
        if let Outcome::Failed(failure) = &outcome {
            self.decide(&key, "failed", &failure.message);
        }
        self.take(Input::Ended { key, outcome }).await
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
        if let Some(when) = &step.when {
            match manifest::condition(when, &scope) {
                Ok(true) => {}
                Ok(false) => {
                    self.decide(key, "skipped", &format!("`when: {when}` is false"));
                    return Verdict::Skip(format!("`when: {when}` is false"));
                }
                Err(failure) => return Verdict::Fail(failure),
            }
        }
        match &step.concurrency {
            None => Verdict::Go { lane: None },
            Some(concurrency) => match manifest::resolve(&Value::String(concurrency.key.clone()), &scope) {
                Ok(Value::String(lane)) => Verdict::Go { lane: Some(lane) },
                Ok(other) => Verdict::Go { lane: Some(other.to_string()) },
                Err(failure) => Verdict::Fail(failure),
            },
        }
    }

    fn expand(&self, key: StepKey) -> Input {
        let scope = self.pinned.scope(self.run.as_str(), &self.machine, &key);
        let for_each = self.machine.definition(&key).and_then(|step| step.for_each.clone()).unwrap_or_default();
        match manifest::items(&for_each, &scope) {
            Ok(items) => Input::Expanded { key, items },
            Err(failure) => Input::Ended { key, outcome: Outcome::Failed(failure) },
        }
    }

    /// Writes everything that changed in one transaction.
    async fn commit(&mut self, status: Option<RunStatus>) -> Result<(), Failure> {
        let mut steps = Vec::new();
        for key in std::mem::take(&mut self.touched) {
            let Some(step) = self.machine.step(&key) else { continue };
            self.logger.tell(Notice::Step(Box::new(step.clone())));
            let state = serde_json::to_value(step).map_err(|e| Failure::internal(e.to_string()))?;
            steps.push(StepRow { key, status: step.status(), state });
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
                self.begin(key, attempt, move |attempt| execute(attempt, resumption, manner));
            }
            Effect::Recover { key, attempt } => {
                let resumption = self.machine.step(&key).and_then(interrupted_resumption);
                self.begin(key, attempt, move |attempt| recover(attempt, resumption));
            }
            Effect::Interrupt { key, .. } => {
                if let Some((stopper, _)) = self.active.get(&key) {
                    stopper.stop();
                }
            }
            Effect::Resolve(_) | Effect::Expand(_) | Effect::Finished(_) => {}
        }
    }

    fn begin<F>(&mut self, key: StepKey, number: u32, work: impl FnOnce(Arc<Attempt>) -> F + Send + 'static)
    where
        F: Future<Output = (Outcome, Option<Receipt>)> + Send,
    {
        let (stopper, stopping) = pair();
        match self.attempt(&key, number, stopping) {
            Ok(attempt) => {
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
        let inherited =
            step.workspace_from.as_ref().and_then(|from| self.machine.steps().iter().find(|s| s.name == *from));
        let inherited = inherited.map(|other| {
            self.core.state.attempt(self.run.as_str(), other.key.as_str(), other.attempt).join("workspace")
        });
        Ok(Attempt {
            core: self.core.clone(),
            run: self.run.clone(),
            fence: self.fence,
            pinned: self.pinned.clone(),
            dependants: self.dependants(&step.name, &scope),
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
            book: std::sync::Mutex::new(Book::default()),
            races: std::sync::atomic::AtomicU32::new(0),
        })
    }

    /// What comes after a step, with inputs as far as they are known now.
    fn dependants(&self, name: &str, scope: &manifest::Scope) -> Value {
        let unknown =
            |step: &str| self.machine.steps().iter().filter(|state| state.name == step).any(|state| !state.is_ended());
        let steps = self.machine.pipeline().steps.iter().filter(|step| step.needs.iter().any(|need| need == name));
        let known: BTreeMap<&str, Value> = steps
            .map(|step| {
                let with = manifest::resolve_partial(&step.with, scope, &unknown);
                let plugin = self.pinned.steps.get(&step.uses).map(|pinned| pinned.digest.clone());
                (step.name.as_str(), json!({"uses": step.uses, "plugin": plugin, "with": with}))
            })
            .collect();
        serde_json::to_value(known).unwrap_or_default()
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
            let (core, run, event) = (self.core.clone(), self.run.clone(), self.pinned.event.clone());
            let step = key.clone();
            let occurrences = aside(move || signal::fired(&core, &run, &event, &step, &wait)).await?;
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

/// Puts the step's own variables below those that `with.env` names.
fn merge_env(inputs: &mut Value, env: Map<String, Value>) {
    let Value::Object(inputs) = inputs else { return };
    let own = inputs.entry("env").or_insert_with(|| json!({}));
    if let Value::Object(own) = own {
        for (name, value) in env {
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
