//! The planner from outside: manifests in, text out; and a simulated cluster in which everything that can crash does.
#![expect(clippy::unwrap_used, reason = "tests")]

mod decisions;
mod endings;
mod operations;
mod orders;
mod properties;
mod prunes;
mod switches;
mod world;
