//! Runs commands and takes what they print: quietly, as lines of the log, or as events.

use crate::events::{Follower, Level, Note};
use crate::explain;
use crate::host::{Host, Running};
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

/// A command that was begun. Dropping it ends it.
pub struct Begun<'a> {
    host: &'a dyn Host,
    running: Box<dyn Running + 'a>,
    invocation: Invocation,
}

/// Begins a command, so that others run beside it.
///
/// # Errors
/// Those of [`Host::start`].
pub fn begin<'a>(host: &'a dyn Host, invocation: Invocation) -> Result<Begun<'a>, Error> {
    Ok(Begun { host, running: host.start(&invocation)?, invocation })
}

impl Begun<'_> {
    /// How it is called in messages.
    pub fn name(&self) -> String {
        named(&self.invocation)
    }

    /// Waits for it, and shows nothing: what it prints is for programs, or secret.
    ///
    /// # Errors
    /// Those of [`Running::wait`], and that it was ended from outside.
    pub fn quietly(mut self) -> Result<Ended, Error> {
        let (mut output, mut words) = (Vec::new(), Vec::new());
        let ending = self.running.wait(&mut |channel, chunk| match channel {
            Channel::StandardOutput => output.extend_from_slice(chunk),
            Channel::StandardError => keep(&mut words, chunk),
        })?;
        let status = status(&self.invocation, ending)?;
        Ok(Ended { status, output, words: said(&words) })
    }

    /// Waits for it and shows all that it prints.
    ///
    /// # Errors
    /// Those of [`Begun::quietly`], and that it failed, explained.
    pub fn aloud(mut self) -> Result<String, Error> {
        let host = self.host;
        let mut words = Vec::new();
        let mut lines = [Vec::new(), Vec::new()];
        let ending = self.running.wait(&mut |channel, chunk| {
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
        let words = said(&words);
        match status(&self.invocation, ending?)? {
            0 => Ok(words),
            _ => Err(explain::failure(&self.name(), &self.invocation.directory, &[], &words)),
        }
    }

    /// Waits for a command that prints events, and hands over the standing after each piece.
    ///
    /// # Errors
    /// Those of [`Running::wait`]. That it was ended from outside is no error here: how far it came is known, and counts.
    pub fn followed(
        mut self,
        follower: &mut Follower,
        after: &mut dyn FnMut(&Follower),
    ) -> Result<(Ending, String), Error> {
        let host = self.host;
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
        let ending = self.running.wait(&mut |channel, chunk| match channel {
            Channel::StandardOutput => {
                tell(follower.feed(chunk));
                after(follower);
            }
            Channel::StandardError => keep(&mut words, chunk),
        })?;
        tell(follower.finish());
        let words = follower.secrets.hidden_in(&said(&words));
        if !words.trim().is_empty() {
            host.warn(words.trim_end());
        }
        Ok((ending, words))
    }
}

/// Runs it, and shows nothing.
///
/// # Errors
/// Those of [`begin`] and [`Begun::quietly`].
pub fn quietly(host: &dyn Host, invocation: &Invocation) -> Result<Ended, Error> {
    begin(host, invocation.clone())?.quietly()
}

/// Runs it and shows all that it prints.
///
/// # Errors
/// Those of [`begin`] and [`Begun::aloud`].
pub fn aloud(host: &dyn Host, invocation: &Invocation) -> Result<String, Error> {
    begin(host, invocation.clone())?.aloud()
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

/// Finds the tool, checks its version, and begins by `then` what needs to know no more than which tool it is: where that is
/// certain, while the version is being asked. What was begun for a version that will not do is ended, and not heard.
///
/// # Errors
/// `image-not-ready`, `terraform-missing`, `terraform-version`, `invalid` where the constraint is none; those of `then`.
pub fn tool<T>(
    host: &dyn Host,
    commands: &Commands<'_>,
    choice: &Choice,
    then: impl Fn(Tool) -> Result<T, Error>,
) -> Result<(Installed, T), Error> {
    if let Some(pull) = commands.pull_image() {
        pull_image(host, &pull)?;
    }
    let candidates = match choice.tool {
        Some(tool) => vec![tool],
        None => vec![Tool::Terraform, Tool::Tofu],
    };
    // On the machine a program that is not there does not even begin.
    let is_certain = choice.tool.is_some() || commands.container.is_none();
    let image = commands.container.as_ref().map(|container| &container.image);
    let (mut missing, mut why) = (Vec::new(), String::new());
    for tool in candidates {
        let asked = match begin(host, Commands { tool, ..commands.clone() }.version()) {
            Ok(asked) => asked,
            Err(error) if error.is("not-found") => {
                missing.push(tool.program());
                continue;
            }
            Err(error) => return Err(error),
        };
        let early = is_certain.then(|| then(tool));
        let ended = asked.quietly()?;
        if ended.status != 0 && image.is_some() {
            missing.push(tool.program());
            why = ended.words;
            continue;
        }
        let installed = Installed { image: image.cloned(), ..tool::installed(tool, &ended.output)? };
        check_version(&installed, choice)?;
        host.info(&format!("{installed} on {}", installed.platform));
        let then = early.unwrap_or_else(|| then(tool))?;
        return Ok((installed, then));
    }
    let missing = missing.join(" and no ");
    Err(match image {
        None => Error::new("terraform-missing", format!("there is no {missing} on this machine"))
            .with_hint("install it where the host runs, in the path that the host searches for programs"),
        Some(image) => {
            let why = last_line(&why);
            Error::new("terraform-missing", format!("the image {} has no {missing} that runs: {why}", image.name))
                .with_hint(
                    "name an image that has the tool in its path, such as a version of docker.io/hashicorp/terraform",
                )
        }
    })
}

fn check_version(installed: &Installed, choice: &Choice) -> Result<(), Error> {
    let Some(constraint) = &choice.version else { return Ok(()) };
    let allowed = tool::allows(constraint, &installed.version)
        .map_err(|problem| Error::invalid(problem).with_field("/version"))?;
    if allowed {
        return Ok(());
    }
    let Installed { tool, version, .. } = installed;
    let hint = match &installed.image {
        None => "install a version that will do, or change `version`",
        Some(_) => "name an image with a version that will do, or change `version`",
    };
    let message = format!("{} has {tool} {version}, and the step asks for {constraint}", installed.place());
    Err(Error::new("terraform-version", message).with_field("/version").with_hint(hint))
}

/// Pulls the image of the step, for all of its commands.
fn pull_image(host: &dyn Host, pull: &Invocation) -> Result<(), Error> {
    let name = pull.container.as_ref().map(|container| container.image.name.as_str()).unwrap_or_default();
    host.info(&format!("pulling the image {name}"));
    let ended = quietly(host, pull)?;
    if ended.status == 0 {
        return Ok(());
    }
    host.error(ended.words.trim_end());
    Err(Error::new("image-not-ready", format!("the image {name} could not be had: {}", last_line(&ended.words)))
        .retry()
        .with_hint("it takes a tool that makes containers, a jail that lets it, and a way to the registry"))
}

fn last_line(words: &str) -> &str {
    words.trim().lines().last().unwrap_or("it does not say why")
}

/// What a command said on its standard error.
fn said(words: &[u8]) -> String {
    String::from_utf8_lossy(words).into_owned()
}

fn keep(words: &mut Vec<u8>, chunk: &[u8]) {
    let room = MOST_WORDS.saturating_sub(words.len());
    words.extend_from_slice(&chunk[..chunk.len().min(room)]);
}
