//! A sync as a plan: what is done, in which order, and what is waited for. A value that can be printed, stored and compared;
//! its text is stable, so that plans can be reviewed and diffed. It never carries itself out.

use crate::application::Permit;
use crate::desired::{Desired, Naming};
use crate::hook::{DeletePolicy, RUN_OF};
use crate::object::ObjectKey;
use crate::option::Propagation;
use crate::owner::ApplicationName;
use crate::phase::Phase;
use crate::retry::Retry;
use crate::survey::Difference;
use model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// One step's name: an object may be a hook of several phases. As text (and as a key in JSON) `PHASE:KEY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The phase.
    pub phase: Phase,
    /// The object.
    pub key: ObjectKey,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.phase, self.key)
    }
}

impl Serialize for StepId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}", self.phase, self.key.text()))
    }
}

impl<'de> Deserialize<'de> for StepId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once(':').and_then(|(phase, key)| Some((Phase::parse(phase)?, ObjectKey::parse(key)?)));
        let (phase, key) = parts.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not PHASE:KEY")))?;
        Ok(Self { phase, key })
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The object.
    pub key: ObjectKey,
    /// What is done with it.
    pub act: Act,
}

/// What is done with an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Act {
    /// It is made as desired.
    Apply(Apply),
    /// It is run to its end.
    Hook(Run),
    /// It is deleted.
    Prune(Prune),
}

/// How an object is made as desired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Apply {
    /// Why.
    pub difference: Difference,
    /// By which request.
    pub method: Method,
    /// How it is tried first.
    pub check: Check,
    /// What becomes of unknown fields.
    pub validation: Validation,
    /// Fields that are not written.
    pub ignored: Ignored,
    /// Its content: an object of the render, by digest, or what the plan itself makes.
    pub content: Content,
}

/// Where a manifest comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// The render's object of this digest.
    Rendered(Digest),
    /// This one: a namespace that no manifest names.
    Made(Value),
}

/// By which request an object is made as desired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// Server-side apply, forced.
    Apply,
    /// The same; where the server refuses the change, the object is deleted and made anew.
    ApplyOrRecreate,
    /// Put in the place of what is there, or created.
    Replace,
    /// Deleted and made anew.
    Recreate,
}

/// How a step is tried before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// By a dry run on the server.
    Server,
    /// Here alone: the server cannot judge it before this sync has made its namespace or its kind.
    Local,
}

/// What becomes of fields that the server does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Validation {
    /// They are an error.
    Strict,
    /// They are dropped (`Validate=false`).
    Lenient,
}

/// What becomes of fields whose differences are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ignored {
    /// They are written like all others.
    Written,
    /// They are left out, by [`crate::ignore::Rules::respected`] (`RespectIgnoreDifferences`).
    Respected,
}

/// How a hook is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The render's object of this digest.
    pub content: Digest,
    /// When its object goes.
    pub deletes: BTreeSet<DeletePolicy>,
    /// How it is tried first.
    pub check: Check,
    /// What becomes of unknown fields.
    pub validation: Validation,
}

/// How an object is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prune {
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// Whether a person must say so.
    pub consent: Consent,
    /// The server's id of the object that was judged: another one of its name is not deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// Whether a person must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consent {
    /// Nobody needs to.
    NotNeeded,
    /// Somebody must, after the sync began.
    Needed,
}

/// One wave of one phase. First its objects are applied and hooks started, batch after batch; then it is waited until all
/// are healthy and the hooks have ended; then its prunes are done, batch after batch, and waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// The phase.
    pub phase: Phase,
    /// The wave.
    pub wave: i64,
    /// Steps of one kind at a time, which may be done at once.
    pub batches: Vec<Vec<Step>>,
    /// The same for objects that go.
    pub prunes: Vec<Vec<Step>>,
    /// Objects that must be healthy before the next stage, applied in this sync or not.
    pub waits: Vec<ObjectKey>,
}

impl Stage {
    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.batches.iter().chain(&self.prunes).flatten()
    }
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// The desired state changed.
    Change,
    /// The live state drifted, so many times in a row.
    Heal {
        /// This one counted.
        healings: u32,
    },
    /// A person.
    Person(String),
    /// The application's file went.
    Removal,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change => f.write_str("a change"),
            Self::Heal { healings } => write!(f, "drift ({healings} in a row)"),
            Self::Person(name) => f.write_str(name),
            Self::Removal => f.write_str("its removal"),
        }
    }
}

/// Whether the end of the last wave is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Await {
    /// Until all is healthy.
    #[default]
    Health,
    /// Only until all is applied.
    Nothing,
}

