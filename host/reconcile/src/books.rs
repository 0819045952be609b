//! What is remembered of an application between two looks, in the journal.

use crate::child::Ancestor;
use crate::entry::Entry;
use crate::history::{Ended, surplus};
use crate::proof::Witness;
use crate::standing::Standing;
use access::Vote;
use manifest::DeclaredKind;
use model::application::Application;
use model::{CommitId, Digest, Failure, RunId, Timestamp};
use planner::Inventory;
use planner::operation::{Operation, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{
    Accepted, ApplicationChange, ApplicationRow, Braked, ChildRow, Command, Consent, EffectRow, Journal, Rollback,
    SyncRow,
};

/// The journal, as far as applications go.
#[derive(Clone)]
pub struct Books {
    journal: Arc<Journal>,
}

/// What is remembered of one application.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How it stood.
    pub standing: Option<Standing>,
    /// What it owns.
    pub inventory: Inventory,
    /// The sync that was at work when somebody stopped to look after it.
    pub operation: Option<Operation>,
}

/// A content of an application that an environment has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The digest of its objects and its policy.
    pub subject: Digest,
    /// The digest of the application's file.
    pub policy: Digest,
    /// The commit of each repository that it came from.
    pub commits: BTreeMap<String, String>,
    /// What its containers run; empty where that was not remembered yet.
    pub images: Vec<String>,
    /// With what the application was healthy there, by this content and by those before.
    pub proofs: Proofs,
}

/// With what an application was healthy in an environment, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proofs {
    /// Contents, by their digests.
    pub contents: Vec<Digest>,
    /// Images.
    pub images: Vec<String>,
}

/// Where a content came from, as it is stored.
#[derive(Serialize, Deserialize)]
struct Provenance {
    policy: Digest,
    commits: BTreeMap<String, String>,
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    proofs: Proofs,
}

/// An application's file as it was last read.
#[derive(Serialize, Deserialize)]
struct Declared {
    project: String,
    repository: String,
    place: String,
    application: Box<Application>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ancestors: Vec<Ancestor>,
}

/// A sync that ended, as its history has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// The revision that it applied.
    pub revision: String,
    /// Who started it.
    pub asked: String,
    /// How it ended, in words.
    pub outcome: String,
    /// Whether everything was applied.
    pub applied: bool,
    /// Attempts.
    pub attempts: u32,
    /// When it ended.
    pub ended: Timestamp,
    /// Objects that were applied, run and pruned.
    pub objects: Vec<PastObject>,
}

/// What came of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastObject {
    /// The step: phase and object.
    pub step: String,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl std::fmt::Debug for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Books")
    }
}

impl Books {
    /// Those of a journal.
    pub fn new(journal: Arc<Journal>) -> Self {
        Self { journal }
    }

    /// What is remembered of an application. Errors: those of the journal, and a row that a newer version wrote.
    pub fn memory(&self, name: &str) -> Result<Memory, Failure> {
        match self.journal.reader().and_then(|reader| reader.application(name)).map_err(Failure::from)? {
            Some(row) => memory(row),
            None => Ok(Memory::default()),
        }
    }

    /// The names of all that are remembered.
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        let rows = self.journal.reader().and_then(|reader| reader.applications()).map_err(Failure::from)?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    /// The syncs of an application, newest first, with their ids and when they began.
    pub fn history(&self, name: &str) -> Result<Vec<(String, Timestamp, Past)>, Failure> {
        let rows = self.journal.reader().and_then(|reader| reader.syncs(name)).map_err(Failure::from)?;
        rows.into_iter().map(|row| Ok((row.id, row.begun, read(row.content)?))).collect()
    }

    /// Why an application or a cluster is braked, where it is.
    pub fn brake(&self, on: Braked, name: &str) -> Result<Option<String>, Failure> {
        self.journal.reader().and_then(|reader| reader.brake(on, name)).map_err(Failure::from)
    }

