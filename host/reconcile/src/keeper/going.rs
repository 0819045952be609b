//! A sync at work: what the operation asks for is done, and answered, until it has ended.

use super::{Event, Keeper, Kept, POLL, Word, now};
use crate::applyset::Parent;
use crate::books::{Memory, Past, PastObject};
use crate::carry::{Carrier, Done};
use crate::due;
use crate::images::images;
use crate::look::{Look, Origin, Wish};
use crate::requirement::Proven;
use crate::standing::Standing;
use model::Failure;
use planner::application::Permit;
use planner::decide::{Last, Manual, Request};
use planner::object::ObjectKey;
use planner::operation::{Action, Input, Operation, Outcome, Replanned, StepResult, Stop};
use planner::plan::{Asked, Await, StepId};
use planner::retry::Refresh;
use planner::verdict::Verdict;
use planner::{Desired, Inventory};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A sync that is at work.
pub(super) struct Going {
    pub(super) operation: Operation,
    /// Where what it applies came from.
    pub(super) origins: Vec<Origin>,
    pub(super) desired: Arc<Desired>,
    pub(super) inventory: Inventory,
    /// What was said of newer states before it went on.
    pub(super) newer: Option<Newer>,
}

/// That a newer state may be wanted than the one that is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Newer {
    /// Something has moved: it takes the place of this one if it would be synced by itself.
    Moved,
    /// A person waits for another sync.
    Asked,
}

/// Whether another state is to take the place of the one that is applied.
enum Judged {
    Yes,
    No,
    /// That cannot be told now.
    Unknown,
}

impl Keeper {
    /// Ends a sync with which nobody goes on: its hooks go, and its history says why.
    pub(super) async fn abandon(
        &self,
        mut operation: Operation,
        stop: Stop,
        desired: Option<Arc<Desired>>,
        inventory: Inventory,
    ) -> Result<Kept, Failure> {
        let (_, mut words) = mpsc::channel(1);
        let Some(desired) = desired else {
            // What is to be deleted needs no render; what it was named after does not matter either.
            let outcome = Outcome::Stopped(stop);
            let standing = self.finish(&operation, &inventory, &outcome, None).await?;
            let revision = operation.plan.revision;
            return Ok(Kept { standing, outcome: Some(outcome), revision, is_answer: true });
        };
        operation.apply(Input::Stop(stop), now());
        let going = Going { operation, origins: Vec::new(), desired, inventory, newer: None };
        self.carry(going, &mut words, &|_| {}).await
    }

