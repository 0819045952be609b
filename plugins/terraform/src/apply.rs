//! The step `terraform/apply`: does what a plan says, and that only. It is never repeated by itself: what is left after a
//! failure takes a new plan, which somebody sees.

use crate::events::{Follower, Summary};
use crate::explain;
use crate::host::{Host, Tidegate};
use crate::inputs::Apply as Inputs;
use crate::invocation::{Commands, LOCK_FILE, MARKDOWN, PLAN, SECRETS};
use crate::journal::{self, Journal, Phase};
use crate::manifest::{self, Manifest, State};
use crate::outputs::Applied;
use crate::planning;
use crate::render::Secrets;
use crate::render::text::{code, fenced, visible};
use crate::root::{self, Choice, Root};
use crate::scratch::Scratch;
use crate::session;
use crate::tree;
use crate::{capabilities, check_parallelism};
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate::container::Container;
use tidegate::{Capability, Context, Error, Finding, Forecast, Interruption, Outcome, Step};

/// The archive, until it is unpacked.
const ARCHIVE: &str = ".tidegate-terraform/archive.tar";
/// The most differences in a message.
const MOST_NAMES: usize = 8;

/// The step.
#[derive(Debug)]
pub struct Apply;

impl Step for Apply {
    const NAME: &'static str = "apply";
    const SUMMARY: &'static str = "Applies exactly the plan that was shown, or refuses";
    type Inputs = Inputs;
    type Outputs = Applied;

    fn capabilities() -> Vec<Capability> {
        vec![
            capabilities::process("Runs `init` and `apply` of the tool."),
            capabilities::secret(),
            capabilities::workspace_read(
                "Compares the commit with the plan; finds the notes of an interrupted attempt.",
            ),
            capabilities::workspace_write("Puts the planned tree in place, and notes how far the apply is."),
            Capability::new("archive", "Unpacks the plan with the tree that it was made of."),
            Capability::new("artifact-read", "Reads the plan, also to forecast it."),
        ]
    }