    /// Puts a brake on, or takes it off.
    pub async fn set_brake(&self, on: Braked, name: &str, why: Option<String>, at: Timestamp) -> Result<(), Failure> {
        let command = Command::Brake { on, name: name.to_owned(), why, at };
        self.journal.apply(command).await.map(drop).map_err(Failure::from)
    }

    /// Stores an application's file as it was read, with where that was.
    pub async fn declare(&self, entry: &Entry, at: Timestamp) -> Result<(), Failure> {
        let Ok(application) = &entry.application else { return Ok(()) };
        let declared = Declared {
            project: entry.project.clone(),
            repository: entry.repository.clone(),
            place: entry.place.clone(),
            application: application.clone(),
            ancestors: entry.ancestors.clone(),
        };
        let declared = write(&declared)?;
        let row = self.journal.reader().and_then(|reader| reader.application(&entry.name)).map_err(Failure::from)?;
        if row.is_some_and(|row| row.declared.as_ref() == Some(&declared)) {
            return Ok(());
        }
        self.change(ApplicationChange { declared: Some(declared), ..of(&entry.name) }, at).await
    }

    /// Every application that is remembered, with its file as it was last read where that was stored in words of this version.
    pub fn declared(&self) -> Result<Vec<(String, Option<Entry>)>, Failure> {
        let rows = self.journal.reader().and_then(|reader| reader.applications()).map_err(Failure::from)?;
        let each = rows.into_iter().map(|row| {
            // One that another version wrote is nobody's to end, and keeps nobody from the others.
            let declared = row.declared.and_then(|value| Some(remembered(&row.name, read(value).ok()?)));
            (row.name, declared)
        });
        Ok(each.collect())
    }

    /// An application's file as it was last read, where that was stored.
    pub fn declaration(&self, name: &str) -> Result<Option<Entry>, Failure> {
        let row = self.journal.reader().and_then(|reader| reader.application(name)).map_err(Failure::from)?;
        // One of another version is as good as none.
        Ok(row.and_then(|row| Some(remembered(name, read(row.declared?).ok()?))))
    }

    /// What applications declare, as they were last synced, and what they declare no more and is still to end.
    pub fn children(&self) -> Result<Vec<ChildRow>, Failure> {
        self.journal.reader().and_then(|reader| reader.children()).map_err(Failure::from)
    }

    /// What an application declares, each with how it stood when it was last looked at.
    pub fn children_of(&self, parent: &str) -> Result<Vec<(ChildRow, Option<Standing>)>, Failure> {
        let rows = self.journal.reader().and_then(|reader| reader.children_of(parent)).map_err(Failure::from)?;
        // How one stands that another version wrote, its next look tells.
        let stands = |standing: Option<Value>| standing.and_then(|value| read(value).ok());
        Ok(rows.into_iter().map(|(row, standing)| (row, stands(standing))).collect())
    }

    /// Stores what an application declares, that it declares something no more, or that somebody else declares that now.
    pub(crate) async fn child(&self, command: Command) -> Result<(), Failure> {
        self.journal.apply(command).await.map(drop).map_err(Failure::from)
    }

    /// Forgets an application; what it declares is let go.
    pub async fn forget(&self, name: &str) -> Result<(), Failure> {
        self.journal.apply(Command::Forget(name.to_owned())).await.map(drop).map_err(Failure::from)
    }

    /// What an environment has accepted of an application: the digest of its content, and the commit of each repository.
    pub fn accepted(&self, environment: &str, application: &str) -> Result<Option<Content>, Failure> {
        let found = self.journal.reader().and_then(|reader| reader.accepted(environment, application));
        found.map_err(Failure::from)?.map(content).transpose()
    }

    /// The images that an environment has accepted of any application, or was healthy with before.
    pub fn images_there(&self, environment: &str) -> Result<Vec<String>, Failure> {
        let rows =
            self.journal.reader().and_then(|reader| reader.accepted_there(environment)).map_err(Failure::from)?;
        let mut images = Vec::new();
        for row in rows {
            let Content { images: now, proofs, .. } = content(row)?;
            images.extend(now.into_iter().chain(proofs.images));
        }
        Ok(images)
    }

