//! Destinations of applications: Kubernetes and folders. Each says what is there, tells when that may have changed, and writes
//! one object at a time. What is to be written, and in which order, the planner decides and a loop carries out.
#![deny(missing_docs)]

pub mod clock;
pub mod destination;
pub mod directory;
pub mod kubernetes;

pub use destination::{Change, Deletion, Destination, Failure, FailureKind, Found, Sought, Wanted, Write};
pub use directory::Directory;
pub use kubernetes::Kubernetes;