    fn interruption() -> Interruption {
        Interruption::Probe
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        preview(&Tidegate, &inputs)
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Applied>, Error> {
        run(&Tidegate, context, &inputs).map_err(once)
    }

    fn probe(context: &Context, inputs: Inputs) -> Result<Finding<Applied>, Error> {
        probe(&Tidegate, context, &inputs)
    }
}

/// What the plan says of itself. It comes out of the very artifact whose digest is approved.
///
/// # Errors
/// `terraform-no-plan`; those of the host.
pub fn preview(host: &dyn Host, inputs: &Inputs) -> Result<Forecast, Error> {
    check(inputs)?;
    let manifest = Manifest::of_artifact(host, &inputs.plan)?;
    let markdown = manifest::member(host, &inputs.plan, MARKDOWN)?.unwrap_or_default();
    let body = String::from_utf8_lossy(&markdown).into_owned();
    if !manifest.changes {
        return Ok(Forecast::nothing().with_body(body));
    }
    let repository = manifest.repository.as_deref().unwrap_or_default();
    let subject = format!("{repository}:{}:{}", manifest.root.directory, inputs.plan);
    Ok(Forecast::effect("apply-plan", subject, manifest.summary).with_body(body))
}

/// What an interrupted attempt noted. It asks nobody else: a probe may run no program.
///
/// # Errors
/// Those of the host.
pub fn probe(host: &dyn Host, context: &Context, inputs: &Inputs) -> Result<Finding<Applied>, Error> {
    match journal::read(host, context, &inputs.plan) {
        Ok(Some(journal)) => Ok(journal.finding()),
        // No notes in a workspace that is there: it had not begun. Without a workspace nobody knows.
        Ok(None) if host.entries("")?.is_some_and(|entries| !entries.is_empty()) => Ok(Finding::NotDone),
        Ok(None) => Ok(Finding::Unknown("the attempt's workspace is gone, and its notes with it".to_owned())),
        Err(error) if error.is("terraform-unreadable") => Ok(Finding::Unknown(error.message)),
        Err(error) => Err(error),
    }
}

/// Applies a plan.
///
/// # Errors
/// `terraform-tool-differs`, `terraform-lock-file-moved`, `terraform-configuration-moved`, `terraform-state-in-workspace`,
/// `terraform-apply-failed`; what the tool said, explained; those of the host.
pub fn run(host: &dyn Host, context: &Context, inputs: &Inputs) -> Result<Outcome<Applied>, Error> {
    check(inputs)?;
    let manifest = Manifest::of_artifact(host, &inputs.plan)?;
    if !manifest.changes {
        host.info("the plan changes nothing");
        return Ok(Outcome::Unchanged(nothing(&manifest)));
    }
    let found = journal::read(host, context, &inputs.plan)?;
    if let Some(applied) = found.as_ref().and_then(|journal| journal.applied.clone()) {
        return Ok(Outcome::Succeeded(applied));
    }
    let is_new = found.is_none();
    let mut journal = found.unwrap_or_else(|| Journal {
        phase: Phase::Compared,
        plan: inputs.plan.clone(),
        state: manifest.state.clone(),
        objects: manifest.objects,
        standing: crate::events::Standing::default(),
        applied: None,
        failure: None,
    });
    // The plan knows its variables. Some may be secrets of the step that planned, which this one need not be granted.
    let root = Root { variables: BTreeMap::new(), ..manifest.root.clone() };
    let choice = Choice {
        tool: Some(manifest.tool.tool),
        version: None,
        env: inputs.env.clone(),
        container: manifest.container(context)?,
    };
    let commands = Commands::of(&root, &choice, "");
    let scratch = Scratch::adopt(host, choice.container.clone());
    if is_new {
        compare(host, &manifest, &commands, &choice)?;
        journal.write(host, context)?;
    }
    if journal.phase == Phase::Compared {
        put_in_place(host, context, inputs, &manifest, choice.container.as_ref())?;
        journal.phase = Phase::Unpacked;
        journal.write(host, context)?;
    }
    let workspace = manifest.root.workspace.as_deref().unwrap_or("default");
    // The plan knows its backend. Without one here, nothing can be migrated, and its secrets need not be given again. A
    // commit without a lock file has the one that `plan` made in its tree.
    let locked = host.summarise(&manifest.root.path(LOCK_FILE))?.map(|summary| summary.digest);
    session::aloud(
        host,
        &commands.init_without_backend(planning::lock_mode(locked.as_deref())).in_workspace(workspace),
    )?;
    if journal.phase == Phase::Unpacked {
        journal.phase = Phase::Applying;
        journal.write(host, context)?;
    }
    let applied = apply(host, context, inputs, &manifest, &commands, &mut journal)?;
    let applied = with_state(host, &commands, workspace, applied);
    journal.applied = Some(applied.clone());
    journal.phase = Phase::Ended;
    // It is done, whatever becomes of the note.
    if let Err(error) = journal.write(host, context) {
        host.warn(&format!("the notes could not be written: {}", error.message));
    }
    drop(scratch);
    Ok(Outcome::Succeeded(applied))
}

fn check(inputs: &Inputs) -> Result<(), Error> {
    root::check_environment(&inputs.env)?;
    root::check_lock_timeout(&inputs.lock_timeout)?;
    check_parallelism(inputs.parallelism)?;
    let digits = inputs.plan.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Error::invalid(format!("`{}` is no digest of a plan", inputs.plan.escape_debug()))
        .with_field("/plan")
        .with_hint("write `plan: ${{ steps.plan.outputs.plan }}`"))
}

