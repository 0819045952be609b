//! Creating a run: everything that it will need is pinned before it begins.

use crate::core::aside;
use crate::engine::Engine;
use crate::files;
use crate::pinned::{Pinned, Source};
use model::pipeline::ConcurrencyPolicy;
use model::{CommitId, Digest, Event, Failure, Pipeline, RunId, RunStatus, Step};
use scheduler::Run;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Command, RunRow, Start};

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
    /// The event that begins it, of which one run is made at most; its `run` and `at` are filled in.
    pub begun: Option<Start>,
}

/// A run that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub run: RunId,
    /// Older runs that it supersedes, and that somebody has to drive to their end.
    pub superseded: Vec<RunId>,
}

impl Engine {
    /// Creates a run in the journal, with plugins pinned and kept, and asks in the same transaction the older runs to stop that it
    /// supersedes: whoever drives runs here ends them. Errors: `conflict` where `begun` has begun a run already.
    pub async fn create(&self, new: NewRun) -> Result<Created, Failure> {
        let id = run_id()?;
        let engine = self.clone();
        let run = id.clone();
        let begun = new.begun.clone();
        let pinned = aside(move || engine.pin(&run, new)).await?;
        // Of two that come at once the later one sees the earlier: else neither would supersede the other.
        let _one = self.core.creating.lock().await;
        let (engine, of) = (self.clone(), pinned.clone());
        let superseded = aside(move || engine.superseded(&of)).await?;
        let now = crate::now();
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
        let begun = begun.map(|begun| Start { run: Some(id.to_string()), at: now, ..begun });
        let supersedes = superseded.clone();
        self.core.journal.apply(Command::Create { run: row, steps: vec![], begun, supersedes }).await?;
        Ok(Created { run: id, superseded })
    }

    /// The same run once more: same pipeline and commit, for another actor, with the plugins that are locked now.
    pub async fn rerun(&self, old: &RunRow, actor: &str, files: Vec<String>) -> Result<Created, Failure> {
        let pinned: Pinned = serde_json::from_value(old.run.pinned.clone())
            .map_err(|e| Failure::internal(format!("the journal of run {} cannot be read: {e}", old.run.id)))?;
        let event = Event { actor: actor.to_owned(), ..pinned.event };
        let Pinned { pipeline, text, source, .. } = pinned;
        self.create(NewRun { pipeline, text, event, source, files, begun: None }).await
    }

    fn pin(&self, run: &RunId, new: NewRun) -> Result<Pinned, Failure> {
        let mut steps = BTreeMap::new();
        let all = new.pipeline.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.steps));
        let origin = match &new.source {
            Source::Commit => Some(new.event.repository.as_str()),
            Source::WorkTree(_) => None,
        };
        for Step { name, uses, secrets, .. } in all.filter(|step| !step.uses.is_empty()) {
            for secret in secrets {
                let admitted = self.core.vault.admit(secret, uses, origin);
                admitted.map_err(|f| Failure { message: format!("the step `{name}`: {}", f.message), ..f })?;
            }
            if !steps.contains_key(uses) {
                let pinned = self.core.shelf.pin(uses)?;
                self.core.shelf.keep(&pinned)?;
                steps.insert(uses.clone(), pinned);
            }
        }
        if let Source::WorkTree(root) = &new.source {
            let tree = self.core.state.run(run.as_str()).join("tree");
            files::fresh(&tree)?;
            // The state folder may lie in the work tree: it is no file of anybody's step.
            let state = self.core.state.root();
            let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.clone());
            let files: Vec<String> =
                new.files.iter().filter(|file| !root.join(file).starts_with(state)).cloned().collect();
            files::copy_listed(&root, &files, &tree)?;
        }
        let authors = self.authors(&new)?;
        let NewRun { pipeline, text, event, source, .. } = new;
        Ok(Pinned { pipeline, text, event, source, steps, authors })
    }

    /// Who wrote or committed what is new since the last run of this pipeline that went well; where there was none,
    /// since the parent of the run's commit.
    fn authors(&self, new: &NewRun) -> Result<Vec<String>, Failure> {
        let (Source::Commit, event) = (&new.source, &new.event) else { return Ok(vec![]) };
        let mirror = self.core.mirror(&event.repository)?;
        let rows = self.core.journal.reader()?.runs(RUNS)?;
        let good = rows.into_iter().find(|row| {
            row.status == RunStatus::Succeeded
                && row.run.pipeline == new.pipeline.name
                && row.run.repository == event.repository
        });
        let base = good.map(|row| CommitId(row.run.commit));
        // A commit that a forced push took away is none to compare with.
        let base = base.filter(|base| mirror.commit(base).is_ok());
        let people = mirror.committers(base.as_ref(), &event.commit.id).map_err(|e| e.failure())?;
        let mails = people.into_iter().flat_map(|(author, committer)| [author, committer]);
        let mut all: Vec<String> = mails.map(|mail| format!("<{mail}>")).collect();
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Runs of the same repository and pipeline with the same concurrency key that a newer one replaces. One that has
    /// begun to change a repository is left to come to its end.
    fn superseded(&self, new: &Pinned) -> Result<Vec<RunId>, Failure> {
        let Some(concurrency) = &new.pipeline.concurrency else { return Ok(vec![]) };
        if concurrency.policy != ConcurrencyPolicy::Latest {
            return Ok(vec![]);
        }
        let key = |pipeline: &Pipeline, event: &Event| -> Result<Option<Value>, Failure> {
            let Some(concurrency) = &pipeline.concurrency else { return Ok(None) };
            let scope = manifest::Scope {
                event: crate::pinned::event(event),
                run: json!({"pipeline": pipeline.name}),
                ..manifest::Scope::default()
            };
            manifest::resolve(&Value::String(concurrency.key.clone()), &scope).map(Some)
        };
        let wanted = key(&new.pipeline, &new.event)?;
        let reader = self.core.journal.reader()?;
        let mut found = Vec::new();
        for row in reader.runs(RUNS)? {
            let same = row.run.pipeline == new.pipeline.name && row.run.repository == new.event.repository;
            if row.status.is_final() || !same {
                continue;
            }
            let Ok(pinned) = serde_json::from_value::<Pinned>(row.run.pinned) else { continue };
            let begun = reader.effects(&row.run.id)?.iter().any(|effect| effect.effect.starts_with("push-"));
            if !begun && key(&pinned.pipeline, &pinned.event).ok() == Some(wanted.clone()) {
                found.push(row.run.id);
            }
        }
        Ok(found)
    }
}

/// Newest runs that are looked at.
const RUNS: u32 = 1000;

fn run_id() -> Result<RunId, Failure> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|e| Failure::internal(format!("the machine has no randomness: {e}")))?;
    let millis = u64::try_from(crate::now().0).unwrap_or_default();
    Ok(RunId::new(millis, u64::from_le_bytes(random)))
}

// A run is restored from nothing but its pinned pipeline; keep the two in step.
const _: fn(Pipeline) -> Run = Run::new;
