//! Carries out what a plugin was allowed to ask: `plugin` authorises each call before it comes here.

mod archive;
mod cache;
mod child;
mod outside;
mod transaction;

use crate::applications::ApplicationStatus;
use crate::attempt::Attempt;
use crate::core::aside;
use crate::voting;
use async_trait::async_trait;
use model::{Blame, CommitId, Digest, Failure, Timestamp};
use plugin::wit::archive as wire;
use plugin::wit::{application, approval, artifact_read, artifact_write, http, process, workspace_read};
use plugin::{Child, Entry, Services, Transaction};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use workspace::EntryKind;

/// Most bytes of a file that crosses to a guest.
const WORKSPACE_FILE: usize = 1 << 20;
/// Most bytes of a file of a repository.
const REPOSITORY_FILE: usize = 8 << 20;
/// Most names of one answer.
const NAMES: usize = 65_536;

/// The attempt as a plugin's host.
pub(crate) struct Desk(pub(crate) Arc<Attempt>);

fn digest(text: &str) -> Result<Digest, Failure> {
    Digest::parse(text).map_err(|e| Failure::invalid(e.to_string()))
}

fn commit(text: String) -> Result<CommitId, Failure> {
    let id = CommitId(text);
    if id.is_valid() { Ok(id) } else { Err(Failure::invalid(format!("`{}` is no commit id", id.as_str()))) }
}

impl Desk {
    /// An artifact of this run that this step may read: others do not exist for a plugin.
    async fn artifact(&self, text: String) -> Result<Option<store::Artifact>, Failure> {
        let attempt = self.0.clone();
        aside(move || {
            let wanted = digest(&text)?;
            let own = attempt.book.lock().map(|book| book.artifacts.clone()).unwrap_or_default();
            let known = attempt.core.journal.reader()?.artifacts(&attempt.run)?;
            let found = own.into_iter().chain(known).find(|artifact| artifact.digest == wanted);
            found.map(|artifact| attempt.may_read(&artifact).map(|()| artifact)).transpose()
        })
        .await
    }

    async fn known_artifact(&self, text: String) -> Result<store::Artifact, Failure> {
        let wanted = digest(&text)?;
        self.artifact(text).await?.ok_or_else(|| {
            Failure::new(Blame::Plugin, "not-found", format!("this run has no artifact {}", wanted.short()))
        })
    }

    /// Keeps something that a plugin stores, encrypted where it is confidential.
    async fn keep(
        &self,
        label: artifact_write::Label,
        content: impl FnOnce(&Attempt) -> Result<Content, Failure> + Send + 'static,
    ) -> Result<String, Failure> {
        let attempt = self.0.clone();
        aside(move || {
            let (core, limit) = (&attempt.core, attempt.core.settings.artifacts.max_bytes);
            let content = content(&attempt)?;
            let (digest, size) = if label.confidential {
                let (keys, made) = core.keyring()?;
                if made {
                    let folder = core.state.folder("keys");
                    let line = format!(
                        "this machine made a key of its own for confidential artifacts, in {}: keep a copy, or configure `spec.encryption.keys`",
                        folder.display()
                    );
                    attempt.log.write_blocking("warn", line);
                }
                match content {
                    Content::Bytes(bytes) => (core.blobs.put_sealed(&bytes, &keys)?, bytes.len() as u64),
                    Content::File(file) => core.blobs.put_file_sealed(file, limit, &keys)?,
                }
            } else {
                match content {
                    Content::Bytes(bytes) => (core.blobs.put(&bytes)?, bytes.len() as u64),
                    Content::File(file) => core.blobs.put_file(file, limit)?,
                }
            };
            attempt.note_artifact(&label.name, digest.clone(), &label.media_type, size, label.confidential);
            Ok(digest.to_string())
        })
        .await
    }
}

/// What is to be kept.
enum Content {
    Bytes(Vec<u8>),
    File(std::fs::File),
}

#[async_trait]
impl Services for Desk {
    async fn log(&self, entry: Entry) {
        self.0.log.entry(entry).await;
    }

    fn now(&self) -> Timestamp {
        crate::now()
    }

