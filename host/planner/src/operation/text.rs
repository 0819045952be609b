//! An operation in words. It never changes one.

use super::stage::{definitions, needing_consent};
use super::{At, Operation, Part};
use crate::health::Status;
use crate::object::ObjectKey;
use crate::reason::count;
use std::fmt;

/// One line: where it is, and what it waits for.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (course, index, part) = match &self.at {
            At::New => return f.write_str("it has not begun"),
            At::Checking => return write!(f, "{} being tried", being(self.unchecked().len())),
            At::Storing => return f.write_str("what it will own is being stored"),
            At::Draining { .. } => return f.write_str("it failed; hooks that run come to their end"),
            At::Cleaning => return f.write_str("hooks are deleted"),
            At::Paused { until } => {
                let why = self.failure.as_deref().unwrap_or_default();
                return write!(f, "attempt {} failed ({why}); the next begins at {until}", self.attempt);
            }
            At::Planning => return f.write_str("it is planned again"),
            At::Stopping { outcome } => return write!(f, "it is being stopped: {outcome}"),
            At::Ended { outcome } => return write!(f, "{outcome}"),
            At::Stage { course, index, part, .. } => (*course, *index, *part),
        };
        let Some(stage) = self.stage(course, index) else { return f.write_str("it comes to its end") };
        write!(f, "{} wave {}: ", stage.phase, stage.wave)?;
        match part {
            Part::Clear(_) => f.write_str("earlier hooks are deleted"),
            Part::Apply(batch) => {
                write!(f, "{} being applied", being(self.undone(stage, &stage.batches, batch).len()))
            }
            Part::Settle(batch) => self.awaited(f, &definitions(stage, batch)),
            Part::Wait => match self.running().first() {
                Some(hook) => write!(f, "waiting for the hook {}", hook.key),
                None => self.awaited(f, &stage.waits),
            },
            Part::Consent => {
                let mut keys = needing_consent(stage);
                let first = keys.next().map(ObjectKey::to_string).unwrap_or_default();
                write!(f, "waiting until somebody confirms that {first} goes (and {} more)", keys.count())
            }
            Part::Prune(batch) => {
                write!(f, "{} being pruned", being(self.undone(stage, &stage.prunes, batch).len()))
            }
            Part::Gone(_) => f.write_str("waiting until what is pruned is gone"),
        }
    }
}

/// How many objects there are, as the beginning of a sentence.
fn being(objects: usize) -> String {
    format!("{} {}", count(objects, "object"), if objects == 1 { "is" } else { "are" })
}

impl Operation {
    fn awaited(&self, f: &mut fmt::Formatter<'_>, keys: &[ObjectKey]) -> fmt::Result {
        let ready = |key: &ObjectKey| self.sights.get(key).is_some_and(|health| health.status == Status::Healthy);
        let mut waiting = keys.iter().filter(|key| !ready(key));
        let Some(first) = waiting.next() else { return f.write_str("all is healthy") };
        write!(f, "waiting for {first}")?;
        if let Some(health) = self.sights.get(first) {
            write!(f, ": {health}")?;
        }
        match waiting.count() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}
