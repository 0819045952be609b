//! A run: the pipeline that it is pinned to, and how each of its steps stands.

use crate::input::{Effect, Input, Stop};
use crate::step::{Phase, StepState};
use model::{Pipeline, RunStatus, Step, StepKey, StepStatus, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) pipeline: Pipeline,
    pub(crate) steps: Vec<StepState>,
    pub(crate) index: HashMap<StepKey, usize>,
    pub(crate) stop: Option<Stop>,
    /// Where a step's definition is: (step or group, member of the group), by name.
    definitions: HashMap<String, (usize, Option<usize>)>,
    /// What each state needs, by index; emptied where instances are added.
    pub(crate) needed: Vec<Option<Vec<usize>>>,
    /// Steps changed by the newest input.
    pub(crate) touched: BTreeSet<usize>,
}

impl Run {
    /// A run that has not begun.
    pub fn new(pipeline: Pipeline) -> Self {
        let steps = pipeline.steps.iter().map(|s| StepState::new(&s.name, None)).collect();
        Self::restore(pipeline, steps, None)
    }

    /// A run as its journal has it. Steps come in any order; those that the journal lacks have not begun.
    pub fn restore(pipeline: Pipeline, mut steps: Vec<StepState>, stop: Option<Stop>) -> Self {
        for step in &pipeline.steps {
            if !steps.iter().any(|s| s.item.is_none() && s.name == step.name) {
                steps.push(StepState::new(&step.name, None));
            }
        }
        let order: HashMap<&str, usize> = pipeline
            .steps
            .iter()
            .flat_map(|s| std::iter::once(&s.name).chain(s.steps.iter().map(|s| &s.name)))
            .enumerate()
            .map(|(i, name)| (name.as_str(), i))
            .collect();
        // Stable, so that instances keep the order in which they were made.
        steps.sort_by_key(|s| (order.get(s.name.as_str()).copied().unwrap_or(usize::MAX), s.item.is_some()));
        let index = steps.iter().enumerate().map(|(i, s)| (s.key.clone(), i)).collect();
        let mut definitions = HashMap::new();
        for (i, step) in pipeline.steps.iter().enumerate() {
            definitions.insert(step.name.clone(), (i, None));
            definitions.extend(step.steps.iter().enumerate().map(|(j, s)| (s.name.clone(), (i, Some(j)))));
        }
        Self { pipeline, steps, index, stop, definitions, needed: vec![], touched: BTreeSet::new() }
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// How it was stopped, where it was.
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Every step, in the order of the pipeline; instances follow their group.
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// One step.
    pub fn step(&self, key: &StepKey) -> Option<&StepState> {
        self.index.get(key).map(|i| &self.steps[*i])
    }

    /// The step's definition.
    pub fn definition(&self, key: &StepKey) -> Option<&Step> {
        self.step(key).and_then(|s| self.define(&s.name))
    }

    /// The definition of a step or group, by name.
    pub(crate) fn define(&self, name: &str) -> Option<&Step> {
        let (outer, inner) = *self.definitions.get(name)?;
        let outer = self.pipeline.steps.get(outer)?;
        inner.map_or(Some(outer), |i| outer.steps.get(i))
    }

    /// The name of the group that a step is a member of.
    pub fn group(&self, name: &str) -> Option<&str> {
        self.group_of(name).map(|group| group.name.as_str())
    }

    /// The group that a step is a member of.
    pub(crate) fn group_of(&self, name: &str) -> Option<&Step> {
        let (outer, inner) = *self.definitions.get(name)?;
        inner.and_then(|_| self.pipeline.steps.get(outer))
    }

    /// Applies an input. An input that does not fit the state (a late answer, a step that ended meanwhile) is ignored,
    /// since after a crash the same thing may be reported twice.
    pub fn apply(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        self.touched.clear();
        let was_final = self.status().is_final();
        let mut effects = self.take(input, now);
        self.advance(now, &mut effects);
        let status = self.status();
        if status.is_final() && !was_final {
            effects.push(Effect::Finished(status));
        }
        effects
    }

    /// The steps that the newest input changed, for the journal.
    pub fn touched(&self) -> impl Iterator<Item = &StepState> {
        self.touched.iter().map(|i| &self.steps[*i])
    }

    /// When `Tick` next has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.steps
            .iter()
            .filter_map(|s| match &s.phase {
                Phase::Running { deadline, interrupted: None, .. } => *deadline,
                Phase::Paused { until } => Some(*until),
                Phase::Waiting { .. } => s.waits_until(),
                _ => None,
            })
            .min()
    }

    /// How the run stands. Precedence of what went wrong: denied, rejected, failed.
    pub fn status(&self) -> RunStatus {
        // A group's `continueOnError` covers what failed within it.
        let excused = |s: &StepState| {
            let group = self.group_of(&s.name).filter(|_| s.item.is_some());
            self.forgives(s) || group.is_some_and(|group| group.continue_on_error)
        };
        let has = |wanted: StepStatus| {
            self.steps.iter().any(|s| s.status() == wanted && !(wanted == StepStatus::Failed && excused(s)))
        };
        // A queued step waits for whoever has its lane: that one says whether the run is at work.
        let busy = self
            .steps
            .iter()
            .any(|s| matches!(s.phase, Phase::Resolving | Phase::Running { .. } | Phase::Paused { .. }));
        if self.steps.iter().all(StepState::is_ended) {
            return if has(StepStatus::Denied) {
                RunStatus::Denied
            } else if has(StepStatus::Rejected) {
                RunStatus::Rejected
            } else if has(StepStatus::Failed) {
                RunStatus::Failed
            } else if let Some(stop) = self.stop.filter(|_| self.was_stopped()) {
                match stop {
                    Stop::Cancelled => RunStatus::Cancelled,
                    Stop::Superseded => RunStatus::Superseded,
                }
            } else if self.steps.iter().all(|s| s.status() == StepStatus::Skipped) {
                RunStatus::Skipped
            } else {
                RunStatus::Succeeded
            };
        }
        if busy {
            RunStatus::Running
        } else if has(StepStatus::Unknown) {
            RunStatus::Unknown
        } else if has(StepStatus::Waiting) {
            RunStatus::Waiting
        } else if self.steps.iter().all(|s| s.phase == Phase::Held) {
            RunStatus::Queued
        } else {
            RunStatus::Running
        }
    }

    fn was_stopped(&self) -> bool {
        self.steps.iter().any(|s| matches!(s.status(), StepStatus::Cancelled | StepStatus::Superseded))
    }

    /// Whether a failure of this step lets the run go on. A denial or a rejection is never forgiven.
    pub(crate) fn forgives(&self, step: &StepState) -> bool {
        let definition = self.define(&step.name);
        definition.is_some_and(|d| d.continue_on_error)
    }

    /// How the steps that this one needs ended, as its condition sees them: a step that was skipped because something
    /// before it failed counts as failed, a forgiven failure as succeeded.
    pub fn needs(&self, key: &StepKey) -> Vec<(StepKey, StepStatus)> {
        let Some(step) = self.step(key) else { return vec![] };
        let needed = self.needed(step);
        needed
            .into_iter()
            .map(|i| {
                let need = &self.steps[i];
                let status = match need.status() {
                    StepStatus::Skipped if need.blocked => StepStatus::Failed,
                    StepStatus::Failed if self.forgives(need) => StepStatus::Succeeded,
                    other => other,
                };
                (need.key.clone(), status)
            })
            .collect()
    }
}
