//! planner
#![deny(missing_docs)]
pub mod application;
pub mod desired;
pub mod diff;
pub mod hook;
pub mod ignore;
pub mod inventory;
pub mod live;
mod managed;
pub mod object;
pub mod option;
pub mod owner;
pub mod phase;
pub mod reason;
pub mod retry;
pub mod scope;
