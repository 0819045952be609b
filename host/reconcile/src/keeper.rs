//! Keeps one application: looks at it, and carries out what the planner decides. One at a time does so for an application;
//! any number of applications at once.

use crate::books::{Books, Memory, Past, PastObject};
use crate::carry::{Carrier, Done};
use crate::images::images;
use crate::look::{Look, Subject, Wish};
use crate::standing::Standing;
use cluster::Wanted;
use model::{Digest, Failure, Timestamp};
use planner::application::Finalizer;
use planner::decide::{Brakes, Last, Request, Situation, subject};
use planner::deletion;
use planner::depend::Dependency;
use planner::object::ObjectKey;
use planner::operation::{Action, Input, Operation, Outcome, Replanned, StepResult, Stop};
use planner::plan::{Asked, StepId};
use planner::reason::{Code, Reason};
use planner::retry::Refresh;
use planner::survey::{Render, Sides};
use planner::verdict::Verdict;
use planner::{Desired, Inventory};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How often it is looked at what is waited for, though nobody told that it has changed: for destinations whose word gets lost.
const POLL: Duration = Duration::from_secs(10);

/// What happens to an application meanwhile, for whoever wants to see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Where its sync is, in words.
    At(String),
    /// These objects go only when a person says so.
    AsksConsent(Vec<ObjectKey>),
}

/// What a sync is told from outside while it is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Somebody stops it.
    Stop(Stop),
    /// A person confirmed what waits for it.
    Confirm,
    /// It may be that a newer state is wanted.
    Moved,
}

/// Keeps one application.
pub struct Keeper {
    subject: Arc<Subject>,
    books: Books,
    brakes: Brakes,
    dependencies: Vec<Dependency>,
}

/// What keeping it once came to.
#[derive(Debug)]
pub struct Kept {
    /// How it stands now.
    pub standing: Standing,
    /// How the sync ended, where there was one.
    pub outcome: Option<Outcome>,
}

/// A sync that is at work.
struct Going {
    operation: Operation,
    desired: Arc<Desired>,
    inventory: Inventory,
}

impl Keeper {
    /// Of an application, under these brakes and after these dependencies.
    pub fn new(subject: Arc<Subject>, books: Books, brakes: Brakes, dependencies: Vec<Dependency>) -> Self {
        Self { subject, books, brakes, dependencies }
    }

