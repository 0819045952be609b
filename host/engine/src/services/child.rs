//! Children of a step, in the jail.

use crate::attempt::{Attempt, Entry};
use crate::core::aside;
use crate::log::StepLog;
use crate::voting;
use access::mask::MaskStream;
use async_trait::async_trait;
use jail::{Channel, Command, Event, Input, Network, Output, Profile, ProxyRules, Strictness};
use model::grant::{NetworkGrant, ProfileGrant, WorkspaceGrant};
use model::{Blame, Failure};
use plugin::wit::process;
use serde_json::json;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::EffectRow;

/// Starts a program, or finds the child that this key began.
pub(crate) async fn start(
    attempt: &Arc<Attempt>,
    key: String,
    command: process::Command,
) -> Result<Arc<dyn plugin::Child>, Failure> {
    let folder = attempt.child_folder(&key);
    let known = folder.is_dir();
    let row = EffectRow {
        step: attempt.key.clone(),
        attempt: attempt.number,
        effect: format!("start {key}"),
        intent: intent(&command, &key),
        outcome: None,
    };
    if !known {
        // What environments require is asked again, as of the newest vote that this record will see.
        let votes_seen = voting::judge_start(attempt).await?;
        attempt.record(Entry { intents: vec![row.clone()], votes_seen, ..Entry::default() }).await?;
    }
    if let Ok(mut book) = attempt.book.lock() {
        book.starts.insert(key.clone(), row);
    }
    let attempt = attempt.clone();
    aside(move || {
        let command = with_secrets(&attempt, command)?;
        let to_log = [&command.standard_output, &command.standard_error].map(|o| matches!(o, process::Output::Log));
        let command = jail_command(&attempt, command)?;
        attempt.grace_millis.fetch_max(command.grace_millis, Ordering::Relaxed);
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent).map_err(|e| crate::state::unusable(attempt.core.state.root(), &e))?;
        }
        // One that a host before this one began has the secrets of then, which may have been replaced: it is still the child.
        let begun = if known { jail::attach(&folder).map_err(Failure::from)? } else { None };
        let child = match begun.filter(|child| child.is_of(&command)) {
            Some(child) => child,
            None => jail::start(&attempt.core.shim, &folder, &command).map_err(Failure::from)?,
        };
        // A stop that came while the jail was being built found nobody to interrupt.
        if attempt.stopping.is_asked() {
            child.interrupt().map_err(Failure::from)?;
        }
        let mut logged = 0;
        if known {
            logged = attempt.core.journal.reader()?.count_lines(&attempt.run, &attempt.key, attempt.number, OUTPUT)?;
            attempt.log.write_blocking("debug", format!("found the child `{key}` again, which was begun before"));
        } else {
            for guard in child.degraded().map_err(Failure::from)? {
                attempt.log.write_blocking("warn", format!("the jail goes without a guard: {guard}"));
            }
        }
        let masker = attempt.core.vault.masker();
        // A plugin may read it as JSON.
        let masks = to_log.map(|to_log| if to_log { masker.stream() } else { masker.readable() });
        let (ended, ready, rest) = (None, VecDeque::new(), [Vec::new(), Vec::new()]);
        let inner = Inner { child, to_log, masks, ended, ready, rest, logged };
        let running: Arc<dyn plugin::Child> =
            Arc::new(Running { folder, log: attempt.log.clone(), inner: Arc::new(Mutex::new(inner)) });
        Ok(running)
    })
    .await
}

/// What the journal says of a child before it begins: secrets by name.
fn intent(command: &process::Command, key: &str) -> serde_json::Value {
    let mut intent = json!({"kind": "start", "program": command.program, "key": key});
    let secrets: Vec<&str> = command.environment.iter().flat_map(|v| access::handle::names(&v.value)).collect();
    if let (Some(fields), false) = (intent.as_object_mut(), secrets.is_empty()) {
        fields.insert("secrets".to_owned(), json!(secrets));
    }
    intent
}

/// Swaps secrets into the variables; other users of the machine can read arguments, so there they are refused.
fn with_secrets(attempt: &Attempt, mut command: process::Command) -> Result<process::Command, Failure> {
    if let Some(name) = command.arguments.iter().find_map(|argument| access::handle::names(argument).first().copied()) {
        let message = format!("the secret `{name}` is an argument of `{}`, which others can read", command.program);
        return Err(Failure::denied(message).hint("give it as a variable, by the step's `env`"));
    }
    for variable in &mut command.environment {
        variable.value = attempt.core.vault.variable(attempt, &variable.name, &variable.value)?;
    }
    Ok(command)
}