    fn cancelled(&self) -> bool {
        self.0.stopping.is_asked()
    }

    async fn workspace_read(&self, path: String) -> Result<Option<Vec<u8>>, Failure> {
        self.0.files(move |files| files.read(&path, WORKSPACE_FILE)).await
    }

    async fn workspace_entries(&self, path: String) -> Result<Option<Vec<workspace_read::Entry>>, Failure> {
        let found = self.0.files(move |files| files.entries(&path, NAMES)).await?;
        let entry = |(name, kind)| workspace_read::Entry {
            name,
            kind: match kind {
                EntryKind::File => workspace_read::Kind::File,
                EntryKind::Directory => workspace_read::Kind::Directory,
                EntryKind::Link => workspace_read::Kind::Link,
            },
        };
        Ok(found.map(|entries| entries.into_iter().map(entry).collect()))
    }

    async fn workspace_write(&self, path: String, content: Vec<u8>) -> Result<(), Failure> {
        self.0.files(move |files| files.write(&path, &content)).await
    }

    async fn workspace_remove(&self, path: String) -> Result<(), Failure> {
        self.0.files(move |files| files.remove(&path)).await
    }

    async fn artifact_find(&self, digest: String) -> Result<Option<artifact_read::Artifact>, Failure> {
        Ok(self.artifact(digest).await?.map(|artifact| artifact_read::Artifact {
            digest: artifact.digest.to_string(),
            name: artifact.name,
            media_type: artifact.media_type,
            size: artifact.size,
        }))
    }

    async fn artifact_read(&self, digest: String, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        let (artifact, core) = (self.known_artifact(digest).await?, self.0.core.clone());
        aside(move || match artifact.confidential {
            true => core.blobs.read_sealed(&artifact.digest, offset, length, &core.keyring()?.0),
            false => core.blobs.read(&artifact.digest, offset, length),
        })
        .await
    }

    async fn artifact_extract(&self, digest: String, path: String) -> Result<(), Failure> {
        let (artifact, attempt) = (self.known_artifact(digest).await?, self.0.clone());
        self.0.files(move |files| attempt.put_artifact(files, &artifact, &path)).await
    }

    async fn artifact_store(&self, label: artifact_write::Label, content: Vec<u8>) -> Result<String, Failure> {
        self.keep(label, move |_| Ok(Content::Bytes(content))).await
    }

    async fn artifact_store_file(&self, label: artifact_write::Label, path: String) -> Result<String, Failure> {
        let open = move |attempt: &Attempt| {
            let missing = || Failure::new(Blame::Plugin, "not-found", format!("there is no file `{path}`"));
            let files = workspace::Workspace::open(&attempt.workspace_folder())?;
            Ok(Content::File(files.open_file(&path)?.ok_or_else(missing)?))
        };
        self.keep(label, open).await
    }

    async fn resolve(&self, repository: String, reference: String) -> Result<Option<String>, Failure> {
        let core = self.0.core.clone();
        aside(move || {
            let mirror = core.mirror(&repository)?;
            mirror.fetch().map_err(|e| e.failure())?;
            let name = if reference.is_empty() { "HEAD" } else { &reference };
            Ok(mirror.resolve(name).map_err(|e| e.failure())?.map(|id| id.0))
        })
        .await
    }

    async fn repository_read(&self, repository: String, id: String, path: String) -> Result<Option<Vec<u8>>, Failure> {
        let (core, id) = (self.0.core.clone(), commit(id)?);
        aside(move || core.mirror(&repository)?.read(&id, &path, REPOSITORY_FILE).map_err(|e| e.failure())).await
    }

    async fn changed_paths(&self, repository: String, base: String, head: String) -> Result<Vec<String>, Failure> {
        let (core, base, head) = (self.0.core.clone(), commit(base)?, commit(head)?);
        aside(move || core.mirror(&repository)?.changed_paths(&base, &head, NAMES).map_err(|e| e.failure())).await
    }

    async fn branch(&self, repository: &str, branch: &str) -> Result<String, Failure> {
        if !branch.is_empty() {
            return Ok(branch.to_owned());
        }
        let (core, repository) = (self.0.core.clone(), repository.to_owned());
        aside(move || default_branch(&core, &repository)).await
    }

