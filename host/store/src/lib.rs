//! The journal: rows that let a run survive anything. Every `Command` is one transaction; concurrent ones share a commit.
//! It holds no rule of when a step runs or whose vote counts.
#![deny(missing_docs)]

mod accept;
mod application;
mod child;
pub mod command;
mod crash;
mod error;
mod push;
mod query;
mod schema;
mod write;
mod writer;

pub use accept::{Accepted, Consent, Rollback};
pub use application::{ApplicationChange, ApplicationRow, Braked, SyncRow};
pub use child::{ChildRow, Leaving};
pub use command::{Artifact, Command, Decision, EffectRow, LogLine, NewRun, Reply, RunRow, StepRow, VoteRow};
pub use error::Error;
pub use push::{Heads, Push, Start};
pub use query::Reader;
pub use writer::Journal;

#[cfg(test)]
mod tests;
