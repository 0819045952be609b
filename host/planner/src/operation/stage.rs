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
        let Some(stage) = self.stage(course, index) else {
            if course == Course::Main {
                self.reached.get_or_insert(if self.plan.order.awaits == Await::Nothing {
                    Outcome::Applied
                } else {
                    Outcome::Healthy
                });
            }
            return Some(At::Cleaning);
        };
        let at = |part: Part| At::Stage { course, index, part, grace: None };
        let failure = |what: &str| self.failed_steps(|phase| phase == stage.phase, what);
        let next_prunes = |batch: usize| match batch < stage.prunes.len() {
            true => at(Part::Prune(batch)),
            false => At::Stage { course, index: index + 1, part: Part::Clear(0), grace: None },
        };
        let next = match part {
            Part::Clear(batch) if batch >= stage.batches.len() => {
                At::Stage { course, index, part: Part::Wait, grace: Some(now.plus_millis(GRACE)) }
            }
            Part::Clear(batch) if !self.uncleared(stage, batch).is_empty() => return None,
            Part::Clear(batch) => match failure("could not be cleared away") {
                Some(why) => return Some(self.fail(course, why)),
                None => at(Part::Apply(batch)),
            },
            Part::Apply(batch) if !self.undone(stage, &stage.batches, batch).is_empty() => return None,
            Part::Apply(batch) => match failure("could not be applied") {
                Some(why) => return Some(self.fail(course, why)),
                None if definitions(stage, batch).is_empty() => at(Part::Clear(batch + 1)),
                None => At::Stage { course, index, part: Part::Settle(batch), grace: Some(now.plus_millis(GRACE)) },
            },
            Part::Settle(batch) => match self.progress(&definitions(stage, batch), grace) {
                Progress::Ready => at(Part::Clear(batch + 1)),
                Progress::Waiting => return None,
                Progress::Failed(why) => return Some(self.fail(course, why)),
            },
            Part::Wait => match self.wait(course, index, stage, grace) {
                Progress::Ready if needing_consent(stage).next().is_some() => at(Part::Consent),
                Progress::Ready => next_prunes(0),
                Progress::Waiting => return None,
                Progress::Failed(why) if self.is_last_wait() && self.hooks_of(stage).next().is_none() => {
                    self.reached = Some(Outcome::Unhealthy(why));
                    return Some(At::Cleaning);
                }
                Progress::Failed(why) => return Some(self.fail(course, why)),
            },
            Part::Consent if self.confirmed.is_none_or(|at| at < self.begun) => return None,
            Part::Consent => {
                let next = next_prunes(0);
                self.deadline = now.plus_millis(SYNC_TIMEOUT);
                next
            }
            Part::Prune(batch) if !self.undone(stage, &stage.prunes, batch).is_empty() => return None,
            Part::Prune(batch) => match failure("could not be pruned") {
                Some(why) => return Some(self.fail(course, why)),
                None => at(Part::Gone(batch)),
            },
            Part::Gone(batch) => {
                let gone =
                    |step: &Step| self.sights.get(&step.key).is_some_and(|health| health.status == Status::Missing);
                if !steps(&stage.prunes, batch).all(gone) {
                    return None;
                }
                next_prunes(batch + 1)
            }
        };
        // What was seen of one part says nothing in another.
        self.sights.clear();
        Some(next)
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
