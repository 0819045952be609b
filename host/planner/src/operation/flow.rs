//! From the first dry run to the end: what comes after what. What is outstanding follows from the state alone, so that
//! entering a state and coming back to it after a crash ask for the same.

use super::{Action, At, Course, HookState, Input, Operation, Outcome, Part, Replanned, StepResult};
use crate::hook::DeletePolicy;
use crate::object::ObjectKey;
use crate::phase::Phase;
use crate::plan::{Act, Asked, Stage, StepId};
use crate::retry::SYNC_TIMEOUT;
use model::Timestamp;

/// How long hooks may take to go when a sync is stopped, in milliseconds.
const STOPPING: u64 = 60_000;

impl Operation {
    /// Takes an input and says what to do next. An input that does not fit the state (a late answer, one that comes twice)
    /// changes nothing.
    pub fn apply(&mut self, input: Input, now: Timestamp) -> Vec<Action> {
        let before = self.at.clone();
        let ask = input == Input::Start;
        self.take(input, now);
        while let Some(next) = self.next(now) {
            self.at = next;
        }
        if ask || self.at != before { self.outstanding() } else { vec![] }
    }

    fn take(&mut self, input: Input, now: Timestamp) {
        match (input, &self.at) {
            (_, At::Ended { .. }) => {}
            (Input::Start, At::New) => self.at = At::Checking,
            (Input::Stop(stop), _) => self.stop(Outcome::Stopped(stop), now),
            (Input::Tick, _) => self.tick(now),
            (Input::Checked(answers), At::Checking) => self.checked(answers),
            (Input::Stored, At::Storing) => self.at = first(Course::Main),
            (Input::Confirmed(at), _) => self.confirmed = self.confirmed.max(Some(at)),
            (Input::Done(answers), At::Cleaning | At::Stopping { .. }) => self.deleted(answers),
            (Input::Done(answers), At::Stage { .. }) => self.done(answers),
            (Input::Seen(sights), At::Stage { .. } | At::Draining { .. }) => self.seen(sights),
            (Input::Planned(answer), At::Planning) => self.planned(answer, now),
            _ => {}
        }
    }

    /// The state after this one, where nothing is outstanding in it.
    fn next(&mut self, now: Timestamp) -> Option<At> {
        match self.at.clone() {
            At::Checking => self.after_checks(),
            At::Storing if self.plan.own.is_empty() => Some(first(Course::Main)),
            At::Stage { course, index, part, grace } => self.after_part(course, index, part, grace, now),
            At::Draining { .. } if !self.running().is_empty() => None,
            At::Draining { course: Course::Main } if !self.plan.on_failure.is_empty() => Some(first(Course::Failure)),
            At::Draining { .. } => Some(At::Cleaning),
            At::Cleaning if self.to_clean().is_empty() => Some(self.after_attempt(now)),
            At::Stopping { outcome } if self.running().is_empty() => Some(self.stopped(outcome, now)),
            _ => None,
        }
    }

    /// What has been asked for, or should be, and is not answered.
    fn outstanding(&self) -> Vec<Action> {
        let keys = |steps: &[StepId]| steps.iter().map(|step| step.key.clone()).collect();
        match &self.at {
            At::New => vec![],
            At::Checking => vec![Action::DryRun(self.unchecked())],
            At::Storing => vec![Action::Own(self.plan.own.clone())],
            At::Stage { course, index, part, .. } => self.ask(*course, *index, *part),
            At::Draining { .. } => vec![Action::Watch(keys(&self.running()))],
            At::Cleaning => vec![Action::Delete(self.to_clean())],
            At::Stopping { .. } => vec![Action::Delete(self.running())],
            At::Paused { .. } => vec![],
            At::Planning if self.plan.order.asked == Asked::Removal => vec![Action::PlanEnd],
            At::Planning => vec![Action::Plan(self.plan.retry.refresh)],
            At::Ended { outcome } => vec![Action::Finished(outcome.clone())],
        }
    }

    pub(super) fn unchecked(&self) -> Vec<StepId> {
        let stages = self.plan.stages.iter().chain(&self.plan.on_failure);
        let steps = stages.flat_map(|stage| stage.batches.iter().flatten().map(|step| id(stage, &step.key)));
        steps.filter(|step| !self.results.contains_key(step)).collect()
    }

    fn checked(&mut self, answers: Vec<(StepId, Result<(), String>)>) {
        for (step, answer) in answers {
            self.results.insert(step, answer.map_or_else(StepResult::Failed, |()| StepResult::Done));
        }
    }

    /// One object that cannot be applied means that none is.
    fn after_checks(&mut self) -> Option<At> {
        if !self.unchecked().is_empty() {
            return None;
        }
        if let Some(failure) = self.failed_steps(|_| true, "failed the dry run, and nothing was applied") {
            self.failure = Some(failure);
            return Some(At::Cleaning);
        }
        self.results.clear();
        Some(At::Storing)
    }

    /// The failures among the results of some phases, as one sentence.
    pub(super) fn failed_steps(&self, of: impl Fn(Phase) -> bool, what: &str) -> Option<String> {
        let mut failed = self.results.iter().filter_map(|(step, result)| match result {
            StepResult::Failed(why) if of(step.phase) => Some((step, why)),
            StepResult::Failed(_) | StepResult::Done => None,
        });
        let (step, why) = failed.next()?;
        Some(match failed.count() {
            0 => format!("1 object {what}: {}: {why}", step.key),
            more => format!("{} objects {what}; the first, {}: {why}", 1 + more, step.key),
        })
    }

