//! The step `exec`: runs a script or a program in the workspace. The host's jail runs it; output goes straight to the
//! log and never through this plugin.

mod exec;
mod inputs;
mod outputs;

pub use exec::Exec;
pub use inputs::Inputs;
pub use outputs::{Outputs, parse};

tidegate::plugin! {
    name: "exec",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Runs scripts and programs",
    steps: [Exec],
}
