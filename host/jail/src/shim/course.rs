//! What becomes of a child: its time, what it is told, how it ends. It takes the clock, and never signals anybody.

use super::init::Report;
use super::stream::Flow;
use crate::command::Command;
use crate::ending::{Cause, Ending};
use crate::refusal::Refusal;
use rustix::process::Signal;
use std::io;
use std::time::{Duration, Instant};

/// What follows for a child from what became of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    Nothing,
    /// It is interrupted.
    Interrupt,
    /// It is ended.
    End,
}

/// What has become of a child so far.
pub struct Course {
    /// Why the jail ends it, if it does.
    pub cause: Option<Cause>,
    timeout: Option<Instant>,
    grace: Duration,
    /// When an interrupted child is killed.
    kill: Option<Instant>,
    refusal: Option<Refusal>,
    /// Why output is missing.
    loss: Option<String>,
    /// Whether there was more output than is kept.
    flooded: bool,
    status: Option<i32>,
    signal: Option<i32>,
}

impl Course {
    pub fn new(command: &Command) -> Self {
        let now = Instant::now();
        // A deadline beyond the clock's end is none.
        let timeout = command.timeout_millis.and_then(|millis| now.checked_add(Duration::from_millis(millis)));
        let grace = Duration::from_millis(command.grace_millis);
        Self {
            cause: None,
            timeout,
            grace,
            kill: None,
            refusal: None,
            loss: None,
            flooded: false,
            status: None,
            signal: None,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        if self.cause.is_some() { self.kill } else { self.timeout }
    }

    /// Whether the time to end by itself is over.
    pub fn is_late(&self) -> bool {
        self.cause.is_none() && self.timeout.is_some_and(|at| Instant::now() >= at)
    }

    /// Whether the grace after an interrupt is over.
    pub fn is_overdue(&self) -> bool {
        self.kill.is_some_and(|at| Instant::now() >= at)
    }

    /// Notes the interrupt; false where there was one already, whose grace goes on.
    pub fn interrupt(&mut self, cause: Cause) -> bool {
        if self.cause.is_some() {
            return false;
        }
        self.cause = Some(cause);
        self.kill = Instant::now().checked_add(self.grace);
        true
    }

    /// Notes what became of output, and what follows for the child.
    pub fn heed(&mut self, flow: io::Result<Flow>) -> Consequence {
        match flow {
            Ok(Flow::Open | Flow::Closed) => Consequence::Nothing,
            // It may be in the middle of something that it must put in order first. What it still writes is dropped.
            Ok(Flow::Flooded) => {
                self.flooded = true;
                if self.interrupt(Cause::OutputLimit) { Consequence::Interrupt } else { Consequence::Nothing }
            }
            Err(error) => {
                self.cause.get_or_insert(Cause::OutputLost);
                self.loss.get_or_insert(format!("the output could not be written: {error}"));
                Consequence::End
            }
        }
    }

    pub fn take(&mut self, report: Report) {
        match report {
            Report::Refused(refusal) => self.refusal = Some(refusal),
            Report::Ended { status, signal } => (self.status, self.signal) = (status, signal),
            Report::Ready(_) => {}
        }
    }

    pub fn ending(self, out_of_memory: bool) -> Ending {
        if let Some(refusal) = self.refusal {
            return Ending::not_started(refusal);
        }
        let status = self.status;
        // Who never told its end was killed with the jail.
        let signal = if status.is_none() { self.signal.or(Some(Signal::KILL.as_raw())) } else { None };
        let by_itself = match (status, out_of_memory) {
            (Some(0), _) => Cause::Exited,
            (_, true) => Cause::OutOfMemory,
            (Some(_), false) => Cause::Exited,
            (None, false) => Cause::Signalled,
        };
        let cause = self.cause.unwrap_or(by_itself);
        let whole = !self.flooded && cause != Cause::OutputLost;
        Ending { cause, status: status.filter(|_| whole), signal, message: self.loss, reason: None }
    }
}