fn jail_command(attempt: &Attempt, command: process::Command) -> Result<Command, Failure> {
    let program = jail::resolve(&command.program).ok_or_else(|| {
        let message = format!("the program `{}` is not on this machine", command.program);
        Failure::new(Blame::User, "not-found", message).hint(format!("looked in {}", jail::SEARCH_PATH))
    })?;
    let grant = attempt.grant.process.clone().unwrap_or_default();
    let paths =
        |paths: &[String]| paths.iter().map(|path| attempt.core.settings.base.join(path)).collect::<Vec<PathBuf>>();
    let mut made = Command::new(program, attempt.workspace_folder());
    made.arguments = command.arguments;
    made.environment = command.environment.into_iter().map(|variable| (variable.name, variable.value)).collect();
    made.directory = command.directory;
    made.input = match command.input {
        process::Input::Nothing => Input::Nothing,
        process::Input::Bytes(bytes) => Input::Bytes(bytes),
        process::Input::File(path) => Input::File(path),
    };
    made.standard_output = output(command.standard_output);
    made.standard_error = output(command.standard_error);
    made.workspace_writable = attempt.grant.workspace == Some(WorkspaceGrant::Write);
    made.read = paths(&grant.paths.read);
    made.write = paths(&grant.paths.write);
    // The host's own state is no child's business, wherever it lies, nor are the files that its secrets are in; but for one that an
    // operator grants by its very name.
    made.hidden = vec![attempt.core.state.root().to_owned()];
    made.hidden.extend(attempt.core.secret_files());
    let granted: Vec<PathBuf> =
        made.read.iter().chain(&made.write).filter_map(|path| path.canonicalize().ok()).collect();
    made.hidden.retain(|hidden| !granted.contains(hidden));
    if command.grace_seconds > 0 {
        made.grace_millis = u64::from(command.grace_seconds.min(LONGEST_GRACE)) * 1000;
    }
    made.network = match grant.network {
        NetworkGrant::All => Network::All,
        NetworkGrant::None => Network::None,
        NetworkGrant::Proxy(allow) => {
            let private = attempt.core.settings.private.iter().map(ToString::to_string).collect();
            Network::Proxy(ProxyRules { allow, private })
        }
    };
    made.profile = match grant.profile {
        ProfileGrant::Strict => Profile::Strict,
        ProfileGrant::Builder => Profile::Builder,
        ProfileGrant::Delegated => Profile::Delegated,
    };
    // The scheduler ends a step in time. Where the host is gone the shim does, once a living host would have been done.
    let own = Some(u64::from(command.timeout_seconds) * 1000).filter(|millis| *millis > 0);
    let step = attempt.step.timeout_millis.map(|millis| millis.saturating_add(ORPHAN));
    made.timeout_millis = own.into_iter().chain(step).min();
    made.strictness = if attempt.core.settings.jail_required { Strictness::Required } else { Strictness::BestEffort };
    Ok(made)
}

fn output(output: process::Output) -> Output {
    match output {
        process::Output::Events | process::Output::Log => Output::Keep,
        process::Output::File(path) => Output::File(path),
        process::Output::Discard => Output::Discard,
    }
}

/// A child, with its own place in the child's output.
struct Running {
    folder: PathBuf,
    log: StepLog,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    child: jail::Child,
    /// Which outputs go to the log rather than to the plugin.
    to_log: [bool; 2],
    /// What takes secrets out of each output.
    masks: [MaskStream; 2],
    /// How it ended, once that is known.
    ended: Option<jail::Ending>,
    /// Output that the plugin has not been told of yet.
    ready: VecDeque<(usize, Vec<u8>)>,
    /// The beginning of a line whose end has not come yet.
    rest: [Vec<u8>; 2],
    /// Lines that the log has already, of a child that a host before this one began: they come once more.
    logged: u64,
}

/// The longest time that a child has from an interrupt to the kill, in seconds.
const LONGEST_GRACE: u32 = 3600;

