//! Who may do what: grants narrowed and checked, places to connect to, environments and what they own, when their windows are
//! open, subject digests, votes counted, the audit chain. Pure functions; it never knows who is logged in and never stores anything.
#![deny(missing_docs)]

pub mod audit;
pub mod egress;
pub mod environment;
pub mod forms;
pub mod handle;
pub mod mask;
pub mod narrow;
pub mod permit;
pub mod subject;
pub mod tally;
pub mod window;

pub use environment::{Environment, Requirement};
pub use subject::Subject;
pub use tally::{People, Rule, Standing, Tally, Vote};
