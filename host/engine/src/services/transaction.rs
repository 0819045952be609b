//! Edits of a repository: what a push needs is judged here once more, in the transaction of its intent.

use crate::attempt::{Attempt, Entry, RUN_TRAILER, STEP_TRAILER};
use crate::core::aside;
use crate::images::named;
use crate::voting::{self, Edited};
use async_trait::async_trait;
use git::NewCommit;
use model::{Blame, Digest, Failure};
use plugin::wit::repository_write::{Message, Proposal, Proposed};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use store::EffectRow;

/// Most bytes of a file that crosses to a guest.
const FILE: usize = 8 << 20;
/// Largest file whose content before an edit is compared, in bytes.
const LARGEST: usize = 64 << 20;
/// Who commits.
const NAME: &str = "Tidegate";
const EMAIL: &str = "tidegate@localhost";
/// How often a judgement is made again because somebody voted meanwhile.
const TRIES: u32 = 16;

/// A transaction of a plugin.
pub(crate) struct Edits {
    attempt: Arc<Attempt>,
    repository: String,
    branch: String,
    inner: Arc<Mutex<git::Transaction>>,
    /// The content of each edited path before its first edit, and the images that it named.
    before: Arc<Mutex<BTreeMap<String, Before>>>,
}

/// What a path held.
#[derive(Clone, Default)]
struct Before {
    content: Option<Digest>,
    images: BTreeSet<String>,
}