    /// A stage failed: hooks that run come to their end, then those for a failure run.
    pub(super) fn fail(&mut self, course: Course, why: String) -> At {
        self.failure = Some(match self.failure.take().filter(|_| course == Course::Failure) {
            Some(before) => format!("{before}; then {why}"),
            None => why,
        });
        At::Draining { course }
    }

    pub(super) fn running(&self) -> Vec<StepId> {
        let running = self.hooks.iter().filter(|(_, state)| **state == HookState::Running);
        running.map(|(step, _)| step.clone()).collect()
    }

    /// Hooks whose policy says that their object goes, now that they have ended so.
    fn to_clean(&self) -> Vec<StepId> {
        let goes = |step: &StepId, state: &HookState| {
            let policy = match state {
                HookState::Succeeded => DeletePolicy::HookSucceeded,
                HookState::Failed(_) => DeletePolicy::HookFailed,
                HookState::Cleared | HookState::Running | HookState::Deleted => return false,
            };
            let step = self.plan.step(step).map(|step| &step.act);
            matches!(step, Some(Act::Hook(run)) if run.deletes.contains(&policy))
        };
        self.hooks.iter().filter(|(step, state)| goes(step, state)).map(|(step, _)| step.clone()).collect()
    }

    fn deleted(&mut self, answers: Vec<(StepId, Result<(), String>)>) {
        for (step, answer) in answers {
            let Some(state) = self.hooks.get_mut(&step) else { continue };
            *state = HookState::Deleted;
            if let Err(why) = answer {
                self.failure.get_or_insert(format!("the hook {step} could not be deleted: {why}"));
            }
        }
    }

    fn after_attempt(&mut self, now: Timestamp) -> At {
        let Some(why) = self.failure.clone() else {
            return At::Ended { outcome: self.reached.take().unwrap_or(Outcome::Applied) };
        };
        match self.plan.retry.next(self.attempt.saturating_sub(1), now) {
            Some(until) => At::Paused { until },
            None => At::Ended { outcome: Outcome::Failed(why) },
        }
    }

    fn planned(&mut self, answer: Replanned, now: Timestamp) {
        match answer {
            Replanned::Plan(plan) => {
                self.plan = *plan;
                self.attempt = self.attempt.saturating_add(1);
                self.deadline = now.plus_millis(SYNC_TIMEOUT);
                self.results.clear();
                self.hooks.clear();
                self.sights.clear();
                (self.failure, self.reached) = (None, None);
                self.at = At::Checking;
            }
            Replanned::Later(until) => self.at = At::Paused { until },
            Replanned::Nothing => self.at = At::Ended { outcome: Outcome::Applied },
            Replanned::Held(why) => {
                let failure = self.failure.clone().unwrap_or_default();
                self.at = At::Ended { outcome: Outcome::Failed(format!("{failure}; not tried again: {why}")) };
            }
        }
    }

    fn stop(&mut self, outcome: Outcome, now: Timestamp) {
        // Whoever stops first is remembered.
        if !matches!(self.at, At::Stopping { .. }) {
            self.deadline = now.plus_millis(STOPPING);
            self.at = At::Stopping { outcome };
        }
    }

    /// A deletion that took too long goes on in another attempt: half of one is none.
    fn stopped(&mut self, outcome: Outcome, now: Timestamp) -> At {
        match outcome {
            Outcome::Failed(why) if self.plan.order.asked == Asked::Removal => {
                self.failure = Some(why);
                self.after_attempt(now)
            }
            outcome => At::Ended { outcome },
        }
    }

    fn tick(&mut self, now: Timestamp) {
        let late = now >= self.deadline;
        match &mut self.at {
            At::Paused { until } if now >= *until => self.at = At::Planning,
            At::Paused { .. } | At::Planning | At::New | At::Ended { .. } => {}
            At::Stage { part: Part::Consent, .. } => {}
            // Whatever keeps a hook from going, the sync is over.
            At::Stopping { outcome } if late => {
                let outcome = outcome.clone();
                self.at = self.stopped(outcome, now);
            }
            At::Stage { grace, .. } if grace.is_some_and(|grace| now >= grace) && !late => *grace = None,
            _ if late => self.late(now),
            _ => {}
        }
    }

    fn late(&mut self, now: Timestamp) {
        let waiting = self.to_string();
        if self.is_last_wait() && self.running().is_empty() {
            self.reached = Some(Outcome::Unhealthy(waiting));
            self.at = At::Cleaning;
            self.deadline = now.plus_millis(STOPPING);
            return;
        }
        let minutes = SYNC_TIMEOUT / 60_000;
        self.stop(Outcome::Failed(format!("it took longer than {minutes} min: {waiting}")), now);
    }
}

/// The beginning of a course.
pub(super) fn first(course: Course) -> At {
    At::Stage { course, index: 0, part: Part::Clear(0), grace: None }
}

pub(super) fn id(stage: &Stage, key: &ObjectKey) -> StepId {
    StepId { phase: stage.phase, key: key.clone() }
}
