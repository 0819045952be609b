//! How applications stand on their clusters. Wants `application`. A wait for one is a signal of the kind `application`, with
//! the name as its subject: see [`crate::wait`].

pub use crate::bindings::tidegate::plugin::application::{Status, contains, read};
