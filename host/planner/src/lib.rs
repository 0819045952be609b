//! What is to be done with an application, as a value: desired objects, live ones and the inventory go in, and out comes
//! how it stands, a plan or the reasons why there is none. Time comes in as an argument. It never talks to a cluster, never
//! renders, never stores, and never asks a clock.
//!
//! The way through it:
//!
//! 1. [`desired::Desired::new`] reads a render once: identities, namespaces, hooks, waves, options, digests, problems.
//! 2. [`live::Live`] says what is there, kind by kind, and what could not be read; [`inventory::Inventory`] what is owned.
//!    The three are three types, and absence is only concluded from a kind that was read.
//! 3. [`verdict::plan`] surveys ([`survey`]), decides ([`decide`]) and orders ([`mod@plan`]). [`deletion::end`] does so for an
//!    application that goes.
//! 4. [`operation::Operation`] carries a plan out as a state machine, whose actions a loop does and answers.
//! 5. [`diff::Comparison`] tells people what would change; [`health::of`] how an object is doing.
//!
//! An object is compared by digests first: the inventory remembers the digest of the desired object, the fingerprint of
//! the live one and the rules of ignored differences from when they were last found equal, and as long as none of these has
//! moved nothing else is looked at. Else a dry run decides where the loop has one ([`live::Predicted`]), else the fields
//! that the desired object says, and those that this host's field manager owns and no longer says.
//!
//! # Promises
//!
//! - Nothing is pruned that the inventory does not own, or that another application has marked, or that was made anew since.
//!   Objects of hooks are in no inventory: they go by their policies, and with their application.
//! - A render that failed, one that is empty without `allowEmpty`, and a cluster that cannot be read prune nothing. A limit
//!   of prunes that somebody wrote always holds.
//! - What is not understood, and every brake, holds a deletion as it holds a sync; a deletion that fails is planned again as
//!   a deletion, for as long as it takes.
//! - Everything is dry-run first; one failure means that nothing is applied.
//! - No wave begins before the earlier ones are healthy and their hooks have succeeded.
//! - The order of a plan is total and depends on no order of its input; the plan of a converged application is empty.
//! - Whatever an operation asks for may happen twice; however often it crashes, it converges.
//!
//! # Where Argo CD is left
//!
//! Where both have a word for it, this crate does what Argo CD 3.6 does, except where that is silent about harm: unknown
//! hooks, waves and options are errors; an object of another application is a conflict; what is in sync is not applied
//! again; prunes come last in their wave; a sync waits for the health of its last wave too; a prune never takes the
//! namespace or the definition of an object that stays.
#![deny(missing_docs)]

pub mod adoption;
pub mod application;
pub mod applyset;
mod build;
pub mod decide;
pub mod deletion;
pub mod depend;
pub mod desired;
pub mod diff;
mod guard;
pub mod health;
mod home;
pub mod hook;
pub mod ignore;
pub mod inventory;
pub mod live;
mod managed;
pub mod object;
pub mod operation;
pub mod option;
pub mod owner;
pub mod phase;
pub mod plan;
pub mod reason;
pub mod retry;
pub mod scope;
pub mod survey;
pub mod verdict;

pub use application::Application;
pub use desired::Desired;
pub use inventory::Inventory;
pub use live::Live;
pub use managed::MANAGER;
pub use operation::Operation;
pub use owner::ApplicationName;
pub use plan::SyncPlan;
pub use verdict::{Plan, Verdict, plan};