    /// How the applications of an environment stood when they were last looked at.
    pub fn witnesses(&self, environment: &str) -> Result<Vec<Witness>, Failure> {
        // As it stands in a row, so that the rows of all the others need not be read.
        let named = Value::from(environment).to_string();
        let rows = self.journal.reader().and_then(|reader| reader.standings_with(&named)).map_err(Failure::from)?;
        let mut found = Vec::new();
        for (name, standing) in rows {
            let standing: Standing = read(standing)?;
            if standing.environments.iter().any(|of| of == environment) {
                let (images, sync, health) = (standing.images, standing.sync, standing.health.status);
                found.push(Witness { name, images, sync, health });
            }
        }
        Ok(found)
    }

    /// Stores what an environment has accepted of an application.
    pub async fn accept(
        &self,
        environment: &str,
        application: &str,
        content: Content,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let Content { subject, policy, commits, images, proofs } = content;
        let accepted = Accepted {
            environment: environment.to_owned(),
            application: application.to_owned(),
            subject,
            revisions: write(&Provenance { policy, commits, images, proofs })?,
            at,
        };
        self.journal.apply(Command::Accept(accepted)).await.map(drop).map_err(Failure::from)
    }

    /// People's words on a content of an application, oldest first.
    pub fn consents(&self, application: &str, subject: &Digest) -> Result<Vec<Vote>, Failure> {
        let rows = self.journal.reader().and_then(|reader| reader.consents(application, subject));
        let vote = |row: Consent| Vote {
            voter: row.voter,
            verdict: row.verdict,
            subject: row.subject,
            at: row.at,
            comment: row.comment,
            verified: row.verified,
        };
        Ok(rows.map_err(Failure::from)?.into_iter().map(vote).collect())
    }

    /// Adds a person's word on a content of an application.
    pub async fn consent(&self, consent: Consent) -> Result<(), Failure> {
        self.journal.apply(Command::Consent(consent)).await.map(drop).map_err(Failure::from)
    }

    /// The paths that a step of a run pushed with this very commit, having met the requirements of an environment.
    pub fn agreed(
        &self,
        run: &str,
        step: &str,
        repository: &str,
        commit: &CommitId,
        environment: &str,
    ) -> Result<Option<Vec<String>>, Failure> {
        let reader = self.journal.reader().map_err(Failure::from)?;
        let effects = reader.effects(&RunId(run.to_owned())).map_err(Failure::from)?;
        let this = |effect: &&EffectRow| {
            let outcome = effect.outcome.as_ref().and_then(|outcome| outcome["commit"].as_str());
            let mut environments = effect.intent["environments"].as_array().into_iter().flatten();
            effect.step.as_str() == step
                && effect.intent["kind"] == "push-commit"
                && effect.intent["repository"] == repository
                && outcome == Some(commit.as_str())
                && environments.any(|name| name == environment)
        };
        let found = effects.iter().find(this);
        let paths = |effect: &EffectRow| {
            let paths = effect.intent["paths"].as_array().into_iter().flatten();
            paths.filter_map(|path| path.as_str().map(str::to_owned)).collect()
        };
        Ok(found.map(paths))
    }

    /// Whether a commit brought an application's files back by this host's doing.
    pub fn is_rollback(&self, repository: &str, commit: &CommitId, application: &str) -> Result<bool, Failure> {
        let found =
            self.journal.reader().and_then(|reader| reader.is_rollback(repository, commit.as_str(), application));
        found.map_err(Failure::from)
    }

    /// The rollbacks of an application, newest first.
    pub fn rollbacks(&self, application: &str) -> Result<Vec<Rollback>, Failure> {
        self.journal.reader().and_then(|reader| reader.rollbacks(application)).map_err(Failure::from)
    }

    /// Stores how it stands.
    pub async fn stand(&self, name: &str, standing: &Standing, inventory: Option<&Inventory>) -> Result<(), Failure> {
        let change = ApplicationChange {
            standing: Some(write(standing)?),
            inventory: inventory.map(write).transpose()?,
            ..of(name)
        };
        self.change(change, standing.at).await
    }