/// After a step's timeout, how long until its shim ends an orphan, in milliseconds: longer than cancelling takes.
const ORPHAN: u64 = 45_000;

/// The level of a line that a child wrote.
const OUTPUT: &str = "output";

/// Most bytes of one piece of output for a plugin.
const CHUNK: usize = 64 << 10;

/// Longest line of a child in the log, in bytes.
const LINE: usize = 16 << 10;

impl Inner {
    /// Waits for an event that is the plugin's business; lines for the log are written on the way.
    fn next(&mut self, log: &StepLog, timeout: Duration) -> Result<Option<process::Event>, Failure> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some((index, content)) = self.ready.pop_front() {
                let channel =
                    if index == 0 { process::Channel::StandardOutput } else { process::Channel::StandardError };
                return Ok(Some(process::Event::Output(process::Chunk { channel, content })));
            }
            if let Some(ending) = &self.ended {
                let ended = process::Ending { cause: ending.cause.name().to_owned(), status: ending.status };
                return Ok(Some(process::Event::Ended(ended)));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.child.wait(left).map_err(Failure::from)? {
                None => return Ok(None),
                Some(Event::Output { channel, content }) => {
                    let index = usize::from(channel == Channel::StandardError);
                    let content = self.masks[index].push(&content);
                    self.deliver(log, index, &content);
                }
                Some(Event::Ended(ending)) => self.end(log, ending),
            }
        }
    }

    /// Output without secrets, to the log or to the plugin.
    fn deliver(&mut self, log: &StepLog, index: usize, content: &[u8]) {
        if self.to_log[index] {
            self.log(log, index, content);
        } else {
            self.ready.extend(content.chunks(CHUNK).map(|piece| (index, piece.to_vec())));
        }
    }

    fn end(&mut self, log: &StepLog, ending: jail::Ending) {
        for index in 0..2 {
            let held = self.masks[index].finish();
            self.deliver(log, index, &held);
            let rest = std::mem::take(&mut self.rest[index]);
            if !rest.is_empty() {
                self.write_line(log, &rest);
            }
        }
        for place in self.child.refused() {
            log.write_blocking("warn", plugin::clean_line(&place, LINE));
        }
        if let Some(message) = &ending.message {
            log.write_blocking("error", plugin::clean_line(message, LINE));
        }
        self.ended = Some(ending);
    }

    fn log(&mut self, log: &StepLog, index: usize, content: &[u8]) {
        for piece in content.split_inclusive(|byte| *byte == b'\n') {
            let rest = &mut self.rest[index];
            rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") || rest.len() >= LINE {
                let line = std::mem::take(rest);
                self.write_line(log, &line);
            }
        }
    }

    fn write_line(&mut self, log: &StepLog, bytes: &[u8]) {
        if self.logged > 0 {
            self.logged -= 1;
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        log.write_blocking(OUTPUT, plugin::clean_line(text.trim_end_matches(['\n', '\r']), LINE));
    }
}

impl Running {
    async fn attached(
        &self,
        work: impl FnOnce(&jail::Child) -> Result<(), jail::Error> + Send + 'static,
    ) -> Result<(), Failure> {
        let folder = self.folder.clone();
        // A handle of its own: `next` may hold the other one for minutes.
        aside(move || match jail::attach(&folder).map_err(Failure::from)? {
            Some(child) => work(&child).map_err(Failure::from),
            None => Ok(()),
        })
        .await
    }
}

#[async_trait]
impl plugin::Child for Running {
    async fn next(&self, milliseconds: u32) -> Result<Option<process::Event>, Failure> {
        let (inner, log) = (self.inner.clone(), self.log.clone());
        let timeout = Duration::from_millis(milliseconds.into());
        aside(move || match inner.lock() {
            Ok(mut inner) => inner.next(&log, timeout),
            Err(_) => Err(Failure::internal("a reader of this child panicked")),
        })
        .await
    }

    async fn interrupt(&self) -> Result<(), Failure> {
        self.attached(jail::Child::interrupt).await
    }

    async fn kill(&self) -> Result<(), Failure> {
        self.attached(jail::Child::kill).await
    }

    async fn abandon(&self) {
        // Ended long ago in most cases; what cannot be ended now is ended with the attempt.
        let _ = self.attached(jail::Child::kill).await;
    }
}
