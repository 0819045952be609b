//! The end of an application whose file is gone.

use super::going::Going;
use super::{Event, Keeper, Word, hear, new_id, now};
use crate::applyset::{self};
use crate::books::Memory;
use crate::look::{Origin, Subject, Wish};
use crate::requirement::Intent;
use crate::standing::Standing;
use cluster::Wanted;
use model::{Digest, Failure};
use planner::application::Finalizer;
use planner::object::ObjectKey;
use planner::operation::{Operation, Outcome, Replanned, Stop};
use planner::plan::Asked;
use planner::reason::{Code, Reason};
use planner::survey::{Render, Sides};
use planner::{Desired, Inventory, deletion};
use std::collections::BTreeSet;
use tokio::sync::mpsc;

impl Keeper {
    /// A plan for another attempt at a deletion.
    pub(super) async fn end_again(&self, sync: &Going) -> Replanned {
        let revision = &sync.operation.plan.revision;
        match self.ending(&sync.desired, &sync.inventory, (revision, &sync.origins)).await {
            Ok(ending) => Replanned::of_end(ending, now()),
            Err(failure) => {
                let reason = Reason::new(Code::Requirement, failure.message);
                Replanned::of_end(deletion::Ending::Hold(vec![reason]), now())
            }
        }
    }

    /// What the end of the application comes to.
    async fn ending(
        &self,
        desired: &Desired,
        inventory: &Inventory,
        (revision, origins): (&str, &[Origin]),
    ) -> Result<deletion::Ending, Failure> {
        let mut keys: BTreeSet<ObjectKey> = inventory.objects().map(|(key, _)| key.clone()).collect();
        keys.extend(desired.items().iter().map(|item| item.key.clone()));
        let application = &self.subject.application;
        let live = self.subject.destination.live(&Wanted { application: &application.name, keys: &keys }).await;
        let sides = Sides { application, render: Render::Done(desired), live: &live, inventory, children: &[] };
        let mut brakes = (self.brakes)()?;
        if application.finalizer != Finalizer::None {
            let removal = removal(&self.subject_of(desired));
            brakes.requirements.extend(self.unmet(self.proposed(&removal, origins, &[]), Intent::Removal).await);
        }
        Ok(deletion::end(&sides, revision, &brakes, now()))
    }

    /// Ends an application whose file is gone: its objects go where the file had asked for that, and what is remembered of it
    /// is forgotten. Answers how it stands where it cannot go yet.
    ///
    /// Errors: those of the journal.
    pub async fn end(
        &self,
        words: &mut mpsc::Receiver<Word>,
        events: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<Option<Standing>, Failure> {
        let mut memory = self.books.memory(self.name())?;
        let wish = self.last_wish(&memory).await;
        let desired = wish.desired.as_ref().ok().cloned();
        let mut removal = memory.operation.take_if(|operation| operation.plan.order.asked == Asked::Removal);
        if let Some(operation) = memory.operation.take() {
            self.abandon(operation, Stop::Superseded, desired.clone(), memory.inventory.clone()).await?;
            memory = self.books.memory(self.name())?;
        }
        if let Some(mut operation) = removal.take() {
            let confirmed = operation.confirmed;
            if let Some(stop) = hear(&mut operation, words).stop {
                return self.abandon(operation, stop, desired, memory.inventory).await.map(|kept| Some(kept.standing));
            }
            // Whatever holds it now, the word counts once it goes on.
            if operation.confirmed != confirmed {
                self.books.work(&operation, &memory.inventory, now()).await?;
            }
            removal = Some(operation);
        }
        let ending = match &wish.desired {
            Ok(desired) => self.ending(desired, &memory.inventory, (&wish.revision, &wish.origins)).await?,
            Err(_) if self.subject.application.finalizer == Finalizer::None => {
                deletion::Ending::Forget(Reason::new(Code::Orphaned, "its file has no finalizer, so its objects stay"))
            }
            Err(why) => deletion::Ending::Hold(vec![why.clone()]),
        };
        let plan = match ending {
            deletion::Ending::Forget(_) => {
                self.forget().await?;
                return Ok(None);
            }
            deletion::Ending::Hold(reasons) => return self.hold(&memory, &wish, reasons).await.map(Some),
            deletion::Ending::Delete(plan, _) => plan,
        };
        let Ok(desired) = wish.desired else { return Ok(None) };
        let operation = match removal {
            Some(operation) if operation.plan.subject == plan.subject => operation,
            _ => Operation::new(new_id(), *plan, now()),
        };
        let going = Going { operation, origins: wish.origins, desired, inventory: memory.inventory, newer: None };
        let kept = self.carry(going, words, events).await?;
        if matches!(kept.outcome, Some(Outcome::Applied | Outcome::Healthy)) {
            self.forget().await?;
            return Ok(None);
        }
        Ok(Some(kept.standing))
    }

    /// Forgets it, and lets go of the children that it still has.
    async fn forget(&self) -> Result<(), Failure> {
        applyset::remove(&self.subject).await;
        self.books.forget(self.name()).await?;
        self.subject.brood.stir();
        Ok(())
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

    pub(super) async fn hold(&self, memory: &Memory, wish: &Wish, reasons: Vec<Reason>) -> Result<Standing, Failure> {
        let revision = &wish.revision;
        let before = memory.standing.clone();
        let (last, images, environments) = before.map(|it| (it.last, it.images, it.environments)).unwrap_or_default();
        let message = reasons.first().map(ToString::to_string).unwrap_or_default();
        // What people are asked about: that this goes.
        let subject = wish.desired.as_ref().ok().map(|desired| removal(&self.subject_of(desired)));
        let standing = Standing {
            reasons,
            images,
            environments,
            subject,
            revision: revision.clone(),
            ..Standing::unknown(message, last, now())
        };
        self.books.stand(self.name(), &standing, None).await?;
        Ok(standing)
    }
}

/// What people agree to where an application's objects would go.
pub(super) fn removal(content: &Digest) -> Digest {
    Digest::of_parts([b"removal".as_slice(), content.as_str().as_bytes()])
}
