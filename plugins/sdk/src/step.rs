//! The trait that a plugin author implements, and the words it speaks.

use crate::bindings::steps::exports::tidegate::plugin::step as wire;
use crate::{Capability, Error, Interruption};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use wire::{Effect, Forecast, Occurrence, Resumption, Signal, Wait};

/// One kind of step.
pub trait Step {
    /// Its name within the plugin: a step `plan` of the plugin `terraform` is `uses: terraform/plan`.
    const NAME: &'static str;
    /// One line, shown in lists.
    const SUMMARY: &'static str;
    /// The step's `with`. Say `#[serde(deny_unknown_fields)]`, so that a misspelt key is an error.
    type Inputs: DeserializeOwned + JsonSchema;
    /// What later steps can refer to.
    type Outputs: Serialize + JsonSchema;

    /// One entry for each interface that it calls, except those that need no grant (log, clock, random, cancellation).
    fn capabilities() -> Vec<Capability> {
        Vec::new()
    }

    /// What the host does with an attempt that a crash interrupted. Unless running again does no harm: ask
    /// [`Step::probe`].
    fn interruption() -> Interruption {
        Interruption::Probe
    }

    /// Says what [`Step::run`] would do, and does nothing: calls with effects answer `denied`.
    ///
    /// # Errors
    /// Where the inputs make no sense, or what they name cannot be read.
    fn preview(context: &Context, inputs: Self::Inputs) -> Result<Forecast, Error>;

    /// Does the work. After [`Outcome::Waiting`] it is called again in a fresh instance, with what fired in
    /// [`Context::resumption`].
    ///
    /// # Errors
    /// Fails the attempt.
    fn run(context: &Context, inputs: Self::Inputs) -> Result<Outcome<Self::Outputs>, Error>;

    /// Says after a crash whether the interrupted `run` had its effect. Never asked of an idempotent step.
    ///
    /// # Errors
    /// Where it cannot be found out now; the host asks again later.
    fn probe(_context: &Context, _inputs: Self::Inputs) -> Result<Finding<Self::Outputs>, Error> {
        Ok(Finding::Unknown("the step cannot tell whether its effect took place".to_owned()))
    }
}

/// One attempt of one step.
#[derive(Clone, Debug)]
pub struct Context {
    /// The run's id, the same in all its steps.
    pub run: String,
    /// The step's key in the pipeline, with its matrix cell: `image[amd64]`.
    pub key: String,
    /// 1 for the first attempt. A resumed wait is the same attempt.
    pub attempt: u32,
    /// The environment that the step acts on.
    pub environment: Option<String>,
    /// Why the run started.
    pub event: Value,
    /// Why the plugin is called again after [`Outcome::Waiting`].
    pub resumption: Option<Resumption>,
}

impl Context {
    /// The name of a file in the workspace that no commit and no other step can have taken before: with the run, the step and
    /// the attempt in it. It is not handed on to other steps.
    pub fn own_file(&self, what: &str) -> String {
        let key: String = self.key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!(".tidegate-{what}-{}-{key}-{}", self.run, self.attempt)
    }
}

/// How an attempt ended, unless it failed.
#[derive(Clone, Debug)]
pub enum Outcome<T> {
    /// Done.
    Succeeded(T),
    /// All was already as it should be: the same outputs that doing it would have given.
    Unchanged(T),
    /// Rightly nothing to do, and why, in one sentence.
    Skipped(String),
    /// Not yet.
    Waiting(Wait),
}

/// What a probe found.
#[derive(Clone, Debug)]
pub enum Finding<T> {
    /// The effect took place: the outputs that `run` would have returned.
    Done(T),
    /// It did not: running again is safe.
    NotDone,
    /// It cannot be told, and why. A person settles it.
    Unknown(String),
}

impl Forecast {
    /// It would have no effect.
    pub fn nothing() -> Self {
        Self { effects: Vec::new(), body: String::new() }
    }

    /// It would have this effect: verb and noun (`push-commit`), on what, and one line for people.
    pub fn effect(kind: &str, subject: impl Into<String>, summary: impl Into<String>) -> Self {
        let effect = Effect { kind: kind.to_owned(), subject: subject.into(), summary: summary.into() };
        Self { effects: vec![effect], body: String::new() }
    }

    /// More for people, in Markdown, at most 256 KiB.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }
}
