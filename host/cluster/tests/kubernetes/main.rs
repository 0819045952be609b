//! A real API server as a destination. All tests share one, each in a namespace of its own, but those that stop it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod adopting;
mod faults;
mod finding;
mod kinds;
mod looking;
mod world;
mod writing;
