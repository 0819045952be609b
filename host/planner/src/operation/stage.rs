//! One stage: clear, apply, settle, wait, prune. The next one never begins before this one is healthy and its hooks have
//! succeeded.

use super::flow::id;
use super::{Action, At, Course, GRACE, HookState, Operation, Outcome, Part, Sight, StepResult};
use crate::health::{Health, Status};
use crate::hook::{DeletePolicy, runs_to_an_end};
use crate::object::ObjectKey;
use crate::plan::{Act, Await, Consent, Stage, Step, StepId};
use crate::retry::SYNC_TIMEOUT;
use model::Timestamp;
use std::collections::BTreeSet;

/// How far what is waited for has come.
enum Progress {
    Ready,
    Waiting,
    Failed(String),
}

impl Operation {
    pub(super) fn stage(&self, course: Course, index: usize) -> Option<&Stage> {
        match course {
            Course::Main => self.plan.stages.get(index),
            Course::Failure => self.plan.on_failure.get(index),
        }
    }

    /// What a part of a stage asks for.
    pub(super) fn ask(&self, course: Course, index: usize, part: Part) -> Vec<Action> {
        let Some(stage) = self.stage(course, index) else { return vec![] };
        let runs = |steps: &[StepId]| steps.iter().map(|step| self.run(step)).collect();
        match part {
            Part::Clear(batch) => {
                let steps = self.uncleared(stage, batch);
                let runs = runs(&steps);
                vec![Action::Clear { steps, runs }]
            }
            Part::Apply(batch) => {
                let todo = self.undone(stage, &stage.batches, batch);
                let hooks: BTreeSet<StepId> = self.hooks_of(stage).collect();
                let (steps, objects): (Vec<_>, Vec<_>) = todo.into_iter().partition(|step| hooks.contains(step));
                let runs = runs(&steps);
                let apply = (!objects.is_empty()).then_some(Action::Apply(objects));
                apply.into_iter().chain((!steps.is_empty()).then_some(Action::Run { steps, runs })).collect()
            }
            Part::Settle(batch) => vec![Action::Watch(definitions(stage, batch))],
            Part::Wait => {
                let hooks = self.running().into_iter().filter(|step| step.phase == stage.phase).map(|step| step.key);
                vec![Action::Watch(stage.waits.iter().cloned().chain(hooks).collect())]
            }
            Part::Consent => vec![Action::AskConsent(needing_consent(stage).cloned().collect())],
            Part::Prune(batch) => vec![Action::Prune(self.undone(stage, &stage.prunes, batch))],
            Part::Gone(batch) => {
                vec![Action::Watch(steps(&stage.prunes, batch).map(|step| step.key.clone()).collect())]
            }
        }
    }

