//! The step `terraform/drift`: finds what changed outside since the last apply. It takes no lock and writes no state, so
//! credentials that may only read are enough.

use crate::host::{Host, Tidegate};
use crate::inputs::Drift as Inputs;
use crate::invocation::Planning;
use crate::outputs::Drifted;
use crate::planning::{self, Purpose};
use crate::render;
use crate::root::{self, Choice, Root};
use crate::scratch::Scratch;
use crate::{capabilities, check_parallelism};
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step};

/// The most addresses in a message.
const MOST_NAMES: usize = 20;

/// The step.
#[derive(Debug)]
pub struct Drift;

impl Step for Drift {
    const NAME: &'static str = "drift";
    const SUMMARY: &'static str = "Finds what changed outside of Terraform since the last apply";
    type Inputs = Inputs;
    type Outputs = Drifted;

    fn capabilities() -> Vec<Capability> {
        vec![
            capabilities::process("Runs `init`, a refresh-only `plan` and `show` of the tool."),
            capabilities::secret(),
            capabilities::workspace_read("Looks whether the folder is a root module."),
            capabilities::workspace_write("Holds the plan while it is read, and removes it."),
            Capability::new("artifact-write", "Stores what may be seen of the drift."),
        ]
    }

    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(context: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        let root = checked(&inputs)?;
        inputs.asked().container(context)?;
        let tool = inputs.tool.map_or("terraform", crate::tool::Tool::program);
        let directory = if root.directory.is_empty() { "." } else { &root.directory };
        Ok(Forecast::effect("run-program", tool, format!("look for drift in {directory}{}", inputs.asked().shown())))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Drifted>, Error> {
        run(&Tidegate, context, &inputs)
    }
}

/// Looks for drift.
///
/// # Errors
/// `terraform-drift` where that is asked for; what the tool said, explained; those of the host.
pub fn run(host: &dyn Host, context: &Context, inputs: &Inputs) -> Result<Outcome<Drifted>, Error> {
    let root = checked(inputs)?;
    let container = inputs.asked().container(context)?;
    let choice = Choice { tool: inputs.tool, version: inputs.version.clone(), env: inputs.env.clone(), container };
    let how = Planning { parallelism: inputs.parallelism, refresh_only: true, ..Planning::default() };
    let scratch = Scratch::begin(host, context, choice.container.clone())?;
    let made = planning::make(host, &root, &choice, &how, &scratch.generation, Purpose::Drift)?;
    let markdown = render::markdown(&made.view, &planning::title("Terraform drift", &root, &made));
    let (json_artifact, json) = planning::store_json(host, "drift.json", &made.view)?;
    let counts = made.view.counts;
    let drift = counts.drift + counts.outputs;
    let names: Vec<&str> =
        made.view.drift.iter().chain(&made.view.outputs).map(|entry| entry.address.as_str()).collect();
    for name in names.iter().take(MOST_NAMES) {
        host.warn(&format!("drifted: {name}"));
    }
    if made.changes && inputs.fail_on_drift {
        let more = names.len().saturating_sub(MOST_NAMES);
        let listed = names[..names.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let directory = if root.directory.is_empty() { "." } else { &root.directory };
        return Err(Error::new("terraform-drift", format!("{directory} drifted: {listed}{more}"))
            .with_hint("put it right by a plan and an apply, or take it over by a plan with `refreshOnly`")
            .with_detail("drift", drift));
    }
    let outputs = Drifted { drift, markdown, json, json_artifact, tool: made.tool.to_string() };
    Ok(if made.changes { Outcome::Succeeded(outputs) } else { Outcome::Unchanged(outputs) })
}

fn checked(inputs: &Inputs) -> Result<Root, Error> {
    root::check_environment(&inputs.env)?;
    check_parallelism(inputs.parallelism)?;
    Root::of_drift(inputs)
}
