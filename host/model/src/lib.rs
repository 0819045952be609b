//! The words of Tidegate: ids, statuses, events, grants and errors that every other crate speaks in.
//! It never does IO and never asks a clock.
#![deny(missing_docs)]

pub mod application;
pub mod digest;
pub mod error;
pub mod event;
pub mod grant;
pub mod id;
pub mod pipeline;
pub mod place;
pub mod status;
pub mod time;
pub mod window;

pub use digest::Digest;
pub use error::{Blame, Failure};
pub use event::{Commit, Event};
pub use grant::Grant;
pub use id::{CommitId, RunId, StepKey};
pub use pipeline::{Pipeline, Step};
pub use status::{RunStatus, StepStatus};
pub use time::Timestamp;
pub use window::Window;
