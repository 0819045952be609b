//! Keeps one application: looks at it, and carries out what the planner decides. One at a time does so for an application;
//! any number of applications at once.

mod ending;
mod going;

use crate::books::{Books, Memory};
use crate::images::images;
use crate::look::{Look, Origin, Subject, Wish};
use crate::requirement::{Intent, Proposed, Proven, Requirements};
use crate::standing::Standing;
use going::{Going, Newer};
use model::{Digest, Failure, Timestamp};
use planner::Desired;
use planner::decide::{Brakes, Request, Situation, subject};
use planner::depend::{Dependency, Stand};
use planner::object::ObjectKey;
use planner::operation::{Input, Operation, Outcome, Stop};
use planner::plan::{Asked, Order};
use planner::reason::{Code, Reason};
use planner::verdict::Verdict;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};

/// How often it is looked at what is waited for, though nobody told that it has changed: for destinations whose word gets lost.
const POLL: Duration = Duration::from_secs(10);

/// What happens to an application meanwhile, for whoever wants to see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Where its sync is, in words.
    At(String),
    /// These objects go only when a person says so.
    AsksConsent(Vec<ObjectKey>),
    /// What was asked for waits for what is at work already.
    Waits,
    /// It waits no longer.
    Begins,
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
    /// A person asks for another sync, which waits for this one.
    Asked,
}

/// Keeps one application.
pub struct Keeper {
    subject: Arc<Subject>,
    books: Books,
    brakes: Box<Ask>,
    /// Each with whether it must have come as far as the commit of this one.
    dependencies: Vec<(Dependency, bool)>,
    requirements: Requirements,
}

/// Asks for the brakes as they are now. Errors: those of the journal.
pub(crate) type Ask = dyn Fn() -> Result<Brakes, Failure> + Send + Sync;

/// What keeping it once came to.
#[derive(Debug)]
pub struct Kept {
    /// How it stands now.
    pub standing: Standing,
    /// How the sync ended, where there was one.
    pub outcome: Option<Outcome>,
    /// The revision that it tried, or against which it was looked at.
    pub revision: String,
    /// Whether this is what was asked for. Else a sync that somebody had left unfinished came to its end, and who asked asks again:
    /// by then the application may be another one.
    pub is_answer: bool,
}

impl Keeper {
    /// Of an application, under these brakes and requirements and after these dependencies.
    pub(crate) fn new(
        subject: Arc<Subject>,
        books: Books,
        brakes: Box<Ask>,
        dependencies: Vec<(Dependency, bool)>,
        requirements: Requirements,
    ) -> Self {
        Self { subject, books, brakes, dependencies, requirements }
    }