    pub(super) async fn carry(
        &self,
        mut sync: Going,
        words: &mut mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Kept, Failure> {
        self.books.work(&sync.operation, &sync.inventory, now()).await?;
        let mut changes = self.subject.destination.changes(&self.subject.application.name);
        let mut parent = Parent::of(&self.subject, &sync.operation);
        let mut work = JoinSet::new();
        let mut watched = BTreeSet::new();
        let mut clearing: Vec<(StepId, String)> = Vec::new();
        let mut inputs = vec![Input::Start];
        // The file may say already that what waits for a person may go.
        inputs.extend(self.subject.application.confirmed.map(Input::Confirmed));
        let mut words_open = true;
        let (mut newer, mut asked, mut ask) = (sync.newer, 0, Instant::now());
        loop {
            for input in std::mem::take(&mut inputs) {
                let before = (sync.operation.at.clone(), sync.operation.confirmed);
                let actions = sync.operation.apply(input, now());
                let moved = sync.operation.at != before.0;
                if moved {
                    events(Event::At(sync.operation.to_string()));
                }
                // A person's word must outlast a crash as well.
                if moved || sync.operation.confirmed != before.1 {
                    self.books.work(&sync.operation, &sync.inventory, now()).await?;
                }
                for action in actions {
                    if let (Action::Apply(_), Some(parent)) = (&action, &mut parent) {
                        parent.widen(&sync.inventory).await;
                    }
                    if let Action::Finished(outcome) = action {
                        let outcome = self.settled(outcome).await;
                        let has_done = sync.operation.results.values().any(|result| *result == StepResult::Done);
                        if let Some(parent) = parent.as_mut().filter(|_| has_done) {
                            parent.narrow(&sync.inventory).await;
                        }
                        let standing = self.finish(&sync.operation, &sync.inventory, &outcome, parent.as_ref()).await?;
                        self.accept(&sync, &outcome).await?;
                        let revision = sync.operation.plan.revision;
                        return Ok(Kept { standing, outcome: Some(outcome), revision, is_answer: true });
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
                    Some(Word::Moved) => (newer, asked, ask) = (newer.max(Some(Newer::Moved)), 0, Instant::now()),
                    Some(Word::Asked) => (newer, asked, ask) = (Some(Newer::Asked), 0, Instant::now()),
                    None => words_open = false,
                },
                Some(by) = due_at(ask, newer) => match self.superseded(&sync, by).await? {
                    Judged::Yes => (newer, inputs) = (None, vec![Input::Stop(Stop::Superseded)]),
                    Judged::No => newer = None,
                    Judged::Unknown => {
                        asked += 1;
                        ask = Instant::now() + Duration::from_millis(due::pause(asked));
                    }
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
                origins: sync.origins.clone(),
            },
            Refresh::Newest => self.subject.wish().await,
        };
        let request = Request::Retry(sync.operation.plan.order.clone());
        let mut memory = Memory { inventory: std::mem::take(&mut sync.inventory), ..self.books.memory(self.name())? };
        let look = self.look_for(&request, &mut memory, wish).await;
        sync.inventory = memory.inventory;
        let Look { wish, plan, .. } = look?;
        if let Ok(desired) = wish.desired {
            (sync.desired, sync.origins) = (desired, wish.origins);
        }
        Ok(Replanned::of(plan.verdict, now()))
    }

    /// Whether another state is wanted than the one that is applied, and may take its place: one that is held stops nothing.
    async fn superseded(&self, sync: &Going, newer: Newer) -> Result<Judged, Failure> {
        let wish = self.subject.wish().await;
        let running = &sync.operation.plan.subject;
        match &wish.desired {
            Ok(desired) if self.subject_of(desired) == *running => return Ok(Judged::No),
            Ok(_) => {}
            Err(_) => return Ok(Judged::Unknown),
        }
        let request = match newer {
            Newer::Moved => Request::Automatic,
            // What they asked for in particular decides what their sync does, not whether it may begin.
            Newer::Asked => Request::Manual(Manual {
                who: String::new(),
                prune: Permit::Refused,
                only: None,
                awaits: Await::Health,
            }),
        };
        let mut memory = Memory { inventory: sync.inventory.clone(), ..self.books.memory(self.name())? };
        let (look, _) = self.survey(&request, Some(running), &mut memory, wish).await?;
        Ok(match look.plan.verdict {
            Verdict::Supersede(_) => Judged::Yes,
            Verdict::Hold(reasons) if reasons.iter().any(|reason| due::passes(reason.code)) => Judged::Unknown,
            Verdict::Hold(_) | Verdict::Sync(_) => Judged::No,
        })
    }

    /// An outcome once others see what was written, or why they do not.
    pub(super) async fn settled(&self, outcome: Outcome) -> Outcome {
        let applied = matches!(outcome, Outcome::Healthy | Outcome::Applied | Outcome::Unhealthy(_));
        match self.subject.destination.settle().await {
            Err(failure) if applied => Outcome::Failed(failure.message),
            _ => outcome,
        }
    }

    /// Stores for its environments that all of a content was applied, which met what they ask.
    pub(super) async fn accept(&self, sync: &Going, outcome: &Outcome) -> Result<(), Failure> {
        let order = &sync.operation.plan.order;
        let applied = matches!(outcome, Outcome::Healthy | Outcome::Applied | Outcome::Unhealthy(_));
        if !applied || order.only.is_some() || order.asked == Asked::Removal {
            return Ok(());
        }
        if self.requirements.is_empty() {
            return Ok(());
        }
        let proposed = self.proposed(&sync.operation.plan.subject, &sync.origins, &images(&sync.desired));
        let proven = if *outcome == Outcome::Healthy { Proven::Healthy } else { Proven::No };
        self.requirements.accept(&proposed, None, proven, now()).await
    }

    pub(super) async fn finish(
        &self,
        operation: &Operation,
        inventory: &Inventory,
        outcome: &Outcome,
        parent: Option<&Parent>,
    ) -> Result<Standing, Failure> {
        let at = now();
        let plan = &operation.plan;
        let healings = if let Asked::Heal { healings } = plan.order.asked { healings } else { 0 };
        let last =
            Last { subject: plan.subject.clone(), revision: plan.revision.clone(), end: outcome.end(), at, healings };
        let before = self.books.memory(self.name())?.standing;
        let mut standing = before.unwrap_or_else(|| Standing::unknown(String::new(), None, at));
        (standing.message, standing.at) = (outcome.to_string(), at);
        // A person's few objects say nothing of the rest, which nobody has tried yet: it is neither drift nor failed.
        if !(matches!(plan.order.asked, Asked::Person(_)) && plan.order.only.is_some()) {
            standing.last = Some(last);
        }
        standing.reasons.clear();
        let object = |(step, result): (&StepId, &StepResult)| PastObject {
            step: step.to_string(),
            failure: match result {
                StepResult::Done => None,
                StepResult::Failed(why) => Some(why.clone()),
            },
        };
        let unsaid = parent
            .and_then(Parent::failure)
            .map(|(key, why)| PastObject { step: format!("ApplySet {key}"), failure: Some(why.to_owned()) });
        let past = Past {
            revision: plan.revision.clone(),
            asked: plan.order.asked.to_string(),
            outcome: outcome.to_string(),
            applied: matches!(outcome, Outcome::Healthy | Outcome::Applied | Outcome::Unhealthy(_)),
            attempts: operation.attempt,
            ended: at,
            objects: operation.results.iter().map(object).chain(unsaid).collect(),
        };
        let keep = self.subject.declared.history_limit;
        self.books.end(operation, inventory, &standing, &past, keep).await?;
        Ok(standing)
    }
}

/// What is to be judged, once it is time to.
async fn due_at(ask: Instant, newer: Option<Newer>) -> Option<Newer> {
    if newer.is_some() {
        tokio::time::sleep_until(ask).await;
    }
    newer
}

/// What work came to.
enum Answer {
    Input(Input),
    Done(Vec<Done>),
}