impl Edits {
    pub(crate) fn new(attempt: Arc<Attempt>, repository: String, branch: String, inner: git::Transaction) -> Self {
        Self { attempt, repository, branch, inner: Arc::new(Mutex::new(inner)), before: Arc::default() }
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut git::Transaction) -> Result<T, git::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = self.inner.clone();
        aside(move || match inner.lock() {
            Ok(mut transaction) => work(&mut transaction).map_err(|e| e.failure()),
            Err(_) => Err(Failure::internal("an edit of this transaction panicked")),
        })
        .await
    }

    /// Keeps what a path holds before its first edit.
    async fn note(&self, path: &str) -> Result<(), Failure> {
        if self.before.lock().is_ok_and(|before| before.contains_key(path)) {
            return Ok(());
        }
        let (wanted, tells) = (path.to_owned(), self.tells_images());
        let read = move |t: &mut git::Transaction| {
            let content = t.read(&wanted, LARGEST)?;
            let images = content.as_ref().filter(|_| tells).map(|content| named(&wanted, content)).unwrap_or_default();
            Ok(Before { content: content.map(Digest::of), images })
        };
        let held = self.with(read).await?;
        if let Ok(mut before) = self.before.lock() {
            before.insert(path.to_owned(), held);
        }
        Ok(())
    }

    /// Whether anybody asks which images a write brings.
    fn tells_images(&self) -> bool {
        self.attempt.core.settings.environments.iter().any(|environment| environment.follows().next().is_some())
    }

    /// What the edits make of each path.
    async fn edits(&self) -> Result<BTreeMap<String, Edited>, Failure> {
        let before = self.before.lock().map(|before| before.clone()).unwrap_or_default();
        let tells = self.tells_images();
        let read = move |t: &mut git::Transaction| {
            let known: BTreeSet<&String> = before.values().flat_map(|held| &held.images).collect();
            let mut edits = BTreeMap::new();
            for path in t.changed() {
                let content = if tells { t.read(&path, LARGEST)? } else { None };
                let images = content.map(|content| named(&path, &content)).unwrap_or_default();
                let images = images.into_iter().filter(|image| !known.contains(image)).collect();
                let before = before.get(&path).and_then(|held| held.content.clone());
                edits.insert(path, Edited { before, images });
            }
            Ok(edits)
        };
        self.with(read).await
    }

    /// Writes the intent, if the environments that own the changed paths let it happen as of the newest vote.
    async fn intend(&self, branch: &str) -> Result<EffectRow, Failure> {
        let (paths, head) = self.with(|t| Ok((t.changed(), t.head().clone()))).await?;
        let edits = self.edits().await?;
        let number = self.attempt.book.lock().map_or(0, |mut book| {
            book.intents += 1;
            book.unsure += 1;
            book.intents
        });
        for _ in 0..TRIES {
            let place = (self.repository.as_str(), branch);
            let judged = match voting::judge_write(&self.attempt, place, edits.clone()).await {
                Ok(judged) => judged,
                Err(failure) => {
                    self.sure();
                    return Err(failure);
                }
            };
            let row = EffectRow {
                step: self.attempt.key.clone(),
                attempt: self.attempt.number,
                effect: format!("push-{number}"),
                intent: json!({"kind": "push-commit", "repository": self.repository, "branch": branch,
                    "head": head, "paths": paths, "environments": judged.environments, "subject": judged.subject}),
                outcome: None,
            };
            let entry = Entry { intents: vec![row.clone()], votes_seen: judged.votes_seen, ..Entry::default() };
            match self.attempt.record(entry).await {
                Ok(()) => return Ok(row),
                Err(store::Error::VotesMoved) => {}
                Err(e) => {
                    self.sure();
                    return Err(e.into());
                }
            }
        }
        self.sure();
        Err(Failure::new(Blame::Upstream, "unavailable", "votes keep changing while they are counted").retryable())
    }

    fn done_before(&self, branch: &str) -> Option<String> {
        let mut book = self.attempt.book.lock().ok()?;
        let first = book.found.front().filter(|(repository, on, _)| *repository == self.repository && on == branch);
        first.is_some().then(|| book.found.pop_front().map(|(_, _, commit)| commit.0)).flatten()
    }

    /// The newest intent is known to have come to something, or to nothing.
    fn sure(&self) {
        if let Ok(mut book) = self.attempt.book.lock() {
            book.unsure = book.unsure.saturating_sub(1);
        }
    }

    fn conclude(&self, row: EffectRow, outcome: serde_json::Value) {
        self.sure();
        if let Ok(mut book) = self.attempt.book.lock() {
            book.outcomes.push(EffectRow { outcome: Some(outcome), ..row });
        }
    }

    async fn commit(&self, message: Message, onto: Option<String>) -> Result<String, Failure> {
        if self.attempt.stopping.is_asked() {
            return Err(Failure::new(Blame::User, "cancelled", "the step is being stopped"));
        }
        let branch = onto.clone().unwrap_or_else(|| self.branch.clone());
        if self.with(|t| Ok(t.changed().is_empty())).await? {
            return Err(Failure::new(Blame::Plugin, "conflict", "nothing would change, so there is nothing to commit"));
        }
        // An earlier call did it, and was ended before it could say so: doing it again would undo what came after.
        if let Some(commit) = self.done_before(&branch) {
            return Ok(commit);
        }
        let mut trailers = vec![
            (RUN_TRAILER.to_owned(), self.attempt.run.to_string()),
            (STEP_TRAILER.to_owned(), self.attempt.key.to_string()),
        ];
        for line in &message.trailers {
            let (key, value) = line
                .split_once(':')
                .ok_or_else(|| Failure::invalid(format!("the trailer {line:?} is not `Key: value`")))?;
            trailers.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        let row = self.intend(&branch).await?;
        let pushed = self
            .with(move |transaction| {
                let commit = NewCommit {
                    subject: &message.subject,
                    body: &message.body,
                    trailers,
                    name: NAME,
                    email: EMAIL,
                    time: crate::now(),
                };
                match &onto {
                    None => transaction.push(commit),
                    Some(branch) => transaction.push_to(branch, commit),
                }
            })
            .await;
        match pushed {
            Ok(id) => {
                self.conclude(row, json!({"commit": id}));
                Ok(id.0)
            }
            Err(failure) => {
                if failure.code == "moved" {
                    self.attempt.races.fetch_add(1, Ordering::Relaxed);
                }
                // A failure that is sure: nothing was pushed. Where it is not, the intent stays open, and a plugin that
                // is not idempotent is asked by its `probe`.
                if matches!(failure.code.as_str(), "moved" | "conflict" | "invalid" | "denied") {
                    self.conclude(row, json!({"error": failure}));
                }
                Err(failure)
            }
        }
    }
}

#[async_trait]
impl plugin::Transaction for Edits {
    async fn head(&self) -> Result<String, Failure> {
        self.with(|t| Ok(t.head().0.clone())).await
    }

    async fn read(&self, path: String) -> Result<Option<Vec<u8>>, Failure> {
        self.with(move |t| t.read(&path, FILE)).await
    }

    async fn put(&self, path: String, content: Vec<u8>) -> Result<(), Failure> {
        self.note(&path).await?;
        self.with(move |t| t.put(&path, content)).await
    }

    async fn remove(&self, path: String) -> Result<(), Failure> {
        self.note(&path).await?;
        self.with(move |t| t.remove(&path)).await
    }

    async fn push(&self, message: Message) -> Result<String, Failure> {
        self.commit(message, None).await
    }

    async fn propose(&self, message: Message, proposal: Proposal) -> Result<Proposed, Failure> {
        let _ = (message, proposal);
        let text =
            format!("the repository `{}` has no forge here that change requests could be opened at", self.repository);
        Err(Failure::new(Blame::User, "unsupported", text).hint("use `publish: push` until a forge is configured"))
    }
}
