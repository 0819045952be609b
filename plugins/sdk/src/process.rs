//! Native programs in the host's jail. Wants `process`. There is no shell: arguments are a list.

use crate::Error;
use crate::bindings::tidegate::plugin::process as wire;

pub use wire::{Channel, Chunk, Ending, Event, Input, Output};

/// How long one call waits before it looks again, in milliseconds. Nothing is lost by a longer one, since the end of
/// the child and a cancel end it at once; it only bounds a single host call.
const PATIENCE: u32 = 60_000;

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// By its name in the grant.
    pub program: String,
    /// Without the program's name.
    pub arguments: Vec<String>,
}

/// What to run. Output goes to the step's log unless told otherwise, input is empty.
#[derive(Clone, Debug)]
pub struct Command(wire::Command);

impl Command {
    /// A program by its name in the grant, never a path.
    pub fn new(program: &str) -> Self {
        Self(wire::Command {
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: String::new(),
            input: Input::Nothing,
            standard_output: Output::Log,
            standard_error: Output::Log,
            timeout_seconds: 0,
            grace_seconds: 0,
        })
    }

    /// That of a line.
    pub fn of(line: &CommandLine) -> Self {
        Self::new(&line.program).arguments(line.arguments.iter().map(String::as_str))
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.0.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable. A child gets these, `PATH`, `HOME`, `TMPDIR`, and nothing else.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.0.environment.push(wire::Variable { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// The working directory in the workspace; its root unless told otherwise.
    #[must_use]
    pub fn directory(mut self, path: &str) -> Self {
        path.clone_into(&mut self.0.directory);
        self
    }

    /// What it reads on its standard input.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.0.input = input;
        self
    }

    /// Where its standard output goes.
    #[must_use]
    pub fn standard_output(mut self, output: Output) -> Self {
        self.0.standard_output = output;
        self
    }

    /// Where its standard error goes.
    #[must_use]
    pub fn standard_error(mut self, output: Output) -> Self {
        self.0.standard_error = output;
        self
    }

    /// After how many seconds it is interrupted; the step's own time unless told otherwise.
    #[must_use]
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.0.timeout_seconds = seconds;
        self
    }

    /// How many seconds it has from an interrupt until it is killed; 30 unless told otherwise, 3600 at most.
    #[must_use]
    pub fn grace(mut self, seconds: u32) -> Self {
        self.0.grace_seconds = seconds;
        self
    }

    /// Starts it under a key, once in an attempt: after a crash of the host the same key finds the child that went
    /// on, with its events from the first.
    ///
    /// # Errors
    /// `denied`, `not-found` (no such program here), `conflict` (the key with another command), `invalid`,
    /// `exhausted`, `cancelled`.
    pub fn start(&self, key: &str) -> Result<Child, Error> {
        Ok(Child { inner: wire::start(key, &self.0)?, ended: false })
    }
}

/// A running child and its process group, which are killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    inner: wire::Child,
    ended: bool,
}

impl Child {
    /// The next event; absent where none came within so many milliseconds.
    ///
    /// # Errors
    /// `unavailable` where the jail lost the child.
    pub fn next(&mut self, milliseconds: u32) -> Result<Option<Event>, Error> {
        let event = self.inner.next(milliseconds)?;
        self.ended |= matches!(event, Some(Event::Ended(_)));
        Ok(event)
    }

    /// Waits until it ended and hands every piece of output (of what goes to [`Output::Events`]) to `each`.
    ///
    /// # Errors
    /// Those of [`Child::next`].
    pub fn wait_with(&mut self, mut each: impl FnMut(Chunk)) -> Result<Ending, Error> {
        loop {
            match self.next(PATIENCE)? {
                Some(Event::Output(chunk)) => each(chunk),
                Some(Event::Ended(ending)) => return Ok(ending),
                None => {}
            }
        }
    }

    /// Waits until it ended.
    ///
    /// # Errors
    /// Those of [`Child::next`].
    pub fn wait(&mut self) -> Result<Ending, Error> {
        self.wait_with(drop)
    }

    /// Asks it to stop. No error where it has ended.
    ///
    /// # Errors
    /// `unavailable` where the jail lost the child.
    pub fn interrupt(&self) -> Result<(), Error> {
        self.inner.interrupt()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            // Dropping the handle kills the group too; saying so leaves a mark in the transcript. An error means that
            // there is nothing left to kill.
            let _ = self.inner.kill();
        }
    }
}

impl Ending {
    /// Whether it ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.cause == "exited" && self.status == Some(0)
    }

    /// Nothing where it succeeded, else why it did not: `exit-status` with `status` in the details, `timed-out`,
    /// `cancelled`, `out-of-memory`, `signalled`, or whatever cause the host named.
    ///
    /// # Errors
    /// That it did not succeed.
    pub fn into_result(self, program: &str) -> Result<(), Error> {
        if self.success() {
            return Ok(());
        }
        let status = self.status.unwrap_or(-1);
        Err(match self.cause.as_str() {
            "exited" => Error::new("exit-status", format!("`{program}` ended with status {status}"))
                .with_detail("status", status),
            "timed-out" => Error::new("timed-out", format!("`{program}` ran longer than it may")),
            "cancelled" => Error::new("cancelled", format!("`{program}` was stopped, as asked")),
            "out-of-memory" => Error::new("out-of-memory", format!("`{program}` used more memory than it may")),
            "signalled" => Error::new("signalled", format!("`{program}` was ended by a signal")),
            cause => Error::new(cause, format!("`{program}` ended: {cause}")),
        })
    }
}
