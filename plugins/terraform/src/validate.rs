//! The step `terraform/validate`: checks a configuration without its backend, and how its files are written.

use crate::diagnostic::Diagnostic;
use crate::explain;
use crate::host::{Host, Tidegate};
use crate::inputs::Validate as Inputs;
use crate::invocation::{Commands, LOCK_FILE};
use crate::outputs::Validated;
use crate::planning;
use crate::root::{self, Choice, Root};
use crate::scratch::Scratch;
use crate::session;
use crate::tree;
use crate::{capabilities, tool::Tool};
use serde::Deserialize;
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step};

/// The step.
#[derive(Debug)]
pub struct Validate;

#[derive(Debug, Deserialize)]
struct Report {
    valid: bool,
    #[serde(default)]
    diagnostics: Vec<Diagnostic>,
}

impl Step for Validate {
    const NAME: &'static str = "validate";
    const SUMMARY: &'static str = "Checks a Terraform configuration";
    type Inputs = Inputs;
    type Outputs = Validated;

    fn capabilities() -> Vec<Capability> {
        vec![
            capabilities::process("Runs `init`, `validate` and `fmt` of the tool."),
            capabilities::workspace_read("Looks whether the folder is a root module."),
            capabilities::workspace_write("Holds providers and modules while they are needed."),
        ]
    }

    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(context: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        root::check_environment(&inputs.env)?;
        let root = Root::of_validate(&inputs)?;
        inputs.asked().container(context)?;
        let tool = inputs.tool.map_or("terraform", Tool::program);
        let directory = if root.directory.is_empty() { "." } else { &root.directory };
        Ok(Forecast::effect("run-program", tool, format!("validate {directory}{}", inputs.asked().shown())))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Validated>, Error> {
        run(&Tidegate, context, &inputs)
    }
}

/// Checks a configuration.
///
/// # Errors
/// `terraform-invalid` with all errors, `terraform-format` with all files; those of the host.
pub fn run(host: &dyn Host, context: &Context, inputs: &Inputs) -> Result<Outcome<Validated>, Error> {
    root::check_environment(&inputs.env)?;
    let root = Root::of_validate(inputs)?;
    let container = inputs.asked().container(context)?;
    let choice = Choice { tool: inputs.tool, version: inputs.version.clone(), env: inputs.env.clone(), container };
    let scratch = Scratch::begin(host, context, choice.container.clone())?;
    let commands = Commands::of(&root, &choice, &scratch.generation);
    let (installed, init) = session::tool(host, &commands, &choice, |tool| {
        tree::check(host, &root, tool)?;
        let lock_file = host.summarise(&root.path(LOCK_FILE))?.map(|summary| summary.digest);
        let init =
            Commands { tool, ..commands.clone() }.init_without_backend(planning::lock_mode(lock_file.as_deref()));
        session::begin(host, init)
    })?;
    let commands = Commands { tool: installed.tool, ..commands };
    let badly_written = if inputs.format { format(host, &commands)? } else { Vec::new() };
    init.aloud()?;
    let validate = commands.validate();
    let ended = session::quietly(host, &validate)?;
    let name = session::named(&validate);
    let report: Report = serde_json::from_slice(&ended.output).map_err(|_| {
        explain::failure(
            &name,
            &root.directory,
            &[],
            &format!("{}{}", String::from_utf8_lossy(&ended.output), ended.words),
        )
    })?;
    for diagnostic in &report.diagnostics {
        let text = diagnostic.text(&root.directory);
        if diagnostic.is_error() { host.error(&text) } else { host.warn(&text) }
    }
    if !report.valid || ended.status != 0 {
        let mut error = explain::failure(&name, &root.directory, &report.diagnostics, &ended.words);
        if error.is("terraform-failed") {
            error.code = "terraform-invalid".to_owned();
        }
        return Err(error);
    }
    if !badly_written.is_empty() {
        let message = format!("`{} fmt` would write {} differently", installed.tool, badly_written.join(", "));
        return Err(Error::new("terraform-format", message).with_hint(format!(
            "run `{} fmt -recursive` in {}; the diff is in the log",
            installed.tool,
            root.path(".")
        )));
    }
    let warnings = u32::try_from(report.diagnostics.len()).unwrap_or(u32::MAX);
    Ok(Outcome::Succeeded(Validated { warnings, tool: installed.to_string() }))
}

/// The files that `fmt` would write differently; the diff goes to the log.
fn format(host: &dyn Host, commands: &Commands<'_>) -> Result<Vec<String>, Error> {
    let invocation = commands.format();
    let ended = session::quietly(host, &invocation)?;
    let printed = String::from_utf8_lossy(&ended.output).into_owned();
    // 3: there are such files. Whatever is no HCL is `validate`'s to explain, with a caret.
    if ended.status != 3 {
        return Ok(Vec::new());
    }
    host.error(printed.trim_end());
    let files = printed.lines().filter_map(|line| line.strip_prefix("+++ new/"));
    Ok(files.map(|file| commands.root.path(file)).collect())
}
