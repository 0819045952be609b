//! What an apply notes in the workspace while it runs, so that somebody who comes after a crash knows how far it came. It
//! holds no secret: the tool leaves secret outputs out of its events.

use crate::events::Standing;
use crate::host::Host;
use crate::manifest::State;
use crate::outputs::Applied;
use serde::{Deserialize, Serialize};
use tidegate::{Context, Error, Finding};

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Plan and commit belong together; the workspace is being emptied for the planned tree.
    Compared,
    /// The planned tree is in place.
    Unpacked,
    /// The tool was told to apply, or is about to be.
    Applying,
    /// The tool has ended.
    Ended,
}

/// The notes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// How far it is.
    pub phase: Phase,
    /// The plan's digest.
    pub plan: String,
    /// The state that was planned on.
    pub state: Option<State>,
    /// How many objects it is about.
    pub objects: u32,
    /// What became of them.
    pub standing: Standing,
    /// The outputs, once it ended well.
    pub applied: Option<Applied>,
    /// Why it ended otherwise.
    pub failure: Option<String>,
}

/// The file of an attempt: a name that no commit can have taken before, with the run in it.
pub fn path(context: &Context) -> String {
    format!("{}.json", context.own_file("apply"))
}

/// Reads the notes of this attempt on this plan.
///
/// # Errors
/// Those of reading, and `terraform-unreadable`.
pub fn read(host: &dyn Host, context: &Context, plan: &str) -> Result<Option<Journal>, Error> {
    let path = path(context);
    let Some(text) = host.read(&path)? else { return Ok(None) };
    serde_json::from_slice(&text).ok().filter(|journal: &Journal| journal.plan == plan).map(Some).ok_or_else(|| {
        Error::new("terraform-unreadable", format!("the notes of this attempt in {path} are unreadable"))
    })
}

impl Journal {
    /// Writes the notes.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, host: &dyn Host, context: &Context) -> Result<(), Error> {
        let text = serde_json::to_vec(self).map_err(|error| Error::internal(error.to_string()))?;
        host.write(&path(context), &text)
    }

    /// What the notes say of an attempt that nobody goes on with.
    pub fn finding(self) -> Finding<Applied> {
        let before = match &self.state {
            Some(State { serial, lineage }) => format!("the state had serial {serial} and lineage {lineage} before"),
            None => "there was no state before".to_owned(),
        };
        let Standing { done, running, failed, last } = &self.standing;
        let named = |label: &str, names: &std::collections::BTreeSet<String>| {
            if names.is_empty() {
                String::new()
            } else {
                format!("; {label}: {}", names.iter().take(10).cloned().collect::<Vec<_>>().join(", "))
            }
        };
        let known = format!(
            "at least {done} of {} objects were done{}{}{}; {before}",
            self.objects,
            last.as_ref().map(|last| format!(", {last} last")).unwrap_or_default(),
            named("begun and not ended", running),
            named("failed", failed),
        );
        let then = "compare the state with that, and run the pipeline again: it plans what is left";
        match (self.phase, self.applied, self.failure) {
            (Phase::Compared | Phase::Unpacked, _, _) => Finding::NotDone,
            (Phase::Ended, Some(applied), _) => Finding::Done(applied),
            (Phase::Ended, None, failure) => {
                let why = failure.unwrap_or_else(|| "the tool did not say why".to_owned());
                Finding::Unknown(format!("the apply ended before it was complete: {why}; {known}; {then}"))
            }
            (Phase::Applying, _, _) => Finding::Unknown(format!("the apply was interrupted: {known}; {then}")),
        }
    }
}
