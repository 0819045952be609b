//! Why runs begin: repositories are looked at again and again, what moved is written down, and each pipeline is asked whether it
//! is meant. It runs nothing itself.
#![deny(missing_docs)]

mod changed;
mod decide;
mod heads;
mod pipelines;
mod poll;
#[cfg(test)]
mod tests;

pub use changed::{Changed, changed};
pub use decide::{Verdict, decide};
pub use heads::{Moves, moves};
pub use pipelines::{Found, Planned, planned};
pub use poll::{News, Watched, watch};
