//! What an offer says about itself when a plugin is locked: schemas, capabilities, interruption.

use crate::bindings::exports::tidegate::plugin::plugin as wire;
use crate::{Renderer, Step};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

pub use wire::{Capability, Interruption};

impl Capability {
    /// All of an interface: `process`, `repository-write`. `reason` is one sentence for whoever grants it.
    pub fn new(interface: &str, reason: &str) -> Self {
        Self { name: interface.to_owned(), reason: reason.to_owned(), scope: "{}".to_owned() }
    }

    /// Narrows it to the least grant that is enough.
    #[must_use]
    pub fn scoped(mut self, scope: &Value) -> Self {
        self.scope = scope.to_string();
        self
    }
}

pub(crate) fn offer<S: Step>() -> wire::Offer {
    wire::Offer {
        role: "step".to_owned(),
        name: S::NAME.to_owned(),
        summary: S::SUMMARY.to_owned(),
        inputs: text(&schema::<S::Inputs>(SchemaSettings::draft2020_12())),
        outputs: Some(text(&schema::<S::Outputs>(SchemaSettings::draft2020_12().for_serialize()))),
        capabilities: S::capabilities(),
        interruption: S::interruption(),
        annotations: Vec::new(),
    }
}

pub(crate) fn renderer<R: Renderer>() -> wire::Offer {
    wire::Offer {
        role: "renderer".to_owned(),
        name: R::NAME.to_owned(),
        summary: R::SUMMARY.to_owned(),
        inputs: text(&schema::<R::Parameters>(SchemaSettings::draft2020_12())),
        outputs: None,
        capabilities: vec![Capability::new("source", "Reads the files that it renders.")],
        interruption: Interruption::Idempotent,
        annotations: Vec::new(),
    }
}

/// Everything in one place: a form or an editor should not need to follow `$ref`.
fn schema<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    settings.with(|settings| settings.inline_subschemas = true).into_generator().into_root_schema_for::<T>()
}

fn text(schema: &Schema) -> String {
    schema.as_value().to_string()
}
