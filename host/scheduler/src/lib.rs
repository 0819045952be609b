//! A run as a state machine: `(state, input) → (state, effects)`. Time comes in as an argument; every effect is a value
//! that can be printed, stored and compared. It never runs a step, evaluates an expression or asks a clock.
#![deny(missing_docs)]

mod advance;
pub mod input;
pub mod run;
pub mod step;

pub use advance::{MOST_WAITS, WIDTH};
pub use input::{Effect, Input, Interruption, Outcome, Resumption, Signal, Stop, Verdict, Wait};
pub use run::Run;
pub use step::{Phase, StepState};

#[cfg(test)]
mod tests;
