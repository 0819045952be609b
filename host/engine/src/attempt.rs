//! One attempt of one step: what it is given, what it used, and its own place on disk.

use crate::cancel::Stopping;
use crate::core::{Core, aside};
use crate::files;
use crate::hold::Hold;
use crate::log::StepLog;
use crate::pinned::{Pinned, Source};
use crate::shelf::PinnedStep;
use model::{Blame, CommitId, Digest, Failure, Grant, RunId, RunStatus, Step, StepKey};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex};
use store::{Artifact, Command, EffectRow, StepRow};
use workspace::Workspace;

/// One attempt.
pub(crate) struct Attempt {
    pub(crate) core: Arc<Core>,
    pub(crate) run: RunId,
    pub(crate) fence: i64,
    pub(crate) pinned: Arc<Pinned>,
    pub(crate) step: Step,
    pub(crate) plugin: PinnedStep,
    pub(crate) key: StepKey,
    pub(crate) number: u32,
    /// What the plugin may do: its grant, narrowed by the step.
    pub(crate) grant: Grant,
    /// The step's `with`, resolved.
    pub(crate) inputs: Value,
    /// The steps that wait for this one, with their inputs as far as they are known: what an approval gate is about.
    pub(crate) dependants: Value,
    /// The folder of the step whose files this one continues with.
    pub(crate) inherited: Option<PathBuf>,
    pub(crate) stopping: Stopping,
    pub(crate) log: StepLog,
    pub(crate) cleared: Mutex<Cleared>,
    /// The longest time that a child has from an interrupt to the kill, in milliseconds.
    pub(crate) grace_millis: AtomicU64,
    pub(crate) book: Mutex<Book>,
    /// The step's state as it begins: it rides in the attempt's first record, so that a step with one effect costs two
    /// commits and not three. Until then the journal has the step as not begun, which is so for the world outside.
    pub(crate) claim: Mutex<Option<StepRow>>,
    /// Lost races of this attempt, for backing off.
    pub(crate) races: AtomicU32,
}

/// What was approved, or needs no approval, before the plugin ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cleared {
    pub(crate) subject: Option<Digest>,
    /// The environments that it changes, all of whose requirements are met.
    pub(crate) environments: Vec<String>,
    /// Paths that the forecast named, `repository:branch:path`, with the content that each had then.
    pub(crate) paths: BTreeMap<String, Option<Digest>>,
    /// The programs that it was approved with, each with its digest.
    pub(crate) tools: Option<Value>,
}

/// What an attempt leaves for the record of its end.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) outcomes: Vec<EffectRow>,
    pub(crate) artifacts: Vec<Artifact>,
    /// Pushes of this attempt, calls before this one included.
    pub(crate) intents: u32,
    /// Pushes of this call of which nobody knows whether they happened.
    pub(crate) unsure: u32,
    /// Pushes of calls before this one that took place although nobody wrote it down: repository, branch, commit.
    pub(crate) found: VecDeque<(String, String, CommitId)>,
    /// Children that were begun, by key, with the row that says so.
    pub(crate) starts: BTreeMap<String, EffectRow>,
    /// Cache entries that others are to see once the attempt has succeeded.
    pub(crate) saving: Vec<Saving>,
    /// Why an effect of this call was refused for now.
    pub(crate) held: Option<Hold>,
}

/// A cache entry that was packed.
#[derive(Debug)]
pub(crate) struct Saving {
    pub(crate) scope: crate::cache::Scope,
    pub(crate) entry: crate::cache::Entry,
    pub(crate) archive: PathBuf,
}

/// What an attempt adds to the journal while it is at work.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) intents: Vec<EffectRow>,
    pub(crate) subjects: Vec<(Digest, Value)>,
    pub(crate) votes_seen: Option<i64>,
}