/// Refuses a plan that was made by something else, of something else, or whose state would be lost.
fn compare(host: &dyn Host, manifest: &Manifest, commands: &Commands<'_>, choice: &Choice) -> Result<(), Error> {
    let again = "run the pipeline again, which plans anew and asks again";
    if manifest.backend.passes {
        let message = "the state is a file of the workspace or of another folder that the step has to itself, which is gone \
                       when the step ends: what is made now could not be found again";
        return Err(Error::new("terraform-state-in-workspace", message).with_hint(
            "configure a backend; for a local one, a path outside of them that an operator grants, and in an image one of `folders`",
        ));
    }
    let (installed, ()) = session::tool(host, commands, choice, |_| Ok(()))?;
    if installed != manifest.tool {
        let message = format!(
            "the plan was made by {} on {}, and {} has {installed} on {}",
            manifest.tool,
            manifest.tool.platform,
            installed.place(),
            installed.platform
        );
        return Err(Error::new("terraform-tool-differs", message).with_hint(again));
    }
    let now = tree::files(host, manifest.files.folders.clone(), manifest.files.singles.clone())?;
    let lock_file = manifest.root.path(LOCK_FILE);
    if now.digests.get(&lock_file) != manifest.lock_file.as_ref() {
        let message = format!("{lock_file} is not the one that the plan was made with");
        return Err(Error::new("terraform-lock-file-moved", message).with_hint(again).with_detail("path", lock_file));
    }
    let differences = manifest.files.differences(&now);
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(MOST_NAMES);
    let listed = differences[..differences.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("the configuration is not the one that was planned: {listed}{more}");
    Err(Error::new("terraform-configuration-moved", message).with_hint(again))
}

/// Empties the workspace but for the notes and the image, and puts the planned tree there.
fn put_in_place(
    host: &dyn Host,
    context: &Context,
    inputs: &Inputs,
    manifest: &Manifest,
    container: Option<&Container>,
) -> Result<(), Error> {
    let notes = journal::path(context);
    let stays = |name: &str| name == notes || container.is_some_and(|container| container.storage == name);
    for entry in host.entries("")?.into_iter().flatten().filter(|entry| !stays(&entry.name)) {
        host.remove(&entry.name)?;
    }
    host.extract(&inputs.plan, ARCHIVE)?;
    host.unpack(ARCHIVE)?;
    host.remove(ARCHIVE)?;
    let plan = host.summarise(PLAN)?.map(|summary| summary.digest);
    if plan.as_ref() != Some(&manifest.plan_file) {
        return Err(Error::new(
            "terraform-no-plan",
            "the plan file in the archive is not the one that its manifest names",
        ));
    }
    Ok(())
}

fn apply(
    host: &dyn Host,
    context: &Context,
    inputs: &Inputs,
    manifest: &Manifest,
    commands: &Commands<'_>,
    journal: &mut Journal,
) -> Result<Applied, Error> {
    let workspace = manifest.root.workspace.as_deref().unwrap_or("default");
    let invocation = commands.apply(&inputs.lock_timeout, inputs.parallelism).in_workspace(workspace);
    let mut follower = Follower::new(&manifest.root.directory, manifest.objects).hiding(secrets(host, &inputs.plan)?);
    let (ending, words) = session::begin(host, invocation.clone())?.followed(&mut follower, &mut |follower| {
        if journal.standing != follower.standing {
            journal.standing = follower.standing.clone();
            // A note that is not written must not stop the reading of what a running tool says.
            let _ = journal.write(host, context);
        }
    })?;
    let ended = session::status(&invocation, ending);
    let failure = match (&ended, follower.applied) {
        (Ok(0), Some(summary)) => return Ok(applied(manifest, &follower, summary)),
        (Ok(0), None) => Error::new("terraform-unreadable", "the apply ended well and did not say what it did"),
        (Ok(_), _) => ephemeral(explain::failure(
            &session::named(&invocation),
            &manifest.root.directory,
            &follower.diagnostics,
            &words,
        )),
        (Err(error), _) => error.clone(),
    };
    let mut error = standing(failure, &follower, manifest.objects);
    error.message = follower.secrets.hidden_in(&error.message);
    journal.phase = Phase::Ended;
    journal.failure = Some(error.message.clone());
    let _ = journal.write(host, context);
    Err(error)
}

/// A plan keeps its variables but those that are ephemeral, and this step has inputs for none.
fn ephemeral(mut error: Error) -> Error {
    if error.is("terraform-variable-missing") {
        error.hint =
            Some("an ephemeral variable is in no plan: give it to `apply` by the step's `env`, as TF_VAR_NAME".into());
    }
    error
}

/// What the plan marks as secret: the tool prints some of it again without a mark.
fn secrets(host: &dyn Host, plan: &str) -> Result<Secrets, Error> {
    let text = manifest::member(host, plan, SECRETS)?.unwrap_or_else(|| b"[]".to_vec());
    serde_json::from_slice(&text).map_err(|_| {
        Error::new("terraform-no-plan", "the plan's list of secrets cannot be read, so nothing is applied")
    })
}

/// Says how far it came.
fn standing(mut error: Error, follower: &Follower, objects: u32) -> Error {
    let standing = &follower.standing;
    if standing.done == 0 && standing.failed.is_empty() && standing.running.is_empty() {
        return error;
    }
    if error.is("terraform-failed") {
        error.code = "terraform-apply-failed".to_owned();
    }
    let prefix = format!("{} of {} objects were done, then: ", standing.done, objects.max(standing.done));
    error.message.insert_str(0, &prefix);
    let rest = "what was done is in the state: run the pipeline again, which plans what is left";
    error.hint = Some(match error.hint.take() {
        Some(hint) => format!("{hint}; {rest}"),
        None => rest.to_owned(),
    });
    error.with_detail("done", standing.done).with_detail("failed", standing.failed.iter().cloned().collect::<Vec<_>>())
}

fn applied(manifest: &Manifest, follower: &Follower, summary: Summary) -> Applied {
    let mut applied = Applied {
        summary: format!("{} added, {} changed, {} destroyed", summary.add, summary.change, summary.remove),
        added: summary.add,
        changed: summary.change,
        destroyed: summary.remove,
        imported: summary.import,
        ..Applied::default()
    };
    for (name, output) in &follower.outputs {
        // Whatever does not say that it is no secret is one.
        match output.get("value") {
            Some(value) if output["sensitive"] == Value::Bool(false) => {
                applied.outputs.insert(name.clone(), follower.secrets.hidden_within(value));
            }
            _ => applied.sensitive_outputs.push(name.clone()),
        }
    }
    applied.markdown = markdown(manifest, &applied);
    applied
}

fn nothing(manifest: &Manifest) -> Applied {
    let mut applied = Applied {
        outputs: manifest.outputs.clone(),
        sensitive_outputs: manifest.sensitive_outputs.clone(),
        summary: "0 added, 0 changed, 0 destroyed".to_owned(),
        serial: manifest.state.as_ref().map(|state| state.serial),
        lineage: manifest.state.as_ref().map(|state| state.lineage.clone()),
        ..Applied::default()
    };
    applied.markdown = markdown(manifest, &applied);
    applied
}

/// Serial and lineage take the backend, whose settings may hold secrets of the step that planned: where they cannot be
/// read, the apply is no less done.
fn with_state(host: &dyn Host, commands: &Commands<'_>, workspace: &str, mut applied: Applied) -> Applied {
    let init = commands.init(planning::lock_mode(None)).in_workspace(workspace);
    let pull = commands.pull_state().in_workspace(workspace);
    let read = || {
        if session::quietly(host, &init).ok()?.status != 0 {
            return None;
        }
        planning::state_of(session::begin(host, pull.clone()).ok()?)
    };
    match read() {
        Some(State { serial, lineage }) => {
            applied.serial = Some(serial);
            applied.lineage = Some(lineage);
        }
        None => host.warn("the state's serial and lineage could not be read; the apply is done all the same"),
    }
    applied
}

fn markdown(manifest: &Manifest, applied: &Applied) -> String {
    const LONGEST: usize = 32 * 1024;
    let directory = if manifest.root.directory.is_empty() { "." } else { &manifest.root.directory };
    let mut text = format!(
        "### Terraform apply: {}\n\n**{}.** By {}.\n",
        code(directory),
        applied.summary,
        visible(&manifest.tool.to_string())
    );
    if !applied.outputs.is_empty() {
        let mut lines = String::new();
        for (at, (name, value)) in applied.outputs.iter().enumerate() {
            let value = value.to_string();
            let (value, more) = crate::render::text::cut(&value, 400);
            let more = if more > 0 { format!(" … and {more} more characters") } else { String::new() };
            let line = format!("{} = {}{more}\n", visible(name), visible(value));
            if lines.len() + line.len() > LONGEST {
                lines += &format!("… {} more outputs\n", applied.outputs.len() - at);
                break;
            }
            lines += &line;
        }
        text += &format!("\nOutputs:\n\n{}", fenced("", &lines));
    }
    if !applied.sensitive_outputs.is_empty() {
        let names: Vec<String> = applied.sensitive_outputs.iter().take(50).map(|name| code(name)).collect();
        text += &format!("\nNot shown, because they are sensitive: {}.\n", names.join(", "));
    }
    text
}

/// No apply is tried again by itself, whatever `retry` says: what it had done when it failed is done.
fn once(mut error: Error) -> Error {
    error.retryable = false;
    error.with_detail("retry", "never")
}