    async fn begin(&self, repository: String, branch: String) -> Result<Arc<dyn Transaction>, Failure> {
        back_off(self.0.races.load(Ordering::Relaxed)).await;
        let attempt = self.0.clone();
        let (name, on) = (repository.clone(), branch.clone());
        let begun = aside(move || attempt.core.mirror(&name)?.begin(&on).map_err(|e| e.failure())).await?;
        Ok(Arc::new(transaction::Edits::new(self.0.clone(), repository, branch, begun)))
    }

    async fn votes(&self, requirement: approval::Requirement) -> Result<approval::Tally, Failure> {
        voting::read(&self.0, requirement).await
    }

    async fn workspace_summarise(&self, path: String) -> Result<Option<workspace_read::Summary>, Failure> {
        let found = self.0.files(move |files| files.summarise(&path)).await?;
        Ok(found.map(|(digest, size)| workspace_read::Summary { digest: digest.to_string(), size }))
    }

    async fn pack(&self, packing: wire::Packing, to: String) -> Result<wire::Packed, Failure> {
        archive::pack(&self.0, packing, to).await
    }

    async fn unpack(&self, source: String, to: String) -> Result<u32, Failure> {
        archive::unpack(&self.0, source, to).await
    }

    async fn cache_restore(
        &self,
        key: String,
        prefixes: Vec<String>,
        paths: Vec<String>,
    ) -> Result<Option<plugin::wit::cache::Hit>, Failure> {
        cache::restore(&self.0, key, prefixes, paths).await
    }

    async fn cache_save(&self, key: String, paths: Vec<String>) -> Result<plugin::wit::cache::Saved, Failure> {
        cache::save(&self.0, key, paths).await
    }

    async fn application(&self, name: String) -> Result<Option<application::Status>, Failure> {
        let found = self.0.core.applications()?.read(&name).await?;
        Ok(found.map(ApplicationStatus::into_wire))
    }

    async fn application_contains(&self, name: String, commit: CommitId) -> Result<bool, Failure> {
        self.0.core.applications()?.contains(&name, &commit).await
    }

    async fn send(&self, request: http::Request) -> Result<http::Response, Failure> {
        outside::send(&self.0, request).await
    }

    async fn placeholder(&self, name: String, part: String) -> Result<String, Failure> {
        self.0.core.vault.placeholder(&self.0, &name, &part)
    }

    async fn reveal(&self, name: String, part: String) -> Result<Vec<u8>, Failure> {
        let entry =
            json!({"action": "reveal", "secret": name, "run": self.0.run, "step": self.0.key, "at": crate::now()});
        let attempt = self.0.clone();
        let value = aside(move || attempt.core.vault.reveal(&attempt, &name, &part)).await?;
        // What was told cannot be taken back, so the trail says it first.
        self.0.core.journal.apply(store::Command::Audit(entry)).await?;
        Ok(value)
    }

    async fn start(&self, key: String, command: process::Command) -> Result<Arc<dyn Child>, Failure> {
        child::start(&self.0, key, command).await
    }
}

/// The default branch of a repository. Blocking.
pub(crate) fn default_branch(core: &crate::core::Core, repository: &str) -> Result<String, Failure> {
    let mirror = core.mirror(repository)?;
    mirror.fetch().map_err(|e| e.failure())?;
    mirror.default_branch().map_err(|e| e.failure())?.ok_or_else(|| {
        Failure::new(Blame::User, "not-found", format!("the repository `{repository}` has no default branch"))
            .hint("push a first commit, or name a branch")
    })
}

/// After lost races, a random pause that grows: 50 writers of one branch would else keep colliding.
async fn back_off(races: u32) {
    if races == 0 {
        return;
    }
    let most = 10_u64 << races.min(6);
    let mut random = [0; 8];
    // Without randomness the pause is the longest one.
    let pause = getrandom::fill(&mut random).map_or(most, |()| u64::from_le_bytes(random) % most);
    tokio::time::sleep(Duration::from_millis(pause)).await;
}
