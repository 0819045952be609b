//! Runs commands and takes what they print: quietly, as lines of the log, or as events.

use crate::events::{Follower, Level, Note};
use crate::explain;
use crate::host::Host;
use crate::invocation::{Commands, Invocation};
use crate::root::Choice;
use crate::tool::{self, Installed, Tool};
use tidegate::Error;
use tidegate::process::{Channel, Ending};

/// The most bytes of a command's words that are kept to explain its failure.
const MOST_WORDS: usize = 256 * 1024;

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: i32,
    /// What it printed on its standard output.
    pub output: Vec<u8>,
    /// What it printed on its standard error.
    pub words: String,
}

/// How a command is called in messages: `terraform plan`.
pub fn named(invocation: &Invocation) -> String {
    format!("`{} {}`", invocation.tool, invocation.arguments.first().map_or("", String::as_str))
}

/// Runs it, and shows nothing: what it prints is for programs, or secret.
///
/// # Errors
/// Those of [`Host::run`], and that it was ended from outside.
pub fn quietly(host: &dyn Host, invocation: &Invocation) -> Result<Ended, Error> {
    let (mut output, mut words) = (Vec::new(), Vec::new());
    let ending = host.run(invocation, &mut |channel, chunk| match channel {
        Channel::StandardOutput => output.extend_from_slice(chunk),
        Channel::StandardError => keep(&mut words, chunk),
    })?;
    let status = status(invocation, ending)?;
    Ok(Ended { status, output, words: String::from_utf8_lossy(&words).into_owned() })
}

/// Runs it and shows all that it prints.
///
/// # Errors
/// Those of [`quietly`], and that it failed, explained.
pub fn aloud(host: &dyn Host, invocation: &Invocation) -> Result<String, Error> {
    let mut words = Vec::new();
    let mut lines = [Vec::new(), Vec::new()];
    let ending = host.run(invocation, &mut |channel, chunk| {
        keep(&mut words, chunk);
        let line = &mut lines[usize::from(channel == Channel::StandardError)];
        line.extend_from_slice(chunk);
        if let Some(end) = line.iter().rposition(|byte| *byte == b'\n') {
            let whole: Vec<u8> = line.drain(..=end).collect();
            host.info(String::from_utf8_lossy(&whole).trim_end());
        }
    });
    for line in lines.iter().filter(|line| !line.is_empty()) {
        host.info(String::from_utf8_lossy(line).trim_end());
    }
    let words = String::from_utf8_lossy(&words).into_owned();
    match status(invocation, ending?)? {
        0 => Ok(words),
        _ => Err(explain::failure(&named(invocation), &invocation.directory, &[], &words)),
    }
}

/// Runs a command that prints events, and hands over the standing after each piece.
///
/// # Errors
/// Those of [`Host::run`]. That it was ended from outside is no error here: how far it came is known, and counts.
pub fn followed(
    host: &dyn Host,
    invocation: &Invocation,
    follower: &mut Follower,
    after: &mut dyn FnMut(&Follower),
) -> Result<(Ending, String), Error> {
    let mut words = Vec::new();
    let tell = |notes: Vec<Note>| {
        for note in notes {
            match note {
                Note::Line(Level::Info, line) => host.info(&line),
                Note::Line(Level::Warn, line) => host.warn(&line),
                Note::Line(Level::Error, line) => host.error(&line),
                Note::Progress { task, done, total } => host.progress(task, done, total),
            }
        }
    };
    let ending = host.run(invocation, &mut |channel, chunk| match channel {
        Channel::StandardOutput => {
            tell(follower.feed(chunk));
            after(follower);
        }
        Channel::StandardError => keep(&mut words, chunk),
    })?;
    tell(follower.finish());
    let words = String::from_utf8_lossy(&words).into_owned();
    if !words.trim().is_empty() {
        host.warn(words.trim_end());
    }
    Ok((ending, words))
}

/// The exit status of a command that ended by itself.
///
/// # Errors
/// That it did not.
pub fn status(invocation: &Invocation, ending: Ending) -> Result<i32, Error> {
    match ending.status {
        Some(status) if ending.cause == "exited" => Ok(status),
        _ => {
            let name = named(invocation);
            Err(ending
                .into_result(name.trim_matches('`'))
                .err()
                .unwrap_or_else(|| Error::internal(format!("{name} ended with success and without a status"))))
        }
    }
}

/// Finds the tool, and checks its version.
///
/// # Errors
/// `terraform-missing`, `terraform-version`, `invalid` where the constraint is none.
pub fn tool(host: &dyn Host, commands: &Commands<'_>, choice: &Choice) -> Result<Installed, Error> {
    let candidates = match choice.tool {
        Some(tool) => vec![tool],
        None => vec![Tool::Terraform, Tool::Tofu],
    };
    let mut missing = Vec::new();
    for tool in candidates {
        let invocation = Commands { tool, ..commands.clone() }.version();
        let ended = match quietly(host, &invocation) {
            Ok(ended) => ended,
            Err(error) if error.is("not-found") => {
                missing.push(tool.program());
                continue;
            }
            Err(error) => return Err(error),
        };
        let installed = tool::installed(tool, &ended.output)?;
        if let Some(constraint) = &choice.version {
            let allowed = tool::allows(constraint, &installed.version)
                .map_err(|problem| Error::invalid(problem).with_field("/version"))?;
            if !allowed {
                let message = format!("this machine has {installed}, and the step asks for {constraint}");
                return Err(Error::new("terraform-version", message)
                    .with_field("/version")
                    .with_hint("install a version that will do, or change `version`"));
            }
        }
        host.info(&format!("{installed} on {}", installed.platform));
        return Ok(installed);
    }
    Err(Error::new("terraform-missing", format!("there is no {} on this machine", missing.join(" and no ")))
        .with_hint("install it where the host runs, in the path that the host searches for programs"))
}

fn keep(words: &mut Vec<u8>, chunk: &[u8]) {
    let room = MOST_WORDS.saturating_sub(words.len());
    words.extend_from_slice(&chunk[..chunk.len().min(room)]);
}
