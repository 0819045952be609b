//! Writing one object, really or as a trial.

use super::adoption;
use super::catalogue::Served;
use super::refusal::About;
use super::request::{APPLY, Api, JSON, JSON_PATCH, Request, escaped};
use super::retry::{self, Repeat};
use super::watch::path;
use crate::destination::{Change, Deletion, Failure, FailureKind, Write};
use http::Method;
use planner::MANAGER;
use planner::object::ObjectKey;
use planner::plan::Validation;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Trial,
    Real,
}

/// How often somebody may write an object between our reading and writing it.
const RACES: u32 = 5;
/// How often it is looked whether a deleted object is gone, which takes a minute and a half at the longest.
const LOOKS: u32 = 50;
/// The longest time between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// One object's place on the server.
pub(super) struct Place<'a> {
    api: &'a Api,
    key: &'a ObjectKey,
    collection: String,
    object: String,
}

impl<'a> Place<'a> {
    /// Where an object is in this version of its kind; the server's preferred one where it is empty.
    pub fn of(api: &'a Api, key: &'a ObjectKey, served: &Arc<Served>, version: &str) -> Result<Self, Failure> {
        let version = if version.is_empty() { served.preferred() } else { version.to_owned() };
        if served.scope == planner::scope::Scope::Namespaced && key.namespace().is_empty() {
            return Err(Failure::new(
                FailureKind::Invalid,
                format!("{key}: its kind lives in a namespace, and it has none"),
            ));
        }
        // These two would be other places.
        if matches!(key.name(), "" | "." | "..") || matches!(key.namespace(), "." | "..") {
            return Err(Failure::new(FailureKind::Invalid, format!("{key}: that is no name")));
        }
        let collection = path(key.kind(), served, &version, key.namespace())?;
        let object = format!("{collection}/{}", escaped(key.name()));
        Ok(Self { api, key, collection, object })
    }

