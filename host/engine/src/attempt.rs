//! One attempt of one step: what it is given, what it used, and its own place on disk.

use crate::cancel::Stopping;
use crate::core::{Core, aside};
use crate::files;
use crate::log::StepLog;
use crate::pinned::{Pinned, Source};
use crate::shelf::PinnedStep;
use model::{Blame, Digest, Failure, Grant, RunId, Step, StepKey};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use store::{Artifact, EffectRow};
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
    pub(crate) book: Mutex<Book>,
    /// Lost races of this attempt, for backing off.
    pub(crate) races: AtomicU32,
}

/// What was approved, or needs no approval, before the plugin ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cleared {
    pub(crate) subject: Option<Digest>,
    /// Environments whose requirements were met.
    pub(crate) environments: BTreeSet<String>,
    /// Paths that the forecast named, `repository:path`, with the content that each had then.
    pub(crate) paths: BTreeMap<String, Option<Digest>>,
}

/// What an attempt leaves for the record of its end.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) outcomes: Vec<EffectRow>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) children: BTreeSet<PathBuf>,
    pub(crate) intents: u32,
}

impl Attempt {
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
        self.extract()
    }

    /// Puts the artifacts that the step asks for into its files.
    fn extract(&self) -> Result<(), Failure> {
        if self.step.artifacts.extract.is_empty() {
            return Ok(());
        }
        let known = self.core.journal.reader()?.artifacts(&self.run)?;
        let workspace = Workspace::open(&self.workspace_folder())?;
        for (name, path) in &self.step.artifacts.extract {
            let artifact = known.iter().rev().find(|artifact| artifact.name == *name).ok_or_else(|| {
                let message = format!("no step before this one stored an artifact `{name}`");
                Failure::new(Blame::User, "not-found", message)
            })?;
            let blob = self.core.blobs.open_blob(&artifact.digest)?;
            let mut blob = blob.ok_or_else(|| {
                Failure::new(Blame::Host, "not-found", format!("the artifact `{name}` is no longer kept"))
            })?;
            workspace.create_file(path, &mut |file| std::io::copy(&mut blob, file).map(|_| ()))?;
        }
        Ok(())
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
            let (digest, size) = self.core.blobs.put_file(file, ARTIFACT)?;
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

/// Largest artifact, in bytes: 16 GiB.
pub(crate) const ARTIFACT: u64 = 16 << 30;
