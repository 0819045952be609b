//! What `plan` and `drift` have in common: from a fresh workspace to a plan that can be shown.

use crate::events::Follower;
use crate::explain;
use crate::host::Host;
use crate::invocation::{Commands, LOCK_FILE, LockFile, PLAN, PROVIDERS, Planning};
use crate::manifest::State;
use crate::planfile::{self, Found};
use crate::render::{self, Secrets, Title, View};
use crate::root::{Choice, Root};
use crate::session::{self, Begun};
use crate::tool::Installed;
use crate::tree;
use std::collections::BTreeMap;
use tidegate::{Error, artifact};

/// The largest redacted JSON that is an output as well, in bytes.
const LARGEST_OUTPUT: usize = 64 * 1024;
/// The largest artifact that a plugin stores from memory, in bytes.
const LARGEST_ARTIFACT: usize = 1 << 20;

/// A plan in [`crate::invocation::PLAN`].
#[derive(Debug)]
pub struct Made {
    /// What made it.
    pub tool: Installed,
    /// Whether it changes anything.
    pub changes: bool,
    /// What may be seen of it.
    pub view: View,
    /// What may not.
    pub secrets: Secrets,
    /// The digest of the committed lock file.
    pub lock_file: Option<String>,
    /// The state that was planned on; absent where there is none, it cannot be read, or nobody asked.
    pub state: Option<State>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be applied: a workspace that is missing is made, and the plan knows its state.
    Apply,
    /// To be looked at: nothing is made.
    Drift,
}

/// Makes a plan.
///
/// # Errors
/// What the tool said, explained.
pub fn make(
    host: &dyn Host,
    root: &Root,
    choice: &Choice,
    planning: &Planning,
    generation: &str,
    purpose: Purpose,
) -> Result<Made, Error> {
    let commands = Commands::of(root, choice, generation);
    let (installed, (lock_file, init)) = session::tool(host, &commands, choice, |tool| {
        tree::check(host, root, tool)?;
        let lock_file = host.summarise(&root.path(LOCK_FILE))?.map(|summary| summary.digest);
        let init = Commands { tool, ..commands.clone() }.init(lock_mode(lock_file.as_deref()));
        Ok((lock_file, session::begin(host, init)?))
    })?;
    let commands = Commands { tool: installed.tool, ..commands };
    let mut notes = Vec::new();
    init.aloud()?;
    if lock_file.is_none() && host.summarise(&root.path(LOCK_FILE))?.is_some() {
        let note =
            format!("There is no {LOCK_FILE} in the commit, so nobody reviewed the providers that are used here.");
        host.warn(&note);
        notes.push(note);
    }
    if let Some(name) = root.workspace.as_deref().filter(|name| *name != "default") {
        session::aloud(host, &commands.select_workspace(name, purpose == Purpose::Apply))?;
    }
    let mut plan = commands.plan(planning);
    if host.entries(PROVIDERS)?.is_none() {
        plan = plan.with_room(&choice.env);
    }
    let mut follower = Follower::new(&root.directory, 0);
    let (ending, words) = session::begin(host, plan.clone())?.followed(&mut follower, &mut |_| {})?;
    let changes = match session::status(&plan, ending)? {
        0 => false,
        2 => true,
        _ => {
            return Err(retried(explain::failure(
                &session::named(&plan),
                &root.directory,
                &follower.diagnostics,
                &words,
            )));
        }
    };
    let shown = session::begin(host, commands.show())?;
    let state = match purpose {
        Purpose::Apply => state(host, &commands),
        Purpose::Drift => None,
    };
    let (view, secrets) = view(shown, root, &choice.env)?;
    if !view.actions.is_empty() {
        let addresses = view.actions.iter().take(MOST_ACTIONS).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = view.actions.len().saturating_sub(MOST_ACTIONS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!("Applying also invokes {addresses}{more}: what those do, the plan does not show."));
    }
    Ok(Made { tool: installed, changes, view, secrets, lock_file, state, notes })
}

/// How `init` treats the lock file.
pub fn lock_mode(lock_file: Option<&str>) -> LockFile {
    if lock_file.is_some() { LockFile::ReadOnly } else { LockFile::Absent }
}

/// The state that the plan was made on. The plan says that itself; where it cannot be asked, being too large or encrypted, the
/// backend is, which may have another by now: what this is for tolerates that somebody was faster.
fn state(host: &dyn Host, commands: &Commands<'_>) -> Option<State> {
    let plan = host.read(PLAN).ok().flatten().unwrap_or_default();
    match planfile::state(&plan) {
        Found::State(state) => Some(state),
        Found::Nothing => None,
        Found::Unreadable => state_of(session::begin(host, commands.pull_state()).ok()?),
    }
}

/// The state that a command prints; absent where there is none, or it cannot be read.
pub fn state_of(pulled: Begun<'_>) -> Option<State> {
    let ended = pulled.quietly().ok()?;
    if ended.status == 0 { State::of(&ended.output) } else { None }
}

/// The words above a plan.
pub fn title(what: &str, root: &Root, made: &Made) -> Title {
    Title {
        what: what.to_owned(),
        directory: root.directory.clone(),
        workspace: root.workspace.clone().filter(|name| name != "default"),
        tool: made.tool.to_string(),
        notes: made.notes.clone(),
    }
}

/// Stores the redacted JSON; small ones are for expressions as well.
///
/// # Errors
/// Those of storing.
pub fn store_json(host: &dyn Host, name: &str, view: &View) -> Result<(String, Option<serde_json::Value>), Error> {
    let json = view.to_json();
    let text = json.to_string();
    let label = artifact::label(name, "application/json");
    if text.len() <= LARGEST_ARTIFACT {
        let digest = host.store(&label, text.as_bytes())?;
        return Ok((digest, (text.len() <= LARGEST_OUTPUT).then_some(json)));
    }
    let digest = host.store(&label, render::smaller(&json, LARGEST_ARTIFACT).to_string().as_bytes())?;
    Ok((digest, None))
}

/// The most actions that a note names.
const MOST_ACTIONS: usize = 20;

/// Reads the plan, which passes through this memory in clear.
fn view(shown: Begun<'_>, root: &Root, env: &BTreeMap<String, String>) -> Result<(View, Secrets), Error> {
    let name = shown.name();
    let ended = shown.quietly()?;
    if ended.status != 0 {
        return Err(explain::failure(&name, &root.directory, &[], &ended.words));
    }
    let from_env =
        env.iter().filter_map(|(name, value)| Some((name.strip_prefix("TF_VAR_")?.to_owned(), value.clone())));
    let given: BTreeMap<String, String> = from_env.chain(root.variables.clone()).collect();
    render::view(&ended.output, &given)
        .map_err(|problem| Error::new("terraform-unreadable", format!("{name} printed {problem}")))
}

/// A plan changes nothing, so it may be made again once the lock is free or the network back.
fn retried(error: Error) -> Error {
    if error.is("terraform-locked") || error.is("terraform-unreachable") { error.retry() } else { error }
}
