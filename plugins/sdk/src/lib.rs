//! Writes a Tidegate step as a few typed lines: a [`Step`] says what it takes, gives and does, a [`Renderer`] which objects
//! files make; [`plugin!`] makes a component of one or several. The modules wrap what a host offers. A component imports exactly the interfaces of the
//! functions that it calls, and these are the capabilities that it must ask for in [`Step::capabilities`].
//!
//! ```
//! use tidegate::{Context, Error, Forecast, Outcome, Step};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct Inputs {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! pub struct Outputs {
//!     greeting: String,
//! }
//!
//! pub struct Greet;
//!
//! impl Step for Greet {
//!     const NAME: &'static str = "greet";
//!     const SUMMARY: &'static str = "Greets somebody in the log";
//!     type Inputs = Inputs;
//!     type Outputs = Outputs;
//!
//!     fn preview(_: &Context, _: Inputs) -> Result<Forecast, Error> {
//!         Ok(Forecast::nothing())
//!     }
//!
//!     fn run(_: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
//!         let greeting = format!("Hello, {}!", inputs.name);
//!         tidegate::info!("{greeting}");
//!         Ok(Outcome::Succeeded(Outputs { greeting }))
//!     }
//! }
//!
//! tidegate::plugin! {
//!     name: "greet",
//!     version: "1.0.0",
//!     summary: "An example",
//!     steps: [Greet],
//! }
//! # fn main() {}
//! ```
//!
//! It never keeps anything between two calls: each one is a fresh instance. What must last goes into [`Wait::memory`].

#![deny(missing_docs)]

pub mod application;
pub mod approval;
pub mod archive;
pub mod artifact;
#[doc(hidden)]
pub mod bindings;
pub mod cache;
pub mod clock;
pub mod container;
mod describe;
#[doc(hidden)]
pub mod dispatch;
mod error;
pub mod http;
pub mod log;
mod plugin;
pub mod process;
mod renderer;
pub mod repository;
pub mod secret;
pub mod source;
mod step;
pub mod wait;
pub mod workspace;

pub use bindings::tidegate::plugin::types::Error;
pub use describe::{Capability, Interruption};
pub use renderer::{Renderer, Rendering, Request, Root};
pub use step::{Context, Effect, Finding, Forecast, Occurrence, Outcome, Resumption, Signal, Step, Wait};

/// The interfaces that need no wrapper, as they are.
pub mod interfaces {
    pub use crate::bindings::tidegate::plugin::{
        cancellation, change, change_read, change_write, random, state_read, state_write,
    };
}
