//! How a child ended, as the shim stores it. It never judges whether that is a success.

use crate::Error;
use crate::refusal::{Reason, Refusal};
use serde::{Deserialize, Serialize};

/// Why a child is no longer running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It ended by itself, with a status.
    Exited,
    /// A signal that was not the jail's ended it.
    Signalled,
    /// Its time was up.
    TimedOut,
    /// The host interrupted or killed it.
    Cancelled,
    /// It, or a process of its own, went over the memory limit.
    OutOfMemory,
    /// It wrote more than the jail keeps.
    OutputLimit,
    /// Its output could not be kept: the disk is full, say. `message` says why.
    OutputLost,
    /// It never began: the jail or the system refused it. `message` says why.
    NotStarted,
}

impl Cause {
    /// The name in the plugin interface: `exited`, `timed-out`…
    pub fn name(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Signalled => "signalled",
            Self::TimedOut => "timed-out",
            Self::Cancelled => "cancelled",
            Self::OutOfMemory => "out-of-memory",
            Self::OutputLimit => "output-limit",
            Self::OutputLost => "output-lost",
            Self::NotStarted => "not-started",
        }
    }
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// Why.
    pub cause: Cause,
    /// 0 to 255, where the program exited by itself, also after an interrupt. Never where output is missing: 0 would
    /// read as a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// The signal that ended the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// For a person, where the cause does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where the obstacle was, if it never began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Ending {
    pub(crate) fn not_started(refusal: Refusal) -> Self {
        let (reason, message) = (Some(refusal.reason), Some(refusal.message));
        Self { cause: Cause::NotStarted, status: None, signal: None, message, reason }
    }

    /// The error that [`start`](crate::start) answers for a child that never began, for those who find out later; `None`
    /// for one that did.
    pub fn error(&self) -> Option<Error> {
        if self.cause != Cause::NotStarted {
            return None;
        }
        let message = self.message.clone().unwrap_or_default();
        Some(match self.reason {
            Some(Reason::Link) => Error::Refused(message),
            Some(Reason::Machine) => Error::Unable(message),
            // An ending of an older Tidegate has no reason.
            Some(Reason::Command) | None => Error::NotStarted(message),
        })
    }

    /// Whether the program exited by itself with status 0.
    pub fn is_success(&self) -> bool {
        self.cause == Cause::Exited && self.status == Some(0)
    }
}
