//! Creating a run: everything that it will need is pinned before it begins.

use crate::core::aside;
use crate::engine::Engine;
use crate::files;
use crate::pinned::{Pinned, Source};
use model::pipeline::ConcurrencyPolicy;
use model::{Digest, Event, Failure, Pipeline, RunId, Step};
use scheduler::Run;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Command, RunRow};

/// What a run is created from.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The pipeline, checked.
    pub pipeline: Pipeline,
    /// The digest of its text.
    pub text: Digest,
    /// Why it starts.
    pub event: Event,
    /// Where its files come from.
    pub source: Source,
    /// The files of a work tree, relative to it; unused for a commit.
    pub files: Vec<String>,
}

impl Engine {
    /// Creates a run in the journal, with plugins pinned and kept, and supersedes or joins what its concurrency says.
    pub async fn create(&self, new: NewRun) -> Result<RunId, Failure> {
        let id = run_id()?;
        let engine = self.clone();
        let run = id.clone();
        let (pinned, superseded) = aside(move || engine.pin(&run, new)).await?;
        let now = crate::now();
        for other in superseded {
            let (stop, actor) = ("superseded".to_owned(), format!("run {id}"));
            self.core.journal.apply(Command::Stop { run: other, stop, actor, at: now }).await?;
        }
        let row = store::NewRun {
            id: id.clone(),
            pipeline: pinned.pipeline.name.clone(),
            repository: pinned.event.repository.clone(),
            branch: pinned.event.branch.clone(),
            commit: pinned.event.commit.id.to_string(),
            actor: pinned.event.actor.clone(),
            pinned: serde_json::to_value(&pinned).map_err(|e| Failure::internal(e.to_string()))?,
            created: now,
        };
        self.core.journal.apply(Command::Create(row, vec![])).await?;
        Ok(id)
    }

    /// The same run once more: same pipeline, commit and plugins, for another actor.
    pub async fn rerun(&self, old: &RunRow, actor: &str, files: Vec<String>) -> Result<RunId, Failure> {
        let pinned: Pinned = serde_json::from_value(old.run.pinned.clone())
            .map_err(|e| Failure::internal(format!("the journal of run {} cannot be read: {e}", old.run.id)))?;
        let event = Event { actor: actor.to_owned(), ..pinned.event };
        self.create(NewRun { pipeline: pinned.pipeline, text: pinned.text, event, source: pinned.source, files }).await
    }

    fn pin(&self, run: &RunId, new: NewRun) -> Result<(Pinned, Vec<RunId>), Failure> {
        let mut steps = BTreeMap::new();
        let all = new.pipeline.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.steps));
        for Step { uses, .. } in all.filter(|step| !step.uses.is_empty()) {
            if !steps.contains_key(uses) {
                let pinned = self.core.shelf.pin(uses)?;
                self.core.shelf.keep(&pinned)?;
                steps.insert(uses.clone(), pinned);
            }
        }
        if let Source::WorkTree(root) = &new.source {
            let tree = self.core.state.run(run.as_str()).join("tree");
            files::fresh(&tree)?;
            files::copy_listed(root, &new.files, &tree)?;
        }
        let superseded = self.superseded(&new)?;
        let NewRun { pipeline, text, event, source, .. } = new;
        Ok((Pinned { pipeline, text, event, source, steps }, superseded))
    }

    /// Runs that a newer one of the same concurrency key replaces.
    fn superseded(&self, new: &NewRun) -> Result<Vec<RunId>, Failure> {
        let Some(concurrency) = &new.pipeline.concurrency else { return Ok(vec![]) };
        if concurrency.policy != ConcurrencyPolicy::Latest {
            return Ok(vec![]);
        }
        let key = |pipeline: &Pipeline, event: &Event| -> Option<Value> {
            let template = Value::String(pipeline.concurrency.as_ref()?.key.clone());
            let scope = manifest::Scope {
                event: serde_json::to_value(event).ok()?,
                run: json!({"pipeline": pipeline.name}),
                ..manifest::Scope::default()
            };
            manifest::resolve(&template, &scope).ok()
        };
        let wanted = key(&new.pipeline, &new.event);
        let others = self.core.journal.reader()?.runs(1000)?;
        let same = |row: &RunRow| {
            let pinned: Option<Pinned> = serde_json::from_value(row.run.pinned.clone()).ok();
            pinned.is_some_and(|pinned| wanted.is_some() && key(&pinned.pipeline, &pinned.event) == wanted)
        };
        let open = others.into_iter().filter(|row| !row.status.is_final() && row.run.pipeline == new.pipeline.name);
        Ok(open.filter(same).map(|row| row.run.id).collect())
    }
}

fn run_id() -> Result<RunId, Failure> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|e| Failure::internal(format!("the machine has no randomness: {e}")))?;
    let millis = u64::try_from(crate::now().0).unwrap_or_default();
    Ok(RunId::new(millis, u64::from_le_bytes(random)))
}

// A run is restored from nothing but its pinned pipeline; keep the two in step.
const _: fn(Pipeline) -> Run = Run::new;
