//! Why a plugin is called, and what that allows it.

use serde::{Deserialize, Serialize};

/// Which of a plugin's functions runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// `plugin.describe`: all is refused but what needs no grant: log, clock, random, cancellation.
    Describe,
    /// `step.preview`: interfaces with effects are refused.
    Preview,
    /// `step.run`: what the grant allows.
    Run,
    /// `step.probe`: interfaces with effects are refused.
    Probe,
    /// `renderer.render`: nothing but its source can be read, so that the same files give the same objects.
    Render,
}

impl Mode {
    /// The name of the exported function.
    pub fn function(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Preview => "preview",
            Self::Run => "run",
            Self::Probe => "probe",
            Self::Render => "render",
        }
    }
}
