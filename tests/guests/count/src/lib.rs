//! The plugin that docs/plugins.md shows: somebody's own step, locked and granted like any.

use serde::{Deserialize, Serialize};
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step, workspace};

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The file, in the workspace.
    path: String,
}

#[derive(Serialize, schemars::JsonSchema)]
pub struct Outputs {
    lines: usize,
}

pub struct Count;

impl Step for Count {
    const NAME: &'static str = "count";
    const SUMMARY: &'static str = "Counts the lines of a file";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![Capability::new("workspace-read", "Reads the file.")]
    }

    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        Ok(Forecast::nothing().with_body(format!("Counts {}", inputs.path)))
    }

    fn run(_: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        let text = workspace::read_text(&inputs.path)?.unwrap_or_default();
        Ok(Outcome::Succeeded(Outputs { lines: text.lines().count() }))
    }
}

tidegate::plugin! {
    name: "count",
    version: "1.0.0",
    summary: "Counts lines",
    steps: [Count],
}
