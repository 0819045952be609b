//! Renders on real Git and real folders, by a component: what is rendered again, and what is not.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod again;
mod folder;
mod kept;
mod world;