    /// What its environments ask.
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// Whom it keeps.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Tells when something at the destination may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.subject.destination.changes(&self.subject.application.name)
    }

    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    pub(crate) fn brakes(&self) -> Result<Brakes, Failure> {
        (self.brakes)()
    }

    pub(crate) fn name(&self) -> &str {
        &self.subject.application.name.0
    }

    /// Looks, and stores nothing: whoever keeps it meanwhile is not disturbed. Errors: those of the journal; whatever else is
    /// wrong is part of the answer.
    pub async fn look(&self) -> Result<(Look, Standing), Failure> {
        let mut memory = self.books.memory(self.name())?;
        self.survey(&Request::Automatic, None, &mut memory, self.subject.wish().await).await
    }

    /// Looks, and carries out what is to be done. A sync that somebody left unfinished goes on instead; it is the answer to a
    /// person only where it did what they ask for. Words that are not heard stay where they are.
    ///
    /// Errors: those of the journal. Whatever is wrong with the application is part of the answer.
    pub async fn keep(
        &self,
        request: Request,
        words: &mut mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Kept, Failure> {
        let mut memory = self.books.memory(self.name())?;
        let wish = self.subject.wish().await;
        if let Some(operation) = memory.operation.take() {
            let order = operation.plan.order.clone();
            if let Some(kept) = self.take_up(operation, &memory, &wish, words, events).await? {
                let is_answer = answers(&kept, &order, &request);
                if let Some(outcome) = kept.outcome.as_ref().filter(|_| !is_answer) {
                    events(Event::At(format!("a sync that was left over ended: {outcome}")));
                }
                return Ok(Kept { is_answer, ..kept });
            }
            memory = self.books.memory(self.name())?;
        }
        let look = self.look_for(&request, &mut memory, wish).await?;
        let standing = memory.standing.take().unwrap_or_else(|| Standing::unknown(String::new(), None, now()));
        let Wish { revision, origins, desired, .. } = look.wish;
        let (Verdict::Sync(plan), Ok(desired)) = (look.plan.verdict, desired) else {
            return Ok(Kept { standing, outcome: None, revision, is_answer: true });
        };
        let operation = Operation::new(new_id(), *plan, now());
        let going = Going { operation, origins, desired, inventory: memory.inventory, newer: None };
        self.carry(going, words, events).await
    }

    /// Takes up a sync that somebody left unfinished. `None` where it was given up, as it is no longer what is wanted.
    async fn take_up(
        &self,
        mut operation: Operation,
        memory: &Memory,
        wish: &Wish,
        words: &mut mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Option<Kept>, Failure> {
        let confirmed = operation.confirmed;
        let Heard { stop, newer } = hear(&mut operation, words);
        let (desired, inventory) = (wish.desired.as_ref().ok().cloned(), memory.inventory.clone());
        // Who stops it need not wait for a cluster that does not answer.
        if let Some(stop) = stop {
            return self.abandon(operation, stop, desired, inventory).await.map(Some);
        }
        // Of such a cluster nobody knows whether it still is what is wanted: it goes on once it does, with the hooks that have run
        // and with what was confirmed.
        if let Err(why) = &wish.desired
            && why.code == Code::LiveUnreadable
        {
            if operation.confirmed != confirmed {
                self.books.work(&operation, &inventory, now()).await?;
            }
            let standing = self.hold(memory, wish, vec![why.clone()]).await?;
            let revision = wish.revision.clone();
            return Ok(Some(Kept { standing, outcome: None, revision, is_answer: true }));
        }
        // Whoever began it is gone. What it applies must still be what is wanted, and nothing may hold it by now. A deletion
        // whose file is there again is over in any case.
        let same = desired.as_ref().filter(|desired| self.subject_of(desired) == operation.plan.subject);
        if let Some(desired) = same.cloned()
            && operation.plan.order.asked != Asked::Removal
            && self.may_go_on(&operation, memory, wish).await?
        {
            let going = Going { operation, origins: wish.origins.clone(), desired, inventory, newer };
            return self.carry(going, words, events).await.map(Some);
        }
        self.abandon(operation, Stop::Superseded, desired, inventory).await?;
        Ok(None)
    }

    /// Whether a sync that was interrupted may go on: what held it while nobody was at work holds it now.
    async fn may_go_on(&self, operation: &Operation, memory: &Memory, wish: &Wish) -> Result<bool, Failure> {
        let mut memory = memory.clone();
        let request = Request::Retry(operation.plan.order.clone());
        let (look, _) = self.survey(&request, None, &mut memory, wish.clone()).await?;
        Ok(match look.plan.verdict {
            Verdict::Hold(reasons) => reasons.iter().all(|reason| reason.code == Code::InSync),
            Verdict::Sync(_) | Verdict::Supersede(_) => true,
        })
    }

    fn proposed(&self, content: &Digest, origins: &[Origin], images: &[String]) -> Proposed {
        let policy = self.subject.application.digest.clone();
        Proposed { subject: content.clone(), policy, origins: origins.to_vec(), images: images.to_vec() }
    }

    fn subject_of(&self, desired: &Desired) -> Digest {
        subject(&self.subject.application, desired)
    }

    /// Looks by a request, beside a sync at work where there is one; what `memory` then has of the inventory is as it was found.
    /// Errors: those of the journal.
    pub(crate) async fn survey(
        &self,
        request: &Request,
        running: Option<&Digest>,
        memory: &mut Memory,
        wish: Wish,
    ) -> Result<(Look, Standing), Failure> {
        let last = memory.standing.as_ref().and_then(|standing| standing.last.clone());
        let content = wish.desired.as_ref().ok().map(|desired| self.subject_of(desired));
        let runs = wish.desired.as_ref().ok().map(|desired| images(desired));
        let mut brakes = (self.brakes)()?;
        if let (Some(content), Some(runs)) = (&content, &runs) {
            brakes.requirements.extend(self.unmet(self.proposed(content, &wish.origins, runs), Intent::Sync).await);
        }
        let dependencies: Vec<Dependency> = self.dependencies.iter().map(|it| as_far_as(it, &wish.revision)).collect();
        let situation = Situation {
            request,
            brakes: &brakes,
            last: last.as_ref(),
            running,
            dependencies: &dependencies,
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
        standing.sources = look.wish.origins.iter().map(Into::into).collect();
        standing.subject = content;
        (standing.images, standing.environments) = match runs {
            Some(images) => (images, self.requirements.belongs(&look.wish.origins)),
            // As far as it is known, it still runs what it ran.
            None => memory.standing.as_ref().map(|it| (it.images.clone(), it.environments.clone())).unwrap_or_default(),
        };
        Ok((look, standing))
    }

    /// What the environments ask and is not met. What cannot be told is not met.
    async fn unmet(&self, proposed: Proposed, intent: Intent) -> Vec<Reason> {
        if self.requirements.is_empty() {
            return Vec::new();
        }
        let requirements = self.requirements.clone();
        let unmet = tokio::task::spawn_blocking(move || requirements.unmet(&proposed, intent, now())).await;
        match unmet.unwrap_or_else(|e| Err(Failure::internal(format!("asking for approvals panicked: {e}")))) {
            Ok(unmet) => unmet,
            Err(failure) => {
                let text = format!("whether its environments let it be cannot be told: {failure}");
                vec![Reason::new(Code::Requirement, text)]
            }
        }
    }

    /// Stores that newer commits stand for what was accepted, where that is so.
    async fn advance(&self, proposed: Proposed, at: Timestamp) -> Result<(), Failure> {
        let requirements = self.requirements.clone();
        let asked = proposed.clone();
        let names = tokio::task::spawn_blocking(move || requirements.advanced(&asked)).await;
        let names = names.unwrap_or_else(|e| Err(Failure::internal(format!("comparing commits panicked: {e}"))));
        // What cannot be compared now stays as it is; the next look asks again.
        let names = names.unwrap_or_default();
        if names.is_empty() { Ok(()) } else { self.requirements.accept(&proposed, Some(&names), Proven::No, at).await }
    }

    /// Looks by a request, and stores what follows; `memory` is as it is stored then.
    async fn look_for(&self, request: &Request, memory: &mut Memory, wish: Wish) -> Result<Look, Failure> {
        let (look, standing) = self.survey(request, None, memory, wish).await?;
        let moved = !look.plan.survey.settled.is_empty() || !look.plan.survey.lost.is_empty();
        // A look that finds all as it was costs no write.
        if moved || !memory.standing.as_ref().is_some_and(|before| before.is_same(&standing)) {
            self.books.stand(self.name(), &standing, moved.then_some(&memory.inventory)).await?;
        }
        if let Some(content) = standing.subject.as_ref().filter(|_| !self.requirements.is_empty()) {
            let proposed = self.proposed(content, &look.wish.origins, &standing.images);
            self.advance(proposed, standing.at).await?;
        }
        memory.standing = Some(standing);
        Ok(look)
    }
}

/// What was said to a sync while nobody was at it.
#[derive(Default)]
struct Heard {
    stop: Option<Stop>,
    newer: Option<Newer>,
}

/// Hears what was said to a sync while nobody was at it. What was confirmed it knows then; what is asked for at the point
/// where it stands it asks for again when it goes on.
fn hear(operation: &mut Operation, words: &mut mpsc::Receiver<Word>) -> Heard {
    let mut heard = Heard::default();
    while let Ok(word) = words.try_recv() {
        match word {
            Word::Stop(stop) => heard.stop = heard.stop.or(Some(stop)),
            Word::Confirm => drop(operation.apply(Input::Confirmed(now()), now())),
            Word::Moved => heard.newer = heard.newer.max(Some(Newer::Moved)),
            Word::Asked => heard.newer = Some(Newer::Asked),
        }
    }
    heard
}

/// Whether what became of a sync that was left unfinished is the answer to a request. Who asks for other objects, for prunes or
/// for health has not got that; and a healing runs no hooks.
fn answers(kept: &Kept, order: &Order, request: &Request) -> bool {
    let Request::Manual(manual) = request else { return true };
    match &kept.outcome {
        None | Some(Outcome::Stopped(Stop::Cancelled)) => true,
        Some(Outcome::Stopped(Stop::Superseded)) => false,
        Some(Outcome::Healthy | Outcome::Applied | Outcome::Unhealthy(_) | Outcome::Failed(_)) => {
            let is_heal = matches!(order.asked, Asked::Heal { .. });
            !is_heal && (order.prune, &order.only, order.awaits) == (manual.prune, &manual.only, manual.awaits)
        }
    }
}

/// A dependency: where both are of one repository, it must have come as far as this revision.
fn as_far_as((dependency, together): &(Dependency, bool), revision: &str) -> Dependency {
    let mut dependency = dependency.clone();
    if let (Stand::At { wanted, .. }, true) = (&mut dependency.stand, together) {
        revision.clone_into(wanted);
    }
    dependency
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