    /// Whom it keeps.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Tells when something at the destination may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.subject.destination.changes(&self.subject.application.name)
    }

    fn name(&self) -> &str {
        &self.subject.application.name.0
    }

    /// Looks, and stores nothing: whoever keeps it meanwhile is not disturbed. Errors: those of the journal; whatever else is
    /// wrong is part of the answer.
    pub async fn look(&self) -> Result<(Look, Standing), Failure> {
        let mut memory = self.books.memory(self.name())?;
        Ok(self.survey(&Request::Automatic, &mut memory, self.subject.wish().await).await)
    }

    /// Looks, and carries out what is to be done. A sync that somebody left unfinished goes on.
    ///
    /// Errors: those of the journal. Whatever is wrong with the application is part of the answer.
    pub async fn keep(
        &self,
        request: Request,
        mut words: mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Kept, Failure> {
        let mut memory = self.books.memory(self.name())?;
        let wish = self.subject.wish().await;
        if let Some(operation) = memory.operation.take() {
            // Of a cluster that does not answer nobody knows whether it still is what is wanted: it goes on once it does, with the
            // hooks that have run. Who stops it need not wait for that.
            if let Err(why) = wish.desired.as_ref().map_err(Reason::clone)
                && why.code == Code::LiveUnreadable
                && words.try_recv().is_err()
            {
                let standing = self.hold(&memory, &wish.revision, vec![why]).await?;
                return Ok(Kept { standing, outcome: None });
            }
            // Whoever began it is gone. What it applies must still be what is wanted.
            let same = wish.desired.as_ref().ok().filter(|desired| self.subject_of(desired) == operation.plan.subject);
            if let Some(desired) = same.cloned() {
                let inventory = memory.inventory;
                return self.carry(Going { operation, desired, inventory }, &mut words, events).await;
            }
            let (desired, inventory) = (wish.desired.as_ref().ok().cloned(), memory.inventory.clone());
            self.abandon(operation, desired, inventory).await?;
            memory = self.books.memory(self.name())?;
        }
        let look = self.look_for(&request, &mut memory, wish).await?;
        let standing = memory.standing.take().unwrap_or_else(|| Standing::unknown(String::new(), None, now()));
        let (Verdict::Sync(plan), Ok(desired)) = (look.plan.verdict, look.wish.desired) else {
            return Ok(Kept { standing, outcome: None });
        };
        let operation = Operation::new(new_id(), *plan, now());
        self.carry(Going { operation, desired, inventory: memory.inventory }, &mut words, events).await
    }

    fn subject_of(&self, desired: &Desired) -> Digest {
        subject(&self.subject.application, desired)
    }

    /// Looks by a request; what `memory` then has of the inventory is as it was found.
    async fn survey(&self, request: &Request, memory: &mut Memory, wish: Wish) -> (Look, Standing) {
        let last = memory.standing.as_ref().and_then(|standing| standing.last.clone());
        let situation = Situation {
            request,
            brakes: &self.brakes,
            last: last.as_ref(),
            running: None,
            dependencies: &self.dependencies,
            now: now(),
        };
        let look = self.subject.look(wish, &memory.inventory, &situation).await;
        let survey = &look.plan.survey;
        for (key, owned) in &survey.settled {
            memory.inventory.record(key.clone(), owned.clone());
        }
        for key in &survey.lost {
            memory.inventory.forget(key);
        }
        let mut standing = Standing::of(&look.plan, &look.wish.revision, last.clone(), situation.now);
        standing.images = match &look.wish.desired {
            Ok(desired) => images(desired),
            Err(_) => memory.standing.as_ref().map(|standing| standing.images.clone()).unwrap_or_default(),
        };
        (look, standing)
    }

    /// Looks by a request, and stores what follows; `memory` is as it is stored then.
    async fn look_for(&self, request: &Request, memory: &mut Memory, wish: Wish) -> Result<Look, Failure> {
        let (look, standing) = self.survey(request, memory, wish).await;
        let moved = !look.plan.survey.settled.is_empty() || !look.plan.survey.lost.is_empty();
        // A look that finds all as it was costs no write.
        if moved || !memory.standing.as_ref().is_some_and(|before| before.is_same(&standing)) {
            self.books.stand(self.name(), &standing, moved.then_some(&memory.inventory)).await?;
        }
        memory.standing = Some(standing);
        Ok(look)
    }

    /// Ends a sync that nobody can go on with: its hooks go, and its history says so.
    async fn abandon(
        &self,
        operation: Operation,
        desired: Option<Arc<Desired>>,
        inventory: Inventory,
    ) -> Result<(), Failure> {
        let (_, mut words) = mpsc::channel(1);
        let Some(desired) = desired else {
            // What is to be deleted needs no render; what it was named after does not matter either.
            let outcome = Outcome::Stopped(Stop::Superseded);
            return self.finish(&operation, &inventory, &outcome).await.map(drop);
        };
        let mut operation = operation;
        operation.apply(Input::Stop(Stop::Superseded), now());
        self.carry(Going { operation, desired, inventory }, &mut words, &|_| {}).await.map(drop)
    }

    async fn carry(
        &self,
        mut sync: Going,
        words: &mut mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Kept, Failure> {
        self.books.work(&sync.operation, &sync.inventory, now()).await?;
        let mut changes = self.subject.destination.changes(&self.subject.application.name);
        let mut work = JoinSet::new();
        let mut watched = BTreeSet::new();
        let mut clearing: Vec<(StepId, String)> = Vec::new();
        let mut inputs = vec![Input::Start];
        let mut words_open = true;
        loop {
            for input in std::mem::take(&mut inputs) {
                let before = sync.operation.at.clone();
                let actions = sync.operation.apply(input, now());
                if sync.operation.at != before {
                    events(Event::At(sync.operation.to_string()));
                    self.books.work(&sync.operation, &sync.inventory, now()).await?;
                }
                for action in actions {
                    if let Action::Finished(outcome) = action {
                        let standing = self.finish(&sync.operation, &sync.inventory, &outcome).await?;
                        return Ok(Kept { standing, outcome: Some(outcome) });
                    }
                    inputs.extend(self.begin(action, &mut sync, &mut work, &mut watched, &mut clearing, events).await?);
                }
            }
            if !inputs.is_empty() {
                continue;
            }
            let wake =
                sync.operation.next_wake().map_or(POLL, |at| Duration::from_millis(at.millis_since(now())).min(POLL));
            tokio::select! {
                Some(done) = work.join_next() => {
                    let done = done.map_err(|e| Failure::internal(format!("a sync's work panicked: {e}")))?;
                    inputs.extend(self.take(done, &mut sync));
                }
                word = words.recv(), if words_open => match word {
                    Some(Word::Stop(stop)) => inputs.push(Input::Stop(stop)),
                    Some(Word::Confirm) => inputs.push(Input::Confirmed(now())),
                    Some(Word::Moved) => inputs.extend(self.superseded(&sync).await),
                    None => words_open = false,
                },
                Ok(()) = changes.changed(), if !watched.is_empty() || !clearing.is_empty() => {
                    inputs.extend(self.observe(&sync, &watched, &mut clearing).await);
                }
                () = tokio::time::sleep(wake) => {
                    inputs.push(Input::Tick);
                    inputs.extend(self.observe(&sync, &watched, &mut clearing).await);
                }
            }
        }
    }

    /// Begins what an operation asks for; what is answered at once it answers.
    async fn begin(
        &self,
        action: Action,
        sync: &mut Going,
        work: &mut JoinSet<Answer>,
        watched: &mut BTreeSet<ObjectKey>,
        clearing: &mut Vec<(StepId, String)>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Vec<Input>, Failure> {
        let carrier = self.carrier(sync);
        if !matches!(action, Action::Watch(_)) {
            watched.clear();
        }
        match action {
            Action::DryRun(steps) => {
                work.spawn(async move { Answer::Input(carrier.dry_run(steps).await) });
            }
            Action::Own(keys) => {
                keys.into_iter().for_each(|key| sync.inventory.own(key));
                self.books.work(&sync.operation, &sync.inventory, now()).await?;
                return Ok(vec![Input::Stored]);
            }
            Action::Clear { steps, runs } => {
                *clearing = steps.into_iter().zip(runs).collect();
                return Ok(self.observe(sync, watched, clearing).await);
            }
            Action::Apply(steps) => {
                work.spawn(async move { Answer::Done(carrier.apply(steps).await) });
            }
            Action::Run { steps, runs } => {
                let steps = steps.into_iter().zip(runs).collect();
                work.spawn(async move { Answer::Done(carrier.run(steps).await) });
            }
            Action::Watch(keys) => {
                *watched = keys.into_iter().collect();
                return Ok(vec![carrier.see(watched).await]);
            }
            Action::AskConsent(keys) => events(Event::AsksConsent(keys)),
            Action::Prune(steps) => {
                work.spawn(async move { Answer::Done(carrier.prune(steps).await) });
            }
            Action::Delete(steps) => {
                work.spawn(async move { Answer::Done(carrier.delete(steps).await) });
            }
            Action::Plan(refresh) => return Ok(vec![Input::Planned(self.again(sync, refresh).await?)]),
            Action::PlanEnd => return Ok(vec![Input::Planned(self.end_again(sync).await)]),
            Action::Finished(_) => {}
        }
        Ok(Vec::new())
    }

    fn carrier(&self, sync: &Going) -> Carrier {
        Carrier {
            subject: self.subject.clone(),
            desired: sync.desired.clone(),
            operation: Arc::new(sync.operation.clone()),
        }
    }

    /// What came of work: the inventory learns it first.
    fn take(&self, answer: Answer, sync: &mut Going) -> Option<Input> {
        match answer {
            Answer::Input(input) => Some(input),
            Answer::Done(done) => {
                let mut answers = Vec::with_capacity(done.len());
                for Done { step, answer, record, gone } in done {
                    // A namespace that a sync makes beside its objects is nobody's.
                    if let Some((key, owned)) = record.filter(|(key, _)| sync.inventory.get(key).is_some()) {
                        sync.inventory.record(key, owned);
                    }
                    if let Some(key) = gone {
                        sync.inventory.forget(&key);
                    }
                    answers.push((step, answer));
                }
                Some(Input::Done(answers))
            }
        }
    }

    /// How what is waited for stands.
    async fn observe(
        &self,
        sync: &Going,
        watched: &BTreeSet<ObjectKey>,
        clearing: &mut Vec<(StepId, String)>,
    ) -> Vec<Input> {
        let carrier = self.carrier(sync);
        let mut inputs = Vec::new();
        if !watched.is_empty() {
            inputs.push(carrier.see(watched).await);
        }
        if !clearing.is_empty() {
            let done = carrier.clear(clearing).await;
            clearing.retain(|(step, _)| done.iter().all(|done| done.step != *step));
            inputs.push(Input::Done(done.into_iter().map(|done| (done.step, done.answer)).collect()));
        }
        inputs
    }

    /// A plan for another attempt.
    async fn again(&self, sync: &mut Going, refresh: Refresh) -> Result<Replanned, Failure> {
        let wish = match refresh {
            Refresh::Same => Wish {
                revision: sync.operation.plan.revision.clone(),
                desired: Ok(sync.desired.clone()),
                warnings: Vec::new(),
            },
            Refresh::Newest => self.subject.wish().await,
        };
        let request = Request::Retry(sync.operation.plan.order.clone());
        let mut memory = Memory { inventory: std::mem::take(&mut sync.inventory), ..self.books.memory(self.name())? };
        let look = self.look_for(&request, &mut memory, wish).await;
        sync.inventory = memory.inventory;
        let Look { wish, plan, .. } = look?;
        if let Ok(desired) = wish.desired {
            sync.desired = desired;
        }
        Ok(Replanned::of(plan.verdict, now()))
    }

    /// A plan for another attempt at a deletion.
    async fn end_again(&self, sync: &Going) -> Replanned {
        let revision = &sync.operation.plan.revision;
        Replanned::of_end(self.ending(&sync.desired, &sync.inventory, revision).await, now())
    }

    /// What the end of the application comes to.
    async fn ending(&self, desired: &Desired, inventory: &Inventory, revision: &str) -> deletion::Ending {
        let mut keys: BTreeSet<ObjectKey> = inventory.objects().map(|(key, _)| key.clone()).collect();
        keys.extend(desired.items().iter().map(|item| item.key.clone()));
        let application = &self.subject.application;
        let live = self.subject.destination.live(&Wanted { application: &application.name, keys: &keys }).await;
        let sides = Sides { application, render: Render::Done(desired), live: &live, inventory, children: &[] };
        deletion::end(&sides, revision, &self.brakes, now())
    }

    /// Ends an application whose file is gone: its objects go where the file had asked for that, and what is remembered of it
    /// is forgotten. Answers how it stands where it cannot go yet.
    ///
    /// Errors: those of the journal.
    pub async fn end(
        &self,
        mut words: mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Option<Standing>, Failure> {
        let mut memory = self.books.memory(self.name())?;
        let wish = self.last_wish(&memory).await;
        let removal = memory.operation.take_if(|operation| operation.plan.order.asked == Asked::Removal);
        if let Some(operation) = memory.operation.take() {
            let (desired, inventory) = (wish.desired.as_ref().ok().cloned(), memory.inventory.clone());
            self.abandon(operation, desired, inventory).await?;
            memory = self.books.memory(self.name())?;
        }
        let ending = match &wish.desired {
            Ok(desired) => self.ending(desired, &memory.inventory, &wish.revision).await,
            Err(_) if self.subject.application.finalizer == Finalizer::None => {
                deletion::Ending::Forget(Reason::new(Code::Orphaned, "its file has no finalizer, so its objects stay"))
            }
            Err(why) => deletion::Ending::Hold(vec![why.clone()]),
        };
        let plan = match ending {
            deletion::Ending::Forget(_) => {
                self.books.forget(self.name()).await?;
                return Ok(None);
            }
            deletion::Ending::Hold(reasons) => return self.hold(&memory, &wish.revision, reasons).await.map(Some),
            deletion::Ending::Delete(plan, _) => plan,
        };
        let Ok(desired) = wish.desired else { return Ok(None) };
        let operation = match removal {
            Some(operation) if operation.plan.subject == plan.subject => operation,
            _ => Operation::new(new_id(), *plan, now()),
        };
        let kept = self.carry(Going { operation, desired, inventory: memory.inventory }, &mut words, events).await?;
        if matches!(kept.outcome, Some(Outcome::Applied | Outcome::Healthy)) {
            self.books.forget(self.name()).await?;
            return Ok(None);
        }
        Ok(Some(kept.standing))
    }

    /// What should be there of an application that goes: by its branch, or where that has lost its files as well, as it was
    /// synced last.
    async fn last_wish(&self, memory: &Memory) -> Wish {
        let wish = self.subject.wish().await;
        let last = memory.standing.as_ref().and_then(|standing| standing.last.as_ref());
        let (Err(_), Some(last), [_]) = (&wish.desired, last, self.subject.declared.sources.as_slice()) else {
            return wish;
        };
        let mut subject = Subject::clone(&self.subject);
        if let Some(source) = subject.declared.sources.first_mut() {
            source.revision.clone_from(&last.revision);
        }
        let before = subject.wish().await;
        if before.desired.is_ok() { before } else { wish }
    }

    async fn hold(&self, memory: &Memory, revision: &str, reasons: Vec<Reason>) -> Result<Standing, Failure> {
        let (last, images) = memory.standing.clone().map(|it| (it.last, it.images)).unwrap_or_default();
        let message = reasons.first().map(ToString::to_string).unwrap_or_default();
        let standing =
            Standing { reasons, images, revision: revision.to_owned(), ..Standing::unknown(message, last, now()) };
        self.books.stand(self.name(), &standing, None).await?;
        Ok(standing)
    }

    /// Whether what is applied is no longer what is wanted.
    async fn superseded(&self, sync: &Going) -> Option<Input> {
        let wish = self.subject.wish().await;
        let newer = wish.desired.is_ok_and(|desired| self.subject_of(&desired) != sync.operation.plan.subject);
        newer.then_some(Input::Stop(Stop::Superseded))
    }

    async fn finish(
        &self,
        operation: &Operation,
        inventory: &Inventory,
        outcome: &Outcome,
    ) -> Result<Standing, Failure> {
        let at = now();
        let plan = &operation.plan;
        let healings = if let Asked::Heal { healings } = plan.order.asked { healings } else { 0 };
        let last =
            Last { subject: plan.subject.clone(), revision: plan.revision.clone(), end: outcome.end(), at, healings };
        let before = self.books.memory(self.name())?.standing;
        let mut standing = before.unwrap_or_else(|| Standing::unknown(String::new(), None, at));
        (standing.message, standing.last, standing.at) = (outcome.to_string(), Some(last), at);
        standing.reasons.clear();
        let object = |(step, result): (&StepId, &StepResult)| PastObject {
            step: step.to_string(),
            failure: match result {
                StepResult::Done => None,
                StepResult::Failed(why) => Some(why.clone()),
            },
        };
        let past = Past {
            revision: plan.revision.clone(),
            asked: plan.order.asked.to_string(),
            outcome: outcome.to_string(),
            applied: matches!(outcome, Outcome::Healthy | Outcome::Applied | Outcome::Unhealthy(_)),
            attempts: operation.attempt,
            ended: at,
            objects: operation.results.iter().map(object).collect(),
        };
        let keep = self.subject.declared.history_limit;
        self.books.end(operation, inventory, &standing, &past, keep).await?;
        Ok(standing)
    }
}

/// What work came to.
enum Answer {
    Input(Input),
    Done(Vec<Done>),
}

/// The time of the machine.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn new_id() -> String {
    let mut bytes = [0; 8];
    // Without it two syncs of one moment would be one; nothing worse.
    let _ = getrandom::fill(&mut bytes);
    let millis = u64::try_from(now().0).unwrap_or_default();
    model::RunId::new(millis, u64::from_le_bytes(bytes)).0
}
