//! What a step does before its script, once in an attempt. A host that is started again meanwhile runs the step again, and
//! finds the script's child as far as it came: then nothing is restored over its files, and its reports are new.

use crate::cache::Attempt;
use crate::files::Workspace;
use crate::junit::{self, Baseline};
use crate::pattern::Pattern;
use crate::{Inputs, cache::Cache};
use serde::{Deserialize, Serialize};
use tidegate::{Error, debug, workspace};

/// What is to be known after the script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// The reports that were there.
    pub reports: Baseline,
    /// In the order of the inputs.
    pub caches: Vec<Attempt>,
}

impl Begin {
    /// Restores what was kept, looks at the reports that are there, and notes both in the file. Reads that file instead
    /// where an interrupted call left it.
    ///
    /// # Errors
    /// Those of the host in reading and writing the workspace.
    pub fn once(inputs: &Inputs, reports: &[Pattern], file: &str) -> Result<Self, Error> {
        if reports.is_empty() && inputs.cache.is_empty() {
            return Ok(Self::default());
        }
        // Broken where a crash cut it off, and then the script had not begun.
        if let Some(begin) = workspace::read(file)?.and_then(|content| serde_json::from_slice(&content).ok()) {
            debug!("going on with an interrupted attempt");
            return Ok(begin);
        }
        let caches = inputs.cache.iter().map(Cache::restore).collect();
        // After that: a report that was kept is an old one.
        let begin = Self { reports: junit::baseline(&Workspace, reports)?, caches };
        let text = serde_json::to_vec(&begin)
            .map_err(|error| Error::internal(format!("what the step remembers cannot be encoded: {error}")))?;
        match workspace::write(file, &text) {
            // A workspace that nobody writes changes in no call.
            Err(error) if !error.is("denied") => Err(error),
            _ => Ok(begin),
        }
    }
}