    /// Stores a sync that is at work, and what the application owns.
    pub async fn work(&self, operation: &Operation, inventory: &Inventory, at: Timestamp) -> Result<(), Failure> {
        let change = ApplicationChange {
            inventory: Some(write(inventory)?),
            operation: Some(Some(write(operation)?)),
            ..of(&operation.plan.application.0)
        };
        self.change(change, at).await
    }

    /// Stores that a sync ended, in one transaction with what follows from it.
    pub async fn end(
        &self,
        operation: &Operation,
        inventory: &Inventory,
        standing: &Standing,
        past: &Past,
        keep: u32,
    ) -> Result<(), Failure> {
        let mut before =
            self.journal.reader().and_then(|it| it.syncs(&operation.plan.application.0)).map_err(Failure::from)?;
        before.retain(|row| row.id != operation.id);
        let this = ended(operation.id.clone(), Ok(past.clone()));
        let before = before.into_iter().map(|row| ended(row.id, read(row.content)));
        let all: Vec<Ended> = std::iter::once(this).chain(before).collect();
        let surplus = surplus(&all, usize::try_from(keep).unwrap_or(usize::MAX));
        let ended = SyncRow { id: operation.id.clone(), begun: operation.begun, content: write(past)? };
        let change = ApplicationChange {
            standing: Some(write(standing)?),
            inventory: Some(write(inventory)?),
            operation: Some(None),
            ended: Some(ended),
            surplus,
            ..of(&operation.plan.application.0)
        };
        self.change(change, past.ended).await
    }

    async fn change(&self, change: ApplicationChange, at: Timestamp) -> Result<(), Failure> {
        self.journal.apply(Command::Application(Box::new(change), at)).await.map(drop).map_err(Failure::from)
    }
}

/// A sync as its history weighs it. Of one that another version wrote nobody knows whether it was healthy.
fn ended(id: String, past: Result<Past, Failure>) -> Ended {
    let healthy = past.ok().filter(|past| past.outcome == Outcome::Healthy.to_string()).map(|past| past.revision);
    Ended { id, healthy }
}

fn remembered(name: &str, declared: Declared) -> Entry {
    let Declared { project, repository, place, application, ancestors } = declared;
    let (name, kind) = (name.to_owned(), DeclaredKind::Application);
    Entry { name, project, repository, place, kind, application: Ok(application), ancestors }
}

/// Contents and images that are remembered of those with which an application was healthy in an environment.
const PROOFS: usize = 64;

impl Proofs {
    /// Adds a content and its images.
    pub(crate) fn add(&mut self, content: &Digest, images: &[String]) {
        fn first<T: PartialEq + Clone>(list: &mut Vec<T>, items: &[T]) {
            list.retain(|known| !items.contains(known));
            list.splice(0..0, items.iter().cloned());
            list.truncate(PROOFS.max(items.len()));
        }
        first(&mut self.contents, std::slice::from_ref(content));
        first(&mut self.images, images);
    }
}

fn content(row: Accepted) -> Result<Content, Failure> {
    let Provenance { policy, commits, images, proofs } = read(row.revisions)?;
    Ok(Content { subject: row.subject, policy, commits, images, proofs })
}

fn of(name: &str) -> ApplicationChange {
    ApplicationChange { name: name.to_owned(), ..ApplicationChange::default() }
}

fn memory(row: ApplicationRow) -> Result<Memory, Failure> {
    let inventory = if row.inventory.is_null() { Inventory::default() } else { read(row.inventory)? };
    let standing = if row.standing.is_null() { None } else { Some(read(row.standing)?) };
    Ok(Memory { standing, inventory, operation: row.operation.map(read).transpose()? })
}

fn write<T: Serialize>(value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|e| Failure::internal(format!("what is remembered is no JSON: {e}")))
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|e| Failure::internal(format!("what is remembered of an application is not of this version: {e}")))
}