impl Attempt {
    /// Writes an entry in one transaction, together with the claim where that is still to be written.
    pub(crate) async fn record(&self, entry: Entry) -> Result<(), store::Error> {
        let claim = self.claim.lock().ok().and_then(|mut claim| claim.take());
        let now = crate::now();
        let subjects = entry.subjects.into_iter().map(|(digest, what)| (self.key.clone(), digest, what)).collect();
        let record = Command::Record {
            run: self.run.clone(),
            fence: self.fence,
            steps: claim.iter().cloned().collect(),
            intents: entry.intents,
            outcomes: vec![],
            artifacts: vec![],
            decisions: vec![],
            receipts: vec![],
            subjects,
            status: claim.is_some().then_some((RunStatus::Running, now)),
            votes_seen: entry.votes_seen,
            at: now,
        };
        let written = self.core.journal.apply(record).await;
        if written.is_err()
            && let Ok(mut kept) = self.claim.lock()
        {
            *kept = claim;
        }
        written.map(|_| ())
    }

    /// The attempt's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.core.state.attempt(self.run.as_str(), self.key.as_str(), self.number)
    }

    /// The step's files, as the host sees them.
    pub(crate) fn workspace_folder(&self) -> PathBuf {
        self.folder().join("workspace")
    }

    /// Where a child of this attempt lives.
    pub(crate) fn child_folder(&self, key: &str) -> PathBuf {
        self.folder().join("children").join(hex::encode(key))
    }

    /// Folders of the children that were begun, also by a process before this one.
    pub(crate) fn children_on_disk(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder().join("children"));
        entries.map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
    }

    /// Whether the plugin can see files at all.
    pub(crate) fn wants_files(&self) -> bool {
        let interfaces = ["process", "workspace-read", "workspace-write"];
        self.plugin.wants.iter().any(|want| interfaces.contains(&want.as_str())) || !self.step.artifacts.is_empty()
    }

    /// Makes the step's files, new; a resumed wait and a child that is still there keep what they had. Blocking.
    pub(crate) fn prepare(&self, keep: bool) -> Result<(), Failure> {
        let folder = self.workspace_folder();
        if !self.wants_files() || (keep && folder.is_dir()) {
            return Ok(());
        }
        files::fresh(&self.folder())?;
        files::fresh(&folder)?;
        match (&self.inherited, &self.pinned.source) {
            (Some(from), _) => files::copy(from, &folder)?,
            (None, Source::Commit) => {
                let mirror = self.core.mirror(&self.pinned.event.repository)?;
                mirror.checkout(&self.pinned.event.commit.id, &folder).map_err(|e| e.failure())?;
            }
            (None, Source::WorkTree(_)) => {
                files::copy(&self.core.state.run(self.run.as_str()).join("tree"), &folder)?;
            }
        }
        self.clear_own_names(&folder)?;
        self.extract()
    }

    /// Names that begin so are what plugins leave themselves for a call after a crash. No commit and no other step may have
    /// put one there.
    fn clear_own_names(&self, folder: &std::path::Path) -> Result<(), Failure> {
        let workspace = Workspace::open(folder)?;
        for (name, _) in workspace.entries("", usize::MAX)?.unwrap_or_default() {
            if name.starts_with(OWN) {
                workspace.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Puts the artifacts that the step asks for into its files.
    fn extract(&self) -> Result<(), Failure> {
        if self.step.artifacts.extract.is_empty() {
            return Ok(());
        }
        let known = self.core.journal.reader()?.artifacts(&self.run)?;
        let workspace = Workspace::open(&self.workspace_folder())?;
        for (path, wanted) in &self.step.artifacts.extract {
            let artifact = self.find_artifact(&known, wanted).ok_or_else(|| {
                let message = format!("no step before this one stored an artifact `{wanted}`");
                Failure::new(Blame::User, "not-found", message)
            })?;
            if artifact.confidential {
                return Err(self.confidential(artifact));
            }
            if path.starts_with(OWN) {
                return Err(Failure::new(Blame::User, "invalid", format!("`{path}` is a name that Tidegate keeps")));
            }
            self.put_artifact(&workspace, artifact, path)?;
        }
        Ok(())
    }

    /// By digest, or by name: then the one of the same `forEach` item comes first, and the newest of the others.
    fn find_artifact<'a>(&self, known: &'a [Artifact], wanted: &str) -> Option<&'a Artifact> {
        if let Ok(digest) = Digest::parse(wanted) {
            return known.iter().find(|artifact| artifact.digest == digest);
        }
        let item = self.key.as_str().split_once('[').map(|(_, item)| item);
        let named = || known.iter().rev().filter(|artifact| artifact.name == wanted);
        let sibling = named().find(|a| item.is_some() && a.step.as_str().split_once('[').map(|(_, i)| i) == item);
        sibling.or_else(|| named().next())
    }

    /// A confidential artifact is for the plugin that stored it: what a Terraform plan holds is no script's business.
    pub(crate) fn may_read(&self, artifact: &Artifact) -> Result<(), Failure> {
        if !artifact.confidential || artifact.step == self.key {
            return Ok(());
        }
        let maker = self.maker(artifact).map(|(_, pinned)| (&pinned.plugin, &pinned.digest));
        if maker == Some((&self.plugin.plugin, &self.plugin.digest)) {
            return Ok(());
        }
        Err(self.confidential(artifact))
    }

    fn confidential(&self, artifact: &Artifact) -> Failure {
        let message = format!("the artifact `{}` of the step `{}` is confidential", artifact.name, artifact.step);
        Failure::denied(message).hint("only the plugin that stored it can read it, by an input that names its digest")
    }

    /// The step that stored an artifact, as the pipeline has it and as the run pinned it.
    pub(crate) fn maker(&self, artifact: &Artifact) -> Option<(&Step, &PinnedStep)> {
        let name = artifact.step.as_str().split('[').next().unwrap_or_default();
        let definition = self.pinned.pipeline.step(name)?;
        Some((definition, self.pinned.steps.get(&definition.uses)?))
    }

    /// Copies an artifact into the step's files; what was damaged on the disk never gets there under its name.
    pub(crate) fn put_artifact(&self, workspace: &Workspace, artifact: &Artifact, path: &str) -> Result<(), Failure> {
        self.may_read(artifact)?;
        let (blobs, digest) = (&self.core.blobs, &artifact.digest);
        let keys = if artifact.confidential { Some(self.core.keyring()?.0) } else { None };
        let mut damaged = None;
        let written = workspace.create_file(path, &mut |mut file| {
            let copied = match &keys {
                Some(keys) => blobs.copy_sealed_to(digest, &mut file, keys),
                None => blobs.copy_to(digest, &mut file),
            };
            copied.map(|_| ()).map_err(|failure| {
                let error = std::io::Error::other(failure.message.clone());
                damaged = Some(failure);
                error
            })
        });
        match damaged {
            Some(failure) => Err(failure),
            None => written,
        }
    }

    /// Lets others see the cache entries of this attempt, after it succeeded. One that cannot be kept is no reason to fail it.
    /// Blocking.
    pub(crate) fn publish_cache(&self) {
        let saving = self.book.lock().map(|mut book| std::mem::take(&mut book.saving)).unwrap_or_default();
        for Saving { scope, entry, archive } in saving {
            if let Err(failure) = self.core.cache.save(&scope, &entry, &archive) {
                self.log.write_blocking(
                    "warn",
                    format!("the cache entry `{}` is not kept: {}", entry.key, failure.message),
                );
            }
        }
    }

    /// Stores the artifacts that the step names, after it succeeded. Blocking.
    pub(crate) fn store_artifacts(&self) -> Result<(), Failure> {
        if self.step.artifacts.store.is_empty() {
            return Ok(());
        }
        let workspace = Workspace::open(&self.workspace_folder())?;
        for (name, path) in &self.step.artifacts.store {
            let file = workspace.open_file(path)?.ok_or_else(|| {
                let message =
                    format!("the artifact `{name}` is to be stored from `{path}`, but the step left no such file");
                Failure::new(Blame::User, "not-found", message)
            })?;
            let (digest, size) = self.core.blobs.put_file(file, self.core.settings.artifacts.max_bytes)?;
            self.note_artifact(name, digest, "application/octet-stream", size, false);
        }
        Ok(())
    }

    pub(crate) fn note_artifact(&self, name: &str, digest: Digest, media_type: &str, size: u64, confidential: bool) {
        let (step, name, media_type) = (self.key.clone(), name.to_owned(), media_type.to_owned());
        let artifact = Artifact { step, name, digest, media_type, size, confidential };
        if let Ok(mut book) = self.book.lock() {
            book.artifacts.retain(|known| known.name != artifact.name);
            book.artifacts.push(artifact);
        }
    }

    /// Ends children that the plugin left behind. Blocking.
    pub(crate) fn end_children(&self) {
        for folder in self.children_on_disk() {
            if let Ok(Some(child)) = jail::attach(&folder) {
                let _ = child.kill();
            }
        }
    }

    /// Writes down how each child of this call ended. Blocking.
    pub(crate) fn conclude_children(&self) {
        let starts = self.book.lock().map(|mut book| std::mem::take(&mut book.starts)).unwrap_or_default();
        for (key, row) in starts {
            let child = jail::attach(&self.child_folder(&key));
            let state = child.ok().flatten().and_then(|child| child.state().ok());
            let outcome = match state {
                Some(jail::State::Ended(ending)) => json!({"cause": ending.cause.name(), "status": ending.status}),
                _ => json!({"cause": "lost"}),
            };
            if let Ok(mut book) = self.book.lock() {
                book.outcomes.push(EffectRow { outcome: Some(outcome), ..row });
            }
        }
    }

    /// Looks at the pushes that earlier calls of this step began: a new one gets a new name, and one whose outcome was lost
    /// is looked for in the branch, where its trailers are. Answers of how many nobody can tell. Blocking.
    pub(crate) fn find_pushes(&self) -> Result<usize, Failure> {
        let effects = self.core.journal.reader()?.effects(&self.run)?;
        let pushes: Vec<&EffectRow> =
            effects.iter().filter(|e| e.step == self.key && e.effect.starts_with("push-")).collect();
        let known: Vec<&Value> = pushes.iter().filter_map(|e| e.outcome.as_ref()?.get("commit")).collect();
        let mut left = 0;
        let mut found = VecDeque::new();
        let mut outcomes = Vec::new();
        for push in pushes.iter().filter(|push| push.outcome.is_none()) {
            let text = |key: &str| push.intent.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (repository, branch) = (text("repository"), text("branch"));
            // A repository that cannot be asked now tells nothing.
            match self.find_push(&repository, &branch) {
                Ok(Some(commit)) if !known.iter().any(|known| known.as_str() == Some(commit.as_str())) => {
                    let outcome = json!({"commit": commit, "found": true});
                    outcomes.push(EffectRow { outcome: Some(outcome), ..(*push).clone() });
                    found.push_back((repository, branch, commit));
                }
                _ => left += 1,
            }
        }
        if let Ok(mut book) = self.book.lock() {
            let own = pushes.iter().filter(|push| push.attempt == self.number).count();
            book.intents = u32::try_from(own).unwrap_or(u32::MAX);
            book.outcomes.append(&mut outcomes);
            book.found = found;
        }
        Ok(left)
    }

    /// The newest commit of a branch that this step of this run made.
    fn find_push(&self, repository: &str, branch: &str) -> Result<Option<CommitId>, Failure> {
        let mirror = self.core.mirror(repository)?;
        mirror.fetch().map_err(|e| e.failure())?;
        let head = mirror.resolve(&format!("refs/heads/{branch}")).map_err(|e| e.failure())?;
        let Some(head) = head else { return Ok(None) };
        let trailers = [(RUN_TRAILER, self.run.as_str()), (STEP_TRAILER, self.key.as_str())];
        mirror.find_trailers(&head, &trailers, HISTORY).map_err(|e| e.failure())
    }

    /// Interrupts all children. Blocking.
    pub(crate) fn interrupt_children(&self) {
        for folder in self.children_on_disk() {
            if let Ok(Some(child)) = jail::attach(&folder) {
                let _ = child.interrupt();
            }
        }
    }

    /// The confined view of the step's files.
    pub(crate) async fn files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Workspace) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let folder = self.workspace_folder();
        aside(move || work(&Workspace::open(&folder)?)).await
    }
}

/// How names begin that plugins keep for themselves in a workspace: `.tidegate/`, where pipelines are, is none of them.
const OWN: &str = ".tidegate-";
/// The trailers by which a commit names the run and the step that made it.
pub(crate) const RUN_TRAILER: &str = "Tidegate-Run";
pub(crate) const STEP_TRAILER: &str = "Tidegate-Step";
/// Newest commits of a branch among which a lost push is looked for.
const HISTORY: usize = 10_000;