    /// Where a stage goes on, once nothing is outstanding in this part of it.
    pub(super) fn after_part(
        &mut self,
        course: Course,
        index: usize,
        part: Part,
        grace: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<At> {
        let Some(stage) = self.stage(course, index) else { return Some(self.after_course(course)) };
        let next = match self.progress_of(course, index, part, grace) {
            Progress::Waiting => return None,
            Progress::Ready => following(stage, course, index, part, now),
            Progress::Failed(why) if self.is_last_wait() && self.hooks_of(stage).next().is_none() => {
                self.reached = Some(Outcome::Unhealthy(why));
                return Some(At::Cleaning);
            }
            Progress::Failed(why) => return Some(self.fail(course, why)),
        };
        // A person took as long as they liked; the rest of the sync has its time again.
        if part == Part::Consent {
            self.deadline = now.plus_millis(SYNC_TIMEOUT);
        }
        // What was seen of one part says nothing in another.
        self.sights.clear();
        Some(next)
    }

    fn after_course(&mut self, course: Course) -> At {
        let waited = self.plan.order.awaits == Await::Health;
        if course == Course::Main {
            self.reached = Some(if waited { Outcome::Healthy } else { Outcome::Applied });
        }
        At::Cleaning
    }

    /// How far a part of a stage has come.
    fn progress_of(&self, course: Course, index: usize, part: Part, grace: Option<Timestamp>) -> Progress {
        let Some(stage) = self.stage(course, index) else { return Progress::Ready };
        let answered = |outstanding: Vec<StepId>, what: &str| match self.failed_steps(|p| p == stage.phase, what) {
            _ if !outstanding.is_empty() => Progress::Waiting,
            Some(why) => Progress::Failed(why),
            None => Progress::Ready,
        };
        match part {
            Part::Clear(batch) => answered(self.uncleared(stage, batch), "could not be cleared away"),
            Part::Apply(batch) => answered(self.undone(stage, &stage.batches, batch), "could not be applied"),
            Part::Settle(batch) => self.progress(&definitions(stage, batch), grace),
            Part::Wait => self.wait(course, index, stage, grace),
            Part::Consent if self.confirmed.is_none_or(|at| at < self.begun) => Progress::Waiting,
            Part::Consent => Progress::Ready,
            Part::Prune(batch) => answered(self.undone(stage, &stage.prunes, batch), "could not be pruned"),
            Part::Gone(batch) => {
                let gone = |step: &Step| self.sights.get(&step.key).is_some_and(|h| h.status == Status::Missing);
                if steps(&stage.prunes, batch).all(gone) { Progress::Ready } else { Progress::Waiting }
            }
        }
    }

    fn wait(&self, course: Course, index: usize, stage: &Stage, grace: Option<Timestamp>) -> Progress {
        for hook in self.hooks_of(stage) {
            match self.hooks.get(&hook) {
                Some(HookState::Failed(why)) => return Progress::Failed(format!("the hook {hook} failed: {why}")),
                Some(HookState::Running) => return Progress::Waiting,
                _ => {}
            }
        }
        let unasked = self.plan.order.awaits == Await::Nothing && self.is_last(course, index);
        if unasked { Progress::Ready } else { self.progress(&stage.waits, grace) }
    }

    fn progress(&self, keys: &[ObjectKey], grace: Option<Timestamp>) -> Progress {
        let mut progress = Progress::Ready;
        for key in keys {
            let Some(health) = self.sights.get(key) else {
                progress = Progress::Waiting;
                continue;
            };
            match health.status {
                Status::Healthy => {}
                // A job may be taken away as soon as it has ended.
                Status::Missing if runs_to_an_end(key) => {}
                Status::Missing => return Progress::Failed(format!("{key} was deleted meanwhile")),
                Status::Suspended if self.is_last_wait() => {}
                Status::Degraded if grace.is_none() || runs_to_an_end(key) => {
                    return Progress::Failed(format!("{key} is {health}"));
                }
                _ => progress = Progress::Waiting,
            }
        }
        progress
    }

    pub(super) fn done(&mut self, answers: Vec<(StepId, Result<(), String>)>) {
        let At::Stage { course, index, part, .. } = self.at else { return };
        let Some(stage) = self.stage(course, index) else { return };
        let expected = match part {
            Part::Clear(batch) => self.uncleared(stage, batch),
            Part::Apply(batch) => self.undone(stage, &stage.batches, batch),
            Part::Prune(batch) => self.undone(stage, &stage.prunes, batch),
            Part::Settle(_) | Part::Wait | Part::Consent | Part::Gone(_) => return,
        };
        let (expected, hooks): (BTreeSet<StepId>, BTreeSet<StepId>) =
            (expected.into_iter().collect(), self.hooks_of(stage).collect());
        let cleared = matches!(part, Part::Clear(_));
        // Others are late answers to something that was asked before.
        for (step, answer) in answers.into_iter().filter(|(step, _)| expected.contains(step)) {
            if hooks.contains(&step) {
                let state = match &answer {
                    Ok(()) if cleared => HookState::Cleared,
                    Ok(()) => HookState::Running,
                    Err(why) => HookState::Failed(why.clone()),
                };
                self.hooks.insert(step.clone(), state);
            }
            if !cleared || answer.is_err() {
                self.results.insert(step, answer.map_or_else(StepResult::Failed, |()| StepResult::Done));
            }
        }
    }

    pub(super) fn seen(&mut self, sights: Vec<(ObjectKey, Sight)>) {
        for (key, sight) in sights {
            self.see_hooks(&key, &sight);
            let health = match sight {
                Sight::There { health, .. } => health,
                Sight::Missing => Health::new(Status::Missing, ""),
            };
            self.sights.insert(key, health);
        }
    }

    fn see_hooks(&mut self, key: &ObjectKey, sight: &Sight) {
        let running: Vec<StepId> = self.running().into_iter().filter(|step| step.key == *key).collect();
        for step in running {
            let state = match sight {
                // Another run's object says nothing about this one.
                Sight::There { run, .. } if run.as_deref() != Some(&self.run(&step)) => continue,
                Sight::There { health, .. } => match health.status {
                    Status::Healthy => HookState::Succeeded,
                    Status::Degraded => HookState::Failed(health.message.clone()),
                    _ => continue,
                },
                Sight::Missing => HookState::Failed("its object was deleted before its end was seen".to_owned()),
            };
            self.hooks.insert(step, state);
        }
    }

    fn uncleared(&self, stage: &Stage, batch: usize) -> Vec<StepId> {
        let clears = |step: &&Step| matches!(&step.act, Act::Hook(run) if run.deletes.contains(&DeletePolicy::BeforeHookCreation));
        let hooks = steps(&stage.batches, batch).filter(clears).map(|step| id(stage, &step.key));
        hooks.filter(|step| !self.hooks.contains_key(step)).collect()
    }

    pub(super) fn undone(&self, stage: &Stage, batches: &[Vec<Step>], batch: usize) -> Vec<StepId> {
        let all = steps(batches, batch).map(|step| id(stage, &step.key));
        all.filter(|step| !self.results.contains_key(step)).collect()
    }

    /// The hooks of a stage.
    fn hooks_of<'s>(&self, stage: &'s Stage) -> impl Iterator<Item = StepId> + use<'s> {
        let hooks = stage.batches.iter().flatten().filter(|step| matches!(step.act, Act::Hook(_)));
        hooks.map(|step| id(stage, &step.key))
    }

    fn is_last(&self, course: Course, index: usize) -> bool {
        course == Course::Main && index + 1 == self.plan.stages.len()
    }

    /// Whether all is applied and only the health of the last objects is waited for.
    pub(super) fn is_last_wait(&self) -> bool {
        match self.at {
            At::Stage { course, index, part: Part::Wait, .. } => {
                let prunes = self.stage(course, index).is_some_and(|stage| !stage.prunes.is_empty());
                self.is_last(course, index) && !prunes
            }
            _ => false,
        }
    }
}

