//! Carries a sync out: whatever the operation asks for is done at the destination, and answered. It decides nothing; what may
//! happen twice does, and a crash is answered by asking again.

use crate::look::{AT_ONCE, Subject};
use cluster::{Change, Deletion, FailureKind, Wanted, Write};
use futures_util::stream::{self, StreamExt as _};
use planner::diff::Comparison;
use planner::inventory::Owned;
use planner::live::{Live, LiveObject, Seen};
use planner::object::ObjectKey;
use planner::operation::{Input, Operation, Sight};
use planner::option::Propagation;
use planner::plan::{Act, Check, Content, Ignored, Method, StepId, Validation};
use planner::{Application, Desired};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What hooks are known by after a crash.
use planner::hook::RUN_OF;

/// What came of a step: for the operation, and for the inventory.
pub(crate) struct Done {
    pub(crate) step: StepId,
    pub(crate) answer: Result<(), String>,
    pub(crate) record: Option<(ObjectKey, Owned)>,
    pub(crate) gone: Option<ObjectKey>,
}

impl Done {
    fn new(step: &StepId, answer: Result<(), String>) -> Self {
        Self { step: step.clone(), answer, record: None, gone: None }
    }
}

/// One order to the destination, with what it takes to do it.
pub(crate) struct Carrier {
    pub(crate) subject: Arc<Subject>,
    pub(crate) desired: Arc<Desired>,
    pub(crate) operation: Arc<Operation>,
}

impl Carrier {
    /// Tries steps without doing them.
    pub(crate) async fn dry_run(&self, steps: Vec<StepId>) -> Input {
        let each = |step: StepId| async move {
            let answer = self.check(&step).await;
            (step, answer)
        };
        Input::Checked(stream::iter(steps.into_iter().map(each)).buffer_unordered(AT_ONCE).collect().await)
    }

    async fn check(&self, step: &StepId) -> Result<(), String> {
        let planned = self.operation.plan.step(step).ok_or("the plan has no such step")?;
        let (check, validation) = match &planned.act {
            Act::Apply(apply) => (apply.check, apply.validation),
            Act::Hook(hook) => (hook.check, hook.validation),
            Act::Prune(_) => return Ok(()),
        };
        let manifest = self.manifest(step, "")?;
        if check == Check::Local {
            return Ok(());
        }
        let change = self.change(&step.key, &manifest, Write::Apply, validation);
        self.subject.destination.predict(&change).await.map(drop).map_err(|failure| failure.message)
    }

    /// Makes objects as desired.
    pub(crate) async fn apply(&self, steps: Vec<StepId>) -> Vec<Done> {
        let each = |step: StepId| async move {
            match self.make(&step).await {
                Ok(record) => Done { record, ..Done::new(&step, Ok(())) },
                Err(why) => Done::new(&step, Err(why)),
            }
        };
        stream::iter(steps.into_iter().map(each)).buffer_unordered(AT_ONCE).collect().await
    }

    async fn make(&self, step: &StepId) -> Result<Option<(ObjectKey, Owned)>, String> {
        let planned = self.operation.plan.step(step).ok_or("the plan has no such step")?;
        let Act::Apply(apply) = &planned.act else { return Err("it is not to be applied".to_owned()) };
        let manifest = self.manifest(step, "")?;
        let manifest = match apply.ignored {
            Ignored::Written => manifest,
            Ignored::Respected => {
                let version = manifest["apiVersion"].as_str().unwrap_or_default();
                let there = self.subject.destination.read(&step.key, version).await;
                let there = there.map_err(|failure| failure.message)?;
                let rules = &self.subject.application.rules;
                rules.respected(&step.key, &manifest, there.as_ref().map(|live| &*live.manifest)).into_owned()
            }
        };
        let write = match apply.method {
            Method::Apply => Write::Apply,
            Method::ApplyOrRecreate => Write::ApplyOrRecreate,
            Method::Replace => Write::Replace,
            Method::Recreate => Write::Recreate,
        };
        let change = self.change(&step.key, &manifest, write, apply.validation);
        let written = self.subject.destination.write(&change).await.map_err(|failure| failure.message)?;
        let digest = match &apply.content {
            Content::Rendered(digest) => digest.clone(),
            Content::Made(made) => planner::object::digest(made),
        };
        let Application { rules, extent, .. } = &self.subject.application;
        let comparison = Comparison { key: &step.key, rules, extent: *extent };
        Ok(Some((step.key.clone(), Owned::synced(&digest, &comparison, &written))))
    }

    /// Creates the objects of hooks. What carries the mark of this run is there already.
    pub(crate) async fn run(&self, steps: Vec<(StepId, String)>) -> Vec<Done> {
        let each = |(step, run): (StepId, String)| async move {
            let answer = self.run_one(&step, &run).await;
            Done::new(&step, answer)
        };
        stream::iter(steps.into_iter().map(each)).buffer_unordered(AT_ONCE).collect().await
    }

