//! Confined native child processes behind a shim: start, stream, reattach, interrupt, kill.
//!
//! A child belongs to a folder, not to the host process that began it: the shim (`tidegate jail-shim FOLDER`) owns the
//! child, keeps its output and writes its ending there, so a host that crashes finds both again. It never decides who may
//! run what, never resolves a grant, and runs a program outside the jail only where the command itself says so.
#![deny(missing_docs)]

mod capability;
mod cgroup;
mod child;
mod command;
mod convert;
mod ending;
mod error;
mod folder;
mod guard;
mod kernel;
mod mapping;
mod namespace;
mod network;
mod ownership;
mod profile;
mod refusal;
mod refused;
mod shim;
mod start;
mod watch;

pub use capability::{Capabilities, detect};
pub use child::{Channel, Child, Event, State};
pub use command::{Command, Input, Limits, Output, SEARCH_PATH, Strictness, resolve};
pub use ending::{Cause, Ending};
pub use error::Error;
pub use network::{Network, ProxyRules};
pub use profile::Profile;
pub use refusal::Reason;
pub use shim::shim_main;
pub use start::{Shim, attach, start};