/// What comes after a part of a stage.
fn following(stage: &Stage, course: Course, index: usize, part: Part, now: Timestamp) -> At {
    let at = |part: Part, grace: Option<Timestamp>| At::Stage { course, index, part, grace };
    let prune = |batch: usize| match batch < stage.prunes.len() {
        true => at(Part::Prune(batch), None),
        false => At::Stage { course, index: index + 1, part: Part::Clear(0), grace: None },
    };
    let grace = Some(now.plus_millis(GRACE));
    match part {
        Part::Clear(batch) if batch >= stage.batches.len() => at(Part::Wait, grace),
        Part::Clear(batch) => at(Part::Apply(batch), None),
        Part::Apply(batch) if !definitions(stage, batch).is_empty() => at(Part::Settle(batch), grace),
        Part::Apply(batch) | Part::Settle(batch) => at(Part::Clear(batch + 1), None),
        Part::Wait if needing_consent(stage).next().is_some() => at(Part::Consent, None),
        Part::Wait | Part::Consent => prune(0),
        Part::Prune(batch) => at(Part::Gone(batch), None),
        Part::Gone(batch) => prune(batch + 1),
    }
}

pub(super) fn steps(batches: &[Vec<Step>], batch: usize) -> impl Iterator<Item = &Step> {
    batches.get(batch).into_iter().flatten()
}

/// The definitions of a batch: their kinds are there only once they are established.
pub(super) fn definitions(stage: &Stage, batch: usize) -> Vec<ObjectKey> {
    let definitions = steps(&stage.batches, batch).filter(|step| step.key.is_definition());
    definitions.map(|step| step.key.clone()).collect()
}

pub(super) fn needing_consent(stage: &Stage) -> impl Iterator<Item = &ObjectKey> {
    let needs = |step: &&Step| matches!(&step.act, Act::Prune(prune) if prune.consent == Consent::Needed);
    stage.prunes.iter().flatten().filter(needs).map(|step| &step.key)
}
