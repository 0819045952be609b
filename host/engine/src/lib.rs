//! Drives runs: creates them, carries out what the scheduler asks for, and answers how they stand. It decides nothing:
//! `scheduler` says what is next, `access` who may, `plugin` what a plugin may.

mod applications;
mod attempt;
mod cache;
mod cancel;
mod core;
mod create;
mod credentials;
mod dependants;
mod drive;
mod drivers;
mod engine;
mod execute;
mod files;
mod hold;
mod images;
mod keep;
mod log;
mod pinned;
mod recover;
mod report;
mod services;
mod settings;
mod shelf;
mod signal;
mod state;
mod vault;
mod vote;
mod voting;

pub use applications::{ApplicationStatus, Applications};
pub use create::{Created, NewRun};
pub use credentials::CredentialReport;
pub use drivers::{Drivers, Told};
pub use engine::{Control, Engine, Options};
pub use keep::Collected;
pub use log::Notice;
pub use pinned::{Pinned, Source};
pub use report::{Report, StepReport, Waiting};
pub use settings::Settings;
pub use shelf::{Builtin, Offers, PinnedRenderer, PinnedStep, Shelf};
pub use state::{StateFolder, StateLock};
pub use vote::{Ballot, Counted};

use model::Timestamp;

/// The machine's clock.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
