//! What steps exist. The plugins' lock answers; this crate only asks.

use serde_json::Value;

/// A step that a plugin offers.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOffer {
    /// What pipelines write: `exec`, `kustomize/set-image`.
    pub uses: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of `with`.
    pub inputs: Value,
    /// JSON Schema of the outputs, where the plugin gives one.
    pub outputs: Option<Value>,
    /// How an interrupted attempt is treated: `idempotent` or `probe`.
    pub interruption: String,
}

/// The steps that exist.
pub trait Catalog {
    /// The step of that name.
    fn offer(&self, uses: &str) -> Option<StepOffer>;
    /// Every name that [`Catalog::offer`] answers.
    fn names(&self) -> Vec<String>;
}
