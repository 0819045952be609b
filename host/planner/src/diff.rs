//! What would change: a live object against a desired one, field by field, in words for people and as a value. Three ways
//! of fairness are in here: what the desired object does not say is the server's or others', unless this host had said it
//! before; what rules ignore does not count; and values of secrets are never shown, only whether they are equal.
//! It never asks a server and never changes an object.

pub(crate) mod list;
mod mask;
mod normal;
mod quantity;
mod walk;

use crate::application::Extent;
use crate::ignore::Rules;
use crate::object::ObjectKey;
use model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What is compared, and how.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The object.
    pub key: &'a ObjectKey,
    /// Differences that do not count.
    pub rules: &'a Rules,
    /// How much of the live object the desired one answers for.
    pub extent: Extent,
}

/// A step of the way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a field.
    Field(String),
    /// To an item of a list: `name=web`, a plain value, or its place in the list.
    Item(String),
}

/// One field that would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Where, such as `spec.template.spec.containers[name=web].image`.
    pub path: String,
    /// The same step by step.
    #[serde(skip)]
    pub steps: Vec<Step>,
    /// What it is; absent where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it would be; absent where it would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Field managers that have it now and would lose it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_from: Vec<String>,
}

/// All fields that would change, in the order of the desired object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
}

impl Diff {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Comparison<'_> {
    /// Names what it goes by: two comparisons of one digest find the same in the same sides.
    pub fn digest(&self) -> Digest {
        let extent = match self.extent {
            Extent::Said => "said",
            Extent::Whole => "whole",
        };
        let rules = self.rules.digests(self.key).map(|digest| digest.as_str().as_bytes());
        Digest::of_parts(std::iter::once(extent.as_bytes()).chain(rules))
    }

    /// What an apply of `desired` would change in `live`, as far as that can be told without the server.
    pub fn diff(&self, desired: &Value, live: &Value) -> Diff {
        self.collect(desired, live, self.extent)
    }

    /// What is between a live object and what a dry run says that it would be.
    pub fn diff_predicted(&self, predicted: &Value, live: &Value) -> Diff {
        self.collect(predicted, live, Extent::Whole)
    }

    fn collect(&self, desired: &Value, live: &Value, extent: Extent) -> Diff {
        let desired = normal::of(self.key, desired);
        let mut walk = walk::Walk::new(self, extent, &desired, live, walk::Until::End);
        walk.root(&desired, live);
        Diff { changes: walk.changes() }
    }

    /// Whether anything would change; cheaper than the changes themselves.
    pub fn differs(&self, desired: &Value, live: &Value) -> bool {
        self.any(desired, live, self.extent)
    }

    /// The same against the answer of a dry run.
    pub fn differs_from_predicted(&self, predicted: &Value, live: &Value) -> bool {
        self.any(predicted, live, Extent::Whole)
    }

    fn any(&self, desired: &Value, live: &Value, extent: Extent) -> bool {
        let desired = normal::of(self.key, desired);
        let mut walk = walk::Walk::new(self, extent, &desired, live, walk::Until::First);
        walk.root(&desired, live);
        walk.found_any()
    }
}

/// What an object that is not there would be: every field is new.
pub fn created(key: &ObjectKey, desired: &Value) -> Value {
    mask::shown(key, &normal::of(key, desired))
}

/// Characters of a value that a line shows.
const WIDTH: usize = 120;

/// One line a change: `~` for another value, `+` for a new field, `-` for one that goes.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Change { path, before, after, taken_from, .. } in &self.changes {
            match (before, after) {
                (Some(before), Some(after)) => write!(f, "~ {path}: {} -> {}", short(before), short(after))?,
                (None, Some(after)) => write!(f, "+ {path}: {}", short(after))?,
                (Some(before), None) => write!(f, "- {path}: {}", short(before))?,
                (None, None) => write!(f, "~ {path}")?,
            }
            if !taken_from.is_empty() {
                write!(f, " (taken from {})", taken_from.join(", "))?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
