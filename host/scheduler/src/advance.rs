//! The transitions themselves.

use crate::input::{Effect, Input, Interruption, Outcome, Resumption, Stop, Verdict};
use crate::run::Run;
use crate::step::{Phase, StepState};
use model::{Failure, Step, StepStatus, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

/// Steps of one run that execute at a time: each may hold a process and a thread. The others are queued, so that nobody's
/// timeout runs while it waits for its turn.
pub const WIDTH: usize = 16;
/// Waits of one attempt. Each is a call with limits of its own, so that without an end to them nothing would be limited.
pub const MOST_WAITS: u32 = 10_000;

impl Run {
    /// What an input does by itself.
    pub(crate) fn take(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = vec![];
        match input {
            Input::Start => {
                self.recover(&mut effects);
                // Asked while nobody drove the run.
                if let Some(stop) = self.stop {
                    self.halt(stop, now, &mut effects);
                }
            }
            Input::Resolved { key, verdict } => {
                let Some(i) = self.find(&key, |p| matches!(p, Phase::Resolving)) else { return effects };
                match verdict {
                    Verdict::Go { lane } => {
                        self.steps[i].lane = lane;
                        self.set(i, Phase::Queued);
                    }
                    Verdict::Skip(reason) => self.skip(i, reason, false, now),
                    Verdict::Fail(failure) => self.fail(i, failure, now),
                }
            }
            Input::Expanded { key, items } => {
                let Some(i) = self.find(&key, |p| matches!(p, Phase::Resolving)) else { return effects };
                self.expand(i, items, now);
            }
            Input::Ended { key, outcome } => {
                let Some(i) = self.find(&key, |p| matches!(p, Phase::Running { .. })) else { return effects };
                self.end(i, outcome, now);
            }
            Input::Fired { key, occurrences } => {
                let Some(i) = self.find(&key, |p| matches!(p, Phase::Waiting { .. })) else { return effects };
                self.resume(i, occurrences, now, &mut effects);
            }
            Input::Tick => self.tick(now, &mut effects),
            Input::Stop(stop) => self.halt(stop, now, &mut effects),
            Input::Settled { key, outcome } => {
                let Some(i) = self.find(&key, |p| matches!(p, Phase::Unknown)) else { return effects };
                match outcome {
                    Some(outcome) => self.end(i, outcome, now),
                    None => self.set(i, Phase::Queued),
                }
            }
        }
        effects
    }

    fn find(&self, key: &model::StepKey, fits: impl Fn(&Phase) -> bool) -> Option<usize> {
        self.index.get(key).copied().filter(|i| fits(&self.steps[*i].phase))
    }

    fn set(&mut self, i: usize, phase: Phase) {
        self.steps[i].phase = phase;
        self.touched.insert(i);
    }

    fn finish(&mut self, i: usize, status: StepStatus, now: Timestamp) {
        self.steps[i].ended = Some(now);
        self.set(i, Phase::Ended { status });
    }

    fn skip(&mut self, i: usize, reason: String, blocked: bool, now: Timestamp) {
        self.steps[i].reason = Some(reason);
        self.steps[i].blocked = blocked;
        self.finish(i, StepStatus::Skipped, now);
    }

    fn fail(&mut self, i: usize, failure: Failure, now: Timestamp) {
        let status = match failure.code.as_str() {
            "denied" => StepStatus::Denied,
            "rejected" => StepStatus::Rejected,
            _ => StepStatus::Failed,
        };
        self.steps[i].error = Some(failure);
        self.finish(i, status, now);
    }

    /// After a restart nothing is at work any more: what was asked for is asked for again.
    fn recover(&mut self, effects: &mut Vec<Effect>) {
        for i in 0..self.steps.len() {
            let step = &self.steps[i];
            match &step.phase {
                Phase::Running { interrupted, .. } => {
                    effects.push(Effect::Recover { key: step.key.clone(), attempt: step.attempt });
                    // Whoever was told to stop is told again: the one who heard it is gone.
                    if let Some(cause) = *interrupted {
                        effects.push(Effect::Interrupt { key: step.key.clone(), cause });
                    }
                }
                // The pass over held steps asks again.
                Phase::Resolving => self.set(i, Phase::Held),
                _ => {}
            }
        }
    }

    fn expand(&mut self, i: usize, items: Vec<String>, now: Timestamp) {
        let name = self.steps[i].name.clone();
        if items.is_empty() {
            return self.skip(i, "`forEach` has no items".to_owned(), false, now);
        }
        let members: Vec<String> = match self.define(&name) {
            Some(group) if !group.steps.is_empty() => group.steps.iter().map(|s| s.name.clone()).collect(),
            _ => vec![name],
        };
        self.steps[i].started = Some(now);
        self.set(i, Phase::Expanded);
        let mut seen = BTreeSet::new();
        for item in items.iter().filter(|item| seen.insert(item.as_str())) {
            for member in &members {
                let state = StepState::new(member, Some(item));
                if !self.index.contains_key(&state.key) {
                    self.index.insert(state.key.clone(), self.steps.len());
                    self.touched.insert(self.steps.len());
                    self.steps.push(state);
                    self.needed.clear();
                }
            }
        }
    }

    fn end(&mut self, i: usize, outcome: Outcome, now: Timestamp) {
        let interrupted = match &self.steps[i].phase {
            Phase::Running { interrupted, .. } => *interrupted,
            _ => None,
        };
        match outcome {
            Outcome::Succeeded(outputs) => self.succeed(i, outputs, StepStatus::Succeeded, now),
            Outcome::Unchanged(outputs) => self.succeed(i, outputs, StepStatus::Unchanged, now),
            Outcome::Skipped(reason) => self.skip(i, reason, false, now),
            Outcome::Waiting(_) if interrupted == Some(Interruption::Stopped) => self.stopped(i, now),
            Outcome::Waiting(_) if self.steps[i].waits >= MOST_WAITS => {
                let message = format!("it waited {MOST_WAITS} times in one attempt without coming to an end");
                self.fail(i, Failure::new(model::Blame::Plugin, "exhausted", message), now);
            }
            Outcome::Waiting(wait) => {
                self.steps[i].waits += 1;
                self.set(i, Phase::Waiting { wait });
            }
            Outcome::Unknown(reason) => {
                self.steps[i].reason = Some(reason);
                self.set(i, Phase::Unknown);
            }
            Outcome::Failed(failure) => match interrupted {
                // What an interrupted call reports is a consequence, not the cause.
                Some(Interruption::Stopped) if !failure.is_denied() => {
                    self.steps[i].error = Some(failure);
                    self.stopped(i, now);
                }
                Some(Interruption::TimedOut) if !failure.is_denied() => self.time_up(i, &failure.message, now),
                _ => self.retry(i, failure, now),
            },
        }
    }

    /// Ends an attempt whose time is up, with what it was at.
    fn time_up(&mut self, i: usize, at: &str, now: Timestamp) {
        let limit = self.timeout(&self.steps[i]).unwrap_or_default();
        let message = format!("it took longer than its timeout of {} s ({at})", limit as f64 / 1000.0);
        self.retry(i, Failure::new(model::Blame::User, "timed-out", message).retryable(), now);
    }

    fn succeed(&mut self, i: usize, outputs: Value, status: StepStatus, now: Timestamp) {
        self.steps[i].outputs = Some(outputs);
        self.steps[i].error = None;
        self.finish(i, status, now);
    }

    fn stopped(&mut self, i: usize, now: Timestamp) {
        let status = match self.stop {
            Some(Stop::Superseded) => StepStatus::Superseded,
            _ => StepStatus::Cancelled,
        };
        self.finish(i, status, now);
    }

    fn retry(&mut self, i: usize, failure: Failure, now: Timestamp) {
        let attempt = self.steps[i].attempt;
        let retry = self.define(&self.steps[i].name).and_then(|s| s.retry.clone());
        let wanted = retry.filter(|r| {
            // Whoever writes `retry` without `on` means any failure.
            let fits = r.on.is_empty() || r.on.contains(&failure.code);
            let never = failure.details.as_ref().is_some_and(|details| details["retry"] == "never");
            let refused = matches!(failure.code.as_str(), "denied" | "rejected");
            fits && attempt <= r.limit && self.stop.is_none() && !refused && !never
        });
        match wanted {
            Some(retry) => {
                self.steps[i].error = Some(failure);
                self.set(i, Phase::Paused { until: now.plus_millis(retry.pause_millis(attempt)) });
            }
            None => self.fail(i, failure, now),
        }
    }

    fn resume(&mut self, i: usize, occurrences: Vec<Value>, now: Timestamp, effects: &mut Vec<Effect>) {
        let Phase::Waiting { wait } = &self.steps[i].phase else { return };
        let resumption = Resumption { memory: wait.memory.clone(), occurrences };
        self.execute(i, Some(resumption), now, effects);
    }

    fn execute(&mut self, i: usize, resumption: Option<Resumption>, now: Timestamp, effects: &mut Vec<Effect>) {
        if resumption.is_none() {
            self.steps[i].attempt += 1;
            self.steps[i].waits = 0;
        }
        self.steps[i].started.get_or_insert(now);
        // Nobody's timeout runs while people think; a wait for anything else is a part of what it limits.
        let same = self.steps[i].wait().is_some_and(|wait| !wait.is_for_people());
        let anew = self.timeout(&self.steps[i]).map(|millis| now.plus_millis(millis));
        let deadline = self.steps[i].limit.filter(|_| same).or(anew);
        self.steps[i].limit = deadline;
        self.set(i, Phase::Running { deadline, resumption: resumption.clone(), interrupted: None });
        let step = &self.steps[i];
        effects.push(Effect::Execute { key: step.key.clone(), attempt: step.attempt, resumption });
    }

    fn timeout(&self, step: &StepState) -> Option<u64> {
        self.define(&step.name).and_then(|s| s.timeout_millis)
    }

    fn tick(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for i in 0..self.steps.len() {
            let limit = self.steps[i].limit;
            match &mut self.steps[i].phase {
                Phase::Running { deadline: Some(deadline), interrupted: interrupted @ None, .. }
                    if *deadline <= now =>
                {
                    *interrupted = Some(Interruption::TimedOut);
                    self.touched.insert(i);
                    let key = self.steps[i].key.clone();
                    effects.push(Effect::Interrupt { key, cause: Interruption::TimedOut });
                }
                Phase::Paused { until } if *until <= now => self.set(i, Phase::Queued),
                Phase::Waiting { wait } if !wait.is_for_people() && limit.is_some_and(|limit| limit <= now) => {
                    let message = wait.message.clone();
                    self.time_up(i, &message, now);
                }
                Phase::Waiting { wait } if wait.deadline <= now => self.resume(i, vec![], now, effects),
                _ => {}
            }
        }
    }

    fn halt(&mut self, stop: Stop, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.status().is_final() {
            return;
        }
        self.stop.get_or_insert(stop);
        for i in 0..self.steps.len() {
            match &mut self.steps[i].phase {
                Phase::Ended { .. } => {}
                Phase::Running { interrupted, .. } => {
                    if *interrupted != Some(Interruption::Stopped) {
                        *interrupted = Some(Interruption::Stopped);
                        self.touched.insert(i);
                        let key = self.steps[i].key.clone();
                        effects.push(Effect::Interrupt { key, cause: Interruption::Stopped });
                    }
                }
                Phase::Expanded => {}
                _ => self.stopped(i, now),
            }
        }
    }

    /// Moves on whatever can move: held steps whose needs ended, queued steps whose lane is free, groups whose
    /// instances ended. Runs until nothing changes, because one end can release a chain of skips.
    pub(crate) fn advance(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        loop {
            let mut moved = false;
            for i in 0..self.steps.len() {
                moved |= match self.steps[i].phase {
                    Phase::Held => self.release(i, now, effects),
                    Phase::Expanded => self.collect(i, now),
                    _ => false,
                };
            }
            if !moved {
                break;
            }
        }
        let running = |steps: &[StepState]| steps.iter().filter(|s| matches!(s.phase, Phase::Running { .. })).count();
        for i in 0..self.steps.len() {
            if self.steps[i].phase != Phase::Queued {
                continue;
            }
            if self.stop.is_some() {
                self.stopped(i, now);
            } else if !self.lane_taken(i) && running(&self.steps) < WIDTH {
                self.execute(i, None, now, effects);
            }
        }
    }

    fn lane_taken(&self, i: usize) -> bool {
        let Some(lane) = &self.steps[i].lane else { return false };
        self.steps.iter().enumerate().any(|(j, other)| {
            let holds = matches!(
                other.phase,
                Phase::Running { .. } | Phase::Waiting { .. } | Phase::Paused { .. } | Phase::Unknown
            );
            j != i && other.lane.as_ref() == Some(lane) && holds
        })
    }

    /// The states that a step needs, by index. A need on a `forEach` step from outside means the group and all of its
    /// instances; from within the group the instance of the same item.
    pub(crate) fn needed(&self, step: &StepState) -> Vec<usize> {
        let Some(definition) = self.define(&step.name) else { return vec![] };
        let own_group = self.group_of(&step.name);
        let mut needed = vec![];
        let mut push = |i: usize| {
            if !needed.contains(&i) {
                needed.push(i);
            }
        };
        // An instance needs what its definition names; the group's own needs were met before it was expanded.
        let instance_of_itself = step.item.is_some() && own_group.is_none();
        for need in definition.needs.iter().filter(|_| !instance_of_itself) {
            let sibling = own_group.is_some_and(|g| g.steps.iter().any(|s| s.name == *need));
            for (i, other) in self.steps.iter().enumerate() {
                let same = other.name == *need && if sibling { other.item == step.item } else { true };
                let group = !sibling && self.group_of(need).is_some_and(|g| g.name == other.name);
                if same || group {
                    push(i);
                }
            }
        }
        needed
    }

    fn release(&mut self, i: usize, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        self.needed.resize(self.steps.len(), None);
        let needed = match self.needed[i].take() {
            Some(needed) => needed,
            None => self.needed(&self.steps[i]),
        };
        let released = self.release_when(i, &needed, now, effects);
        self.needed[i] = Some(needed);
        released
    }

    fn release_when(&mut self, i: usize, needed: &[usize], now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        if !needed.iter().all(|n| self.steps[*n].is_ended()) {
            return false;
        }
        if self.stop.is_some() {
            self.stopped(i, now);
            return true;
        }
        let definition = self.define(&self.steps[i].name).cloned().unwrap_or_default();
        let group = self.steps[i].item.is_none() && definition.for_each.is_some();
        // The condition of a `forEach` step is asked of the step, not of each instance.
        let instance = self.steps[i].item.is_some() && definition.for_each.is_some();
        if !instance && !definition.when_asks_status {
            if let Some(reason) = self.obstacle(needed) {
                self.skip(i, reason, true, now);
                return true;
            }
            if let Some(reason) = self.missing_output(&definition, needed) {
                self.skip(i, reason, false, now);
                return true;
            }
        }
        self.set(i, Phase::Resolving);
        let key = self.steps[i].key.clone();
        effects.push(if group { Effect::Expand(key) } else { Effect::Resolve(key) });
        true
    }

    /// Why a step cannot run, where something that it needs did not end well.
    fn obstacle(&self, needed: &[usize]) -> Option<String> {
        needed.iter().map(|n| &self.steps[*n]).find_map(|need| {
            let status = need.status();
            let bad = match status {
                StepStatus::Failed => !self.forgives(need),
                StepStatus::Skipped => need.blocked,
                other => !other.is_success(),
            };
            bad.then(|| match status {
                StepStatus::Skipped => {
                    format!("`{}` was skipped, because {}", need.key, need.reason.as_deref().unwrap_or(""))
                }
                _ => format!("`{}` is {status}", need.key),
            })
        })
    }

    fn missing_output(&self, definition: &Step, needed: &[usize]) -> Option<String> {
        needed.iter().map(|n| &self.steps[*n]).filter(|need| need.outputs.is_none() && need.is_ended()).find_map(
            |need| {
                let (_, output) = definition.mentions.iter().find(|(step, _)| *step == need.name)?;
                let group = need.item.is_none() && self.define(&need.name).is_some_and(|s| s.for_each.is_some());
                (!group).then(|| format!("it uses the output `{output}` of `{}`, which is {}", need.key, need.status()))
            },
        )
    }

    /// Ends a group whose instances have ended.
    fn collect(&mut self, i: usize, now: Timestamp) -> bool {
        let group = self.steps[i].name.clone();
        let members = |s: &&StepState| {
            s.item.is_some() && (s.name == group || self.group_of(&s.name).is_some_and(|g| g.name == group))
        };
        let instances: Vec<&StepState> = self.steps.iter().filter(members).collect();
        if !instances.iter().all(|s| s.is_ended()) {
            return false;
        }
        let worst = instances
            .iter()
            .filter(|s| !(s.status() == StepStatus::Failed && self.forgives(s)))
            .map(|s| s.status())
            .max_by_key(|s| match s {
                StepStatus::Denied => 6,
                StepStatus::Rejected => 5,
                StepStatus::Failed => 4,
                StepStatus::Superseded => 3,
                StepStatus::Cancelled => 2,
                StepStatus::Skipped => 0,
                _ => 1,
            });
        let all_unchanged = instances.iter().all(|s| s.status() == StepStatus::Unchanged);
        let status = match worst {
            Some(StepStatus::Unchanged | StepStatus::Succeeded) | None if !all_unchanged => StepStatus::Succeeded,
            Some(other) => other,
            None => StepStatus::Succeeded,
        };
        if status == StepStatus::Skipped {
            let blocked = instances.iter().any(|s| s.blocked);
            self.skip(i, "every instance was skipped".to_owned(), blocked, now);
        } else {
            self.finish(i, status, now);
        }
        true
    }
}
