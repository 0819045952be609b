//! The plugin host: components compiled once, called in fresh stores under limits, and every call that they make of the
//! host through one path. It knows nothing of runs, repositories or children: the engine carries calls out.
#![deny(missing_docs)]

mod answer;
#[allow(missing_docs, reason = "generated from wit/, which documents it")]
mod bindings;
mod blame;
mod cache;
mod call;
mod component;
mod engine;
mod fixed;
mod host;
mod imports;
mod invoke;
mod library;
mod limits;
mod lock;
mod mode;
mod record;
mod services;
mod silent;
mod source;
mod state;
mod wall;

/// The types of the WIT package as Rust sees them.
#[allow(missing_docs, reason = "generated from wit/, which documents it")]
pub mod wit {
    pub use crate::bindings::exports::tidegate::plugin::plugin as description;
    pub use crate::bindings::renderers::exports::tidegate::plugin::renderer;
    pub use crate::bindings::steps::exports::tidegate::plugin::step;
    pub use crate::bindings::tidegate::plugin::{
        application, approval, archive, artifact_read, artifact_write, cache, http, log, process, repository_write,
        source, types, workspace_read,
    };
}

pub use call::{ChildFiles, HostCall, Kind, authorise, check_path};
pub use component::{FREE, INTERFACE, Plugin};
pub use host::{Carried, LARGEST, PluginHost};
pub use imports::clean_line;
pub use invoke::Invocation;
pub use library::Library;
pub use limits::Limits;
pub use lock::{Capability, Lock, Locked, Offer};
pub use mode::Mode;
pub use record::{Calls, Receipt};
pub use services::{Child, Entry, Services, Transaction};
pub use silent::Silent;
pub use source::{Root, Roots, Source};