    async fn run_one(&self, step: &StepId, run: &str) -> Result<(), String> {
        let planned = self.operation.plan.step(step).ok_or("the plan has no such step")?;
        let Act::Hook(hook) = &planned.act else { return Err("it is no hook".to_owned()) };
        let manifest = self.manifest(step, run)?;
        let change = self.change(&step.key, &manifest, Write::Create, hook.validation);
        match self.subject.destination.write(&change).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == FailureKind::Conflict => match self.run_of(&step.key).await? {
                Some(mark) if mark == run => Ok(()),
                _ => Err(failure.message),
            },
            Err(failure) => Err(failure.message),
        }
    }

    /// Deletes what earlier runs of hooks have left. Answers those of which the name is free, or this run's.
    pub(crate) async fn clear(&self, steps: &[(StepId, String)]) -> Vec<Done> {
        let mut done = Vec::new();
        for (step, run) in steps {
            match self.run_of(&step.key).await {
                Err(why) => done.push(Done::new(step, Err(why))),
                Ok(None) => done.push(Done::new(step, Ok(()))),
                Ok(Some(mark)) if mark == *run => done.push(Done::new(step, Ok(()))),
                Ok(Some(_)) => {
                    if let Err(why) = self.remove(&step.key, Propagation::Background, None).await {
                        done.push(Done::new(step, Err(why)));
                    }
                }
            }
        }
        done
    }

    /// The mark of what is there under a hook's name; empty for what carries none.
    async fn run_of(&self, key: &ObjectKey) -> Result<Option<String>, String> {
        let live = self.live(&BTreeSet::from([key.clone()])).await;
        match live.see(key) {
            Seen::There(object) => Ok(Some(mark(object).unwrap_or_default())),
            Seen::Missing | Seen::Unserved => Ok(None),
            Seen::Unreadable(why) => Err(why.to_owned()),
        }
    }

    /// Deletes objects that are no longer desired.
    pub(crate) async fn prune(&self, steps: Vec<StepId>) -> Vec<Done> {
        let each = |step: StepId| async move {
            let planned = self.operation.plan.step(&step).map(|step| &step.act);
            let Some(Act::Prune(prune)) = planned else {
                return Done::new(&step, Err("it is not to be pruned".to_owned()));
            };
            let answer = self.remove(&step.key, prune.propagation, prune.uid.as_deref()).await;
            let gone = answer.is_ok().then(|| step.key.clone());
            Done { gone, ..Done::new(&step, answer) }
        };
        stream::iter(steps.into_iter().map(each)).buffer_unordered(AT_ONCE).collect().await
    }

    /// Deletes the objects of hooks that have ended.
    pub(crate) async fn delete(&self, steps: Vec<StepId>) -> Vec<Done> {
        let each = |step: StepId| async move {
            let answer = self.remove(&step.key, Propagation::Background, None).await;
            Done::new(&step, answer)
        };
        stream::iter(steps.into_iter().map(each)).buffer_unordered(AT_ONCE).collect().await
    }

    async fn remove(&self, key: &ObjectKey, propagation: Propagation, uid: Option<&str>) -> Result<(), String> {
        let deletion = Deletion { application: &self.subject.application.name, key, propagation, uid };
        self.subject.destination.delete(&deletion).await.map_err(|failure| failure.message)
    }

    /// How objects are seen now. Of what cannot be read nothing is said.
    pub(crate) async fn see(&self, keys: &BTreeSet<ObjectKey>) -> Input {
        let live = self.live(keys).await;
        let sight = |key: &ObjectKey| match live.see(key) {
            Seen::There(object) => Some(Sight::There { health: object.health(), run: mark(object) }),
            Seen::Missing | Seen::Unserved => Some(Sight::Missing),
            Seen::Unreadable(_) => None,
        };
        Input::Seen(keys.iter().filter_map(|key| Some((key.clone(), sight(key)?))).collect())
    }

    async fn live(&self, keys: &BTreeSet<ObjectKey>) -> Live {
        self.subject.destination.live(&Wanted { application: &self.subject.application.name, keys }).await
    }

    fn manifest(&self, step: &StepId, run: &str) -> Result<Value, String> {
        let manifest = self.operation.plan.manifest(step, &self.desired, run);
        manifest.ok_or_else(|| "the render is another one than was planned".to_owned())
    }

    fn change<'a>(
        &'a self,
        key: &'a ObjectKey,
        manifest: &'a Value,
        write: Write,
        validation: Validation,
    ) -> Change<'a> {
        Change { application: &self.subject.application.name, key, manifest, write, validation }
    }
}

fn mark(object: &LiveObject) -> Option<String> {
    object.manifest["metadata"]["annotations"][RUN_OF].as_str().map(str::to_owned)
}
