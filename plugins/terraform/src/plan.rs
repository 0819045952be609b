//! The step `terraform/plan`: makes a plan, shows it, and keeps it with all that applying it takes.

use crate::host::{Host, Tidegate};
use crate::inputs::Plan as Inputs;
use crate::invocation::{DATA, LOCK_FILE, MANIFEST, MARKDOWN, PLAN, Planning, SCRATCH, SECRETS};
use crate::manifest::{Backend, FORM, Manifest};
use crate::outputs::Planned;
use crate::planning::{self, Made, Purpose};
use crate::render;
use crate::root::{self, Choice, Root};
use crate::scratch::Scratch;
use crate::tree;
use crate::{capabilities, check_parallelism};
use tidegate::container::Container;
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step, artifact};

/// The archive, while it is made.
const ARCHIVE: &str = ".tidegate-terraform/archive.tar";

/// The step.
#[derive(Debug)]
pub struct Plan;

impl Step for Plan {
    const NAME: &'static str = "plan";
    const SUMMARY: &'static str =
        "Plans changes of infrastructure, shows them, and keeps the plan for `terraform/apply`";
    type Inputs = Inputs;
    type Outputs = Planned;

    fn capabilities() -> Vec<Capability> {
        vec![
            capabilities::process("Runs `init`, `plan` and `show` of the tool."),
            capabilities::secret(),
            capabilities::workspace_read("Reads which files make the configuration, by their digests."),
            capabilities::workspace_write("Holds the plan until it is stored, and removes it."),
            Capability::new("archive", "Packs the plan with the tree that it was made of."),
            Capability::new("artifact-write", "Stores the plan, encrypted, and what may be seen of it."),
        ]
    }

    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(context: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        let root = checked(&inputs)?;
        inputs.asked().container(context)?;
        let tool = inputs.tool.map_or("terraform", crate::tool::Tool::program);
        let summary = format!("plan {}{}", shown(&root.directory), inputs.asked().shown());
        Ok(Forecast::effect("run-program", tool, summary))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Planned>, Error> {
        run(&Tidegate, context, &inputs)
    }
}

/// Makes and keeps a plan.
///
/// # Errors
/// What the tool said, explained; those of the host.
pub fn run(host: &dyn Host, context: &Context, inputs: &Inputs) -> Result<Outcome<Planned>, Error> {
    let root = checked(inputs)?;
    let container = inputs.asked().container(context)?;
    let choice = Choice { tool: inputs.tool, version: inputs.version.clone(), env: inputs.env.clone(), container };
    let how = Planning {
        parallelism: inputs.parallelism,
        lock_timeout: Some(inputs.lock_timeout.clone()),
        targets: inputs.targets.clone(),
        destroy: inputs.destroy,
        refresh_only: inputs.refresh_only,
    };
    let scratch = Scratch::begin(host, context, choice.container.clone())?;
    let mut made = planning::make(host, &root, &choice, &how, &scratch.generation, Purpose::Apply)?;
    notes(inputs, &mut made);
    let folders = choice.container.as_ref().map(|_| inputs.folders.as_slice());
    let backend = Backend::of(host, &root, folders)?;
    if backend.passes {
        let note = "The state is a file of the workspace or of another folder that the step has to itself, which is gone when \
                    the step ends, so `terraform/apply` will refuse this plan: configure a backend.";
        host.warn(note);
        made.notes.push(note.to_owned());
    }
    let markdown = render::markdown(&made.view, &planning::title("Terraform plan", &root, &made));
    let manifest = manifest(host, context, &root, inputs.folders.clone(), &made, backend)?;
    let secrets = serde_json::to_vec(&made.secrets).map_err(|error| Error::internal(error.to_string()))?;
    let plan = keep(host, &manifest, &markdown, &secrets, choice.container.as_ref())?;
    let (json_artifact, json) = planning::store_json(host, "plan.json", &made.view)?;
    host.info(&format!("{}: {}", shown(&root.directory), manifest.summary));
    let counts = made.view.counts;
    let outputs = Planned {
        plan,
        summary: manifest.summary,
        changes: made.changes,
        creates: counts.creates,
        updates: counts.updates,
        replaces: counts.replaces,
        deletes: counts.deletes,
        drift: counts.drift,
        markdown,
        json,
        json_artifact,
        tool: made.tool.to_string(),
    };
    Ok(if made.changes { Outcome::Succeeded(outputs) } else { Outcome::Unchanged(outputs) })
}

fn checked(inputs: &Inputs) -> Result<Root, Error> {
    root::check_environment(&inputs.env)?;
    root::check_lock_timeout(&inputs.lock_timeout)?;
    check_parallelism(inputs.parallelism)?;
    if inputs.destroy && inputs.refresh_only {
        return Err(Error::invalid("`destroy` and `refreshOnly` contradict each other").with_field("/refreshOnly"));
    }
    for (at, target) in inputs.targets.iter().enumerate() {
        if target.trim().is_empty() || target.contains(char::is_control) {
            return Err(Error::invalid(format!("`{}` is no address", target.escape_debug()))
                .with_field(&format!("/targets/{at}")));
        }
    }
    Root::of_plan(inputs)
}

/// What the reader should know before all else.
fn notes(inputs: &Inputs, made: &mut Made) {
    if inputs.destroy {
        made.notes.push("This plan destroys everything that the state holds.".to_owned());
    }
    if inputs.refresh_only {
        made.notes.push("This plan only takes over into the state what changed outside.".to_owned());
    }
    if !inputs.targets.is_empty() {
        let targets = inputs.targets.join(", ");
        made.notes
            .push(format!("Only {targets} and what that depends on: the rest of the configuration was not planned."));
    }
}

fn manifest(
    host: &dyn Host,
    context: &Context,
    root: &Root,
    machine_folders: Vec<String>,
    made: &Made,
    backend: Backend,
) -> Result<Manifest, Error> {
    let mut folders = tree::modules(host, root)?;
    folders.push(root.directory.clone());
    let mut files = tree::files(host, folders, root.named_files().map(str::to_owned).collect())?;
    // `init` may have written one: then it is in the plan's tree and in no commit.
    let lock_file = root.path(LOCK_FILE);
    match &made.lock_file {
        Some(digest) => files.digests.insert(lock_file, digest.clone()),
        None => files.digests.remove(&lock_file),
    };
    let plan_file = host
        .summarise(PLAN)?
        .ok_or_else(|| Error::new("terraform-unreadable", format!("{} left no plan", made.tool.tool)).retry())?;
    let counts = made.view.counts;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    Ok(Manifest {
        form: FORM,
        tool: made.tool.clone(),
        machine_folders,
        root: root.clone(),
        repository: text(&context.event["repository"]),
        commit: text(&context.event["commit"]["id"]),
        run: context.run.clone(),
        backend,
        state: made.state.clone(),
        lock_file: made.lock_file.clone(),
        plan_file: plan_file.digest,
        files,
        summary: made.view.summary(),
        changes: made.changes,
        objects: counts.creates + counts.updates + 2 * counts.replaces + counts.deletes,
        outputs: made.view.known_outputs.clone(),
        sensitive_outputs: made.view.secret_outputs.clone(),
    })
}

/// Packs the tree as it was planned, with plan, manifest and Markdown, and without providers and backend settings.
fn keep(
    host: &dyn Host,
    manifest: &Manifest,
    markdown: &str,
    secrets: &[u8],
    container: Option<&Container>,
) -> Result<String, Error> {
    let text = serde_json::to_vec(manifest).map_err(|error| Error::internal(error.to_string()))?;
    host.write(MANIFEST, &text)?;
    host.write(MARKDOWN, markdown.as_bytes())?;
    host.write(SECRETS, secrets)?;
    let mut exclude = tree::foreign_data(host, &manifest.files.folders)?;
    exclude.extend(["providers", "terraform.tfstate", "environment"].map(|name| format!("{DATA}/{name}")));
    exclude.push(format!("{SCRATCH}/attempt.json"));
    exclude.push(".git".to_owned());
    exclude.extend(container.map(|container| container.storage.clone()));
    host.pack(exclude, ARCHIVE)?;
    host.store_file(&artifact::confidential("plan", "application/vnd.tidegate.terraform-plan.v1+tar"), ARCHIVE)
}

fn shown(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}