    fn about(&self, verb: &'static str) -> About<'_> {
        About { verb, what: self.key, is_secret: self.key.is("", "Secret") }
    }

    /// The object as it is; nothing where it is not there.
    pub async fn get(&self, accept: &'static str) -> Result<Option<Value>, Failure> {
        let request = Request { accept, ..Request::get(self.object.clone(), self.about("reading")) };
        match self.api.ask(&request).await {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.kind == FailureKind::Missing => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Makes the change, and answers what the object is thereafter.
    pub async fn write(&self, change: &Change<'_>) -> Result<Value, Failure> {
        match change.write {
            Write::Create => self.create(change, Mode::Real).await,
            Write::Apply => self.apply_and_adopt(change).await,
            Write::ApplyOrRecreate => match self.apply_and_adopt(change).await {
                Err(failure) if failure.kind == FailureKind::Invalid => self.recreate(change).await,
                other => other,
            },
            Write::Replace => self.replace(change, Mode::Real).await,
            Write::Recreate => self.recreate(change).await,
        }
    }

    /// What the object would be after the change.
    pub async fn predict(&self, change: &Change<'_>) -> Result<Value, Failure> {
        match change.write {
            Write::Create => self.create(change, Mode::Trial).await,
            Write::Apply => self.apply(change, Mode::Trial).await,
            Write::ApplyOrRecreate => match self.apply(change, Mode::Trial).await {
                Err(failure) if failure.kind == FailureKind::Invalid => self.create_beside(change).await,
                other => other,
            },
            Write::Replace => self.replace(change, Mode::Trial).await,
            Write::Recreate => self.create_beside(change).await,
        }
    }

    async fn apply_and_adopt(&self, change: &Change<'_>) -> Result<Value, Failure> {
        for _ in 0..RACES {
            let applied = self.apply(change, Mode::Real).await?;
            let Some(entries) = adoption::adopted(&applied) else { return Ok(applied) };
            let patch = adoption::patch(&entries, &applied["metadata"]["resourceVersion"]);
            let target = format!("{}?fieldManager={MANAGER}", self.object);
            let request = self.sending(Method::PATCH, target, (JSON_PATCH, &patch), "adopting", Repeat::Safe);
            match self.api.ask(&request).await {
                // Applied once more, what only they had said goes.
                Ok(_) => {}
                Err(failure) if failure.kind == FailureKind::Conflict => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(self.raced("adopting"))
    }

    async fn apply(&self, change: &Change<'_>, mode: Mode) -> Result<Value, Failure> {
        let target = format!("{}?{}&force=true", self.object, query(change.validation, mode));
        let request = self.sending(Method::PATCH, target, (APPLY, change.manifest), "applying", Repeat::Apply);
        self.api.ask(&request).await
    }

    async fn create(&self, change: &Change<'_>, mode: Mode) -> Result<Value, Failure> {
        let target = format!("{}?{}", self.collection, query(change.validation, mode));
        let repeat = if mode == Mode::Trial { Repeat::Safe } else { Repeat::Refused };
        let request = self.sending(Method::POST, target, (JSON, change.manifest), "creating", repeat);
        self.api.ask(&request).await
    }

    /// What the server would make of an object under a name that is free, since the one that it will have may be taken.
    async fn create_beside(&self, change: &Change<'_>) -> Result<Value, Failure> {
        let mut manifest = change.manifest.clone();
        if let Some(metadata) = metadata(&mut manifest) {
            metadata.remove("name");
            metadata.insert("generateName".to_owned(), json!(format!("{}-", self.key.name())));
        }
        let mut made = self.create(&Change { manifest: &manifest, ..*change }, Mode::Trial).await?;
        if let Some(metadata) = metadata(&mut made) {
            metadata.remove("generateName");
            metadata.insert("name".to_owned(), json!(self.key.name()));
        }
        Ok(made)
    }

    async fn replace(&self, change: &Change<'_>, mode: Mode) -> Result<Value, Failure> {
        for _ in 0..RACES {
            let Some(here) = self.get(JSON).await? else {
                match self.create(change, mode).await {
                    Err(failure) if failure.kind == FailureKind::Conflict => continue,
                    other => return other,
                }
            };
            // Kinds whose objects may not be overwritten unseen want the version that was seen.
            let mut manifest = change.manifest.clone();
            if let Some(metadata) = metadata(&mut manifest) {
                metadata.insert("resourceVersion".to_owned(), here["metadata"]["resourceVersion"].clone());
            }
            let target = format!("{}?{}", self.object, query(change.validation, mode));
            let request = self.sending(Method::PUT, target, (JSON, &manifest), "replacing", Repeat::Safe);
            match self.api.ask(&request).await {
                Err(failure) if matches!(failure.kind, FailureKind::Conflict | FailureKind::Missing) => {}
                other => return other,
            }
        }
        Err(self.raced("replacing"))
    }

    async fn recreate(&self, change: &Change<'_>) -> Result<Value, Failure> {
        if let Some(here) = self.get(JSON).await? {
            let uid = here["metadata"]["uid"].as_str();
            // What it owns is taken over or collected afterwards: to wait for that could take as long as it likes.
            self.remove("Background", uid).await?;
            self.gone(uid).await?;
        }
        self.apply(change, Mode::Real).await
    }

    /// Waits until the object of this id is gone.
    async fn gone(&self, uid: Option<&str>) -> Result<(), Failure> {
        for look in 1..=LOOKS {
            let Some(here) = self.get(JSON).await? else { return Ok(()) };
            if here["metadata"]["uid"].as_str() != uid {
                return Ok(());
            }
            self.api.clock.sleep(retry::backoff(look, LOOK, self.api.clock.random())).await;
        }
        let message = format!("recreating {}: it is still being deleted; a finalizer may hold it", self.key);
        Err(Failure::new(FailureKind::Conflict, message))
    }

    /// Deletes the object, where it still is the one that was judged.
    pub async fn delete(&self, deletion: &Deletion<'_>) -> Result<(), Failure> {
        let propagation = match deletion.propagation {
            planner::option::Propagation::Foreground => "Foreground",
            planner::option::Propagation::Background => "Background",
            planner::option::Propagation::Orphan => "Orphan",
        };
        self.remove(propagation, deletion.uid).await
    }

    async fn remove(&self, propagation: &str, uid: Option<&str>) -> Result<(), Failure> {
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation});
        if let Some(uid) = uid {
            options["preconditions"] = json!({"uid": uid});
        }
        let target = self.object.clone();
        let request = self.sending(Method::DELETE, target, (JSON, &options), "deleting", Repeat::Safe);
        match self.api.ask(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == FailureKind::Missing => Ok(()),
            Err(failure) if failure.kind == FailureKind::Conflict => {
                // Another one of its name, or one that is going already, is left.
                let here = self.get(JSON).await?;
                let is_left = here.is_none_or(|here| {
                    let metadata = &here["metadata"];
                    uid.is_some_and(|uid| metadata["uid"] != uid) || !metadata["deletionTimestamp"].is_null()
                });
                if is_left { Ok(()) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }

    fn sending(
        &self,
        method: Method,
        target: String,
        (kind, body): (&'static str, &Value),
        verb: &'static str,
        repeat: Repeat,
    ) -> Request<'_> {
        let body = Some((kind, body.to_string().into_bytes()));
        Request { method, target, body, accept: JSON, about: self.about(verb), repeat }
    }

    fn raced(&self, verb: &'static str) -> Failure {
        let message = format!("{}: somebody else keeps writing it", self.about(verb));
        Failure::new(FailureKind::Conflict, message)
    }
}

fn metadata(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object.get_mut("metadata").and_then(Value::as_object_mut)
}

fn query(validation: Validation, mode: Mode) -> String {
    let unknown = match validation {
        Validation::Strict => "Strict",
        Validation::Lenient => "Ignore",
    };
    let trial = if mode == Mode::Trial { "&dryRun=All" } else { "" };
    format!("fieldManager={MANAGER}&fieldValidation={unknown}{trial}")
}
