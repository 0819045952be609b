//! The step `exec`: runs a script or a program in the workspace. The host's jail runs it; output goes straight to the
//! log and never through this plugin. Before it, files that were kept are restored; after it, the tests' reports are summed up.

mod begin;
mod cache;
mod digest;
mod exec;
mod files;
mod inputs;
mod junit;
mod outputs;
mod pattern;

pub use exec::Exec;
pub use inputs::Inputs;
pub use outputs::{Outputs, parse};

tidegate::plugin! {
    name: "exec",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Runs scripts and programs",
    steps: [Exec],
}