/// What a sync is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Who asked.
    pub asked: Asked,
    /// Whether objects that should go are deleted.
    pub prune: Permit,
    /// These objects alone, and no hooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<BTreeSet<ObjectKey>>,
    /// Whether the last wave's health is waited for.
    pub awaits: Await,
}

/// A sync, planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPlan {
    /// The application.
    pub application: ApplicationName,
    /// The revision that was rendered, as its source names it.
    pub revision: String,
    /// What is tried: equal for equal content under an equal policy.
    pub subject: Digest,
    /// What was asked for.
    pub order: Order,
    /// What the application will own: stored before anything is applied.
    pub own: Vec<ObjectKey>,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// Stages for the case that one of those fails.
    pub on_failure: Vec<Stage>,
    /// How a failure is tried again.
    pub retry: Retry,
    /// When it was planned.
    pub planned: Timestamp,
}

impl SyncPlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none() && self.on_failure.iter().all(|stage| stage.steps().next().is_none())
    }

    /// Every step with its phase, in order; not those for a failure.
    pub fn steps(&self) -> impl Iterator<Item = (Phase, &Step)> {
        self.stages.iter().flat_map(|stage| stage.steps().map(|step| (stage.phase, step)))
    }

    /// One step.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        let stages = self.stages.iter().chain(&self.on_failure).filter(|stage| stage.phase == id.phase);
        stages.flat_map(Stage::steps).find(|step| step.key == id.key)
    }

    /// What is sent for a step: the render's manifest, or what the plan makes. Hooks get their name and the mark of this
    /// very run, by which they are known again after a crash. `None` for prunes, and where the render is another one.
    pub fn manifest(&self, id: &StepId, desired: &Desired, run: &str) -> Option<Value> {
        let step = self.step(id)?;
        match &step.act {
            Act::Apply(Apply { content: Content::Made(made), .. }) => Some(made.clone()),
            Act::Apply(Apply { content: Content::Rendered(digest), .. }) => {
                let item = desired.get(&step.key).filter(|item| item.digest == *digest)?;
                Some(Value::clone(&item.manifest))
            }
            Act::Hook(hook) => {
                let fits = |naming: Naming, key: &ObjectKey| match naming {
                    Naming::Fixed => *key == step.key,
                    Naming::Generated => key.kind() == step.key.kind() && step.key.name().starts_with(key.name()),
                };
                let item = desired.items().iter().find(|i| i.digest == hook.content && fits(i.naming, &i.key))?;
                let mut manifest = Value::clone(&item.manifest);
                name_hook(&mut manifest, step.key.name(), run);
                Some(manifest)
            }
            Act::Prune(_) => None,
        }
    }
}

fn name_hook(manifest: &mut Value, name: &str, run: &str) {
    let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.remove("generateName");
    metadata.insert("name".to_owned(), Value::from(name));
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(RUN_OF.to_owned(), Value::from(run));
    }
}

/// One line for the whole, one a stage, one a step.
impl fmt::Display for SyncPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |fits: fn(&Act) -> bool| self.steps().filter(|(_, step)| fits(&step.act)).count();
        let applies = count(|act| matches!(act, Act::Apply(_)));
        let (prunes, hooks) = (count(|act| matches!(act, Act::Prune(_))), count(|act| matches!(act, Act::Hook(_))));
        write!(f, "sync {} to {}, asked for by {}: ", self.application, self.revision, self.order.asked)?;
        writeln!(f, "{applies} to apply, {prunes} to prune, {hooks} to run")?;
        for stage in self.stages.iter().chain(&self.on_failure) {
            writeln!(f, "{} wave {}", stage.phase, stage.wave)?;
            for step in stage.steps() {
                writeln!(f, "  {step}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.act {
            Act::Apply(apply) => {
                let method = match apply.method {
                    Method::Apply => "apply",
                    Method::ApplyOrRecreate => "apply, or recreate,",
                    Method::Replace => "replace",
                    Method::Recreate => "recreate",
                };
                let why = match apply.difference {
                    Difference::Missing => " (missing)",
                    Difference::Changed => " (changed)",
                    _ => "",
                };
                write!(f, "{method} {}{why}", self.key)
            }
            Act::Hook(_) => write!(f, "run {}", self.key),
            Act::Prune(Prune { consent: Consent::Needed, .. }) => write!(f, "prune {} once confirmed", self.key),
            Act::Prune(_) => write!(f, "prune {}", self.key),
        }
    }
}
