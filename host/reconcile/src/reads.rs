//! The read set of a render: every answer that it got of its roots' files, "there is nothing" as well. While all of them
//! stay the same, so does its result.

use crate::answer::{Answer, Question};
use crate::files::Files;
use model::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most bytes of a file that a renderer reads (`source.read`).
pub(crate) const FILE: usize = 8 << 20;

/// What was read, by the name of the root; nothing where there was no such root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadSet(BTreeMap<String, Option<Vec<Read>>>);

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read(pub(crate) Question, pub(crate) Box<str>, pub(crate) Answer);

impl ReadSet {
    /// The questions of each root, in any order; none for a root that there was not.
    pub(crate) fn new(roots: impl IntoIterator<Item = (String, Option<Vec<Read>>)>) -> Self {
        Self(roots.into_iter().collect())
    }

    /// Whether all answers would be the same in these roots.
    pub fn holds(&self, root: impl Fn(&str) -> Result<Option<Arc<dyn Files>>, Failure>) -> Result<bool, Failure> {
        for (name, reads) in &self.0 {
            match (root(name)?, reads) {
                (None, None) => {}
                (Some(files), Some(reads)) => {
                    for Read(question, path, answer) in reads {
                        if files.answer(*question, path, FILE)? != *answer {
                            return Ok(false);
                        }
                    }
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The paths of a root that were asked for, each once, in byte order.
    pub fn paths(&self, root: &str) -> Vec<&str> {
        let reads = self.0.get(root).into_iter().flatten().flatten();
        let mut paths: Vec<&str> = reads.map(|Read(_, path, _)| &**path).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Whether a change of this path may change an answer about a root: it was asked for itself, or its folder was listed.
    pub fn touches(&self, root: &str, path: &str) -> bool {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.0.get(root).into_iter().flatten().flatten().any(|Read(question, asked, _)| match question {
            Question::Entries => **asked == *folder,
            Question::Look | Question::Read => **asked == *path,
        })
    }

    /// The names of the roots that were asked for.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many answers it holds.
    pub fn len(&self) -> usize {
        self.0.values().flatten().map(Vec::len).sum()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
